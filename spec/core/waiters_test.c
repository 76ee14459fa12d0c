#include "session/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "support/failing_alloc.h"

enum { MANY = 100000 };

static evg_waiters_t jobs;
static evg_request_t requests[MANY];

static int fresh_jobs(void **state)
{
    (void)state;
    evg_waiters_init(&jobs, 11, 12);
    for (size_t i = 0; i < MANY; i++) evg_request_init(&requests[i], NULL);
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    evg_waiters_deinit(&jobs);
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static evg_request_t *named(size_t n, const char *handle)
{
    evg_request_t *request = &requests[n];
    request->handle_len = (uint8_t)strlen(handle);
    memcpy(request->handle, handle, request->handle_len);
    request->keyed = true;
    return request;
}

static evg_request_t *add(size_t n, const char *handle)
{
    evg_request_t *request = named(n, handle);
    assert_int_equal(evg_waiters_add(&jobs, request), 0);
    return request;
}

static evg_request_t *turn(const char *handle)
{
    return evg_waiters_turn(&jobs, evg_bytes_of(handle));
}

static evg_request_t *finish(const char *handle)
{
    return evg_waiters_finish(&jobs, evg_bytes_of(handle));
}

/* A caller may free its memory as soon as it is out: nothing may look there, not even at a key. */
static void forget(evg_request_t *request)
{
    memset(request, 0xee, sizeof *request);
}

static void knows_its_own_handles_only(void **state)
{
    (void)state;
    assert_int_equal(jobs.table.seed[0], 11); /* its secret */
    assert_int_equal(jobs.table.seed[1], 12);
    assert_null(turn("H:1"));
    assert_null(finish("H:1"));
    evg_request_t *a = add(0, "H:1"), *b = add(1, "H:2");
    assert_ptr_equal(turn("H:1"), a);
    assert_ptr_equal(turn("H:1"), a);
    assert_ptr_equal(turn("H:2"), b);
    assert_null(turn("H:"));
    assert_null(turn("H:11"));
    assert_null(turn(""));
    assert_ptr_equal(finish("H:1"), a);
    forget(a);
    assert_null(finish("H:1"));
    assert_ptr_equal(finish("H:2"), b);
    assert_int_equal(jobs.table.count, 0);
}

static void gives_each_copy_to_the_next(void **state)
{
    (void)state;
    evg_request_t *a = add(0, "H"), *b = add(1, "H"), *c = add(2, "H");
    for (int event = 0; event < 3; event++) {
        assert_ptr_equal(turn("H"), a);
        assert_ptr_equal(turn("H"), b);
        assert_ptr_equal(turn("H"), c);
    }
    assert_int_equal(jobs.table.count, 1);
    assert_ptr_equal(finish("H"), a);
    forget(a);
    assert_ptr_equal(finish("H"), b);
    forget(b);
    assert_ptr_equal(turn("H"), c);
    assert_ptr_equal(finish("H"), c);
    forget(c);
    assert_null(finish("H"));
}

/* Fails when add puts the newcomer behind the one whose turn it is rather than at the end of the round. */
static void late_joiner_comes_last(void **state)
{
    (void)state;
    evg_request_t *a = add(0, "H"), *b = add(1, "H");
    assert_ptr_equal(turn("H"), a);
    assert_ptr_equal(turn("H"), b);
    evg_request_t *c = add(2, "H");
    assert_ptr_equal(turn("H"), a);
    assert_ptr_equal(turn("H"), b);
    assert_ptr_equal(turn("H"), c);
    assert_ptr_equal(turn("H"), a);
}

/* Fails when who has no key, or meets one without, is taken for a copy: he would be told of another's job. */
static void only_those_with_keys_share_a_handle(void **state)
{
    (void)state;
    for (int keyed = 0; keyed < 3; keyed++) {
        evg_request_t *there = named(0, "H"), *comes = named(1, "H");
        there->keyed = keyed & 1;
        comes->keyed = keyed & 2;
        assert_int_equal(evg_waiters_add(&jobs, there), 0);
        assert_int_equal(evg_waiters_add(&jobs, comes), EVG_EUNEXPECTED);
        assert_ptr_equal(finish("H"), there);
        assert_null(finish("H"));
    }
}

/* Each of 1 to 4 waiters leaves, at each point of a round: the others keep their order. */
static void leaving_keeps_the_order_of_the_others(void **state)
{
    for (size_t count = 1; count <= 4; count++) {
        for (size_t leaver = 0; leaver < count; leaver++) {
            for (size_t turns = 0; turns < count; turns++) {
                fresh_jobs(state);
                for (size_t i = 0; i < count; i++) add(i, "H");
                for (size_t i = 0; i < turns; i++) turn("H");
                evg_waiters_remove(&jobs, &requests[leaver]);
                forget(&requests[leaver]);
                for (size_t i = turns; i < turns + count; i++) {
                    size_t wanted = i % count;
                    if (wanted != leaver) assert_ptr_equal(turn("H"), &requests[wanted]);
                }
                assert_int_equal(jobs.table.count, count > 1);
                evg_waiters_deinit(&jobs);
            }
        }
    }
}

/* A stand-in takes the place and the turn of any of 1 to 4 waiters, at each point of a round. */
static void stand_in_takes_the_very_place(void **state)
{
    for (size_t count = 1; count <= 4; count++) {
        for (size_t leaver = 0; leaver < count; leaver++) {
            for (size_t turns = 0; turns < count; turns++) {
                fresh_jobs(state);
                for (size_t i = 0; i < count; i++) add(i, "H:long.example:7");
                for (size_t i = 0; i < turns; i++) turn("H:long.example:7");
                evg_request_t *stand_in = &requests[9];
                evg_waiters_replace(&jobs, &requests[leaver], stand_in);
                forget(&requests[leaver]);
                for (size_t i = turns; i < turns + count; i++) {
                    evg_request_t *wanted = i % count == leaver ? stand_in : &requests[i % count];
                    assert_ptr_equal(turn("H:long.example:7"), wanted);
                }
                evg_waiters_deinit(&jobs);
            }
        }
    }
}

static void handles_may_be_63_bytes_and_binary(void **state)
{
    (void)state;
    char handle[EVG_KEY_MAX + 1];
    memset(handle, '\xff', EVG_KEY_MAX);
    handle[EVG_KEY_MAX] = 0;
    evg_request_t *a = add(0, handle);
    handle[EVG_KEY_MAX - 1] = 'x';
    evg_request_t *b = add(1, handle);
    assert_ptr_equal(turn(handle), b);
    handle[EVG_KEY_MAX - 1] = '\xff';
    assert_ptr_equal(turn(handle), a);
}

/* Table probes per job, for `count` jobs that end in random order. */
static double probes_per_job(size_t count)
{
    static size_t order[MANY];
    char handle[48];
    for (size_t i = 0; i < count; i++) {
        snprintf(handle, sizeof handle, "H:server.example:%zu", i);
        add(i, handle);
        order[i] = i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t at = (size_t)random() % i, kept = order[at];
        order[at] = order[i - 1];
        order[i - 1] = kept;
    }
    uint64_t before = jobs.table.probes;
    for (size_t i = 0; i < count; i++) {
        evg_bytes_t key = evg_request_handle(&requests[order[i]]);
        assert_ptr_equal(evg_waiters_turn(&jobs, key), &requests[order[i]]);
        assert_ptr_equal(evg_waiters_finish(&jobs, key), &requests[order[i]]);
    }
    assert_int_equal(jobs.table.count, 0);
    return (double)(jobs.table.probes - before) / (double)count;
}

/* Numbers that fill the table to the same share. Fails when a look-up walks the jobs, or tombstones stay. */
static void random_ends_cost_the_same_at_any_number(void **state)
{
    srandom(4);
    double few = 0;
    for (int i = 0; i < 16; i++) {
        few += probes_per_job(MANY / 128) / 16;
        evg_waiters_deinit(&jobs);
        evg_waiters_init(&jobs, (uint64_t)random(), (uint64_t)random());
    }
    fresh_jobs(state);
    double many = probes_per_job(MANY);
    assert_true(many < few * 1.1 && many > few * 0.9);
}

/* add allocates for a new handle only: a ring needs nothing. */
static int one_ring_and_more(void *context)
{
    (void)context;
    int r = 0;
    char handle[32];
    evg_waiters_init(&jobs, 1, 2);
    for (size_t i = 0; i < 200 && r == 0; i++) {
        evg_request_init(&requests[i], NULL);
        snprintf(handle, sizeof handle, "H:%zu", i / 2);
        r = evg_waiters_add(&jobs, named(i, handle));
        if (i % 2) assert_int_equal(r, 0);
    }
    evg_waiters_deinit(&jobs);
    return r;
}

static void survives_lack_of_memory(void **state)
{
    evg_waiters_deinit(&jobs);
    assert_true(failing_alloc(one_ring_and_more, NULL) < 10);
    fresh_jobs(state);
}

int main(void)
{
#define JOBS_TEST(name) cmocka_unit_test_setup_teardown(name, fresh_jobs, nothing_leaked)
    const struct CMUnitTest tests[] = {
        JOBS_TEST(knows_its_own_handles_only),
        JOBS_TEST(gives_each_copy_to_the_next),
        JOBS_TEST(late_joiner_comes_last),
        JOBS_TEST(only_those_with_keys_share_a_handle),
        JOBS_TEST(leaving_keeps_the_order_of_the_others),
        JOBS_TEST(stand_in_takes_the_very_place),
        JOBS_TEST(handles_may_be_63_bytes_and_binary),
        JOBS_TEST(random_ends_cost_the_same_at_any_number),
        JOBS_TEST(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
