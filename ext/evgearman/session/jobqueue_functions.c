#include "session/jobqueue_functions.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "protocol/check.h"

evg_queue_function_t *evg_queue_function_find(const evg_queue_t *q, evg_bytes_t name)
{
    evg_index_node_t *node = evg_index_find(&q->functions, evg_hash(q->seed, name));
    for (; node; node = evg_index_find_next(&q->functions, node)) {
        evg_queue_function_t *function = evg_container(node, evg_queue_function_t, by_name);
        if (evg_bytes_equal_p(evg_queue_name(function), name)) return function;
    }
    return NULL;
}

static evg_queue_function_t *make(evg_bytes_t name)
{
    evg_queue_function_t *function = evg_zalloc(sizeof *function + name.len);
    if (!function) return NULL;
    function->name_len = name.len;
    if (name.len) memcpy(function->name, name.at, name.len);
    evg_list_init(&function->link);
    evg_list_init(&function->idle);
    evg_list_init(&function->sleepers);
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
        evg_list_init(&function->jobs[p]);
        evg_list_init(&function->parked[p]);
    }
    return function;
}

/* Is there room for one more? The one that was idle for longest may have to go. */
static bool room_p(evg_queue_t *q)
{
    if (q->functions.count < q->options.max_functions) return true;
    evg_list_t *idle = evg_list_first(&q->idle);
    if (idle) evg_queue_function_drop(q, evg_container(idle, evg_queue_function_t, idle));
    return q->functions.count < q->options.max_functions;
}

int evg_queue_function_add(evg_queue_t *q, evg_bytes_t name, evg_queue_function_t **function)
{
    if (name.len > EVG_FUNCTION_MAX) return EVG_EFUNCTION;
    evg_queue_function_t *made = make(name);
    if (!made) return EVG_ENOMEM;
    if (!room_p(q)) {
        evg_free(made);
        return EVG_EQUEUE_FULL;
    }
    evg_index_add(&q->functions, &made->by_name, evg_hash(q->seed, name));
    evg_list_append(&q->all, &made->link);
    evg_queue_function_settle(q, made);
    *function = made;
    return 0;
}

void evg_queue_function_keep(evg_queue_function_t *function)
{
    function->kept = true;
    evg_list_unlink(&function->idle);
}

bool evg_queue_function_used_p(const evg_queue_function_t *function)
{
    return function->workers || evg_queue_total(function);
}

void evg_queue_function_drop(evg_queue_t *q, evg_queue_function_t *function)
{
    evg_index_remove(&q->functions, &function->by_name);
    evg_list_unlink(&function->link);
    evg_list_unlink(&function->idle);
    evg_free(function);
}

void evg_queue_function_settle(evg_queue_t *q, evg_queue_function_t *function)
{
    bool idle = !function->kept && !evg_queue_function_used_p(function);
    if (idle == evg_list_linked_p(&function->idle)) return;
    if (idle)
        evg_list_append(&q->idle, &function->idle);
    else
        evg_list_unlink(&function->idle);
}
