#include "session/jobqueue_keys.h"

#include "base/hash.h"

static bool workload_is_key_p(evg_bytes_t unique)
{
    return unique.len == 1 && *unique.at == '-';
}

/* Multiplied, or a function and a key of the same name would be worth nothing together. */
static uint64_t with_function(const evg_queue_key_t *key, const evg_queue_function_t *function)
{
    return key->hash * (workload_is_key_p(key->unique) ? 5 : 3) + function->by_name.hash;
}

static evg_queue_job_t *of_node(evg_index_node_t *node)
{
    return evg_container(node, evg_queue_job_t, by_key);
}

/* -- looking ------------------------------------------------------------------------------------------------------- */

static evg_queue_job_t *first_of(const evg_queue_t *q, evg_bytes_t unique, uint64_t hash)
{
    evg_index_node_t *node = evg_index_find(&q->firsts, hash);
    while (node && !evg_bytes_equal_p(evg_queue_unique(of_node(node)), unique))
        node = evg_index_find_next(&q->firsts, node);
    return node ? of_node(node) : NULL;
}

evg_queue_key_t evg_queue_key(const evg_queue_t *q, evg_bytes_t unique, evg_bytes_t workload)
{
    bool by_workload = workload_is_key_p(unique);
    evg_queue_key_t key = {.unique = unique, .workload = workload};
    key.any = unique.len && !(by_workload && !workload.len);
    if (!key.any) return key;
    key.hash = evg_hash(q->seed, by_workload ? workload : unique);
    if (!by_workload) key.first = first_of(q, unique, key.hash);
    return key;
}

static bool has_p(const evg_queue_job_t *job, const evg_queue_key_t *key, const evg_queue_function_t *function)
{
    if (job->function != function || !evg_bytes_equal_p(evg_queue_unique(job), key->unique)) return false;
    return !workload_is_key_p(key->unique) || evg_bytes_equal_p(evg_queue_workload(job), key->workload);
}

/* May a job have it that is not the first? */
static bool others_p(const evg_queue_key_t *key)
{
    return workload_is_key_p(key->unique) ? key->any : key->first && evg_list_linked_p(&key->first->namesakes);
}

evg_queue_job_t *evg_queue_job_of_key(const evg_queue_t *q, const evg_queue_key_t *key,
                                      const evg_queue_function_t *function)
{
    if (key->first && key->first->function == function) return key->first;
    if (!others_p(key)) return NULL;
    evg_index_node_t *node = evg_index_find(&q->others, with_function(key, function));
    while (node && !has_p(of_node(node), key, function)) node = evg_index_find_next(&q->others, node);
    return node ? of_node(node) : NULL;
}

/* -- having, and losing -------------------------------------------------------------------------------------------- */

void evg_queue_job_take_key(evg_queue_t *q, evg_queue_job_t *job, const evg_queue_key_t *key)
{
    job->keyed = key->any;
    job->first = key->any && !key->first && !workload_is_key_p(key->unique);
    if (job->first)
        evg_index_add(&q->firsts, &job->by_key, key->hash);
    else if (job->keyed)
        evg_index_add(&q->others, &job->by_key, with_function(key, job->function));
    if (key->first) evg_list_append(&key->first->namesakes, &job->namesakes);
}

static evg_index_t *index_of(evg_queue_t *q, const evg_queue_job_t *job)
{
    return job->first ? &q->firsts : &q->others;
}

/* The next one with its key is the first now. */
static void pass_on(evg_queue_t *q, const evg_queue_job_t *job)
{
    evg_queue_job_t *heir = evg_container(job->namesakes.next, evg_queue_job_t, namesakes);
    evg_index_remove(&q->others, &heir->by_key);
    evg_index_add(&q->firsts, &heir->by_key, job->by_key.hash);
    heir->first = true;
}

void evg_queue_job_lose_key(evg_queue_t *q, evg_queue_job_t *job)
{
    if (!job->keyed) return;
    evg_index_remove(index_of(q, job), &job->by_key);
    if (job->first && evg_list_linked_p(&job->namesakes)) pass_on(q, job);
    evg_list_unlink(&job->namesakes);
    job->keyed = job->first = false;
}

void evg_queue_job_prefetch_key(const evg_queue_t *q, const evg_queue_job_t *job)
{
    if (job->keyed) evg_index_prefetch(job->first ? &q->firsts : &q->others, job->by_key.hash);
}
