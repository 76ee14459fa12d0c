#include "base/table.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"

/* KEPT_CAP: what an empty table may hold on to. */
enum { FIRST_CAP = 16, KEPT_CAP = 1024 };

/* Free when its value is NULL. The hash is kept, so that growing and shifting never read keys. */
typedef struct evg_table_entry {
    uint64_t hash;
    evg_bytes_t key;
    void *value;
} entry_t;

static inline uint64_t turned(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turned(v[1], 13) ^ v[0];
    v[3] = turned(v[3], 16) ^ v[2];
    v[0] = turned(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turned(v[1], 17) ^ v[2];
    v[3] = turned(v[3], 21) ^ v[0];
    v[2] = turned(v[2], 32);
}

static inline void sip_absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint64_t sip_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The bytes behind the last whole word, below the length. */
static uint64_t sip_tail(evg_bytes_t key)
{
    uint64_t word = (uint64_t)key.len << 56;
    for (size_t i = 0; i < key.len % 8; i++) word |= (uint64_t)key.at[key.len / 8 * 8 + i] << (8 * i);
    return word;
}

static uint64_t siphash13(const uint64_t seed[2], evg_bytes_t key)
{
    uint64_t v[4] = {
        seed[0] ^ 0x736f6d6570736575,
        seed[1] ^ 0x646f72616e646f6d,
        seed[0] ^ 0x6c7967656e657261,
        seed[1] ^ 0x7465646279746573,
    };
    for (size_t i = 0; i < key.len / 8; i++) sip_absorb(v, sip_word(key.at + i * 8));
    sip_absorb(v, sip_tail(key));
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

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
    entry_t entry = {siphash13(table->seed, key), key, value};
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
    return table->entries[find(table, siphash13(table->seed, key), key)].value;
}

void *evg_table_remove(evg_table_t *table, evg_bytes_t key)
{
    if (!table->count) return NULL;
    size_t at = find(table, siphash13(table->seed, key), key);
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
