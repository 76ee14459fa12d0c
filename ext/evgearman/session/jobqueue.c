#include "session/jobqueue.h"

#include "base/least.h"
#include "session/jobqueue_internal.h"

#include <math.h>

/* MANY: jobs that one tick moves at most, so that others have their turn. GLANCE: how long nobody need look at
 * a wall clock, which may be set. */
enum { MANY = 1000, GLANCE = 10 };

const evg_queue_options_t evg_queue_defaults = {
    .max_jobs = 1000 * 1000,
    .max_bytes = 1024 * 1024 * 1024,
    .max_functions = 10000,
    .job_retries = EVG_QUEUE_UNLIMITED,
    .round_robin = true,
};

void evg_queue_init(evg_queue_t *q, const evg_queue_ops_t *ops, const char *prefix, uint64_t seed0, uint64_t seed1)
{
    *q = (evg_queue_t){.options = evg_queue_defaults, .ops = ops, .seed = {seed0, seed1}};
    q->prefix_len = strnlen(prefix, EVG_QUEUE_PREFIX_MAX);
    memcpy(q->prefix, prefix, q->prefix_len);
    evg_index_init(&q->jobs);
    evg_index_init(&q->functions);
    evg_index_init(&q->firsts);
    evg_index_init(&q->others);
    evg_index_init(&q->abilities);
    evg_list_init(&q->all);
    evg_list_init(&q->idle);
    evg_heap_init(&q->timers);
    evg_epochs_init(&q->epochs, seed0, seed1);
}

static void free_waiting(evg_queue_t *q, evg_queue_job_t *job)
{
    job->waits = false;
    evg_queue_job_free(q, job);
}

static void free_jobs(evg_queue_t *q, evg_queue_function_t *function)
{
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
        for (evg_list_t *at; (at = evg_list_first(&function->jobs[p]));) evg_queue_job_free(q, evg_queue_job_of(at));
    }
}

void evg_queue_deinit(evg_queue_t *q)
{
    for (evg_list_t *at; (at = evg_epochs_shift(&q->epochs, INFINITY));) free_waiting(q, evg_queue_job_of(at));
    for (evg_list_t *at; (at = evg_list_first(&q->all));) {
        evg_queue_function_t *function = evg_container(at, evg_queue_function_t, link);
        free_jobs(q, function);
        evg_queue_function_drop(q, function);
    }
    evg_index_deinit(&q->jobs);
    evg_index_deinit(&q->functions);
    evg_index_deinit(&q->firsts);
    evg_index_deinit(&q->others);
    evg_index_deinit(&q->abilities);
    evg_heap_deinit(&q->timers);
    evg_epochs_deinit(&q->epochs);
}

void evg_queue_clock(evg_queue_t *q, double now, double wall)
{
    q->now = evg_most(q->now, now);
    q->wall = wall;
}

static bool expire(evg_queue_t *q)
{
    evg_heap_node_t *timer = evg_heap_first(&q->timers);
    if (!timer || timer->at > q->now) return false;
    evg_queue_job_give_back(q, evg_container(timer, evg_queue_job_t, timer));
    return true;
}

static bool come_due(evg_queue_t *q)
{
    evg_list_t *at = evg_epochs_shift(&q->epochs, q->wall);
    if (at) evg_queue_job_push(q, evg_queue_job_of(at), !q->options.sleep_through_epoch);
    return at;
}

void evg_queue_tick(evg_queue_t *q)
{
    for (int i = 0; i < MANY && expire(q); i++) {}
    for (int i = 0; i < MANY && come_due(q); i++) {}
}

double evg_queue_deadline(const evg_queue_t *q)
{
    double epoch = evg_epochs_at(&q->epochs);
    const evg_heap_node_t *timer = evg_heap_first(&q->timers);
    double at = timer ? timer->at : INFINITY;
    return epoch == INFINITY ? at : evg_least(at, q->now + evg_least(epoch - q->wall, GLANCE));
}
