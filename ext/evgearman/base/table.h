/* A hash table from bytes to pointers.
 *
 * It owns its nodes, never keys or values: a key must stay where it is, unchanged, as long as its entry.
 * Handles are chosen by the peer, so the hash is keyed (SipHash-1-3): nobody can aim at one bucket.
 * Open addressing with linear probing and backward-shift deletion: no tombstones, so a table that sees
 * millions of short-lived entries stays as fast as a new one. */
#ifndef EVG_BASE_TABLE_H
#define EVG_BASE_TABLE_H

#include "base/bytes.h"

typedef struct {
    evg_bytes_t key;
    void *value;
    /* private */
    uint64_t hash; /* kept, so that growing and shifting never read keys */
} evg_table_entry_t;

typedef struct {
    uint64_t seed[2];
    evg_table_entry_t *entries; /* NULL until the first put */
    size_t cap;                 /* a power of two */
    size_t count;
    uint64_t probes; /* entries looked at, ever: the cost of it, for tests and stats */
} evg_table_t;

/* Allocates nothing. Two halves of a secret random seed. */
void evg_table_init(evg_table_t *table, uint64_t seed0, uint64_t seed1);

/* Frees the entries; keys and values are the caller's. */
void evg_table_deinit(evg_table_t *table);

/* Adds an entry, or replaces key and value of the one with equal key. 0, or EVG_ENOMEM. `value` is not NULL. */
int evg_table_put(evg_table_t *table, evg_bytes_t key, void *value);

/* The value, or NULL. */
void *evg_table_get(evg_table_t *table, evg_bytes_t key);

/* Takes the entry out and answers its value, or NULL. Never fails, never allocates. */
void *evg_table_remove(evg_table_t *table, evg_bytes_t key);

/* The same in steps, so that one look (and one hash) is enough to decide and to change. An entry may be changed in place, to
 * an equal key and another value; it is good until the table next changes. */

/* The entry of that key, or NULL. */
evg_table_entry_t *evg_table_find(evg_table_t *table, evg_bytes_t key);

/* The same; where there is none, a new one whose value is NULL, to be set at once. NULL: no memory. */
evg_table_entry_t *evg_table_place(evg_table_t *table, evg_bytes_t key);

/* Takes that entry out. Never fails, never allocates. */
void evg_table_take(evg_table_t *table, evg_table_entry_t *entry);

/* Walks all values: start with *at = 0, ends with NULL. The table must not change meanwhile. */
void *evg_table_next(const evg_table_t *table, size_t *at);

#endif
