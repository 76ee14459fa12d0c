#include "support/queue_audit.h"

#include "session/jobqueue_client.h"
#include "session/jobqueue_functions.h"
#include "session/jobqueue_handles.h"
#include "session/jobqueue_internal.h"
#include "session/jobqueue_keys.h"
#include "session/jobqueue_waiters.h"

/* What is private to jobqueue_waiters.c. */
typedef struct {
    evg_queue_job_t *job;
    evg_queue_client_t *client;
    evg_list_t of_job, of_client;
} waiter_t;

typedef struct {
    size_t jobs, bytes, running, keyed, first, timed, functions, abilities;
} sum_t;

#define expect(condition)                    \
    do {                                     \
        if (!(condition)) return #condition; \
    } while (0)

static size_t length(const evg_list_t *list)
{
    size_t count = 0;
    for (const evg_list_t *at = list->next; at != list; at = at->next) count++;
    return count;
}

static bool in_p(const evg_list_t *list, const evg_list_t *link)
{
    for (const evg_list_t *at = list->next; at != list; at = at->next) {
        if (at == link) return true;
    }
    return false;
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static const char *audit_waiters(const evg_queue_job_t *job)
{
    expect(length(&job->waiters) == job->waiter_count);
    for (evg_list_t *at = job->waiters.next; at != &job->waiters; at = at->next) {
        const waiter_t *waiter = evg_container(at, waiter_t, of_job);
        expect(waiter->job == job);
        expect(in_p(&waiter->client->waiters, &waiter->of_client));
    }
    return NULL;
}

/* One of those that have its key, all of other functions, is the first. */
static const char *audit_namesakes(const evg_queue_t *q, const evg_queue_job_t *job)
{
    size_t firsts = job->first;
    for (const evg_list_t *at = job->namesakes.next; at != &job->namesakes; at = at->next) {
        const evg_queue_job_t *other = evg_container(at, const evg_queue_job_t, namesakes);
        expect(evg_bytes_equal_p(evg_queue_unique(other), evg_queue_unique(job)) && other->function != job->function);
        firsts += other->first;
    }
    bool named = job->keyed && evg_queue_find_unique(q, evg_queue_unique(job));
    expect(firsts == named);
    return NULL;
}

static const char *audit_keys(const evg_queue_t *q, const evg_queue_job_t *job)
{
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_bytes_t unique = evg_queue_unique(job);
    expect(evg_queue_find(q, evg_queue_handle(q, job, room)) == job);
    const evg_queue_key_t key = evg_queue_key(q, unique, evg_queue_workload(job));
    expect(!job->keyed || evg_queue_job_of_key(q, &key, job->function) == job);
    expect(!job->first || (job->keyed && evg_queue_find_unique(q, unique) == job));
    expect(job->keyed || !evg_list_linked_p(&job->namesakes));
    return audit_namesakes(q, job);
}

/* Where it stands: with who runs it, with those of its function that may run, or with its second. */
static const char *audit_place(const evg_queue_job_t *job)
{
    const evg_queue_function_t *function = job->function;
    bool queued = in_p(&function->jobs[job->priority], &job->link);
    expect(evg_list_linked_p(&job->link));
    expect(queued == (!job->runs && !job->waits));
    expect(!job->runs || (job->runs->function == function && in_p(&job->runs->running, &job->link)));
    expect(!job->runs || !job->waits);
    expect(job->runs || (!job->numerator && !job->denominator));
    expect(job->runs || evg_queue_wanted_p(job));
    return NULL;
}

static bool timed_p(const evg_queue_t *q, const evg_queue_job_t *job)
{
    for (size_t i = 0; i < q->timers.count; i++) {
        if (q->timers.nodes[i] == &job->timer) return true;
    }
    return false;
}

static const char *audit_job(const evg_queue_t *q, const evg_queue_job_t *job, sum_t *sum)
{
    const char *fault = audit_waiters(job);
    if (!fault) fault = audit_keys(q, job);
    if (!fault) fault = audit_place(job);
    sum->jobs++;
    sum->bytes += sizeof *job + job->unique_len + job->reducer_len + job->workload_len;
    sum->bytes += job->waiter_count * sizeof(waiter_t);
    sum->running += job->runs != NULL;
    sum->keyed += job->keyed;
    sum->first += job->first;
    sum->timed += timed_p(q, job);
    return fault;
}

static const char *audit_jobs(const evg_queue_t *q, sum_t *sum)
{
    const char *fault = NULL;
    for (evg_queue_job_t *job = NULL; !fault && (job = evg_queue_next_job(q, job));) fault = audit_job(q, job, sum);
    return fault;
}

/* -- functions ----------------------------------------------------------------------------------------------------- */

static void count_jobs(const evg_queue_t *q, const evg_queue_function_t *function, size_t *queued, size_t *running)
{
    for (evg_queue_job_t *job = NULL; (job = evg_queue_next_job(q, job));) {
        if (job->function != function) continue;
        if (job->runs)
            ++*running;
        else
            queued[job->priority]++;
    }
}

static const char *audit_function(const evg_queue_t *q, const evg_queue_function_t *function)
{
    size_t queued[EVG_QUEUE_PRIORITIES] = {0}, running = 0;
    count_jobs(q, function, queued, &running);
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
        expect(queued[p] == function->queued[p]);
        expect(evg_list_empty_p(&function->jobs[p]) || evg_list_empty_p(&function->parked[p]));
    }
    expect(running == function->running);
    expect(evg_queue_function_find(q, evg_queue_name(function)) == function);
    expect(evg_list_linked_p(&function->idle) == (!function->kept && !evg_queue_function_used_p(function)));
    return NULL;
}

