#include "base/table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/hash.h"

/* KEPT_CAP: what an empty table may hold on to. */
enum { FIRST_CAP = 16, KEPT_CAP = 1024 };

typedef evg_table_entry_t entry_t; /* free when its value is NULL */

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

entry_t *evg_table_find(evg_table_t *table, evg_bytes_t key)
{
    if (!table->count) return NULL;
    entry_t *entry = &table->entries[find(table, evg_hash(table->seed, key), key)];
    return entry->value ? entry : NULL;
}

entry_t *evg_table_place(evg_table_t *table, evg_bytes_t key)
{
    uint64_t hash = evg_hash(table->seed, key);
    size_t at = table->cap ? find(table, hash, key) : 0;
    if (table->cap && table->entries[at].value) return &table->entries[at];
    if (table->count >= table->cap / 4 * 3) {
        if (grow(table) < 0) return NULL;
        at = find(table, hash, key);
    }
    table->entries[at] = (entry_t){.hash = hash, .key = key};
    table->count++;
    return &table->entries[at];
}

void evg_table_take(evg_table_t *table, entry_t *entry)
{
    close_gap(table, (size_t)(entry - table->entries));
    table->count--;
    /* Freeing is all the shrinking there is: anything else would allocate, and so could fail. */
    if (!table->count && table->cap > KEPT_CAP) drop(table);
}

int evg_table_put(evg_table_t *table, evg_bytes_t key, void *value)
{
    evg_assert(value != NULL);
    entry_t *entry = evg_table_place(table, key);
    if (!entry) return EVG_ENOMEM;
    entry->key = key;
    entry->value = value;
    return EVG_OK;
}

void *evg_table_get(evg_table_t *table, evg_bytes_t key)
{
    const entry_t *entry = evg_table_find(table, key);
    return entry ? entry->value : NULL;
}

void *evg_table_remove(evg_table_t *table, evg_bytes_t key)
{
    entry_t *entry = evg_table_find(table, key);
    void *value = entry ? entry->value : NULL;
    if (entry) evg_table_take(table, entry);
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
