#include "base/deadlines.h"

#include "base/error.h"

static evg_deadline_t *of_link(evg_list_t *link)
{
    return evg_container(link, evg_deadline_t, link);
}

static evg_deadline_t *of_heap(evg_heap_node_t *node)
{
    return evg_container(node, evg_deadline_t, heap);
}

static bool in_order_p(const evg_deadlines_t *deadlines, double at)
{
    const evg_list_t *head = &deadlines->ordered;
    return evg_list_empty_p(head) || at >= of_link(head->prev)->heap.at;
}

void evg_deadlines_init(evg_deadlines_t *deadlines)
{
    evg_list_init(&deadlines->ordered);
    evg_heap_init(&deadlines->odd);
}

void evg_deadlines_deinit(evg_deadlines_t *deadlines)
{
    evg_list_init(&deadlines->ordered);
    evg_heap_deinit(&deadlines->odd);
}

int evg_deadlines_reserve(evg_deadlines_t *deadlines, size_t count)
{
    return evg_heap_reserve(&deadlines->odd, count);
}

int evg_deadlines_add(evg_deadlines_t *deadlines, evg_deadline_t *deadline, double at)
{
    if (!in_order_p(deadlines, at)) return evg_heap_add(&deadlines->odd, &deadline->heap, at);
    deadline->heap.at = at;
    evg_list_append(&deadlines->ordered, &deadline->link);
    return EVG_OK;
}

int evg_deadlines_move(evg_deadlines_t *deadlines, evg_deadline_t *deadline, double at)
{
    int rc = evg_deadlines_reserve(deadlines, deadlines->odd.count + 1);
    if (rc < 0) return rc;
    evg_deadlines_remove(deadlines, deadline);
    return evg_deadlines_add(deadlines, deadline, at);
}

evg_deadline_t *evg_deadlines_first_of_both(const evg_deadlines_t *deadlines)
{
    evg_list_t *link = evg_list_first(&deadlines->ordered);
    evg_heap_node_t *node = evg_heap_first(&deadlines->odd);
    return link && of_link(link)->heap.at <= node->at ? of_link(link) : of_heap(node);
}
