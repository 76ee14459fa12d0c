/* What the files of the job queue say to each other, from the ground up: who may take a job (jobqueue_wake.c), then what
 * becomes of one (jobqueue_jobs.c). */
#ifndef EVG_SESSION_JOBQUEUE_INTERNAL_H
#define EVG_SESSION_JOBQUEUE_INTERNAL_H

#include "session/jobqueue_functions.h"

/* -- jobqueue_wake.c ------------------------------------------------------------------------------------------------ */

/* A new ability takes its places; one that goes leaves them. */
void evg_queue_ability_place(evg_queue_ability_t *ability);
void evg_queue_ability_displace(evg_queue_ability_t *ability);

/* It has a job: who can do it may find that, and sleepers are woken. */
void evg_queue_unpark(evg_queue_function_t *function, int priority);
void evg_queue_wake(evg_queue_t *q, evg_queue_function_t *function);

/* It is told that there is a job. */
void evg_queue_wake_up(evg_queue_t *q, evg_queue_worker_t *worker);

/* All that the worker can do counts it among its sleepers. */
void evg_queue_sleep(evg_queue_worker_t *worker);

/* What the worker takes next: its ability, and of which priority. NULL: there is nothing. */
evg_queue_ability_t *evg_queue_next_ability(const evg_queue_t *q, evg_queue_worker_t *worker, int *priority);

/* It had its turn. */
void evg_queue_rotate(evg_queue_ability_t *ability, int priority);

/* -- jobqueue_jobs.c ------------------------------------------------------------------------------------------------ */

/* The one that stands in a list by its link. */
static inline evg_queue_job_t *evg_queue_job_of(evg_list_t *link)
{
    return evg_container(link, evg_queue_job_t, link);
}

/* A job that is nowhere and that nobody knows; what is filled in decides what it is. NULL: no memory. */
evg_queue_job_t *evg_queue_job_new(evg_bytes_t unique, evg_bytes_t reducer, evg_bytes_t workload);

/* One that did not enter, with who waits for it. */
void evg_queue_job_discard(evg_queue_t *q, evg_queue_job_t *job);

/* It is one of its function's now: it gets its number, by which it is found. */
void evg_queue_job_enter(evg_queue_t *q, evg_queue_job_t *job, evg_queue_function_t *function);

/* It may run, now or again: to the end of those of its function. */
void evg_queue_job_push(evg_queue_t *q, evg_queue_job_t *job, bool wakes);

/* From the queue to who runs it; there is room for its timer. And back, or to its end if nobody is to run it again. */
void evg_queue_job_run(evg_queue_t *q, evg_queue_job_t *job, evg_queue_ability_t *ability);
void evg_queue_job_give_back(evg_queue_t *q, evg_queue_job_t *job);

/* Nobody is to get anything of it any more: it goes, or if it runs, it does so for nobody. */
void evg_queue_job_abandon(evg_queue_t *q, evg_queue_job_t *job);

/* Its end, which nobody is told. */
void evg_queue_job_free(evg_queue_t *q, evg_queue_job_t *job);

#endif
