/* The jobs of a queue as they are at a moment, for who looks at them while it goes on: a copy, in one block of memory. */
#ifndef EVG_SESSION_SNAPSHOT_H
#define EVG_SESSION_SNAPSHOT_H

#include "session/jobqueue.h"

typedef enum { EVG_JOB_QUEUED, EVG_JOB_DELAYED, EVG_JOB_RUNNING } evg_job_state_t;

typedef struct {
    uint64_t number; /* of its handle: they count in the order of the submissions */
    evg_bytes_t handle, function, unique, workload;
    evg_queue_priority_t priority;
    evg_job_state_t state;
    bool background;
    uint32_t numerator, denominator;
    uint32_t attempts; /* times that it went back to the queue */
    uint32_t waiters;  /* submissions that are told of it */
} evg_job_row_t;

typedef struct {
    size_t count;
    evg_job_row_t *rows; /* in no order */
} evg_snapshot_t;

/* 0, or EVG_ENOMEM. */
int evg_snapshot_take(evg_snapshot_t *out, const evg_queue_t *q);
void evg_snapshot_free(evg_snapshot_t *snapshot);

#endif
