#include "base/index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

enum { MANY = 20000 };

typedef struct {
    evg_index_node_t node;
    bool in;
} item_t;

static evg_index_t index;
static item_t items[MANY];

static uint64_t scrambled(uint64_t n)
{
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return n ^ n >> 27;
}

static int fresh(void **state)
{
    (void)state;
    evg_index_init(&index);
    for (int i = 0; i < MANY; i++) items[i].in = false;
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    evg_alloc_fail_at(0);
    evg_index_deinit(&index);
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static void add(int i, uint64_t hash)
{
    evg_index_add(&index, &items[i].node, hash);
    items[i].in = true;
}

static void take(int i)
{
    evg_index_remove(&index, &items[i].node);
    items[i].in = false;
}

static bool found_p(int i)
{
    evg_index_node_t *node = evg_index_find(&index, items[i].node.hash);
    while (node && node != &items[i].node) node = evg_index_find_next(&index, node);
    return node;
}

/* The walk meets each item that is in, once; and each of them is found. */
static void assert_whole(int count)
{
    size_t in = 0, met = 0;
    for (int i = 0; i < count; i++) {
        in += items[i].in;
        if (items[i].in) assert_true(found_p(i));
    }
    for (evg_index_node_t *at = NULL; (at = evg_index_next(&index, at));) met++;
    assert_int_equal(index.count, in);
    assert_int_equal(met, in);
}

/* How many have no place in their bucket. */
static size_t chained(void)
{
    size_t count = 0;
    for (size_t at = 0; at < index.used; at++) {
        for (evg_index_node_t *node = index.buckets[at].chain; node; node = node->next) count++;
    }
    return count;
}

static void an_empty_one_holds_nothing_and_no_memory(void **state)
{
    (void)state;
    assert_null(evg_index_find(&index, 0));
    assert_null(evg_index_next(&index, NULL));
    add(0, 7);
    assert_true(found_p(0));
    assert_null(evg_index_find(&index, 8));
    assert_int_equal(evg_alloc_live(), 0);
    take(0);
    assert_null(evg_index_find(&index, 7));
}

static void it_follows_a_model_while_it_grows_and_shrinks(void **state)
{
    (void)state;
    srandom(1);
    for (int wave = 0; wave < 6; wave++) {
        int bias = wave % 2 ? 30 : 70;
        for (int step = 0; step < 2 * MANY; step++) {
            int i = (int)(random() % 2000);
            bool wanted = random() % 100 < bias;
            if (wanted && !items[i].in) add(i, scrambled((uint64_t)i));
            if (!wanted && items[i].in) take(i);
            if (step % 5000 == 0) assert_whole(2000);
        }
        assert_whole(2000);
    }
}

static void chains_stay_short_and_memory_goes_back(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) add(i, scrambled((uint64_t)i));
    assert_in_range(index.used, MANY / 3 - 1, MANY / 3 + 1);
    assert_true(index.cap < MANY);
    for (int i = 0; i < MANY - 100; i++) take(i);
    assert_true(index.used <= 100);
    assert_true(index.cap <= 512);
    for (int i = MANY - 100; i < MANY; i++) assert_true(found_p(i));
}

static void numbers_in_a_row_need_no_hash(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) add(i, (uint64_t)i);
    for (int i = 0; i < MANY; i++) {
        assert_ptr_equal(evg_index_find(&index, (uint64_t)i), &items[i].node);
    }
    assert_true(chained() * 10 < index.count);
}

/* Fails when a bucket lies across two lines, or when more than a few nodes have to be looked at to see what is not there. */
static void most_have_a_place_in_a_cache_line(void **state)
{
    (void)state;
    assert_int_equal(sizeof *index.buckets, 64);
    for (int i = 0; i < MANY; i++) {
        add(i, scrambled((uint64_t)i));
        assert_int_equal((uintptr_t)index.buckets % 64, 0);
        if (i % 1000 == 999) assert_true(chained() * 10 < index.count);
    }
    for (int i = 0; i < MANY; i++) {
        take(i);
        assert_int_equal((uintptr_t)index.buckets % 64, 0);
    }
}

static void equal_hashes_are_all_found(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) add(i, 3);
    for (int i = 50; i < 100; i++) add(i, scrambled((uint64_t)i));
    assert_whole(100);
    for (int i = 0; i < 50; i += 2) take(i);
    assert_whole(100);
}

static void without_memory_it_only_gets_slower(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        evg_alloc_fail_at(1);
        add(i, scrambled((uint64_t)i));
    }
    assert_int_equal(index.used, 1);
    assert_whole(400);
    evg_alloc_fail_at(0);
    for (int i = 400; i < 600; i++) add(i, scrambled((uint64_t)i));
    assert_true(index.used > 600 / 4); /* it catches up */
    for (int i = 0; i < 590; i++) {
        evg_alloc_fail_at(1);
        take(i);
    }
    assert_whole(600);
}

#define test(name) cmocka_unit_test_setup_teardown(name, fresh, nothing_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(an_empty_one_holds_nothing_and_no_memory), test(it_follows_a_model_while_it_grows_and_shrinks),
        test(chains_stay_short_and_memory_goes_back),   test(numbers_in_a_row_need_no_hash),
        test(most_have_a_place_in_a_cache_line),        test(equal_hashes_are_all_found),
        test(without_memory_it_only_gets_slower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
