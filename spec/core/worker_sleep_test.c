#include "support/worker_kit.h"

#include <math.h>

static void noop(void)
{
    worker_kit_say(&kit, EVG_NOOP, NULL);
    worker_kit_events(&kit);
}

static int asleep(void **state)
{
    asking(state);
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    return 0;
}

static void without_a_job_it_sleeps(void **state)
{
    /* Fails when NO_JOB is answered by another GRAB, or by silence. */
    (void)state;
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    assert_wire(&kit, "PRE_SLEEP");
    assert_wire(&kit, "");
}

static void a_noop_is_answered_by_a_grab(void **state)
{
    /* Fails when a NOOP draws PRE_SLEEP: the server would never wake it again. */
    (void)state;
    noop();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    assert_wire(&kit, "PRE_SLEEP");
}

static void a_noop_is_not_the_answer_of_a_grab(void **state)
{
    /* Fails when a NOOP takes the slot of the GRAB, or is forgotten: it may be about a job that came behind it. */
    (void)state;
    noop();
    assert_wire(&kit, "");
    no_job();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
}

static void a_noop_before_an_assignment_is_answered_by_what_follows(void **state)
{
    /* Fails when the NOOP of a GRAB that brought a job makes for a second round without a job. */
    (void)state;
    noop();
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
}

static void a_noop_while_it_is_full_is_no_reason_to_grab(void **state)
{
    /* Fails when a NOOP goes past the limit of jobs. */
    (void)state;
    worker_kit_assign(&kit, "H:1", "f");
    worker_kit_events(&kit);
    noop();
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
}

static void a_noop_to_one_who_does_not_work_is_nothing(void **state)
{
    /* Fails when a NOOP turns the loop on. */
    (void)state;
    evg_worker_stop(&kit.s);
    assert_events(&kit, "STOPPED");
    noop();
    assert_wire(&kit, "");
}

static void wait_for_grab(void)
{
    for (int i = 0; i < 200; i++) {
        if (strstr(worker_kit_wire(&kit), "GRAB_JOB")) return;
        worker_kit_pass(&kit, 0.01);
    }
    fail_msg("no GRAB within two seconds");
}

/* How many GRABs a server draws that answers NO_JOB and then at once NOOP. */
static int grabs_in_a_storm(double seconds)
{
    int grabs = 0;
    noop();
    for (double end = kit.s.wire.now + seconds; kit.s.wire.now < end;) {
        while (strstr(worker_kit_wire(&kit), "GRAB_JOB_UNIQ")) {
            grabs++;
            no_job();
            if (strstr(worker_kit_wire(&kit), "PRE_SLEEP")) noop();
        }
        worker_kit_pass(&kit, 0.001);
    }
    return grabs;
}

static void a_storm_of_noops_rests(void **state)
{
    /* Fails when NOOP -> GRAB -> NO_JOB is not slowed down: 10 ms, doubling to a second. */
    (void)state;
    assert_in_range(grabs_in_a_storm(1), 5, 12);
    assert_in_range(grabs_in_a_storm(10), 5, 12);
}

