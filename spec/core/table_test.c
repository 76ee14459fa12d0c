#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/failing_alloc.h"
#include "support/guard_page.h"

enum { MANY = 100000, KEY_LEN = 24 };

static const uint64_t SEED0 = 0x0706050403020100, SEED1 = 0x0f0e0d0c0b0a0908;

typedef struct {
    char name[KEY_LEN];
    bool in_p; /* the model: whether the table should hold it */
} item_t;

static evg_table_t table;
static item_t items[MANY];

static evg_bytes_t key_of(const item_t *item)
{
    return evg_bytes_of(item->name);
}

static int fresh_table(void **state)
{
    (void)state;
    evg_table_init(&table, SEED0, SEED1);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(items[i].name, KEY_LEN, "H:host.example:%zu", i);
        items[i].in_p = false;
    }
    evg_alloc_fail_at(0);
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    evg_table_deinit(&table);
    evg_table_deinit(&table);
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static void put(item_t *item)
{
    assert_int_equal(evg_table_put(&table, key_of(item), item), EVG_OK);
    item->in_p = true;
}

static void take(item_t *item)
{
    assert_ptr_equal(evg_table_remove(&table, key_of(item)), item->in_p ? item : NULL);
    item->in_p = false;
}

static void assert_like_model(item_t *list, size_t count)
{
    size_t in = 0;
    for (size_t i = 0; i < count; i++) {
        void *wanted = list[i].in_p ? &list[i] : NULL;
        assert_ptr_equal(evg_table_get(&table, key_of(&list[i])), wanted);
        in += list[i].in_p;
    }
    assert_int_equal(table.count, in);
}

static void shuffle(size_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) order[i] = i;
    for (size_t i = count; i > 1; i--) {
        size_t at = (size_t)random() % i, kept = order[at];
        order[at] = order[i - 1];
        order[i - 1] = kept;
    }
}

/* SipHash-1-3 once more, as plainly as its paper has it: without it no collisions can be crafted.
 */
