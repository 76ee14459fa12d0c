#include "session/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

enum { DRAWS = 20000 };

static evg_backoff_t backoff;

static int fresh(void **state)
{
    (void)state;
    evg_backoff_init(&backoff, 7);
    return 0;
}

static void fail_times(uint32_t times)
{
    backoff.failures = 0;
    for (uint32_t i = 0; i < times; i++) evg_backoff_failed(&backoff);
}

static double limit_after(uint32_t failures)
{
    double limit = backoff.first;
    for (uint32_t i = 1; i < failures && limit < backoff.most; i++) limit *= 2;
    return limit < backoff.most ? limit : backoff.most;
}

/* Fails when the jitter is a share of the delay and not all of it: a thousand clients would come in step. */
static void the_nth_delay_fills_zero_to_its_limit(void **state)
{
    (void)state;
    for (uint32_t failures = 0; failures < 80; failures++) {
        fail_times(failures);
        double limit = limit_after(failures), sum = 0, least = limit, most = 0;
        for (int i = 0; i < DRAWS; i++) {
            double delay = evg_backoff_delay(&backoff);
            sum += delay;
            least = delay < least ? delay : least;
            most = delay > most ? delay : most;
        }
        assert_true(least >= 0 && least < limit * 0.01);
        assert_true(most < limit && most > limit * 0.99);
        assert_true(sum / DRAWS > limit * 0.48 && sum / DRAWS < limit * 0.52);
    }
}

static void a_first_above_the_most_is_the_most(void **state)
{
    (void)state;
    backoff.first = 9;
    for (int i = 0; i < DRAWS; i++) assert_true(evg_backoff_delay(&backoff) < 2);
}

static void no_delay_stays_none(void **state)
{
    (void)state;
    backoff.first = 0;
    fail_times(70);
    assert_true(evg_backoff_delay(&backoff) == 0);
}

/* Fails when a limit that is turned off is taken for one of no seconds: a server that is away is then asked in a loop. */
static void no_most_is_no_limit(void **state)
{
    (void)state;
    backoff.most = 0;
    fail_times(21);
    double most = 0;
    for (int i = 0; i < DRAWS; i++) most = fmax(most, evg_backoff_delay(&backoff));
    assert_true(most > 0.099 * (1 << 20) && most < 0.1 * (1 << 20));
}

static void attempts_are_counted_from_the_last_success(void **state)
{
    (void)state;
    backoff.attempts = 3;
    fail_times(2);
    assert_false(evg_backoff_exhausted_p(&backoff));
    evg_backoff_succeeded(&backoff);
    fail_times(2);
    assert_false(evg_backoff_exhausted_p(&backoff));
    evg_backoff_failed(&backoff);
    assert_true(evg_backoff_exhausted_p(&backoff));
    evg_backoff_failed(&backoff);
    assert_true(evg_backoff_exhausted_p(&backoff));
}

/* Fails when failures wrap: after 2^32 of them it would be eager, or hopeful, again. */
static void no_attempts_is_for_ever(void **state)
{
    (void)state;
    fail_times(1000);
    assert_false(evg_backoff_exhausted_p(&backoff));
    backoff.failures = UINT32_MAX;
    evg_backoff_failed(&backoff);
    assert_int_equal(backoff.failures, UINT32_MAX);
    assert_false(evg_backoff_exhausted_p(&backoff));
    backoff.attempts = UINT32_MAX;
    assert_true(evg_backoff_exhausted_p(&backoff));
}

static void a_seed_is_a_sequence(void **state)
{
    (void)state;
    evg_backoff_t same, other, zero;
    evg_backoff_init(&same, 7);
    evg_backoff_init(&other, 9);
    evg_backoff_init(&zero, 0);
    int met = 0;
    for (int i = 0; i < 1000; i++) {
        double drawn = evg_backoff_random(&backoff), from_zero = evg_backoff_random(&zero);
        assert_true(drawn >= 0 && drawn < 1 && from_zero >= 0 && from_zero < 1);
        assert_true(drawn == evg_backoff_random(&same));
        met += drawn == evg_backoff_random(&other);
        if (i > 10) assert_true(from_zero != 0);
    }
    assert_int_equal(met, 0);
}

/* Fails when forked children come back in step. */
static void what_is_stirred_goes_its_own_way(void **state)
{
    (void)state;
    evg_backoff_t children[3] = {backoff, backoff, backoff};
    for (uint64_t pid = 4001; pid < 4003; pid++) evg_backoff_stir(&children[pid - 4000], pid);
    int met = 0;
    for (int i = 0; i < 1000; i++) {
        double parent = evg_backoff_random(&children[0]), first = evg_backoff_random(&children[1]);
        double second = evg_backoff_random(&children[2]);
        met += parent == first || first == second || second == parent;
    }
    assert_int_equal(met, 0);
    evg_backoff_stir(&backoff, backoff.random * UINT64_C(0xF1DE83E19937733D)); /* which undoes the multiplication */
    assert_true(backoff.random != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_nth_delay_fills_zero_to_its_limit, fresh),
        cmocka_unit_test_setup(a_first_above_the_most_is_the_most, fresh),
        cmocka_unit_test_setup(no_delay_stays_none, fresh),
        cmocka_unit_test_setup(no_most_is_no_limit, fresh),
        cmocka_unit_test_setup(attempts_are_counted_from_the_last_success, fresh),
        cmocka_unit_test_setup(no_attempts_is_for_ever, fresh),
        cmocka_unit_test_setup(a_seed_is_a_sequence, fresh),
        cmocka_unit_test_setup(what_is_stirred_goes_its_own_way, fresh),
    };
    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
