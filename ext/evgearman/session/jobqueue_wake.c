/* Who may take a job, and who is told that there is one.
 *
 * Nobody is looked at twice in vain. Of a worker that asks, those abilities are looked at that may have a job; one that has
 * none is parked with its function, and its next job brings back all that are parked there. A function's sleepers
 * are looked at when it gets a job, and then stand with their worker until that goes to sleep again. So each step is paid by
 * who made the one before it: asking, sleeping, being able. */
#include "session/jobqueue_internal.h"

static evg_queue_ability_t *of_place(evg_list_t *place, int priority)
{
    return evg_container(place - priority, evg_queue_ability_t, places);
}

static evg_queue_ability_t *of_sleeper(evg_list_t *link)
{
    return evg_container(link, evg_queue_ability_t, sleeper);
}

static void move(evg_list_t *link, evg_list_t *to)
{
    evg_list_unlink(link);
    evg_list_append(to, link);
}

static void place(evg_queue_ability_t *ability, int p)
{
    bool none = evg_list_empty_p(&ability->function->jobs[p]);
    move(&ability->places[p], none ? &ability->function->parked[p] : &ability->worker->ready[p]);
}

void evg_queue_ability_place(evg_queue_ability_t *ability)
{
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) place(ability, p);
    move(&ability->sleeper, ability->worker->asleep ? &ability->function->sleepers : &ability->worker->unlisted);
}

void evg_queue_ability_displace(evg_queue_ability_t *ability)
{
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) evg_list_unlink(&ability->places[p]);
    evg_list_unlink(&ability->sleeper);
}

/* -- sleepers ------------------------------------------------------------------------------------------------------ */

void evg_queue_wake_up(evg_queue_t *q, evg_queue_worker_t *worker)
{
    worker->asleep = false;
    q->ops->wake(worker);
}

void evg_queue_wake(evg_queue_t *q, evg_queue_function_t *function)
{
    size_t most = q->options.worker_wakeup ? q->options.worker_wakeup : SIZE_MAX;
    for (evg_list_t *at; most && (at = evg_list_first(&function->sleepers));) {
        evg_queue_worker_t *worker = of_sleeper(at)->worker;
        move(at, &worker->unlisted);
        if (!worker->asleep) continue;
        evg_queue_wake_up(q, worker);
        most--;
    }
}

void evg_queue_unpark(evg_queue_function_t *function, int p)
{
    for (evg_list_t *at; (at = evg_list_first(&function->parked[p]));) place(of_place(at, p), p);
}

void evg_queue_sleep(evg_queue_worker_t *worker)
{
    worker->asleep = true;
    for (evg_list_t *at; (at = evg_list_first(&worker->unlisted));) move(at, &of_sleeper(at)->function->sleepers);
}

/* -- turns --------------------------------------------------------------------------------------------------------- */

static evg_queue_ability_t *next_of(evg_queue_worker_t *worker, int p)
{
    for (evg_list_t *at; (at = evg_list_first(&worker->ready[p]));) {
        evg_queue_ability_t *ability = of_place(at, p);
        if (!evg_list_empty_p(&ability->function->jobs[p])) return ability;
        place(ability, p);
    }
    return NULL;
}

/* gearmand 1.1's way: each function is drained before one that was registered earlier has its turn. It looks at all. */
static evg_queue_ability_t *next_of_functions(const evg_queue_worker_t *worker, int *priority)
{
    for (evg_list_t *at = worker->abilities.next; at != &worker->abilities; at = at->next) {
        evg_queue_ability_t *ability = evg_container(at, evg_queue_ability_t, link);
        for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
            *priority = p;
            if (!evg_list_empty_p(&ability->function->jobs[p])) return ability;
        }
    }
    return NULL;
}

evg_queue_ability_t *evg_queue_next_ability(const evg_queue_t *q, evg_queue_worker_t *worker, int *priority)
{
    if (q->options.function_first) return next_of_functions(worker, priority);
    evg_queue_ability_t *ability = NULL;
    for (int p = 0; p < EVG_QUEUE_PRIORITIES && !ability; p++) ability = next_of(worker, *priority = p);
    return ability;
}

void evg_queue_rotate(evg_queue_ability_t *ability, int priority)
{
    move(&ability->places[priority], &ability->worker->ready[priority]);
}