static uint64_t turned(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void reference_rounds(uint64_t v[4], int count)
{
    while (count--) {
        v[0] += v[1], v[1] = turned(v[1], 13) ^ v[0], v[0] = turned(v[0], 32);
        v[2] += v[3], v[3] = turned(v[3], 16) ^ v[2];
        v[0] += v[3], v[3] = turned(v[3], 21) ^ v[0];
        v[2] += v[1], v[1] = turned(v[1], 17) ^ v[2], v[2] = turned(v[2], 32);
    }
}

static uint64_t reference_hash(uint64_t k0, uint64_t k1, evg_bytes_t key)
{
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};
    for (size_t at = 0; at <= key.len / 8 * 8; at += 8) {
        uint64_t word = at + 8 > key.len ? (uint64_t)key.len << 56 : 0;
        for (size_t i = 0; i < 8 && at + i < key.len; i++) word |= (uint64_t)key.at[at + i] << 8 * i;
        v[3] ^= word;
        reference_rounds(v, 1);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    reference_rounds(v, 3);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void the_reference_is_siphash_1_3(void **state)
{
    /* The numbers come from a program that agrees with CPython 3.11, whose hash of bytes is SipHash-1-3. */
    (void)state;
    const struct {
        size_t len;
        uint64_t hash;
    } known[] = {{0, 0xabac0158050fc4dc}, {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},
                 {8, 0x369095118d299a8e}, {15, 0xd320d86d2a519956}, {63, 0x9d199062b7bbb3a8}};
    uint8_t bytes[64];
    for (uint8_t i = 0; i < 64; i++) bytes[i] = i;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t hash = reference_hash(SEED0, SEED1, evg_bytes(bytes, known[i].len));
        assert_true(hash == known[i].hash);
    }
}

static void an_empty_table_holds_nothing(void **state)
{
    /* Fails when a table without entries is searched. */
    (void)state;
    size_t at = 0;
    assert_null(evg_table_get(&table, evg_bytes_of("x")));
    assert_null(evg_table_remove(&table, evg_bytes_of("x")));
    assert_null(evg_table_next(&table, &at));
    assert_int_equal(evg_alloc_count(), 0);
}

static void a_key_is_its_bytes(void **state)
{
    /* Fails when keys are taken as C strings, or when one is equal to its beginning. */
    (void)state;
    const evg_bytes_t keys[] = {evg_bytes(NULL, 0),  evg_bytes("\0", 1),   evg_bytes("\0\0", 2), evg_bytes("a", 1),
                                evg_bytes("a\0", 2), evg_bytes("a\0b", 3), evg_bytes("a\0c", 3), evg_bytes("\xff", 1)};
    enum { KEYS = sizeof keys / sizeof *keys };
    for (size_t i = 0; i < KEYS; i++) assert_int_equal(evg_table_put(&table, keys[i], &items[i]), EVG_OK);
    assert_int_equal(table.count, KEYS);
    for (size_t i = 0; i < KEYS; i++) assert_ptr_equal(evg_table_get(&table, keys[i]), &items[i]);
    for (size_t i = 0; i < KEYS; i++) assert_ptr_equal(evg_table_remove(&table, keys[i]), &items[i]);
    assert_int_equal(table.count, 0);
}

static void keys_are_not_read_past_their_end(void **state)
{
    /* Fails when the last bytes of a key are loaded as a whole word. */
    (void)state;
    static const uint8_t bytes[100];
    evg_bytes_t keys[100];
    for (size_t len = 0; len < 100; len++) {
        keys[len] = guard_page_copy(evg_bytes(bytes, len));
        assert_int_equal(evg_table_put(&table, keys[len], &items[len]), EVG_OK);
    }
    for (size_t len = 0; len < 100; len++) {
        assert_ptr_equal(evg_table_get(&table, evg_bytes(bytes, len)), &items[len]);
        assert_ptr_equal(evg_table_remove(&table, keys[len]), &items[len]);
        guard_page_free(keys[len]);
    }
}

static void replacing_takes_the_new_key_too(void **state)
{
    /* Fails when the entry keeps the old key, which its owner may free with the old value. */
    (void)state;
    item_t old = {.name = "same"}, new = {.name = "same"};
    put(&old);
    put(&new);
    assert_int_equal(table.count, 1);
    memset(&old, 'x', sizeof old);
    assert_ptr_equal(evg_table_get(&table, evg_bytes_of("same")), &new);
    take(&new);
    assert_null(evg_table_get(&table, evg_bytes_of("same")));
}

static void one_look_is_enough(void **state)
{
    /* Fails when a new entry is not counted at once, or one that is there is not found or taken out. */
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        evg_table_entry_t *entry = evg_table_place(&table, key_of(&items[i]));
        assert_null(entry->value);
        assert_int_equal(table.count, i + 1);
        entry->value = &items[i];
        items[i].in_p = true;
    }
    assert_like_model(items, 200);
    evg_table_entry_t *entry = evg_table_place(&table, key_of(&items[7]));
    assert_ptr_equal(entry, evg_table_find(&table, key_of(&items[7])));
    assert_ptr_equal(entry->value, &items[7]);
    assert_null(evg_table_find(&table, key_of(&items[100])));
    entry->value = &items[8];
    assert_ptr_equal(evg_table_get(&table, key_of(&items[7])), &items[8]);
    entry->value = &items[7];
    evg_table_take(&table, evg_table_find(&table, key_of(&items[7])));
    items[7].in_p = false;
    assert_like_model(items, 200);
}

static void replacing_in_a_full_table_needs_no_memory(void **state)
{
    /* Fails when the table grows before it looks whether the key is there. */
    (void)state;
    for (size_t i = 0; i < 12; i++) put(&items[i]);
    assert_int_equal(table.cap, 16);
    evg_alloc_fail_at(1);
    for (size_t i = 0; i < 12; i++) put(&items[i]);
    assert_int_equal(evg_alloc_count(), 0);
}

static void it_is_never_fuller_than_three_quarters(void **state)
{
    /* Fails when it grows later, or not by doubling. */
    (void)state;
    for (size_t i = 0; i < 10000; i++) {
        put(&items[i]);
        assert_true(table.count <= table.cap / 4 * 3);
        assert_true((table.cap & (table.cap - 1)) == 0);
        assert_true(table.cap == 16 || table.count > table.cap / 8 * 3);
    }
}

static void many_come_and_go_in_any_order(void **state)
{
    /* Fails when removal breaks a run of entries: one behind the gap is not found again. */
    (void)state;
    static size_t order[MANY];
    srandom(1);
    shuffle(order, MANY);
    for (size_t i = 0; i < MANY; i++) put(&items[order[i]]);
    assert_like_model(items, MANY);
    shuffle(order, MANY);
    for (size_t i = 0; i < MANY; i++) {
        take(&items[order[i]]);
        if (i % 10000 == 0) assert_like_model(items, MANY);
    }
    assert_like_model(items, MANY);
}

