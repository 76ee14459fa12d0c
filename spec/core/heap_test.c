#include "base/heap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

enum { NODES = 500 };

static evg_heap_t heap;
static evg_heap_node_t nodes[NODES];

static int fresh_heap(void **state)
{
    (void)state;
    evg_heap_init(&heap);
    for (size_t i = 0; i < NODES; i++) nodes[i] = (evg_heap_node_t){0};
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    evg_heap_deinit(&heap);
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static void add(evg_heap_node_t *node, double at)
{
    assert_int_equal(evg_heap_add(&heap, node, at), EVG_OK);
}

/* No node is due before its parent, and each knows its place. */
static void assert_sound(void)
{
    for (size_t i = 0; i < heap.count; i++) {
        assert_int_equal(heap.nodes[i]->index, i + 1);
        if (i) assert_true(heap.nodes[(i - 1) / 2]->at <= heap.nodes[i]->at);
    }
}

static void an_empty_heap_has_no_first(void **state)
{
    (void)state;
    assert_null(evg_heap_first(&heap));
    evg_heap_remove(&heap, &nodes[0]);
    evg_heap_deinit(&heap);
    assert_null(evg_heap_first(&heap));
}

static void a_node_that_is_in_no_heap_stays(void **state)
{
    /* Fails when remove does not forget the place of what it took out. */
    (void)state;
    add(&nodes[0], 1);
    add(&nodes[1], 2);
    evg_heap_remove(&heap, &nodes[0]);
    evg_heap_remove(&heap, &nodes[0]);
    assert_int_equal(heap.count, 1);
    assert_int_equal(nodes[0].index, 0);
    assert_ptr_equal(evg_heap_first(&heap), &nodes[1]);
}

static void a_node_may_come_back(void **state)
{
    (void)state;
    add(&nodes[0], 5);
    add(&nodes[1], 6);
    evg_heap_remove(&heap, &nodes[0]);
    add(&nodes[0], 7);
    assert_ptr_equal(evg_heap_first(&heap), &nodes[1]);
    assert_sound();
}

static void a_node_from_another_branch_may_have_to_rise(void **state)
{
    /* Fails when remove only ever sinks the node that fills the hole. */
    (void)state;
    const double times[] = {1, 10, 2, 11, 12, 3, 4};
    for (size_t i = 0; i < 7; i++) add(&nodes[i], times[i]);
    assert_ptr_equal(heap.nodes[6], &nodes[6]);
    evg_heap_remove(&heap, &nodes[3]);
    assert_sound();
    assert_int_equal(heap.count, 6);
}

static void any_time_has_its_place(void **state)
{
    /* Fails when times are compared as integers. */
    (void)state;
    const double times[] = {INFINITY, 0.25, -1, 0.5, INFINITY, -INFINITY, 0.125, 1e300};
    const double sorted[] = {-INFINITY, -1, 0.125, 0.25, 0.5, 1e300, INFINITY, INFINITY};
    for (size_t i = 0; i < 8; i++) add(&nodes[i], times[i]);
    for (size_t i = 0; i < 8; i++) {
        assert_true(evg_heap_first(&heap)->at == sorted[i]);
        evg_heap_remove(&heap, evg_heap_first(&heap));
    }
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void all_come_out_sorted(void **state)
{
    (void)state;
    double times[NODES];
    srandom(1);
    for (size_t i = 0; i < NODES; i++) add(&nodes[i], times[i] = (double)(random() % 300));
    qsort(times, NODES, sizeof *times, by_time);
    for (size_t i = 0; i < NODES; i++) {
        assert_true(evg_heap_first(&heap)->at == times[i]);
        evg_heap_remove(&heap, evg_heap_first(&heap));
        assert_sound();
    }
    assert_null(evg_heap_first(&heap));
}

/* The model: the nodes themselves, sorted anew by looking at each. */
static double model_first(size_t *count)
{
    double first = INFINITY;
    *count = 0;
    for (size_t i = 0; i < NODES; i++) {
        if (!nodes[i].index) continue;
        ++*count;
        if (nodes[i].at < first) first = nodes[i].at;
    }
    return first;
}

static void one_random_step(int bias)
{
    evg_heap_node_t *node = &nodes[random() % NODES];
    if (random() % 100 < bias && !node->index)
        add(node, (double)(random() % 1000));
    else
        evg_heap_remove(&heap, random() % 4 || !heap.count ? node : evg_heap_first(&heap));
}

static void random_steps_match_a_model(void **state)
{
    /* Fails when removal from the middle breaks the order, or loses a node. */
    (void)state;
    srandom(2);
    for (int i = 0; i < 40000; i++) {
        one_random_step(i / 5000 % 2 ? 20 : 80);
        size_t count;
        double first = model_first(&count);
        assert_int_equal(heap.count, count);
        if (count) assert_true(evg_heap_first(&heap)->at == first);
        assert_sound();
    }
}

static void a_node_without_memory_is_not_added(void **state)
{
    /* Fails when the node is marked or the count raised before there is room. */
    (void)state;
    size_t filled = 0;
    do add(&nodes[filled++], 1);
    while (heap.count < heap.cap);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_heap_add(&heap, &nodes[filled], 0), EVG_ENOMEM);
    evg_alloc_fail_at(0);
    assert_int_equal(nodes[filled].index, 0);
    assert_int_equal(heap.count, filled);
    assert_true(evg_heap_first(&heap)->at == 1);
    assert_sound();
}

static void a_capacity_is_checked_before_it_doubles(void **state)
{
    /* Fails when the doubled size may wrap around: a tiny block for a huge count. */
    (void)state;
    evg_heap_t full = {.count = SIZE_MAX / 2, .cap = SIZE_MAX / 2};
    assert_int_equal(evg_heap_add(&full, &nodes[0], 1), EVG_ENOMEM);
    full.count = full.cap = SIZE_MAX / sizeof(void *) / 2 + 1;
    assert_int_equal(evg_heap_add(&full, &nodes[0], 1), EVG_ENOMEM);
    assert_int_equal(nodes[0].index, 0);
}

static int a_life(void *context)
{
    (void)context;
    evg_heap_node_t own[100] = {0};
    evg_heap_t many;
    evg_heap_init(&many);
    int rc = EVG_OK;
    for (size_t i = 0; i < 100 && rc == EVG_OK; i++) rc = evg_heap_add(&many, &own[i], (double)i);
    evg_heap_deinit(&many);
    return rc;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(failing_alloc(a_life, NULL), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_heap, nothing_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_heap_has_no_first),
        TEST(a_node_that_is_in_no_heap_stays),
        TEST(a_node_may_come_back),
        TEST(a_node_from_another_branch_may_have_to_rise),
        TEST(any_time_has_its_place),
        TEST(all_come_out_sorted),
        TEST(random_steps_match_a_model),
        TEST(a_node_without_memory_is_not_added),
        TEST(a_capacity_is_checked_before_it_doubles),
        TEST(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
