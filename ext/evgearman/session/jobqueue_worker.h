/* What a worker does at the job queue. */
#ifndef EVG_SESSION_JOBQUEUE_WORKER_H
#define EVG_SESSION_JOBQUEUE_WORKER_H

#include "session/jobqueue.h"

/* Before its first use. */
void evg_queue_worker_init(evg_queue_t *q, evg_queue_worker_t *worker);

/* It can do this function; said again, only the timeout is another, for jobs to come. 0; EVG_EFUNCTION: the name is too long;
 * EVG_EQUEUE_FULL: there are too many functions; EVG_ENOMEM. Does not wake it. */
int evg_queue_can_do(evg_queue_t *q, evg_queue_worker_t *worker, evg_bytes_t name, double timeout);

/* No more: jobs of that function that it runs go back to the queue. */
void evg_queue_cant_do(evg_queue_t *q, evg_queue_worker_t *worker, evg_bytes_t name);

/* Nothing at all; also when it is gone. */
void evg_queue_worker_leave(evg_queue_t *q, evg_queue_worker_t *worker);

/* It asks for a job, and is awake. 1 and the job, which it runs; 0: there is none. EVG_ENOMEM. */
int evg_queue_grab(evg_queue_t *q, evg_queue_worker_t *worker, evg_queue_job_t **job);

/* It goes to sleep; or is woken at once, when there is a job. */
void evg_queue_pre_sleep(evg_queue_t *q, evg_queue_worker_t *worker);

/* The jobs that it runs may take as long as they like. */
void evg_queue_stop_timers(evg_queue_t *q, evg_queue_worker_t *worker);

/* The job of that handle if this worker runs it; else NULL. */
evg_queue_job_t *evg_queue_held(const evg_queue_t *q, const evg_queue_worker_t *worker, evg_bytes_t handle);

/* Who waits for the job that it runs is told of its end: WORK_COMPLETE, WORK_FAIL or WORK_EXCEPTION. */
void evg_queue_end(evg_queue_t *q, evg_queue_job_t *job, evg_command_t type, const evg_bytes_t *args, int argc);

/* Walks its abilities, the newest first: start with NULL, ends with NULL. */
const evg_queue_ability_t *evg_queue_next_of(const evg_queue_worker_t *worker, const evg_queue_ability_t *ability);

#endif