static void a_job_ends_the_storm(void **state)
{
    /* Fails when a worker that got a job still waits before its next GRAB. */
    (void)state;
    grabs_in_a_storm(1);
    wait_for_grab();
    worker_kit_assign(&kit, "H:1", "f");
    worker_kit_events(&kit);
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    noop();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void noops_now_and_then_are_no_storm(void **state)
{
    /* Fails when NOOPs that lie seconds apart are counted as one run: the answer to a job would be late. */
    (void)state;
    kit.s.worker.poll_interval = 0;
    no_job();
    worker_kit_wire(&kit);
    for (int i = 0; i < 20; i++) {
        worker_kit_pass(&kit, 1.5);
        noop();
        assert_wire(&kit, "GRAB_JOB_UNIQ");
        no_job();
        assert_wire(&kit, "PRE_SLEEP");
    }
}

static void a_noop_during_the_rest_changes_nothing(void **state)
{
    /* Fails when a NOOP cuts the rest short: then it is none. */
    (void)state;
    for (int i = 0; i < 6; i++) {
        noop();
        wait_for_grab();
        no_job();
        assert_wire(&kit, "PRE_SLEEP");
    }
    noop();
    assert_int_equal(kit.s.worker.state, EVG_WORK_RESTING);
    noop();
    assert_wire(&kit, "");
    assert_int_equal(kit.s.worker.state, EVG_WORK_RESTING);
}

static void a_sleeper_polls_and_now_and_then_grabs(void **state)
{
    /* Fails when a lost NOOP is waited for for ever; when a poll is late, all come in step, or all are PRE_SLEEP:
     * that does not clear the server's "NOOP was sent". */
    (void)state;
    double least = INFINITY, most = 0;
    for (int round = 0; round < 40; round++) {
        for (int poll = 1; poll <= 5; poll++) {
            double seconds = worker_kit_pass_to_deadline(&kit);
            least = fmin(least, seconds);
            most = fmax(most, seconds);
            assert_wire(&kit, poll < 5 ? "PRE_SLEEP" : "GRAB_JOB_UNIQ");
        }
        worker_kit_say(&kit, EVG_NO_JOB, NULL);
        assert_events(&kit, ""); /* a poll is not told as IDLE */
        assert_wire(&kit, "PRE_SLEEP");
    }
    assert_true(most <= 1 && most > 0.95);
    assert_true(least >= 0.75 && least < 0.80);
}

static void polls_find_a_job_whose_noop_was_lost(void **state)
{
    /* Fails when the GRAB among the polls is not answered as any other. */
    (void)state;
    for (int i = 0; i < 5; i++) worker_kit_pass_to_deadline(&kit);
    assert_true(strstr(worker_kit_wire(&kit), "GRAB_JOB_UNIQ"));
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w");
}

static void a_poll_interval_of_zero_never_polls(void **state)
{
    /* Fails when 0 means "all the time". */
    (void)state;
    kit.s.worker.poll_interval = 0;
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    kit.s.options.command_timeout = 0;
    assert_true(isinf(evg_session_deadline(&kit.s)));
    worker_kit_pass(&kit, 1e6);
    assert_wire(&kit, "");
}

static void idle_is_told_after_a_start_a_job_or_a_noop(void **state)
{
    /* Fails when IDLE is told for each poll, or only once in a life. */
    (void)state;
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    assert_wire(&kit, "PRE_SLEEP");
    noop();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:1", "f");
    worker_kit_events(&kit);
    worker_kit_complete(&kit, "H:1");
    worker_kit_wire(&kit);
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    evg_worker_stop(&kit.s);
    evg_worker_work(&kit.s);
    assert_wire(&kit, "PRE_SLEEP; GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
}

static void no_sleep_while_the_server_times_a_job(void **state)
{
    /* Fails when PRE_SLEEP cancels the server's timer of a job that is held. */
    (void)state;
    kit.s.worker.concurrency = 2;
    no_job();
    worker_kit_can_do_timed(&kit, "timed", 0, 5);
    assert_wire(&kit, "PRE_SLEEP; CAN_DO_TIMEOUT timed 5000; GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:1", "timed");
    worker_kit_events(&kit);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    for (int i = 0; i < 10; i++) {
        no_job();
        assert_wire(&kit, "");
        double seconds = worker_kit_pass_to_deadline(&kit);
        assert_in_range(seconds * 1000, 500, 1000);
        assert_wire(&kit, "GRAB_JOB_UNIQ");
    }
    no_job();
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    assert_wire(&kit, "PRE_SLEEP");
    noop();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void rounds_beside_a_timed_job_are_no_storm(void **state)
{
    /* Fails when GRABs that stand in for a sleep are counted as NOOPs in vain: the next job would be late. */
    (void)state;
    kit.s.worker.concurrency = 2;
    no_job();
    worker_kit_can_do_timed(&kit, "timed", 0, 5);
    noop();
    assert_wire(&kit, "PRE_SLEEP; CAN_DO_TIMEOUT timed 5000; GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:1", "timed");
    worker_kit_events(&kit);
    noop();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    noop();
    for (int i = 0; i < 10; i++) {
        no_job();
        worker_kit_pass(&kit, 1);
        assert_wire(&kit, "GRAB_JOB_UNIQ");
    }
    no_job();
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
}

static void a_timed_job_stays_timed_when_its_function_is_registered_anew(void **state)
{
    /* Fails when the new registration is believed before the server has heard of it. */
    (void)state;
    kit.s.worker.concurrency = 2;
    no_job();
    worker_kit_can_do_timed(&kit, "timed", 0, 5);
    worker_kit_wire(&kit);
    worker_kit_assign(&kit, "H:1", "timed");
    worker_kit_events(&kit);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_can_do(&kit, "timed");
    no_job();
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; CANT_DO timed; CAN_DO timed; GRAB_JOB_UNIQ");
}

static void a_function_registered_asleep_is_asked_for(void **state)
{
    /* Fails when the sleeper sleeps on: the server tells nobody of jobs that were queued before the CAN_DO. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    assert_wire(&kit, "CAN_DO g; GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "PRE_SLEEP");
}

static void it_sleeps_beside_jobs_that_are_held(void **state)
{
    /* Fails when a worker with room does not sleep: it would hear of no job until one of its own ends. */
    (void)state;
    kit.s.worker.concurrency = 3;
    worker_kit_assign(&kit, "H:1", "f");
    worker_kit_events(&kit);
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
    no_job();
    assert_wire(&kit, "");
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    noop();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:2", "f");
    assert_events(&kit, "ASSIGNED H:2 f u w");
}

static void an_error_about_a_job_is_nobodys_answer(void **state)
{
    /* Fails when JOB_NOT_FOUND takes the slot of the GRAB: the worker never asked again. */
    (void)state;
    worker_kit_say(&kit, EVG_ERROR, "JOB_NOT_FOUND", "Job given in work result not found", NULL);
    assert_events(&kit, "");
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w");
    assert_int_equal(kit.s.stats.ignored_packets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_job_it_sleeps, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_noop_is_answered_by_a_grab, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_noop_is_not_the_answer_of_a_grab, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_noop_before_an_assignment_is_answered_by_what_follows, asking,
                                        nothing_leaked),
        cmocka_unit_test_setup_teardown(a_noop_while_it_is_full_is_no_reason_to_grab, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_noop_to_one_who_does_not_work_is_nothing, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_storm_of_noops_rests, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_ends_the_storm, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(noops_now_and_then_are_no_storm, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_noop_during_the_rest_changes_nothing, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_sleeper_polls_and_now_and_then_grabs, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(polls_find_a_job_whose_noop_was_lost, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_poll_interval_of_zero_never_polls, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(idle_is_told_after_a_start_a_job_or_a_noop, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(no_sleep_while_the_server_times_a_job, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(rounds_beside_a_timed_job_are_no_storm, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_timed_job_stays_timed_when_its_function_is_registered_anew, asking,
                                        nothing_leaked),
        cmocka_unit_test_setup_teardown(a_function_registered_asleep_is_asked_for, asleep, nothing_leaked),
        cmocka_unit_test_setup_teardown(it_sleeps_beside_jobs_that_are_held, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(an_error_about_a_job_is_nobodys_answer, asking, nothing_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
