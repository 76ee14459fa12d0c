#include "support/session_kit.h"

#include "base/alloc.h"

#include <stdio.h>

static void start_watched(double lost_check)
{
    kit.s.options.lost_check = lost_check;
    kit.s.options.command_timeout = 0;
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    kit_sent(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_told(&kit);
}

/* The check that is under way is answered. */
static void say_known(bool known)
{
    assert_sent(&kit, "GET_STATUS H:1");
    kit_say(&kit, EVG_STATUS_RES, "H:1", known ? "1" : "0", "0", "0", "0", NULL);
}

static void unknown_twice_is_lost(void **state)
{
    (void)state;
    start_watched(10);
    kit_live(&kit, 9.9);
    assert_sent(&kit, "");
    kit_live(&kit, 0.1);
    say_known(false);
    kit_live(&kit, 0.9);
    assert_sent(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "");
    say_known(false);
    assert_told(&kit, "a FAILED JOB_LOST ACCEPTED");
    kit_live(&kit, 100);
    assert_sent(&kit, "");
}

/* Fails when "unknown" is counted without regard to what came between. */
static void unknown_once_goes_on(void **state)
{
    (void)state;
    start_watched(10);
    for (int i = 0; i < 3; i++) {
        kit_live(&kit, 10);
        say_known(false);
        kit_live(&kit, 1);
        say_known(true);
    }
    kit_live(&kit, 10);
    say_known(false);
    say(EVG_WORK_DATA, "H:1", "alive");
    kit_live(&kit, 10);
    say_known(false);
    assert_told(&kit, "a DATA alive");
    kit_live(&kit, 1);
    say_known(false);
    assert_told(&kit, "a FAILED JOB_LOST RUNNING");
}

static void no_check_while_packets_come(void **state)
{
    (void)state;
    start_watched(10);
    for (int i = 0; i < 20; i++) {
        kit_live(&kit, 9);
        say(EVG_WORK_DATA, "H:1", "");
    }
    kit_live(&kit, 9);
    assert_sent(&kit, "");
    kit_live(&kit, 1);
    say_known(true);
    kit_told(&kit);
}

/* Fails when the server is asked although its answer is not read: that question would end with the connection. */
static void no_check_while_nobody_reads(void **state)
{
    (void)state;
    start_watched(10);
    kit.s.paused = true;
    kit_live(&kit, 100);
    assert_sent(&kit, "");
    kit.s.paused = false;
    kit_live(&kit, 10);
    say_known(true);
}

/* It ends while its check is under way: the answer is nobody's, and nobody's memory is looked at. */
static void a_check_outlives_its_job(void **state)
{
    (void)state;
    start_watched(10);
    kit_live(&kit, 10);
    say(EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "a DONE r");
    memset(kit_last(&kit), 0xee, sizeof *kit_last(&kit));
    say_known(false);
    assert_told(&kit, "");
}

static void one_check_at_a_time(void **state)
{
    (void)state;
    start_watched(10);
    kit_live(&kit, 35);
    say_known(true);
    kit_live(&kit, 10);
    say_known(true);
    kit.s.options.lost_check = 0;
    kit_live(&kit, 100);
    assert_sent(&kit, "");
}

/* Fails when tick compares a difference with the period: 1,000,000 + 0.1 lies less than 0.1 behind 1,000,000, and
 * the rest is too small to move the clock, so the job was looked at again and again in one tick. */
static void periods_that_round_away(void **state)
{
    (void)state;
    for (double period = 0.1; period < 1; period += 0.1) {
        start_watched(period);
        evg_request_t *job = kit_last(&kit);
        for (int i = 0; i < 50; i++) {
            kit_live(&kit, period * 0.3);
            say(EVG_WORK_DATA, "H:1", "");
        }
        kit_told(&kit);
        kit_sent(&kit);
        kit_pass(&kit, job->heard_at + period - kit.s.wire.now);
        say_known(true);
        say(EVG_WORK_COMPLETE, "H:1", "");
        kit_told(&kit);
    }
}

static void a_job_timeout_is_sooner_than_a_check(void **state)
{
    (void)state;
    kit.s.options.lost_check = 10;
    kit_submit_within(&kit, "", "w", 4);
    kit_submit_within(&kit, "", "w", 14);
    kit_write_all(&kit);
    kit_sent(&kit);
    say(EVG_JOB_CREATED, "H:0", NULL);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_WORK_DATA, "H:0", "x");
    kit_told(&kit);
    kit_live(&kit, 4);
    assert_told(&kit, "a FAILED JOB_TIMEOUT RUNNING");
    kit_live(&kit, 6);
    say_known(true);
    kit_live(&kit, 4);
    assert_told(&kit, "b FAILED JOB_TIMEOUT ACCEPTED");
}

/* Fails when one whose check found no memory is not looked at again: its own timeout would be lost, too. */
static void a_deadline_outlives_a_lack_of_memory(void **state)
{
    (void)state;
    kit.s.options.command_timeout = 0;
    kit.s.options.lost_check = 10;
    kit_submit_within(&kit, "", "w", 15);
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:0", NULL);
    kit.s.options.lost_check = 0;
    kit_submit_within(&kit, "", "w", 100); /* lies at the end of the ordered ones */
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit.s.options.lost_check = 10;
    for (int i = 2; i < 18; i++) { /* as many as the heap has room for at first */
        char handle[16];
        snprintf(handle, sizeof handle, "H:%d", i);
        kit_submit(&kit, "", "w");
        kit_write_all(&kit);
        say(EVG_JOB_CREATED, handle, NULL);
    }
    kit_told(&kit);
    evg_alloc_fail_at(1); /* the request of the check is a spare one: so it is that of the heap */
    kit_pass(&kit, 10);
    evg_alloc_fail_at(0);
    assert_told(&kit, "");
    kit_pass(&kit, 5);
    assert_told(&kit, "a FAILED JOB_TIMEOUT ACCEPTED");
}

int main(void)
{
#define LOST_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        LOST_TEST(unknown_twice_is_lost),
        LOST_TEST(unknown_once_goes_on),
        LOST_TEST(no_check_while_packets_come),
        LOST_TEST(no_check_while_nobody_reads),
        LOST_TEST(a_check_outlives_its_job),
        LOST_TEST(one_check_at_a_time),
        LOST_TEST(periods_that_round_away),
        LOST_TEST(a_job_timeout_is_sooner_than_a_check),
        LOST_TEST(a_deadline_outlives_a_lack_of_memory),
    };
    return cmocka_run_group_tests_name("lost check", tests, NULL, NULL);
}
