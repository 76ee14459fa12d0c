/* A hash index: the node lives in the thing that is found, the index owns an array of buckets.
 *
 * It is for what there may be a million of, while others wait, and none of it in the cache: a bucket is one cache line, of
 * places with a few bits of the hash of what stands there. So to add, to remove, and to see that something is not there takes
 * that line and touches no other node; what finds no place is chained behind it. It grows and shrinks by one bucket at a time
 * (linear hashing), so nothing ever stands still to be sorted anew; it gives memory back while it is in use; and adding cannot
 * fail: without memory for more buckets their chains are longer. The hash is the caller's, who compares what was found:
 *
 *     for (node = evg_index_find(index, hash); node; node = evg_index_find_next(index, node))
 *         if (equal_p(thing_of(node), key)) return thing_of(node);
 */
#ifndef EVG_BASE_INDEX_H
#define EVG_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

enum { EVG_INDEX_PLACES = 6 }; /* of a bucket */

typedef struct evg_index_node {
    /* private */
    uint64_t hash;
    struct evg_index_node *prev, *next; /* in the chain */
} evg_index_node_t;

typedef struct {
    /* private */
    evg_index_node_t *places[EVG_INDEX_PLACES]; /* NULL: free */
    evg_index_node_t *chain;                    /* those that found no place */
    uint8_t tags[EVG_INDEX_PLACES];             /* of who stands there */
    uint16_t seen;                              /* a bit for each tag that may be in the chain */
} evg_index_bucket_t;

typedef struct {
    size_t count;
    /* private */
    evg_index_bucket_t *buckets; /* lies in `block`, at the beginning of a cache line */
    void *block;
    evg_index_bucket_t only; /* the one bucket, while there is no array */
    size_t used, cap;        /* buckets; of the array */
    size_t mask;             /* of the hash: the least 2^n - 1 that reaches the last bucket */
} evg_index_t;

/* Allocates nothing. */
void evg_index_init(evg_index_t *index);

/* The nodes are just forgotten. */
void evg_index_deinit(evg_index_t *index);

/* A node that is in no index. Several may have the same hash. */
void evg_index_add(evg_index_t *index, evg_index_node_t *node, uint64_t hash);

/* A node that is in this index. */
void evg_index_remove(evg_index_t *index, evg_index_node_t *node);

/* A node of that hash, or NULL; then the next one of the same hash, in no order. */
evg_index_node_t *evg_index_find(const evg_index_t *index, uint64_t hash);
evg_index_node_t *evg_index_find_next(const evg_index_t *index, const evg_index_node_t *node);

/* Something will be looked for or changed there soon: a hint for the cache. */
void evg_index_prefetch(const evg_index_t *index, uint64_t hash);

/* Walks all nodes: start with NULL, ends with NULL. The index must not change meanwhile. */
evg_index_node_t *evg_index_next(const evg_index_t *index, const evg_index_node_t *node);

#endif
