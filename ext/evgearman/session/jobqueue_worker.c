#include "session/jobqueue_worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "session/jobqueue_handles.h"
#include "session/jobqueue_internal.h"
#include "session/jobqueue_waiters.h"

void evg_queue_worker_init(evg_queue_t *q, evg_queue_worker_t *worker)
{
    *worker = (evg_queue_worker_t){.number = ++q->last_worker};
    evg_list_init(&worker->abilities);
    evg_list_init(&worker->unlisted);
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) evg_list_init(&worker->ready[p]);
}

/* -- abilities ----------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const evg_queue_worker_t *worker, const evg_queue_function_t *function)
{
    return function->by_name.hash ^ worker->number * UINT64_C(0x9e3779b97f4a7c15);
}

static evg_queue_ability_t *find(const evg_queue_t *q, const evg_queue_worker_t *worker,
                                 const evg_queue_function_t *function)
{
    evg_index_node_t *node = evg_index_find(&q->abilities, hash_of(worker, function));
    for (; node; node = evg_index_find_next(&q->abilities, node)) {
        evg_queue_ability_t *ability = evg_container(node, evg_queue_ability_t, node);
        if (ability->worker == worker && ability->function == function) return ability;
    }
    return NULL;
}

static void add(evg_queue_t *q, evg_queue_ability_t *ability)
{
    evg_list_init(&ability->link);
    evg_list_init(&ability->sleeper);
    evg_list_init(&ability->running);
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) evg_list_init(&ability->places[p]);
    evg_index_add(&q->abilities, &ability->node, hash_of(ability->worker, ability->function));
    evg_list_prepend(&ability->worker->abilities, &ability->link);
    evg_queue_ability_place(ability);
    ability->function->workers++;
    q->bytes += sizeof *ability;
    evg_queue_function_settle(q, ability->function);
}

static int make(evg_queue_t *q, evg_queue_worker_t *worker, evg_queue_function_t *function, evg_bytes_t name,
                double timeout)
{
    evg_queue_ability_t *ability = evg_zalloc(sizeof *ability);
    if (!ability) return EVG_ENOMEM;
    int r = function ? 0 : evg_queue_function_add(q, name, &function);
    if (r < 0) {
        evg_free(ability);
        return r;
    }
    ability->worker = worker;
    ability->function = function;
    ability->timeout = timeout;
    add(q, ability);
    return 0;
}

int evg_queue_can_do(evg_queue_t *q, evg_queue_worker_t *worker, evg_bytes_t name, double timeout)
{
    evg_queue_function_t *function = evg_queue_function_find(q, name);
    evg_queue_ability_t *ability = function ? find(q, worker, function) : NULL;
    if (!ability) return q->bytes < q->options.max_bytes ? make(q, worker, function, name, timeout) : EVG_EQUEUE_FULL;
    ability->timeout = timeout;
    return 0;
}

static bool has_jobs_p(const evg_queue_function_t *function)
{
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
        if (!evg_list_empty_p(&function->jobs[p])) return true;
    }
    return false;
}

/* Awake, it was to ask for a job that it will not take now: others are woken for it. */
static void pass_on(evg_queue_t *q, evg_queue_ability_t *ability)
{
    if (!ability->worker->asleep && has_jobs_p(ability->function)) evg_queue_wake(q, ability->function);
}

/* What it runs goes back when it can't take it again. */
static void drop(evg_queue_t *q, evg_queue_ability_t *ability)
{
    evg_index_remove(&q->abilities, &ability->node);
    evg_list_unlink(&ability->link);
    evg_queue_ability_displace(ability);
    ability->function->workers--;
    q->bytes -= sizeof *ability;
    for (evg_list_t *at; (at = evg_list_first(&ability->running));) evg_queue_job_give_back(q, evg_queue_job_of(at));
    pass_on(q, ability);
    evg_queue_function_settle(q, ability->function);
    evg_free(ability);
}

void evg_queue_cant_do(evg_queue_t *q, evg_queue_worker_t *worker, evg_bytes_t name)
{
    evg_queue_function_t *function = evg_queue_function_find(q, name);
    evg_queue_ability_t *ability = function ? find(q, worker, function) : NULL;
    if (ability) drop(q, ability);
}

void evg_queue_worker_leave(evg_queue_t *q, evg_queue_worker_t *worker)
{
    for (evg_list_t *at; (at = evg_list_first(&worker->abilities));)
        drop(q, evg_container(at, evg_queue_ability_t, link));
}

const evg_queue_ability_t *evg_queue_next_of(const evg_queue_worker_t *worker, const evg_queue_ability_t *ability)
{
    const evg_list_t *at = ability ? ability->link.next : worker->abilities.next;
    return at == &worker->abilities ? NULL : evg_container(at, const evg_queue_ability_t, link);
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

int evg_queue_grab(evg_queue_t *q, evg_queue_worker_t *worker, evg_queue_job_t **job)
{
    int priority;
    worker->asleep = false;
    evg_queue_ability_t *ability = evg_queue_next_ability(q, worker, &priority);
    if (!ability) return 0;
    int r = ability->timeout > 0 ? evg_heap_reserve(&q->timers, q->timers.count + 1) : 0;
    if (r < 0) return r;
    *job = evg_queue_job_of(evg_list_first(&ability->function->jobs[priority]));
    evg_queue_job_run(q, *job, ability);
    if (q->options.round_robin) evg_queue_rotate(ability, priority);
    return 1;
}

void evg_queue_pre_sleep(evg_queue_t *q, evg_queue_worker_t *worker)
{
    int priority;
    if (!evg_queue_next_ability(q, worker, &priority)) {
        evg_queue_sleep(worker);
        return;
    }
    evg_queue_wake_up(q, worker);
}

void evg_queue_stop_timers(evg_queue_t *q, evg_queue_worker_t *worker)
{
    for (evg_list_t *at = worker->abilities.next; at != &worker->abilities; at = at->next) {
        evg_list_t *running = &evg_container(at, evg_queue_ability_t, link)->running;
        for (evg_list_t *job = running->next; job != running; job = job->next)
            evg_heap_remove(&q->timers, &evg_queue_job_of(job)->timer);
    }
}

evg_queue_job_t *evg_queue_held(const evg_queue_t *q, const evg_queue_worker_t *worker, evg_bytes_t handle)
{
    evg_queue_job_t *job = evg_queue_find(q, handle);
    return job && job->runs && job->runs->worker == worker ? job : NULL;
}

void evg_queue_end(evg_queue_t *q, evg_queue_job_t *job, evg_command_t type, const evg_bytes_t *args, int argc)
{
    evg_queue_tell(q, job, type, args, argc);
    evg_queue_job_free(q, job);
}
