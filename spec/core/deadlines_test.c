#include "base/deadlines.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

enum { ITEMS = 300 };

static evg_deadlines_t deadlines;
static evg_deadline_t items[ITEMS];

static int fresh_deadlines(void **state)
{
    (void)state;
    evg_alloc_fail_at(0);
    evg_deadlines_init(&deadlines);
    for (size_t i = 0; i < ITEMS; i++) evg_deadline_init(&items[i]);
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    evg_deadlines_deinit(&deadlines);
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static void add(evg_deadline_t *item, double at)
{
    assert_int_equal(evg_deadlines_add(&deadlines, item, at), EVG_OK);
    assert_true(evg_deadline_set_p(item));
    assert_true(item->heap.at == at);
}

static void assert_first(const evg_deadline_t *item)
{
    assert_ptr_equal(evg_deadlines_first(&deadlines), item);
}

static void none_is_due_at_first(void **state)
{
    /* Fails when remove believes that what it is given is set. */
    (void)state;
    assert_first(NULL);
    assert_false(evg_deadline_set_p(&items[0]));
    evg_deadlines_remove(&deadlines, &items[0]);
    assert_first(NULL);
}

static void those_in_order_cost_no_memory(void **state)
{
    /* Fails when a deadline that lies at or behind the last one goes to the heap. */
    (void)state;
    for (size_t i = 0; i < ITEMS; i++) add(&items[i], (double)(i / 2));
    assert_int_equal(evg_alloc_count(), 0);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_first(&items[i]);
        evg_deadlines_remove(&deadlines, &items[i]);
        assert_false(evg_deadline_set_p(&items[i]));
    }
    assert_first(NULL);
}

static void one_out_of_order_is_seen(void **state)
{
    /* Fails when only the list is asked for the first, or only the heap. */
    (void)state;
    add(&items[0], 10);
    add(&items[1], 20);
    add(&items[2], 15);
    assert_first(&items[0]);
    add(&items[3], 5);
    assert_first(&items[3]);
    evg_deadlines_remove(&deadlines, &items[3]);
    assert_first(&items[0]);
    evg_deadlines_remove(&deadlines, &items[0]);
    assert_first(&items[2]);
    evg_deadlines_remove(&deadlines, &items[1]);
    assert_first(&items[2]);
    evg_deadlines_remove(&deadlines, &items[2]);
    assert_first(NULL);
}

static void removing_twice_is_nothing(void **state)
{
    (void)state;
    add(&items[0], 10);
    add(&items[1], 5);
    for (int i = 0; i < 2; i++) {
        evg_deadlines_remove(&deadlines, &items[0]);
        evg_deadlines_remove(&deadlines, &items[1]);
    }
    assert_first(NULL);
}

static void one_may_move_between_list_and_heap(void **state)
{
    (void)state;
    add(&items[0], 10);
    add(&items[1], 5);
    evg_deadlines_remove(&deadlines, &items[1]);
    add(&items[1], 11);
    assert_first(&items[0]);
    evg_deadlines_remove(&deadlines, &items[0]);
    add(&items[0], 3);
    assert_first(&items[0]);
    evg_deadlines_remove(&deadlines, &items[0]);
    assert_first(&items[1]);
}

static double model_first(void)
{
    double first = INFINITY;
    for (size_t i = 0; i < ITEMS; i++) {
        if (evg_deadline_set_p(&items[i])) first = fmin(first, items[i].heap.at);
    }
    return first;
}

/* Time goes on, and now and then one wants its own. */
static void one_random_step(int now)
{
    evg_deadline_t *item = &items[random() % ITEMS];
    if (random() % 8 == 0) item = evg_deadlines_first(&deadlines);
    if (!item) return;
    if (evg_deadline_set_p(item))
        evg_deadlines_remove(&deadlines, item);
    else
        add(item, now + (double)(random() % 3 ? 100 : random() % 200));
}

static void random_steps_match_a_model(void **state)
{
    (void)state;
    srandom(1);
    for (int now = 0; now < 40000; now++) {
        one_random_step(now);
        evg_deadline_t *first = evg_deadlines_first(&deadlines);
        assert_true((first ? first->heap.at : INFINITY) == model_first());
    }
}

static void one_without_memory_is_not_set(void **state)
{
    /* Fails when the failure of the heap is swallowed. */
    (void)state;
    add(&items[0], 10);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_deadlines_add(&deadlines, &items[1], 5), EVG_ENOMEM);
    assert_false(evg_deadline_set_p(&items[1]));
    assert_first(&items[0]);
    add(&items[1], 5);
    assert_first(&items[1]);
}

static void room_that_was_reserved_lasts(void **state)
{
    /* Fails when a deadline out of order needs memory in spite of it. */
    (void)state;
    assert_int_equal(evg_deadlines_reserve(&deadlines, 20), EVG_OK);
    evg_alloc_fail_at(1);
    add(&items[0], 100);
    for (int i = 1; i < 20; i++) add(&items[i], 100 - i);
    evg_alloc_fail_at(0);
    assert_first(&items[19]);
}

static int a_life(void *context)
{
    (void)context;
    evg_deadline_t own[40];
    evg_deadlines_t some;
    evg_deadlines_init(&some);
    int rc = EVG_OK;
    for (size_t i = 0; i < 40 && rc == EVG_OK; i++) {
        evg_deadline_init(&own[i]);
        rc = evg_deadlines_add(&some, &own[i], -(double)i);
    }
    evg_deadlines_deinit(&some);
    return rc;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    failing_alloc(a_life, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_deadlines, nothing_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(none_is_due_at_first),          TEST(those_in_order_cost_no_memory),      TEST(one_out_of_order_is_seen),
        TEST(removing_twice_is_nothing),     TEST(one_may_move_between_list_and_heap), TEST(random_steps_match_a_model),
        TEST(one_without_memory_is_not_set), TEST(room_that_was_reserved_lasts),       TEST(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
