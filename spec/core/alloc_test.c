#include "base/alloc.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

static void size_zero_is_a_block(void **state)
{
    /* Fails when 0 is handed to malloc or realloc, which may answer NULL or free. */
    (void)state;
    void *a = evg_alloc(0), *b = evg_zalloc(0);
    assert_non_null(a);
    assert_non_null(b);
    a = evg_realloc(a, 0);
    assert_non_null(a);
    assert_int_equal(evg_alloc_live(), 2);
    evg_free(a);
    evg_free(b);
    assert_int_equal(evg_alloc_live(), 0);
}

static void zalloc_gives_zeros(void **state)
{
    /* Fails when zalloc is alloc: a freed block comes back dirty. */
    (void)state;
    static const uint8_t zeros[4096];
    uint8_t *dirty = evg_alloc(sizeof zeros);
    memset(dirty, 0xff, sizeof zeros);
    evg_free(dirty);
    uint8_t *clean = evg_zalloc(sizeof zeros);
    assert_memory_equal(clean, zeros, sizeof zeros);
    evg_free(clean);
}

static void realloc_keeps_the_bytes(void **state)
{
    (void)state;
    char *ptr = evg_realloc(NULL, 4);
    assert_int_equal(evg_alloc_live(), 1);
    memcpy(ptr, "abc", 4);
    ptr = evg_realloc(ptr, 100000);
    assert_string_equal(ptr, "abc");
    assert_int_equal(evg_alloc_live(), 1);
    evg_free(ptr);
    assert_int_equal(evg_alloc_live(), 0);
}

static void failed_realloc_leaves_the_block(void **state)
{
    /* Fails when a failed realloc frees the block or forgets that it lives. */
    (void)state;
    char *ptr = evg_alloc(4);
    memcpy(ptr, "abc", 4);
    evg_alloc_fail_at(1);
    assert_null(evg_realloc(ptr, 8));
    evg_alloc_fail_at(0);
    assert_null(evg_realloc(ptr, SIZE_MAX));
    assert_string_equal(ptr, "abc");
    assert_int_equal(evg_alloc_live(), 1);
    evg_free(ptr);
}

static void free_of_null_is_nothing(void **state)
{
    /* Fails when NULL is counted as a block that was freed. */
    (void)state;
    evg_free(NULL);
    assert_int_equal(evg_alloc_live(), 0);
}

static void only_the_nth_call_fails_and_once(void **state)
{
    /* Fails when calls are counted from 0, or when all calls from the nth on fail. */
    (void)state;
    evg_alloc_fail_at(3);
    void *a = evg_alloc(1), *b = evg_zalloc(1);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(evg_realloc(NULL, 1));
    void *c = evg_alloc(1);
    assert_non_null(c);
    assert_int_equal(evg_alloc_count(), 4);
    assert_int_equal(evg_alloc_live(), 3);
    evg_free(a);
    evg_free(b);
    evg_free(c);
    evg_alloc_fail_at(0);
    assert_int_equal(evg_alloc_count(), 0);
}

static void each_kind_of_call_can_fail(void **state)
{
    (void)state;
    evg_alloc_fail_at(1);
    assert_null(evg_alloc(1));
    evg_alloc_fail_at(1);
    assert_null(evg_zalloc(1));
    evg_alloc_fail_at(1);
    assert_null(evg_realloc(NULL, 1));
    evg_alloc_fail_at(0);
    assert_int_equal(evg_alloc_live(), 0);
}

static void zero_turns_it_off(void **state)
{
    /* Fails when fail_at(0) leaves an older wish standing. */
    (void)state;
    evg_alloc_fail_at(1);
    evg_alloc_fail_at(0);
    void *ptr = evg_alloc(1);
    assert_non_null(ptr);
    evg_free(ptr);
}

static void what_no_pointer_can_span_is_refused(void **state)
{
    /* Fails when the size reaches malloc: AddressSanitizer aborts on it. */
    (void)state;
    assert_null(evg_alloc(SIZE_MAX));
    assert_null(evg_zalloc((size_t)PTRDIFF_MAX + 1));
    assert_null(evg_realloc(NULL, SIZE_MAX));
    assert_int_equal(evg_alloc_live(), 0);
}

static void *allocate_and_free(void *unused)
{
    for (int i = 0; i < 100000; i++) evg_free(evg_alloc(16));
    return unused;
}

static void two_threads_lose_no_count(void **state)
{
    /* Fails when the counters are plain integers: the resolver thread allocates beside the loop. */
    (void)state;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, allocate_and_free, NULL), 0);
    allocate_and_free(NULL);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_int_equal(evg_alloc_live(), 0);
    assert_int_equal(evg_alloc_count(), 200000);
}

static int three_blocks(void *context)
{
    size_t *runs = context;
    ++*runs;
    void *a = evg_alloc(1), *b = evg_zalloc(1), *c = evg_realloc(NULL, 1);
    int rc = a && b && c ? EVG_OK : EVG_ENOMEM;
    evg_free(a);
    evg_free(b);
    evg_free(c);
    return rc;
}

static void the_helper_fails_each_in_turn(void **state)
{
    /* Fails when failing_alloc ends before the run that has no failure. */
    (void)state;
    size_t runs = 0;
    assert_int_equal(failing_alloc(three_blocks, &runs), 3);
    assert_int_equal(runs, 4);
}

static int restart(void **state)
{
    (void)state;
    evg_alloc_fail_at(0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_zero_is_a_block),
        cmocka_unit_test(zalloc_gives_zeros),
        cmocka_unit_test(realloc_keeps_the_bytes),
        cmocka_unit_test(failed_realloc_leaves_the_block),
        cmocka_unit_test(free_of_null_is_nothing),
        cmocka_unit_test(only_the_nth_call_fails_and_once),
        cmocka_unit_test(each_kind_of_call_can_fail),
        cmocka_unit_test(zero_turns_it_off),
        cmocka_unit_test(what_no_pointer_can_span_is_refused),
        cmocka_unit_test_setup(two_threads_lose_no_count, restart),
        cmocka_unit_test(the_helper_fails_each_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
