/* The handles of jobs: a prefix, a colon and a number that counts from 1. */
#ifndef EVG_SESSION_JOBQUEUE_HANDLES_H
#define EVG_SESSION_JOBQUEUE_HANDLES_H

#include "session/jobqueue.h"

/* Written into `room`, of which it is a view. */
evg_bytes_t evg_queue_handle(const evg_queue_t *q, const evg_queue_job_t *job, char room[EVG_QUEUE_HANDLE_CAP]);

/* The job of that handle, or NULL. */
evg_queue_job_t *evg_queue_find(const evg_queue_t *q, evg_bytes_t handle);

#endif
