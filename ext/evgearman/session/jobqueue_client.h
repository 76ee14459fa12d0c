/* What a client asks of the job queue. */
#ifndef EVG_SESSION_JOBQUEUE_CLIENT_H
#define EVG_SESSION_JOBQUEUE_CLIENT_H

#include "session/jobqueue.h"

typedef struct {
    evg_bytes_t function, unique, reducer, workload;
    evg_queue_priority_t priority;
    bool background;
    bool reduced;  /* `reducer` is one */
    int64_t epoch; /* not before this second; what is past is now */
} evg_queue_order_t;

/* Queues a job, or joins the one of this function and key. 0 and the job; EVG_EFUNCTION (its name or the reducer's is
 * too long), EVG_EUNIQUE (ditto), EVG_EQUEUE_FULL, EVG_ENOMEM. Workers are woken before it returns. */
int evg_queue_submit(evg_queue_t *q, evg_queue_client_t *client, const evg_queue_order_t *order, evg_queue_job_t **job);

/* It is gone. Foreground jobs that nobody else waits for go, too; one that runs does so for nobody. */
void evg_queue_client_leave(evg_queue_t *q, evg_queue_client_t *client);

/* A job with that unique key, of whichever function; NULL: none. */
evg_queue_job_t *evg_queue_find_unique(const evg_queue_t *q, evg_bytes_t unique);

/* The job of a function that runs first, or NULL; not those that run, or wait for their time. */
evg_queue_job_t *evg_queue_oldest(const evg_queue_function_t *function);

/* Nobody is told, and nobody waits for it any more. A job that is queued goes; one that runs does so for nobody, but may be
 * joined. */
void evg_queue_forget(evg_queue_t *q, evg_queue_job_t *job);

/* Who waits is told WORK_FAIL. A job that is queued goes; one that runs does so for nobody, and what is submitted with its key
 * is another job: a client that was told of one end would take the next one for a copy of that. */
void evg_queue_cancel(evg_queue_t *q, evg_queue_job_t *job);

#endif
