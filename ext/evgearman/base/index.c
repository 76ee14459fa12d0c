#include "base/index.h"

#include "base/alloc.h"
#include "base/assert.h"

/* FIRST_CAP: of the array. SPARSE: buckets per node from which on there are too many. STEPS: buckets that one call adds
 * or takes away at most, so that it catches up after memory was short. */
enum { FIRST_CAP = 16, SPARSE = 4, STEPS = 8 };

static evg_index_bucket_t *bucket(evg_index_t *index, size_t at)
{
    return index->buckets ? &index->buckets[at] : &index->only;
}

static const evg_index_bucket_t *bucket_to_read(const evg_index_t *index, size_t at)
{
    return index->buckets ? &index->buckets[at] : &index->only;
}

/* The upper bits, because the lower ones are those of the bucket. */
static uint64_t bit_of(uint64_t hash)
{
    return UINT64_C(1) << (hash >> 58);
}

static size_t place_of(const evg_index_t *index, uint64_t hash)
{
    size_t at = (size_t)hash & index->mask;
    return at < index->used ? at : at & index->mask >> 1;
}

static void link_in(evg_index_bucket_t *bucket, evg_index_node_t *node)
{
    node->prev = NULL;
    node->next = bucket->first;
    if (bucket->first) bucket->first->prev = node;
    bucket->first = node;
    bucket->seen |= bit_of(node->hash);
}

static void link_out(evg_index_bucket_t *bucket, evg_index_node_t *node)
{
    if (node->next) node->next->prev = node->prev;
    if (node->prev)
        node->prev->next = node->next;
    else
        bucket->first = node->next;
    if (!bucket->first) bucket->seen = 0;
}

/* -- one bucket more, one less ------------------------------------------------------------------------------------- */

static int widen(evg_index_t *index)
{
    if (index->used < index->cap) return 1;
    size_t cap = index->cap ? index->cap * 2 : FIRST_CAP;
    evg_index_bucket_t *buckets = evg_realloc(index->buckets, cap * sizeof *buckets);
    if (!buckets) return 0;
    if (!index->buckets) buckets[0] = index->only;
    index->buckets = buckets;
    index->cap = cap;
    return 1;
}

static void link_behind(evg_index_bucket_t *bucket, evg_index_node_t *last, evg_index_node_t *node)
{
    node->prev = last;
    node->next = NULL;
    *(last ? &last->next : &bucket->first) = node;
    bucket->seen |= bit_of(node->hash);
}

/* The half of `from` that belongs to `to` goes there, in its order. */
static void split(evg_index_t *index, size_t from, size_t to)
{
    evg_index_bucket_t *low = &index->buckets[from], *high = &index->buckets[to];
    evg_index_node_t *node = low->first, *last_low = NULL, *last_high = NULL, *next;
    *low = *high = (evg_index_bucket_t){0};
    for (; node; node = next) {
        next = node->next;
        if (place_of(index, node->hash) == to) {
            link_behind(high, last_high, node);
            last_high = node;
        } else {
            link_behind(low, last_low, node);
            last_low = node;
        }
    }
}

/* Of a bucket to be added: the one that it takes its half from. */
static size_t parent_of(size_t at, size_t mask)
{
    return at > mask ? at & mask : at & mask >> 1;
}

/* Its node has left the cache long ago; by the next call it is back. */
static void prefetch_next(const evg_index_t *index)
{
    __builtin_prefetch(index->buckets[parent_of(index->used, index->mask)].first);
}

static int grow(evg_index_t *index)
{
    if (!widen(index)) return 0;
    size_t at = index->used++, from = parent_of(at, index->mask);
    if (at > index->mask) index->mask = index->mask * 2 + 1;
    split(index, from, at);
    prefetch_next(index);
    return 1;
}

static void give_back(evg_index_t *index)
{
    if (index->cap == FIRST_CAP || index->used > index->cap / 4) return;
    evg_index_bucket_t *buckets = evg_realloc(index->buckets, index->cap / 2 * sizeof *buckets);
    if (!buckets) return;
    index->buckets = buckets;
    index->cap /= 2;
}

/* The last bucket's nodes go in front of those they were split from. */
static void shrink(evg_index_t *index)
{
    size_t at = --index->used;
    evg_index_bucket_t *gone = &index->buckets[at], *to = &index->buckets[at & index->mask >> 1];
    evg_index_node_t *last = gone->first;
    if (at == (index->mask >> 1) + 1) index->mask >>= 1;
    if (last) {
        while (last->next) last = last->next;
        last->next = to->first;
        if (last->next) last->next->prev = last;
        to->first = gone->first;
        to->seen |= gone->seen;
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
    const evg_index_bucket_t *bucket = bucket_to_read(index, place_of(index, hash));
    return bucket->seen & bit_of(hash) ? of_hash(bucket->first, hash) : NULL;
}

evg_index_node_t *evg_index_find_next(const evg_index_node_t *node)
{
    return of_hash(node->next, node->hash);
}

void evg_index_prefetch(const evg_index_t *index, uint64_t hash)
{
    __builtin_prefetch(bucket_to_read(index, place_of(index, hash)));
}

evg_index_node_t *evg_index_next(const evg_index_t *index, const evg_index_node_t *node)
{
    if (node && node->next) return node->next;
    for (size_t at = node ? place_of(index, node->hash) + 1 : 0; at < index->used; at++) {
        evg_index_node_t *first = bucket_to_read(index, at)->first;
        if (first) return first;
    }
    return NULL;
}