static void random_steps_match_a_model(void **state)
{
    (void)state;
    srandom(2);
    for (size_t i = 0; i < 200000; i++) {
        item_t *item = &items[random() % 100];
        if (random() % 2)
            put(item);
        else
            take(item);
        if (i % 50 == 0) assert_like_model(items, 100);
    }
}

/* Items whose hashes end with the same bits: all want one place in any table up to `mask` + 1. */
static void craft(item_t *crafted, size_t count, uint64_t mask, uint64_t home)
{
    for (size_t i = 0, n = 0; i < count; n++) {
        snprintf(crafted[i].name, KEY_LEN, "%zu", n);
        crafted[i].in_p = false;
        if ((reference_hash(SEED0, SEED1, key_of(&crafted[i])) & mask) == home) i++;
    }
}

static uint64_t probes_to_get(const item_t *item)
{
    uint64_t before = table.probes;
    evg_table_get(&table, key_of(item));
    return table.probes - before;
}

static void collisions_are_told_apart(void **state)
{
    /* Fails when equal places are taken for equal keys, or when the hash is not SipHash-1-3. */
    (void)state;
    enum { CRAFTED = 24 };
    item_t crafted[CRAFTED];
    craft(crafted, CRAFTED, 1023, 5);
    for (size_t i = 0; i < CRAFTED; i++) put(&crafted[i]);
    assert_like_model(crafted, CRAFTED);
    uint64_t probes = 0;
    for (size_t i = 0; i < CRAFTED; i++) probes += probes_to_get(&crafted[i]);
    assert_int_equal(probes, CRAFTED * (CRAFTED + 1) / 2);
    for (size_t i = 0; i < CRAFTED; i += 2) take(&crafted[i]);
    assert_like_model(crafted, CRAFTED);
    for (size_t i = 0; i < CRAFTED; i += 2) put(&crafted[i]);
    assert_like_model(crafted, CRAFTED);
}

static void a_run_may_wrap_around_the_end(void **state)
{
    /* Fails when distances are not taken modulo the capacity while the gap is closed. */
    (void)state;
    enum { EACH = 3, HOMES = 4, CRAFTED = EACH * HOMES };
    const uint64_t homes[HOMES] = {14, 15, 0, 1};
    item_t crafted[CRAFTED];
    for (size_t i = 0; i < HOMES; i++) craft(crafted + i * EACH, EACH, 15, homes[i]);
    srandom(3);
    for (int round = 0; round < 2000; round++) {
        size_t order[CRAFTED];
        shuffle(order, CRAFTED);
        for (size_t i = 0; i < CRAFTED; i++) put(&crafted[order[i]]);
        assert_int_equal(table.cap, 16);
        shuffle(order, CRAFTED);
        for (size_t i = 0; i < CRAFTED; i++) {
            take(&crafted[order[i]]);
            assert_like_model(crafted, CRAFTED);
        }
    }
}

/* The first few that a walk meets: where they lie depends on the hash alone. */
static void walk_with_seed(uint64_t seed0, uint64_t seed1, void *met[10])
{
    evg_table_deinit(&table);
    evg_table_init(&table, seed0, seed1);
    for (size_t i = 0; i < 100; i++) put(&items[i]);
    for (size_t i = 0, at = 0; i < 10; i++) met[i] = evg_table_next(&table, &at);
}

static void each_half_of_the_seed_counts(void **state)
{
    /* Fails when init or the hash drops one of them: collisions would be easier to aim at. */
    (void)state;
    void *plain[10], *again[10], *first[10], *second[10];
    walk_with_seed(SEED0, SEED1, plain);
    walk_with_seed(SEED0, SEED1, again);
    walk_with_seed(SEED0 + 1, SEED1, first);
    walk_with_seed(SEED0, SEED1 + 1, second);
    assert_memory_equal(plain, again, sizeof plain);
    assert_memory_not_equal(plain, first, sizeof plain);
    assert_memory_not_equal(plain, second, sizeof plain);
}

/* Probes per operation of a whole life: put all, get all, miss as many, remove all. */
static double probes_of_a_life(size_t count)
{
    uint64_t before = table.probes;
    for (size_t i = 0; i < count; i++) put(&items[i]);
    for (size_t i = 0; i < count; i++) evg_table_get(&table, key_of(&items[i]));
    for (size_t i = 0; i < count; i++) {
        evg_table_get(&table, evg_bytes(items[i].name, strlen(items[i].name) - 2));
    }
    for (size_t i = 0; i < count; i++) take(&items[i]);
    return (double)(table.probes - before) / (double)(4 * count);
}

