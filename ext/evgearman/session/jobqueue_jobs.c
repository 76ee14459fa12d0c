/* What becomes of a job: it is queued, perhaps after its time has come, runs, goes back, ends. */
#include "session/jobqueue_internal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "session/jobqueue_keys.h"
#include "session/jobqueue_waiters.h"

enum { CACHE_LINE = 64 };

/* -- its beginning ------------------------------------------------------------------------------------------------- */

static uint8_t *store(uint8_t *at, evg_bytes_t bytes)
{
    if (bytes.len) memcpy(at, bytes.at, bytes.len);
    return at + bytes.len;
}

evg_queue_job_t *evg_queue_job_new(evg_bytes_t unique, evg_bytes_t reducer, evg_bytes_t workload)
{
    evg_queue_job_t *job = evg_alloc(sizeof *job + unique.len + reducer.len + workload.len);
    if (!job) return NULL;
    *job = (evg_queue_job_t){
        .unique_len = (uint8_t)unique.len,
        .reducer_len = (uint16_t)reducer.len,
        .workload_len = workload.len,
    };
    evg_list_init(&job->link);
    evg_list_init(&job->waiters);
    evg_list_init(&job->namesakes);
    (void)store(store(store(job->bytes, unique), reducer), workload);
    return job;
}

void evg_queue_job_discard(evg_queue_t *q, evg_queue_job_t *job)
{
    evg_queue_let_go(q, job);
    evg_free(job);
}

static size_t size_of(const evg_queue_job_t *job)
{
    return sizeof *job + job->unique_len + job->reducer_len + job->workload_len;
}

void evg_queue_job_enter(evg_queue_t *q, evg_queue_job_t *job, evg_queue_function_t *function)
{
    job->function = function;
    evg_index_add(&q->jobs, &job->by_number, ++q->last_job);
    q->bytes += size_of(job);
    function->queued[job->priority]++;
    evg_queue_function_settle(q, function);
}

void evg_queue_job_push(evg_queue_t *q, evg_queue_job_t *job, bool wakes)
{
    job->waits = false;
    evg_list_append(&job->function->jobs[job->priority], &job->link);
    evg_queue_unpark(job->function, job->priority);
    if (wakes) evg_queue_wake(q, job->function);
}

/* -- running ------------------------------------------------------------------------------------------------------- */

/* Of a million jobs none is in the cache: by the time the next one is asked for, or this one ends, it is. */
static void prefetch(const evg_queue_t *q, const evg_queue_job_t *job)
{
    const char *next = (const char *)evg_queue_job_of(job->link.next);
    for (size_t at = 0; at < sizeof *job; at += CACHE_LINE) __builtin_prefetch(next + at);
    evg_queue_job_prefetch_key(q, job);
}

void evg_queue_job_run(evg_queue_t *q, evg_queue_job_t *job, evg_queue_ability_t *ability)
{
    prefetch(q, job);
    evg_list_unlink(&job->link);
    evg_list_append(&ability->running, &job->link);
    job->runs = ability;
    job->function->queued[job->priority]--;
    job->function->running++;
    q->running++;
    if (ability->timeout > 0) (void)evg_heap_add(&q->timers, &job->timer, q->now + ability->timeout);
}

static void stop(evg_queue_t *q, evg_queue_job_t *job)
{
    evg_heap_remove(&q->timers, &job->timer);
    evg_list_unlink(&job->link);
    job->runs = NULL;
    job->numerator = job->denominator = 0;
    job->function->running--;
    job->function->queued[job->priority]++;
    q->running--;
}

static bool spent_p(const evg_queue_t *q, const evg_queue_job_t *job)
{
    return q->options.job_retries >= 0 && job->attempts >= (uint32_t)q->options.job_retries;
}

void evg_queue_job_give_back(evg_queue_t *q, evg_queue_job_t *job)
{
    stop(q, job);
    job->attempts++;
    if (evg_queue_wanted_p(job) && !spent_p(q, job)) {
        evg_queue_job_push(q, job, true);
        return;
    }
    evg_queue_tell_failed(q, job);
    evg_queue_job_free(q, job);
}

/* -- its end ------------------------------------------------------------------------------------------------------- */

void evg_queue_job_abandon(evg_queue_t *q, evg_queue_job_t *job)
{
    job->background = false;
    evg_queue_let_go(q, job);
    if (!job->runs) evg_queue_job_free(q, job);
}

void evg_queue_job_free(evg_queue_t *q, evg_queue_job_t *job)
{
    if (job->runs) stop(q, job);
    if (job->waits) evg_epochs_remove(&q->epochs, &job->link);
    evg_list_unlink(&job->link);
    evg_index_remove(&q->jobs, &job->by_number);
    evg_queue_job_lose_key(q, job);
    q->bytes -= size_of(job);
    job->function->queued[job->priority]--;
    evg_queue_function_settle(q, job->function);
    evg_queue_job_discard(q, job);
}
