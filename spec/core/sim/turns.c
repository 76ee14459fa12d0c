/* When a crew asks its servers for jobs: told from packets, and from the jobs that there are. */
#include "sim/sim.h"

void turns_asked(int at)
{
    wires[at].grabs++;
    peers[at].passed = 0;
}

void turns_answered(int at, evg_command_t type)
{
    bool job = type == EVG_JOB_ASSIGN || type == EVG_JOB_ASSIGN_UNIQ;
    if (!job && type != EVG_NO_JOB) return;
    if (wires[at].grabs-- == 0) broken("%d is told %s", at, evg_commands[type].name);
    peers[at].said_no = !job;
}

static void complain(const peer_t *peer, const char *what)
{
    for (int i = 0; i < peer->team->count; i++) {
        const evg_session_t *s = &team_peer(peer->team, i)->s;
        note("%d: connection %d, work loop %d leaving %d, %zu held, %zu asked for", peer->team->first + i, s->state,
             s->worker.state, evg_worker_leaving_p(&s->worker), s->worker.held_count, s->grabs + s->asked_grabs);
    }
    broken("%d %s", peer->at, what);
}

/* It works, and could ask. */
static bool able_p(const peer_t *peer)
{
    const evg_worker_session_t *w = &peer->s.worker;
    return peer->s.state == EVG_OPEN && peer->s.introduced && evg_worker_working_p(&peer->s) &&
           w->state != EVG_WORK_RESTING && !evg_worker_leaving_p(w);
}

/* -- sleep --------------------------------------------------------------------------------------------------------- */

/* Nobody of the crew sleeps before all have been told that there is no job. */
static void falls_asleep(const peer_t *peer)
{
    for (int i = 0; i < peer->team->count; i++) {
        const peer_t *mate = team_peer(peer->team, i);
        if (mate->s.state != EVG_OPEN || !evg_worker_working_p(&mate->s)) continue;
        if (mate->gone || evg_worker_leaving_p(&mate->s.worker)) continue; /* nor can it ask */
        if (mate->s.worker.state == EVG_WORK_GRABBING || !mate->said_no)
            complain(peer, "goes to sleep, and not all were told NO_JOB");
    }
}

void turns_look(const peer_t *peer)
{
    for (int i = 0; i < peer->team->count; i++) {
        peer_t *mate = team_peer(peer->team, i);
        bool before = mate->asleep;
        mate->asleep = mate->s.worker.state == EVG_WORK_ASLEEP;
        if (mate->asleep && !before) falls_asleep(mate);
    }
}

/* -- fairness ------------------------------------------------------------------------------------------------------ */

/* Of what happens at its server it knows all, and that has heard whether it sleeps. */
static bool abreast_p(int at)
{
    const wire_t *wire = &wires[at];
    size_t under_way =
        evg_buffer_len(&wire->to_peer) + evg_buffer_len(&wire->to_server) + evg_buffer_len(&wire->kernel);
    return wire->up && !wire->stalled && under_way == 0;
}

/* So many jobs of others it may let pass that has asked in vain time after time; and those that were asked for then. */
static size_t patience_of(const team_t *team)
{
    size_t limit = team_limit(team), most = (size_t)team->count * EVG_GRABS_MAX;
    return EVG_CREW_PASSED_MAX + (size_t)team->count + (limit < most ? limit : most);
}

void turns_assigned(peer_t *peer)
{
    const team_t *team = peer->team;
    for (int i = 0; i < team->count; i++) {
        peer_t *mate = team_peer(team, i);
        bool waits =
            mate != peer && able_p(mate) && mate->s.grabs == 0 && abreast_p(mate->at) && far_end->owes_job_p(mate->at);
        mate->passed = waits ? mate->passed + 1 : 0;
        if (mate->passed > patience_of(team)) complain(mate, "gets no job, and others have had many");
    }
}

/* -- silence ------------------------------------------------------------------------------------------------------- */

static bool free_p(const team_t *team)
{
    size_t held = 0, limit = team_limit(team);
    if (team_peer(team, 0)->s.worker.prefetch == EVG_PREFETCH_AUTO) limit -= EVG_GRABS_MAX;
    for (int i = 0; i < team->count; i++) {
        const evg_session_t *s = &team_peer(team, i)->s;
        held += s->worker.held_count + s->worker.stuck_count;
        if (wires[team->first + i].stalled || wires[team->first + i].slow || s->grabs || s->asked_grabs) return false;
    }
    return held < limit;
}

/* Nothing moves, it has a slot, and there is a job. */
void turns_check(const team_t *team)
{
    if (!team->worker || !free_p(team)) return;
    for (int i = 0; i < team->count; i++) {
        const peer_t *peer = team_peer(team, i);
        if (able_p(peer) && abreast_p(peer->at) && far_end->owes_job_p(peer->at))
            complain(peer, "does not ask, and there is a job");
    }
}

/* -- what has to be told ------------------------------------------------------------------------------------------- */

static size_t unsent[SERVERS]; /* by who is not watched himself */
static unsigned moves;
static bool watching;

/* Whoever heeds it is told later. */
static bool stirred(team_t *team)
{
    bool now = evg_crew_stirred(&team->crew);
    team->stirred |= now;
    return now;
}

/* Who writes all that he can has nothing to add by himself. */
void turns_watch(peer_t *peer)
{
    team_t *team = peer->team;
    watching = team->worker && team->count > 1 && pick(4) == 0;
    if (!watching) return;
    do {
        for (int i = 0; i < team->count; i++) (void)evg_session_output(&team_peer(team, i)->s);
        turns_look(peer);
    } while (stirred(team));
    for (int i = 0; i < team->count; i++) unsent[i] = evg_session_unsent(&team_peer(team, i)->s);
    moves = team->moves;
}

/* Unless it is said that the crew is stirred, nobody else has something to write. */
void turns_compare(const peer_t *peer)
{
    team_t *team = peer->team;
    if (stirred(team) || !watching || team->moves != moves) return;
    for (int i = 0; i < team->count; i++) {
        peer_t *mate = team_peer(team, i);
        if (mate == peer) continue;
        (void)evg_session_output(&mate->s);
        if (evg_session_unsent(&mate->s) > unsent[i]) broken("%d has something to write, and nobody knows", mate->at);
    }
}
