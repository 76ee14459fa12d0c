#include "session/snapshot.h"

#include "base/alloc.h"
#include "base/error.h"
#include "session/jobqueue_handles.h"

/* Its handle may take as much as any. */
static size_t bytes_of(const evg_queue_job_t *job)
{
    size_t names = EVG_QUEUE_HANDLE_CAP + job->function->name_len;
    return names + evg_queue_unique(job).len + evg_queue_workload(job).len;
}

static size_t size_of(const evg_queue_t *q)
{
    size_t size = q->jobs.count * sizeof(evg_job_row_t);
    for (evg_queue_job_t *job = NULL; (job = evg_queue_next_job(q, job));) size += bytes_of(job);
    return size;
}

/* Copies them to where there is room, which is less then. */
static evg_bytes_t keep(uint8_t **room, evg_bytes_t bytes)
{
    evg_bytes_t kept = evg_bytes(*room, bytes.len);
    if (bytes.len) memcpy(*room, bytes.at, bytes.len);
    *room += bytes.len;
    return kept;
}

static evg_job_state_t state_of(const evg_queue_job_t *job)
{
    if (job->runs) return EVG_JOB_RUNNING;
    return job->waits ? EVG_JOB_DELAYED : EVG_JOB_QUEUED;
}

static void fill(evg_job_row_t *row, const evg_queue_t *q, const evg_queue_job_t *job, uint8_t **room)
{
    char handle[EVG_QUEUE_HANDLE_CAP];
    *row = (evg_job_row_t){
        .number = job->by_number.hash,
        .handle = keep(room, evg_queue_handle(q, job, handle)),
        .function = keep(room, evg_queue_name(job->function)),
        .unique = keep(room, evg_queue_unique(job)),
        .workload = keep(room, evg_queue_workload(job)),
        .priority = (evg_queue_priority_t)job->priority,
        .state = state_of(job),
        .background = job->background,
        .numerator = job->numerator,
        .denominator = job->denominator,
        .attempts = job->attempts,
        .waiters = job->waiter_count,
    };
}

int evg_snapshot_take(evg_snapshot_t *out, const evg_queue_t *q)
{
    evg_job_row_t *row = evg_alloc(size_of(q));
    if (!row) return EVG_ENOMEM;
    *out = (evg_snapshot_t){.count = q->jobs.count, .rows = row};
    uint8_t *room = (uint8_t *)(row + out->count);
    for (evg_queue_job_t *job = NULL; (job = evg_queue_next_job(q, job));) fill(row++, q, job, &room);
    return 0;
}

void evg_snapshot_free(evg_snapshot_t *snapshot)
{
    evg_free(snapshot->rows);
    *snapshot = (evg_snapshot_t){0};
}
