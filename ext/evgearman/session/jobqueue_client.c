#include "session/jobqueue_client.h"

#include "base/error.h"
#include "protocol/check.h"
#include "session/jobqueue_internal.h"
#include "session/jobqueue_keys.h"
#include "session/jobqueue_waiters.h"

/* -- submitting ---------------------------------------------------------------------------------------------------- */

static int check(const evg_queue_order_t *order)
{
    if (order->function.len > EVG_FUNCTION_MAX || order->reducer.len > EVG_FUNCTION_MAX) return EVG_EFUNCTION;
    return order->unique.len > EVG_KEY_MAX ? EVG_EUNIQUE : 0;
}

static int join(evg_queue_t *q, evg_queue_client_t *client, const evg_queue_order_t *order, evg_queue_job_t *job)
{
    if (order->background) {
        job->background = true;
        return 0;
    }
    return q->bytes < q->options.max_bytes ? evg_queue_await(q, job, client) : EVG_EQUEUE_FULL;
}

static bool full_p(const evg_queue_t *q, const evg_queue_function_t *function, const evg_queue_order_t *order)
{
    size_t limit = function ? function->limits[order->priority] : 0;
    if (limit && evg_queue_total(function) >= limit) return true;
    return q->jobs.count >= q->options.max_jobs || q->bytes >= q->options.max_bytes ||
           order->workload.len > q->options.max_bytes - q->bytes;
}

/* All that may fail, but for the function. */
static int prepare(evg_queue_t *q, evg_queue_client_t *client, const evg_queue_order_t *order, evg_queue_job_t *job)
{
    job->priority = (uint8_t)order->priority;
    job->background = order->background;
    job->reduced = order->reduced;
    job->waits = (double)order->epoch > q->wall;
    int r = order->background ? 0 : evg_queue_await(q, job, client);
    if (r == 0 && job->waits) r = evg_epochs_add(&q->epochs, &job->link, order->epoch);
    return r;
}

static int enter(evg_queue_t *q, evg_queue_job_t *job, evg_queue_function_t *function, evg_bytes_t name)
{
    int r = function ? 0 : evg_queue_function_add(q, name, &function);
    if (r < 0) {
        if (job->waits) evg_epochs_remove(&q->epochs, &job->link);
        return r;
    }
    evg_queue_job_enter(q, job, function);
    if (!job->waits) evg_queue_job_push(q, job, true);
    return 0;
}

static int queue(evg_queue_t *q, evg_queue_client_t *client, const evg_queue_order_t *order,
                 evg_queue_function_t *function, evg_queue_job_t **made)
{
    evg_queue_job_t *job = evg_queue_job_new(order->unique, order->reducer, order->workload);
    if (!job) return EVG_ENOMEM;
    int r = prepare(q, client, order, job);
    if (r == 0) r = enter(q, job, function, order->function);
    if (r < 0)
        evg_queue_job_discard(q, job);
    else
        *made = job;
    return r;
}

int evg_queue_submit(evg_queue_t *q, evg_queue_client_t *client, const evg_queue_order_t *order, evg_queue_job_t **job)
{
    int r = check(order);
    if (r < 0) return r;
    evg_queue_function_t *function = evg_queue_function_find(q, order->function);
    const evg_queue_key_t key = evg_queue_key(q, order->unique, order->workload);
    *job = function ? evg_queue_job_of_key(q, &key, function) : NULL;
    if (*job) return join(q, client, order, *job);
    r = full_p(q, function, order) ? EVG_EQUEUE_FULL : queue(q, client, order, function, job);
    if (r == 0) evg_queue_job_take_key(q, *job, &key);
    return r;
}

/* -- and after ----------------------------------------------------------------------------------------------------- */

void evg_queue_client_leave(evg_queue_t *q, evg_queue_client_t *client)
{
    for (evg_queue_job_t *job; (job = evg_queue_unawait(q, client));) {
        bool wanted = q->options.client_takes_all ? job->waiter_count > 0 : evg_queue_wanted_p(job);
        if (!wanted) evg_queue_job_abandon(q, job);
    }
}

evg_queue_job_t *evg_queue_find_unique(const evg_queue_t *q, evg_bytes_t unique)
{
    return evg_queue_key(q, unique, evg_bytes("", 0)).first;
}

evg_queue_job_t *evg_queue_oldest(const evg_queue_function_t *function)
{
    evg_list_t *at = NULL;
    for (int p = 0; p < EVG_QUEUE_PRIORITIES && !at; p++) at = evg_list_first(&function->jobs[p]);
    return at ? evg_queue_job_of(at) : NULL;
}

void evg_queue_forget(evg_queue_t *q, evg_queue_job_t *job)
{
    evg_queue_job_abandon(q, job);
}

void evg_queue_cancel(evg_queue_t *q, evg_queue_job_t *job)
{
    evg_queue_tell_failed(q, job);
    evg_queue_job_lose_key(q, job);
    evg_queue_job_abandon(q, job);
}
