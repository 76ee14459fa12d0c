#include "base/index.h"

#include "base/alloc.h"
#include "base/assert.h"

/* FIRST_CAP: of the array. SPARSE: buckets per node from which on there are too many. STEPS: buckets that one call adds
 * or takes away at most, so that it catches up after memory was short. */
enum { FIRST_CAP = 16, SPARSE = 4, STEPS = 8 };

static evg_index_node_t **bucket(evg_index_t *index, size_t at)
{
    return index->buckets ? &index->buckets[at] : &index->only;
}

static evg_index_node_t *front(const evg_index_t *index, size_t at)
{
    return index->buckets ? index->buckets[at] : index->only;
}

static size_t place_of(const evg_index_t *index, uint64_t hash)
{
    size_t at = (size_t)hash & index->mask;
    return at < index->used ? at : at & index->mask >> 1;
}

static void link_in(evg_index_node_t **head, evg_index_node_t *node)
{
    node->prev = NULL;
    node->next = *head;
    if (*head) (*head)->prev = node;
    *head = node;
}

static void link_out(evg_index_node_t **head, evg_index_node_t *node)
{
    if (node->next) node->next->prev = node->prev;
    if (node->prev)
        node->prev->next = node->next;
    else
        *head = node->next;
}

/* -- one bucket more, one less ------------------------------------------------------------------------------------- */

static int widen(evg_index_t *index)
{
    if (index->used < index->cap) return 1;
    size_t cap = index->cap ? index->cap * 2 : FIRST_CAP;
    evg_index_node_t **buckets = evg_realloc(index->buckets, cap * sizeof(evg_index_node_t *));
    if (!buckets) return 0;
    if (!index->buckets) buckets[0] = index->only;
    index->buckets = buckets;
    index->cap = cap;
    return 1;
}

/* The half of `from` that belongs to `to`, in its order. */
static void split(evg_index_t *index, size_t from, size_t to)
{
    evg_index_node_t *last = NULL, *next;
    for (evg_index_node_t *node = index->buckets[from]; node; node = next) {
        next = node->next;
        if (place_of(index, node->hash) != to) continue;
        link_out(&index->buckets[from], node);
        node->prev = last;
        node->next = NULL;
        *(last ? &last->next : &index->buckets[to]) = node;
        last = node;
    }
}

static int grow(evg_index_t *index)
{
    if (!widen(index)) return 0;
    size_t at = index->used++;
    if (at > index->mask) index->mask = index->mask * 2 + 1;
    index->buckets[at] = NULL;
    split(index, at & index->mask >> 1, at);
    return 1;
}

static void give_back(evg_index_t *index)
{
    if (index->cap == FIRST_CAP || index->used > index->cap / 4) return;
    evg_index_node_t **buckets = evg_realloc(index->buckets, index->cap / 2 * sizeof(evg_index_node_t *));
    if (!buckets) return;
    index->buckets = buckets;
    index->cap /= 2;
}

static void shrink(evg_index_t *index)
{
    size_t at = --index->used, to = at & index->mask >> 1;
    evg_index_node_t *first = index->buckets[at], *last = first;
    if (at == (index->mask >> 1) + 1) index->mask >>= 1;
    if (first) {
        while (last->next) last = last->next;
        last->next = index->buckets[to];
        if (last->next) last->next->prev = last;
        index->buckets[to] = first;
    }
    give_back(index);
}

/* -- in, out, found ------------------------------------------------------------------------------------------------ */

void evg_index_init(evg_index_t *index)
{
    *index = (evg_index_t){.used = 1};
}

void evg_index_deinit(evg_index_t *index)
{
    evg_free(index->buckets);
    evg_index_init(index);
}

void evg_index_add(evg_index_t *index, evg_index_node_t *node, uint64_t hash)
{
    node->hash = hash;
    link_in(bucket(index, place_of(index, hash)), node);
    index->count++;
    for (int i = 0; i < STEPS && index->count > index->used; i++) {
        if (!grow(index)) break;
    }
}

void evg_index_remove(evg_index_t *index, evg_index_node_t *node)
{
    evg_assert(index->count > 0);
    link_out(bucket(index, place_of(index, node->hash)), node);
    index->count--;
    for (int i = 0; i < STEPS && index->count < index->used / SPARSE; i++) shrink(index);
}

static evg_index_node_t *of_hash(evg_index_node_t *node, uint64_t hash)
{
    while (node && node->hash != hash) node = node->next;
    return node;
}

evg_index_node_t *evg_index_find(const evg_index_t *index, uint64_t hash)
{
    return of_hash(front(index, place_of(index, hash)), hash);
}

evg_index_node_t *evg_index_find_next(const evg_index_node_t *node)
{
    return of_hash(node->next, node->hash);
}

evg_index_node_t *evg_index_next(const evg_index_t *index, const evg_index_node_t *node)
{
    if (node && node->next) return node->next;
    for (size_t at = node ? place_of(index, node->hash) + 1 : 0; at < index->used; at++) {
        if (front(index, at)) return front(index, at);
    }
    return NULL;
}
