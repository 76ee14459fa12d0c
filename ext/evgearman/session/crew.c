#include "session/crew.h"

static evg_session_t *session_at(const evg_list_t *at)
{
    const evg_worker_session_t *w = evg_container(at, const evg_worker_session_t, mate);
    return evg_container(w, evg_session_t, worker);
}

void evg_crew_init(evg_crew_t *crew)
{
    *crew = (evg_crew_t){0};
    evg_list_init(&crew->mates);
    crew->turn = &crew->mates;
}

void evg_crew_add(evg_crew_t *crew, evg_session_t *s)
{
    s->worker.crew = crew;
    evg_list_init(&s->worker.mate);
    evg_list_append(&crew->mates, &s->worker.mate);
}

bool evg_crew_stirred(evg_crew_t *crew)
{
    bool stirred = crew->stirred;
    crew->stirred = false;
    return stirred;
}

evg_session_t *evg_crew_next(const evg_crew_t *crew, const evg_session_t *s)
{
    const evg_list_t *at = s ? s->worker.mate.next : crew->mates.next;
    return at == &crew->mates ? NULL : session_at(at);
}

evg_load_t evg_crew_whole_load(const evg_crew_t *crew)
{
    evg_load_t whole = {0};
    for (const evg_session_t *s = NULL; (s = evg_crew_next(crew, s));) {
        const evg_load_t own = evg_crew_own_load(s);
        whole.held += own.held;
        whole.grabs += own.grabs;
        whole.stuck += own.stuck;
    }
    return whole;
}

/* It asks, or is about to. An ability that is to go may have to wait for the end of a job; and who was away has still to answer. */
static bool asks_p(const evg_session_t *s)
{
    const evg_worker_session_t *w = &s->worker;
    return w->state == EVG_WORK_GRABBING && s->state == EVG_OPEN && !s->away && !evg_worker_leaving_p(w);
}

bool evg_crew_hungry_p(const evg_session_t *s)
{
    const evg_worker_session_t *w = &s->worker;
    return asks_p(s) && s->introduced && !evg_list_empty_p(&w->functions) && s->grabs < w->window;
}

bool evg_crew_turn_p(const evg_session_t *s)
{
    const evg_crew_t *crew = s->worker.crew;
    const evg_list_t *at = crew->turn;
    do {
        at = at->next;
        if (at != &crew->mates && evg_crew_hungry_p(session_at(at))) return session_at(at) == s;
    } while (at != crew->turn);
    return false;
}

void evg_crew_asked(const evg_session_t *s)
{
    evg_crew_t *crew = s->worker.crew;
    crew->turn = crew->mates.next;
    while (session_at(crew->turn) != s) crew->turn = crew->turn->next;
    evg_crew_stir(s);
}

bool evg_crew_dry_p(const evg_crew_t *crew)
{
    for (const evg_session_t *s = NULL; (s = evg_crew_next(crew, s));) {
        if (asks_p(s)) return false;
    }
    return true;
}
