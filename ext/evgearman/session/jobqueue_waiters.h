/* Clients that wait for a job: once for each submission, and they are told as often. */
#ifndef EVG_SESSION_JOBQUEUE_WAITERS_H
#define EVG_SESSION_JOBQUEUE_WAITERS_H

#include "session/jobqueue.h"

/* Before its first use. */
void evg_queue_client_init(evg_queue_client_t *client);

/* It waits for this job, too. 0, or EVG_ENOMEM. */
int evg_queue_await(evg_queue_t *q, evg_queue_job_t *job, evg_queue_client_t *client);

/* Once less for its first job, which is answered; NULL: it waits for none. */
evg_queue_job_t *evg_queue_unawait(evg_queue_t *q, evg_queue_client_t *client);

/* Nobody waits for the job any more. */
void evg_queue_let_go(evg_queue_t *q, evg_queue_job_t *job);

/* Is anybody to get something of it? */
static inline bool evg_queue_wanted_p(const evg_queue_job_t *job)
{
    return job->background || job->waiter_count;
}

/* Tells all who wait for it, while it runs or as it ends: it stays, even if none of them waits any longer. */
void evg_queue_tell(evg_queue_t *q, evg_queue_job_t *job, evg_command_t type, const evg_bytes_t *args, int argc);
void evg_queue_tell_failed(evg_queue_t *q, evg_queue_job_t *job);

#endif
