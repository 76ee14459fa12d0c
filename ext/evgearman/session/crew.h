/* The sessions of one worker at several servers: one set of slots for all of them, and whose turn it is to ask.
 *
 *     evg_crew_init(&crew);
 *     evg_crew_add(&crew, &session);                for each, before it works
 *     while (evg_crew_stirred(&crew)) ...           output of each has to be looked at: another one may ask now
 *
 * `concurrency` and `prefetch`, which are the same in all, hold for the whole: with one slot no more than one GRAB is outstanding
 * anywhere. Servers are asked in turn. One that says NO_JOB is not told that the worker sleeps before all have said so that may
 * be asked, for it may be busy with another's jobs; it is asked again after a job of another, or after 2, 4 … 16 of them if it
 * has none time after time, unless they take long. A NOOP is answered by a GRAB as soon as there is a slot. */
#ifndef EVG_SESSION_CREW_H
#define EVG_SESSION_CREW_H

#include "session/state.h"

enum { EVG_CREW_PASSED_MAX = 16 };

struct evg_crew {
    /* private */
    evg_list_t mates; /* evg_worker_session_t */
    evg_list_t *turn; /* the one that asked last, or the head */
    bool stirred;
};

/* Allocates nothing; nothing is to be freed. */
void evg_crew_init(evg_crew_t *crew);

/* At the end of the list, and no more to be taken out of it. */
void evg_crew_add(evg_crew_t *crew, evg_session_t *s);

/* Since it was last asked: has something happened after which another than the one it happened to may have something to
 * write? */
bool evg_crew_stirred(evg_crew_t *crew);

/* -- for the other files of session/ ------------------------------------------------------------------------------- */

typedef struct {
    size_t held, grabs, stuck;
} evg_load_t;

/* What all of the crew have in hand. */
evg_load_t evg_crew_whole_load(const evg_crew_t *crew);

/* What one has itself. */
static inline evg_load_t evg_crew_own_load(const evg_session_t *s)
{
    return (evg_load_t){s->worker.held_count, s->grabs + s->asked_grabs, s->worker.stuck_count};
}

/* What counts against the slots that it may use. */
static inline evg_load_t evg_crew_load(const evg_session_t *s)
{
    return s->worker.crew ? evg_crew_whole_load(s->worker.crew) : evg_crew_own_load(s);
}

/* A slot may be free, or whose turn it is has changed. */
static inline void evg_crew_stir(const evg_session_t *s)
{
    if (s->worker.crew) s->worker.crew->stirred = true;
}

/* It would ask if it had a slot. */
bool evg_crew_hungry_p(const evg_session_t *s);

/* Among those that would, is it the one whose turn it is? */
bool evg_crew_turn_p(const evg_session_t *s);
void evg_crew_asked(const evg_session_t *s);

/* Is nobody to be asked any more, before all may sleep? */
bool evg_crew_dry_p(const evg_crew_t *crew);

/* Walks it: start with NULL, ends with NULL. */
evg_session_t *evg_crew_next(const evg_crew_t *crew, const evg_session_t *s);

#endif