static void the_cost_does_not_grow_with_the_count(void **state)
{
    /* Fails when the hash clusters, when the table grows too late, or by a fixed amount. */
    (void)state;
    double few = probes_of_a_life(1000), many = probes_of_a_life(MANY);
    assert_true(few < 5);
    assert_true(many < 5);
    assert_true(many < 1.5 * few);
}

static void the_cost_does_not_grow_with_age(void **state)
{
    /* Fails when removal leaves tombstones, which no search may stop at. */
    (void)state;
    for (size_t i = 0; i < 1000; i++) put(&items[i]);
    size_t cap = table.cap;
    for (int age = 0; age < 20; age++) {
        uint64_t before = table.probes;
        for (size_t i = 0; i < 50000; i++) {
            put(&items[(i + 1000) % 50000]);
            take(&items[i]);
        }
        assert_true(table.probes - before < 50000 * 2 * 5);
    }
    assert_int_equal(table.cap, cap);
}

static void a_walk_meets_each_value_once(void **state)
{
    /* Fails when the walk stops at a free place, or starts again at its end. */
    (void)state;
    for (size_t i = 0; i < 1000; i++) put(&items[i]);
    for (size_t i = 0; i < 1000; i += 3) take(&items[i]);
    size_t at = 0, met = 0;
    for (item_t *item; (item = evg_table_next(&table, &at)); met++) {
        assert_true(item->in_p);
        item->in_p = false;
    }
    assert_int_equal(met, table.count);
    assert_null(evg_table_next(&table, &at));
}

static void an_empty_table_gives_back_what_is_large(void **state)
{
    /* Fails when a burst of entries is paid for ever after, or a small table allocates again. */
    (void)state;
    for (size_t i = 0; i < MANY; i++) put(&items[i]);
    for (size_t i = 0; i < MANY; i++) take(&items[i]);
    assert_int_equal(evg_alloc_live(), 0);
    put(&items[0]);
    take(&items[0]);
    evg_alloc_fail_at(0);
    for (int i = 0; i < 100; i++) {
        put(&items[0]);
        assert_ptr_equal(evg_table_get(&table, key_of(&items[0])), &items[0]);
        take(&items[0]);
    }
    assert_int_equal(evg_alloc_count(), 0);
}

static void removing_never_allocates(void **state)
{
    /* Fails when the table shrinks by moving to a smaller block. */
    (void)state;
    for (size_t i = 0; i < 10000; i++) put(&items[i]);
    evg_alloc_fail_at(1);
    for (size_t i = 0; i < 10000; i++) take(&items[i]);
    assert_int_equal(evg_alloc_count(), 0);
}

static void a_failed_put_changes_nothing(void **state)
{
    (void)state;
    evg_alloc_fail_at(1);
    assert_int_equal(evg_table_put(&table, key_of(&items[0]), &items[0]), EVG_ENOMEM);
    assert_int_equal(table.count, 0);
    for (size_t i = 0; i < 12; i++) put(&items[i]);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_table_put(&table, key_of(&items[12]), &items[12]), EVG_ENOMEM);
    assert_like_model(items, 20);
    put(&items[12]);
    assert_like_model(items, 20);
}

static int a_life(void *context)
{
    (void)context;
    evg_table_t own;
    evg_table_init(&own, 1, 2);
    int rc = EVG_OK;
    for (size_t i = 0; i < 100 && rc == EVG_OK; i++) rc = evg_table_put(&own, key_of(&items[i]), &items[i]);
    for (size_t i = 0; i < 50; i++) evg_table_remove(&own, key_of(&items[i]));
    evg_table_deinit(&own);
    return rc;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(failing_alloc(a_life, NULL), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_table, nothing_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_reference_is_siphash_1_3),
        TEST(an_empty_table_holds_nothing),
        TEST(a_key_is_its_bytes),
        TEST(keys_are_not_read_past_their_end),
        TEST(replacing_takes_the_new_key_too),
        TEST(one_look_is_enough),
        TEST(replacing_in_a_full_table_needs_no_memory),
        TEST(it_is_never_fuller_than_three_quarters),
        TEST(many_come_and_go_in_any_order),
        TEST(random_steps_match_a_model),
        TEST(collisions_are_told_apart),
        TEST(a_run_may_wrap_around_the_end),
        TEST(each_half_of_the_seed_counts),
        TEST(the_cost_does_not_grow_with_the_count),
        TEST(the_cost_does_not_grow_with_age),
        TEST(a_walk_meets_each_value_once),
        TEST(an_empty_table_gives_back_what_is_large),
        TEST(removing_never_allocates),
        TEST(a_failed_put_changes_nothing),
        TEST(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