static const char *audit_functions(const evg_queue_t *q, sum_t *sum)
{
    const char *fault = NULL;
    for (const evg_list_t *at = q->all.next; !fault && at != &q->all; at = at->next) {
        fault = audit_function(q, evg_container(at, const evg_queue_function_t, link));
        sum->functions++;
    }
    return fault;
}

/* -- abilities ----------------------------------------------------------------------------------------------------- */

static const char *audit_ability(const evg_queue_ability_t *ability)
{
    const evg_queue_worker_t *worker = ability->worker;
    evg_queue_function_t *function = ability->function;
    expect(in_p(&worker->abilities, &ability->link));
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
        bool ready = in_p(&worker->ready[p], &ability->places[p]);
        expect(ready != in_p(&function->parked[p], &ability->places[p]));
    }
    bool sleeper = in_p(&function->sleepers, &ability->sleeper);
    expect(sleeper != in_p(&worker->unlisted, &ability->sleeper));
    expect(sleeper || !worker->asleep);
    return NULL;
}

static const char *audit_abilities(const evg_queue_t *q, sum_t *sum)
{
    const char *fault = NULL;
    size_t workers = 0;
    for (evg_index_node_t *at = NULL; !fault && (at = evg_index_next(&q->abilities, at));) {
        fault = audit_ability(evg_container(at, evg_queue_ability_t, node));
        sum->abilities++;
        sum->bytes += sizeof(evg_queue_ability_t);
    }
    if (fault) return fault;
    for (const evg_list_t *at = q->all.next; at != &q->all; at = at->next)
        workers += evg_container(at, const evg_queue_function_t, link)->workers;
    expect(workers == sum->abilities);
    return NULL;
}

/* -- all of it ----------------------------------------------------------------------------------------------------- */

static const char *audit_sums(const evg_queue_t *q, const sum_t *sum)
{
    expect(q->jobs.count == sum->jobs);
    expect(q->firsts.count == sum->first);
    expect(q->others.count == sum->keyed - sum->first);
    expect(q->functions.count == sum->functions);
    expect(q->abilities.count == sum->abilities);
    expect(q->timers.count == sum->timed);
    expect(q->running == sum->running);
    expect(q->bytes == sum->bytes);
    return NULL;
}

const char *queue_audit(const evg_queue_t *q)
{
    sum_t sum = {0};
    const char *fault = audit_jobs(q, &sum);
    if (!fault) fault = audit_functions(q, &sum);
    if (!fault) fault = audit_abilities(q, &sum);
    return fault ? fault : audit_sums(q, &sum);
}
