/* A binary heap of deadlines; intrusive, so that any node can be removed in O(log n).
 * It owns its array of pointers, never the nodes. */
#ifndef EVG_BASE_HEAP_H
#define EVG_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    double at;    /* seconds on the monotonic clock; not to be changed while in a heap */
    size_t index; /* private: place in the array plus one; 0 when in none */
} evg_heap_node_t;

typedef struct {
    evg_heap_node_t **nodes;
    size_t count;
    size_t cap;
} evg_heap_t;

void evg_heap_init(evg_heap_t *heap);
void evg_heap_deinit(evg_heap_t *heap);

/* Makes room for so many nodes in all: adding them cannot fail then. 0, or EVG_ENOMEM. */
int evg_heap_reserve(evg_heap_t *heap, size_t count);

/* Adds a node that is in no heap (index 0), due at `at`. 0, or EVG_ENOMEM. */
int evg_heap_add(evg_heap_t *heap, evg_heap_node_t *node, double at);

/* A node that is in no heap stays as it is. */
void evg_heap_remove(evg_heap_t *heap, evg_heap_node_t *node);

/* The node that is due first, or NULL. */
static inline evg_heap_node_t *evg_heap_first(const evg_heap_t *heap)
{
    return heap->count ? heap->nodes[0] : NULL;
}

#endif
