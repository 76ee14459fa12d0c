#include "base/index.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

/* FIRST_CAP: of the array. FULL: nodes per bucket from which on there are too few buckets; those that are next to be split
 * have twice as many. STEPS: buckets that one call adds or takes away at most, so that it catches up after memory was
 * short. */
enum { FIRST_CAP = 4, FULL = 3, STEPS = 8, CACHE_LINE = 64 };

static evg_index_bucket_t *bucket_at(const evg_index_t *index, size_t at)
{
    return index->buckets ? &index->buckets[at] : (evg_index_bucket_t *)&index->only;
}

static size_t number_of(const evg_index_t *index, uint64_t hash)
{
    size_t at = (size_t)hash & index->mask;
    return at < index->used ? at : at & index->mask >> 1;
}

static evg_index_bucket_t *bucket_of(const evg_index_t *index, uint64_t hash)
{
    return bucket_at(index, number_of(index, hash));
}

/* Of a hash that may be a plain number, and whose lower bits are those of the bucket. */
static uint8_t tag_of(uint64_t hash)
{
    return (uint8_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static uint16_t bit_of(uint8_t tag)
{
    return (uint16_t)(1U << tag % 16);
}

/* -- one bucket ---------------------------------------------------------------------------------------------------- */

static void chain(evg_index_bucket_t *bucket, evg_index_node_t *node, uint8_t tag)
{
    node->prev = NULL;
    node->next = bucket->chain;
    if (node->next) node->next->prev = node;
    bucket->chain = node;
    bucket->seen |= bit_of(tag);
}

static void unchain(evg_index_bucket_t *bucket, evg_index_node_t *node)
{
    if (node->next) node->next->prev = node->prev;
    *(node->prev ? &node->prev->next : &bucket->chain) = node->next;
    if (!bucket->chain) bucket->seen = 0;
}

static void link_in(evg_index_bucket_t *bucket, evg_index_node_t *node, uint8_t tag)
{
    size_t at = 0;
    while (at < EVG_INDEX_PLACES && bucket->places[at]) at++;
    if (at == EVG_INDEX_PLACES) {
        chain(bucket, node, tag);
        return;
    }
    bucket->places[at] = node;
    bucket->tags[at] = tag;
}

/* EVG_INDEX_PLACES: it has none, and is in the chain. */
static size_t place_of(const evg_index_bucket_t *bucket, const evg_index_node_t *node)
{
    size_t at = 0;
    while (at < EVG_INDEX_PLACES && bucket->places[at] != node) at++;
    return at;
}

/* Who is in the chain takes a place that is free again. */
static void link_out(evg_index_bucket_t *bucket, evg_index_node_t *node)
{
    size_t at = place_of(bucket, node);
    if (at == EVG_INDEX_PLACES) {
        unchain(bucket, node);
        return;
    }
    evg_index_node_t *heir = bucket->places[at] = bucket->chain;
    if (!heir) return;
    unchain(bucket, heir);
    bucket->tags[at] = tag_of(heir->hash);
}

static evg_index_node_t *find_chained(evg_index_node_t *node, uint64_t hash)
{
    while (node && node->hash != hash) node = node->next;
    return node;
}

/* In the places from `at` on, then in the chain. */
static evg_index_node_t *find_from(const evg_index_bucket_t *bucket, size_t at, uint64_t hash)
{
    uint8_t tag = tag_of(hash);
    for (; at < EVG_INDEX_PLACES; at++) {
        evg_index_node_t *node = bucket->tags[at] == tag ? bucket->places[at] : NULL;
        if (node && node->hash == hash) return node;
    }
    return bucket->seen & bit_of(tag) ? find_chained(bucket->chain, hash) : NULL;
}

/* The first in the places from `at` on, then of the chain; or NULL. */
static evg_index_node_t *any_from(const evg_index_bucket_t *bucket, size_t at)
{
    while (at < EVG_INDEX_PLACES && !bucket->places[at]) at++;
    return at < EVG_INDEX_PLACES ? bucket->places[at] : bucket->chain;
}

/* -- one bucket more, one less ------------------------------------------------------------------------------------- */

static size_t to_line(const void *at)
{
    return (size_t)(-(uintptr_t)at % CACHE_LINE);
}

/* The block may come to lie otherwise towards the cache lines. */
static bool resize(evg_index_t *index, size_t cap)
{
    size_t was = index->buckets ? to_line(index->block) : 0;
    char *block = evg_realloc(index->block, (cap + 1) * sizeof *index->buckets);
    if (!block) return false;
    size_t is = to_line(block);
    if (index->buckets && is != was) memmove(block + is, block + was, index->used * sizeof *index->buckets);
    bool first = !index->buckets;
    index->block = block;
    index->buckets = (evg_index_bucket_t *)(void *)(block + is);
    index->cap = cap;
    if (first) index->buckets[0] = index->only;
    return true;
}

/* The half of `from` that belongs to `to` goes there. */
static void split(evg_index_t *index, size_t from, size_t to)
{
    evg_index_bucket_t *low = &index->buckets[from], *high = &index->buckets[to], old = *low;
    evg_index_node_t *next;
    *low = *high = (evg_index_bucket_t){0};
    for (evg_index_node_t *node = old.chain; node; node = next) {
        next = node->next;
        link_in(number_of(index, node->hash) == to ? high : low, node, tag_of(node->hash));
    }
    for (size_t at = 0; at < EVG_INDEX_PLACES; at++) {
        evg_index_node_t *node = old.places[at];
        if (node) link_in(number_of(index, node->hash) == to ? high : low, node, old.tags[at]);
    }
}

/* Of a bucket to be added: the one that it takes its half from. */
static size_t parent_of(size_t at, size_t mask)
{
    return at > mask ? at & mask : at & mask >> 1;
}

/* They have left the cache long ago; by the next call they are back. */
static void prefetch_next(const evg_index_t *index)
{
    const evg_index_bucket_t *next = &index->buckets[parent_of(index->used, index->mask)];
    __builtin_prefetch(next + 1);
    for (size_t at = 0; at < EVG_INDEX_PLACES; at++) __builtin_prefetch(next->places[at]);
}

static bool grow(evg_index_t *index)
{
    if (index->used >= index->cap && !resize(index, index->cap ? index->cap * 2 : FIRST_CAP)) return false;
    size_t at = index->used++, from = parent_of(at, index->mask);
    if (at > index->mask) index->mask = index->mask * 2 + 1;
    split(index, from, at);
    prefetch_next(index);
    return true;
}

/* The last bucket's nodes go back to those they were split from. */
static void shrink(evg_index_t *index)
{
    size_t last = --index->used;
    const evg_index_bucket_t *gone = &index->buckets[last];
    evg_index_bucket_t *to = &index->buckets[last & index->mask >> 1];
    evg_index_node_t *next;
    if (last == (index->mask >> 1) + 1) index->mask >>= 1;
    for (size_t at = 0; at < EVG_INDEX_PLACES; at++) {
        if (gone->places[at]) link_in(to, gone->places[at], gone->tags[at]);
    }
    for (evg_index_node_t *node = gone->chain; node; node = next) {
        next = node->next;
        link_in(to, node, tag_of(node->hash));
    }
    if (index->cap > FIRST_CAP && index->used <= index->cap / 4) (void)resize(index, index->cap / 2);
}

/* -- in, out, found ------------------------------------------------------------------------------------------------ */

void evg_index_init(evg_index_t *index)
{
    *index = (evg_index_t){.used = 1};
}

void evg_index_deinit(evg_index_t *index)
{
    evg_free(index->block);
    evg_index_init(index);
}

void evg_index_add(evg_index_t *index, evg_index_node_t *node, uint64_t hash)
{
    node->hash = hash;
    link_in(bucket_of(index, hash), node, tag_of(hash));
    index->count++;
    for (int i = 0; i < STEPS && index->count > index->used * FULL; i++) {
        if (!grow(index)) break;
    }
}

void evg_index_remove(evg_index_t *index, evg_index_node_t *node)
{
    evg_assert(index->count > 0);
    link_out(bucket_of(index, node->hash), node);
    index->count--;
    for (int i = 0; i < STEPS && index->used > 1 && index->count < index->used; i++) shrink(index);
}

evg_index_node_t *evg_index_find(const evg_index_t *index, uint64_t hash)
{
    return find_from(bucket_of(index, hash), 0, hash);
}

evg_index_node_t *evg_index_find_next(const evg_index_t *index, const evg_index_node_t *node)
{
    const evg_index_bucket_t *bucket = bucket_of(index, node->hash);
    size_t at = place_of(bucket, node);
    return at < EVG_INDEX_PLACES ? find_from(bucket, at + 1, node->hash) : find_chained(node->next, node->hash);
}

void evg_index_prefetch(const evg_index_t *index, uint64_t hash)
{
    __builtin_prefetch(bucket_of(index, hash));
}

/* The first in the buckets from number `at` on. */
static evg_index_node_t *first_from(const evg_index_t *index, size_t at)
{
    evg_index_node_t *node = NULL;
    while (!node && at < index->used) node = any_from(bucket_at(index, at++), 0);
    return node;
}

evg_index_node_t *evg_index_next(const evg_index_t *index, const evg_index_node_t *node)
{
    if (!node) return first_from(index, 0);
    size_t number = number_of(index, node->hash);
    const evg_index_bucket_t *bucket = bucket_at(index, number);
    size_t at = place_of(bucket, node);
    evg_index_node_t *next = at < EVG_INDEX_PLACES ? any_from(bucket, at + 1) : node->next;
    return next ? next : first_from(index, number + 1);
}
