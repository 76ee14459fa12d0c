/* Foreground jobs between JOB_CREATED and their end: handle -> the submissions that wait for it.
 *
 * Submissions with one unique key share a handle, and the server then sends each event once per submission,
 * the copies side by side. So the waiters of a handle form a ring; the table points at the one whose turn it
 * is, and every copy goes to the next. */
#ifndef EVG_SESSION_WAITERS_H
#define EVG_SESSION_WAITERS_H

#include "base/table.h"
#include "session/request.h"

typedef struct {
    evg_table_t table; /* handle -> evg_request_t whose turn it is */
} evg_waiters_t;

void evg_waiters_init(evg_waiters_t *waiters, uint64_t seed0, uint64_t seed1);
void evg_waiters_deinit(evg_waiters_t *waiters);

/* Where a request would wait for its handle, to be joined before anything else is done here. 0; EVG_ENOMEM;
 * EVG_EUNEXPECTED: not beside another, unless both have a unique key. Else they cannot be one job, and it would not be known
 * whose an answer is. */
int evg_waiters_place(evg_waiters_t *waiters, const evg_request_t *request, evg_table_entry_t **place);

/* It waits there from now on, behind the others. */
void evg_waiters_join(evg_table_entry_t *place, evg_request_t *request);

/* Both. */
int evg_waiters_add(evg_waiters_t *waiters, evg_request_t *request);

/* The request that the next copy of an event is for; its turn passes on. NULL: not our handle. */
evg_request_t *evg_waiters_turn(evg_waiters_t *waiters, evg_bytes_t handle);

/* As evg_waiters_turn, and takes it out: the event ended the job for it. */
evg_request_t *evg_waiters_finish(evg_waiters_t *waiters, evg_bytes_t handle);

/* Takes this one out. */
void evg_waiters_remove(evg_waiters_t *waiters, evg_request_t *request);

/* Puts `stand_in` into the ring in place of `request`, handle included: its copies are still to come. */
void evg_waiters_replace(evg_waiters_t *waiters, evg_request_t *request, evg_request_t *stand_in);

#endif
