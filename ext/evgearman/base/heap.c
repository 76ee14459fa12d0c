#include "base/heap.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"

#include <stdint.h>

enum { FIRST_CAP = 16 };

static int grow(evg_heap_t *heap)
{
    if (heap->cap > SIZE_MAX / 2 / sizeof *heap->nodes) return EVG_ENOMEM;
    size_t cap = heap->cap ? heap->cap * 2 : FIRST_CAP;
    evg_heap_node_t **nodes = evg_realloc(heap->nodes, cap * sizeof *nodes);
    if (!nodes) return EVG_ENOMEM;
    heap->nodes = nodes;
    heap->cap = cap;
    return EVG_OK;
}

static void place(evg_heap_t *heap, size_t at, evg_heap_node_t *node)
{
    heap->nodes[at] = node;
    node->index = at + 1;
}

static size_t parent_of(size_t at)
{
    return (at - 1) / 2;
}

/* Puts the node into the hole or above it. */
static void rise(evg_heap_t *heap, size_t hole, evg_heap_node_t *node)
{
    while (hole && node->at < heap->nodes[parent_of(hole)]->at) {
        place(heap, hole, heap->nodes[parent_of(hole)]);
        hole = parent_of(hole);
    }
    place(heap, hole, node);
}

/* The child that is due first; behind the end when there is none. */
static size_t child_of(const evg_heap_t *heap, size_t at)
{
    size_t left = at * 2 + 1, right = left + 1;
    bool right_p = right < heap->count && heap->nodes[right]->at < heap->nodes[left]->at;
    return right_p ? right : left;
}

/* Puts the node into the hole or below it. */
static void sink(evg_heap_t *heap, size_t hole, evg_heap_node_t *node)
{
    size_t child = child_of(heap, hole);
    while (child < heap->count && heap->nodes[child]->at < node->at) {
        place(heap, hole, heap->nodes[child]);
        hole = child;
        child = child_of(heap, hole);
    }
    place(heap, hole, node);
}

void evg_heap_init(evg_heap_t *heap)
{
    *heap = (evg_heap_t){0};
}

void evg_heap_deinit(evg_heap_t *heap)
{
    evg_free(heap->nodes);
    evg_heap_init(heap);
}

int evg_heap_reserve(evg_heap_t *heap, size_t count)
{
    while (heap->cap < count) {
        int rc = grow(heap);
        if (rc < 0) return rc;
    }
    return EVG_OK;
}

int evg_heap_add(evg_heap_t *heap, evg_heap_node_t *node, double at)
{
    evg_assert(!node->index);
    int rc = evg_heap_reserve(heap, heap->count + 1);
    if (rc < 0) return rc;
    node->at = at;
    rise(heap, heap->count++, node);
    return EVG_OK;
}

void evg_heap_remove(evg_heap_t *heap, evg_heap_node_t *node)
{
    if (!node->index) return;
    size_t hole = node->index - 1;
    evg_assert(heap->nodes[hole] == node);
    node->index = 0;
    evg_heap_node_t *last = heap->nodes[--heap->count];
    if (last == node) return;
    /* The last node comes from another branch, so it may be due before the parent of the hole. */
    if (hole && last->at < heap->nodes[parent_of(hole)]->at)
        rise(heap, hole, last);
    else
        sink(heap, hole, last);
}
