#include "base/table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"

/* KEPT_CAP: what an empty table may hold on to. */
enum { FIRST_CAP = 16, KEPT_CAP = 1024 };

/* Free when its value is NULL. The hash is kept, so that growing and shifting never read keys. */
typedef struct evg_table_entry {
    uint64_t hash;
    evg_bytes_t key;
    void *value;
} entry_t;

static entry_t *look(evg_table_t *table, size_t at)
{
    table->probes++;
    return &table->entries[at];
}

static bool holds_p(const entry_t *entry, uint64_t hash, evg_bytes_t key)
{
    return entry->hash == hash && evg_bytes_equal_p(entry->key, key);
}

/* The place of the key, or the free one where it belongs. Some place always is free. */
static size_t find(evg_table_t *table, uint64_t hash, evg_bytes_t key)
{
    size_t mask = table->cap - 1, at = (size_t)hash & mask;
    for (;; at = (at + 1) & mask) {
        const entry_t *entry = look(table, at);
        if (!entry->value || holds_p(entry, hash, key)) return at;
    }
}

/* For an entry that is known to be new. */
static void settle(evg_table_t *table, entry_t entry)
{
    size_t mask = table->cap - 1, at = (size_t)entry.hash & mask;
    while (look(table, at)->value) at = (at + 1) & mask;
    table->entries[at] = entry;
}

static int grow(evg_table_t *table)
{
    if (table->cap > SIZE_MAX / 2 / sizeof(entry_t)) return EVG_ENOMEM;
    size_t cap = table->cap ? table->cap * 2 : FIRST_CAP, old_cap = table->cap;
    entry_t *entries = evg_zalloc(cap * sizeof *entries), *old = table->entries;
    if (!entries) return EVG_ENOMEM;
    table->entries = entries;
    table->cap = cap;
    for (size_t at = 0; at < old_cap; at++) {
        if (old[at].value) settle(table, old[at]);
    }
    evg_free(old);
    return EVG_OK;
}

/* An entry behind the hole moves into it, unless that lies before the place its hash wants. */
static void close_gap(evg_table_t *table, size_t hole)
{
    size_t mask = table->cap - 1, at = (hole + 1) & mask;
    for (; look(table, at)->value; at = (at + 1) & mask) {
        size_t home = (size_t)table->entries[at].hash & mask;
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        table->entries[hole] = table->entries[at];
        hole = at;
    }
    table->entries[hole] = (entry_t){0};
}

static void drop(evg_table_t *table)
{
    evg_free(table->entries);
    table->entries = NULL;
    table->cap = table->count = 0;
}

void evg_table_init(evg_table_t *table, uint64_t seed0, uint64_t seed1)
{
    *table = (evg_table_t){.seed = {seed0, seed1}};
}

void evg_table_deinit(evg_table_t *table)
{
    drop(table);
}

int evg_table_put(evg_table_t *table, evg_bytes_t key, void *value)
{
    evg_assert(value != NULL);
    entry_t entry = {evg_hash(table->seed, key), key, value};
    size_t at = table->cap ? find(table, entry.hash, key) : 0;
    bool new_p = !table->cap || !table->entries[at].value;
    if (new_p && table->count >= table->cap / 4 * 3) {
        if (grow(table) < 0) return EVG_ENOMEM;
        at = find(table, entry.hash, key);
    }
    table->entries[at] = entry;
    table->count += new_p;
    return EVG_OK;
}

void *evg_table_get(evg_table_t *table, evg_bytes_t key)
{
    if (!table->count) return NULL;
    return table->entries[find(table, evg_hash(table->seed, key), key)].value;
}

void *evg_table_remove(evg_table_t *table, evg_bytes_t key)
{
    if (!table->count) return NULL;
    size_t at = find(table, evg_hash(table->seed, key), key);
    void *value = table->entries[at].value;
    if (!value) return NULL;
    close_gap(table, at);
    table->count--;
    /* Freeing is all the shrinking there is: anything else would allocate, and so could fail. */
    if (!table->count && table->cap > KEPT_CAP) drop(table);
    return value;
}

void *evg_table_next(const evg_table_t *table, size_t *at)
{
    while (*at < table->cap) {
        void *value = table->entries[(*at)++].value;
        if (value) return value;
    }
    return NULL;
}
