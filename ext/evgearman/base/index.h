/* An intrusive hash index: the node lives in the thing that is found, the index owns an array of buckets.
 *
 * It is for what there may be a million of, while others wait: it grows and shrinks by one bucket at a time (linear
 * hashing), so nothing ever stands still to be sorted anew; it gives memory back while it is in use; and adding cannot fail:
 * without memory for more buckets their chains are longer. The hash is the caller's, who compares what was found:
 *
 *     for (node = evg_index_find(index, hash); node; node = evg_index_find_next(node))
 *         if (equal_p(thing_of(node), key)) return thing_of(node);
 */
#ifndef EVG_BASE_INDEX_H
#define EVG_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

typedef struct evg_index_node {
    /* private */
    struct evg_index_node *prev, *next; /* in its bucket */
    uint64_t hash;
} evg_index_node_t;

typedef struct {
    /* private */
    evg_index_node_t *first;
    uint64_t
        seen; /* a bit for each hash that may be in it: what is not there is mostly known without looking at nodes */
} evg_index_bucket_t;

typedef struct {
    size_t count;
    /* private */
    evg_index_bucket_t *buckets;
    evg_index_bucket_t only; /* the one bucket, while there is no array */
    size_t used, cap;        /* buckets; of the array */
    size_t mask;             /* of the hash: the least 2^n - 1 that reaches the last bucket */
} evg_index_t;

/* Allocates nothing. */
void evg_index_init(evg_index_t *index);

/* The nodes are just forgotten. */
void evg_index_deinit(evg_index_t *index);

/* A node that is in no index. Several may have the same hash: the newest is found first. */
void evg_index_add(evg_index_t *index, evg_index_node_t *node, uint64_t hash);

/* A node that is in this index. */
void evg_index_remove(evg_index_t *index, evg_index_node_t *node);

/* The first node of that hash, or NULL; then the next one of the same hash. */
evg_index_node_t *evg_index_find(const evg_index_t *index, uint64_t hash);
evg_index_node_t *evg_index_find_next(const evg_index_node_t *node);

/* Something will be looked for or changed there soon: a hint for the cache. */
void evg_index_prefetch(const evg_index_t *index, uint64_t hash);

/* Walks all nodes: start with NULL, ends with NULL. The index must not change meanwhile. */
evg_index_node_t *evg_index_next(const evg_index_t *index, const evg_index_node_t *node);

#endif
