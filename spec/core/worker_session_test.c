#include "support/worker_kit.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>

static int working(void **state)
{
    introduced(state);
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work(&kit.s), 0);
    return 0;
}

/* Answers the oldest GRAB with a job of a new handle. */
static void assign(void)
{
    char handle[32];
    snprintf(handle, sizeof handle, "H:%zu", kit.job_count + 1);
    worker_kit_assign(&kit, handle, "f");
    worker_kit_events(&kit);
}

/* -- beginning ----------------------------------------------------------------------------------------------------- */

static void nothing_is_asked_before_work(void **state)
{
    /* Fails when a function is enough to grab. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_wire(&kit, "CAN_DO f");
    assert_false(evg_worker_working_p(&kit.s));
}

static void work_comes_before_any_function(void **state)
{
    /* Fails when a worker without abilities grabs, or never does once it has one. */
    (void)state;
    assert_int_equal(evg_worker_work(&kit.s), 0);
    assert_true(evg_worker_working_p(&kit.s));
    assert_wire(&kit, "");
    worker_kit_can_do(&kit, "f");
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
}

static void work_comes_before_the_connection(void **state)
{
    /* Fails when work does not want a connection, or what was registered before it is not in the prologue. */
    (void)state;
    worker_kit_init(&kit);
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work(&kit.s), 0);
    assert_true(evg_session_wants_open(&kit.s));
    evg_session_opening(&kit.s);
    assert_int_equal(evg_session_opened(&kit.s), 0);
    assert_wire(&kit, "version; CAN_DO f");
    assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes_of("OK 1.1.20\n")), 0);
    assert_events(&kit, "CONNECTED");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void working_again_goes_on_after_a_lost_connection(void **state)
{
    /* Fails when the loop is off after a reconnect, or believes in GRABs of the old connection. */
    (void)state;
    worker_kit_lose(&kit);
    assert_true(evg_worker_working_p(&kit.s));
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void a_sleeper_grabs_on_the_next_connection(void **state)
{
    /* Fails when it believes that the new server knows of its sleep: nobody would wake it. */
    (void)state;
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    worker_kit_lose(&kit);
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void nothing_works_when_it_is_shut(void **state)
{
    /* Fails when a closed session starts a loop. */
    (void)state;
    evg_session_shut(&kit.s);
    assert_int_equal(evg_worker_work(&kit.s), EVG_ECLOSED);
    assert_int_equal(evg_worker_work_one(&kit.s), EVG_ECLOSED);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), EVG_ECLOSED);
    assert_false(evg_worker_working_p(&kit.s));
}

static void disconnect_turns_it_off(void **state)
{
    /* Fails when a worker that was told to be down grabs on the next connection. */
    (void)state;
    evg_session_disconnect(&kit.s);
    assert_false(evg_worker_working_p(&kit.s));
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "");
}

static void a_plain_grab_where_uniques_are_not_wanted(void **state)
{
    /* Fails when grab_unique is not asked for. */
    (void)state;
    kit.s.worker.grab_unique = false;
    assert_wire(&kit, "CAN_DO f; GRAB_JOB");
    worker_kit_say(&kit, EVG_JOB_ASSIGN, "H:1", "f", "w", NULL);
    assert_events(&kit, "ASSIGNED H:1 f  w");
}

static void the_perl_server_knows_one_grab(void **state)
{
    /* Fails when the Perl server is asked for what it does not know. */
    (void)state;
    worker_kit_start(&kit, "v1.130");
    worker_kit_can_do(&kit, "f");
    evg_worker_work(&kit.s);
    assert_wire(&kit, "CAN_DO f; GRAB_JOB");
}

static void a_server_that_refuses_the_unique_grab_is_asked_plainly(void **state)
{
    /* Fails when a server that does not say that it is Perl's is never asked for what it knows; or the next is not
     * asked for more. */
    (void)state;
    worker_kit_say(&kit, EVG_ERROR, "server_error", "Can't locate object method", NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "GRAB_JOB");
    worker_kit_say(&kit, EVG_JOB_ASSIGN, "H:1", "f", "w", NULL);
    assert_events(&kit, "ASSIGNED H:1 f  w");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB");
    worker_kit_lose(&kit);
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void a_grab_that_is_refused_at_the_end_is_not_made_again(void **state)
{
    /* Fails when a worker that drains asks once more, or waits for ever. */
    (void)state;
    evg_worker_stop(&kit.s);
    worker_kit_say(&kit, EVG_ERROR, "server_error", "Can't locate object method", NULL);
    assert_events(&kit, "STOPPED");
    assert_wire(&kit, "");
}

/* -- how many ------------------------------------------------------------------------------------------------------ */

static void one_job_at_a_time_by_default(void **state)
{
    /* Fails when a second GRAB goes out beside a job or beside another GRAB. */
    (void)state;
    for (int i = 0; i < 5; i++) {
        assign();
        assert_wire(&kit, "");
        evg_job_complete(&kit.s, &kit.jobs[i], evg_bytes_of(""));
        assert_non_null(strstr(worker_kit_wire(&kit), "; GRAB_JOB_UNIQ"));
    }
}

static void the_window_doubles_with_each_job(void **state)
{
    /* Fails when the first GRAB of a worker with much room is 64, or the growth is not by jobs. */
    (void)state;
    kit.s.worker.concurrency = 0;
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*3");
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*5");
    for (int i = 0; i < 5; i++) assign();
    worker_kit_wire(&kit);
    assert_int_equal(kit.s.grabs, 64);
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void no_job_shuts_the_window(void **state)
{
    /* Fails when NO_JOBs for the rest of the window draw a GRAB or a PRE_SLEEP each, or the next one starts wide. */
    (void)state;
    kit.s.worker.concurrency = 0;
    worker_kit_wire(&kit);
    for (int i = 0; i < 8; i++) {
        assign();
        worker_kit_wire(&kit);
    }
    assert_int_equal(kit.s.grabs, 64);
    for (int i = 0; i < 63; i++) {
        no_job();
        assert_wire(&kit, "");
    }
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    worker_kit_say(&kit, EVG_NOOP, NULL);
    worker_kit_events(&kit);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void a_job_among_no_jobs_is_taken(void **state)
{
    /* Fails when NO_JOB in front of a job makes the loop sleep on an outstanding GRAB. */
    (void)state;
    kit.s.worker.concurrency = 0;
    worker_kit_wire(&kit);
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
    no_job();
    assert_wire(&kit, "");
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
}

static void concurrency_bounds_what_is_held_and_asked_for(void **state)
{
    /* Fails when jobs held and GRABs outstanding together go above the limit. */
    (void)state;
    kit.s.worker.concurrency = 3;
    worker_kit_wire(&kit);
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
    assign();
    assign();
    assert_wire(&kit, "");
    assert_int_equal(kit.s.worker.held_count, 3);
    worker_kit_complete(&kit, "H:2");
    assert_wire(&kit, "WORK_COMPLETE H:2 r; GRAB_JOB_UNIQ");
}

static void prefetch_adds_to_it(void **state)
{
    /* Fails when prefetch counts in place of concurrency, or not at all. */
    (void)state;
    kit.s.worker.prefetch = 2;
    worker_kit_wire(&kit);
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
    assign();
    assign();
    assert_wire(&kit, "");
}

/* Runs jobs one after another that take so long. */
static void run_jobs(int count, double seconds)
{
    for (int i = 0; i < count; i++) {
        assign();
        evg_job_t *job = &kit.jobs[kit.job_count - 1];
        evg_job_started(&kit.s, job);
        worker_kit_pass(&kit, seconds);
        assert_int_equal(evg_job_complete(&kit.s, job, evg_bytes_of("")), 0);
        worker_kit_wire(&kit);
    }
}

static void automatic_prefetch_waits_two_milliseconds(void **state)
{
    /* Fails when auto is a fixed number: slow jobs would wait behind a slow one, quick ones for the network. */
    (void)state;
    kit.s.worker.prefetch = EVG_PREFETCH_AUTO;
    worker_kit_wire(&kit);
    assert_int_equal(kit.s.grabs, 1);
    run_jobs(1, 0.1);
    assert_int_equal(kit.s.grabs, 1);
    run_jobs(40, 0.0005);
    assert_in_range(kit.s.grabs, 4, 5);
    run_jobs(40, 0.00001);
    assert_int_equal(kit.s.grabs, 64);
}

static void automatic_prefetch_follows_the_last_jobs(void **state)
{
    /* Fails when the mean is over a life: a worker whose jobs became slow would hoard them. */
    (void)state;
    kit.s.worker.prefetch = EVG_PREFETCH_AUTO;
    worker_kit_wire(&kit);
    run_jobs(30, 0.0001);
    assert_true(kit.s.grabs > 10);
    run_jobs(1, 0.1);
    assert_true(kit.s.worker.mean > 0.015);
    run_jobs(20, 0.1);
    assert_true(fabs(kit.s.worker.mean - 0.1) < 0.002);
}

static void automatic_prefetch_counts_those_that_run_at_once(void **state)
{
    /* Fails when four threads are given what one does in two milliseconds. */
    (void)state;
    kit.s.worker.concurrency = 4;
    kit.s.worker.prefetch = EVG_PREFETCH_AUTO;
    worker_kit_wire(&kit);
    run_jobs(40, 0.0011);
    assert_int_equal(kit.s.grabs, 4 + 7);
}

/* -- work_one ------------------------------------------------------------------------------------------------------ */

static void work_one_asks_once(void **state)
{
    /* Fails when a worker with much room asks for more than the one job, or goes on behind it. */
    (void)state;
    kit.s.worker.concurrency = 0;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work_one(&kit.s), 0);
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    assert_int_equal(evg_worker_work_one(&kit.s), EVG_EWORKING);
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w");
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_events(&kit, "STOPPED");
    assert_wire(&kit, "WORK_COMPLETE H:1 r");
    assert_events(&kit, "");
}

static void work_one_waits_asleep(void **state)
{
    /* Fails when NO_JOB ends it, or it waits without polling. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work_one(&kit.s), 0);
    worker_kit_wire(&kit);
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    assert_wire(&kit, "PRE_SLEEP");
    worker_kit_pass_to_deadline(&kit);
    assert_wire(&kit, "PRE_SLEEP");
    worker_kit_say(&kit, EVG_NOOP, NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    assign();
    assert_false(evg_worker_working_p(&kit.s));
}

static void work_one_asks_once_more_whatever_is_held(void **state)
{
    /* Fails when the job that an asynchronous handler still holds counts: it would never be asked for. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work_one(&kit.s), 0);
    worker_kit_wire(&kit);
    assign();
    assert_int_equal(evg_worker_work_one(&kit.s), 0);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:2", "f");
    assert_events(&kit, "ASSIGNED H:2 f u w");
    assert_wire(&kit, "");
    assert_int_equal(kit.s.worker.held_count, 2);
}

static void work_one_ends_with_a_job_that_was_lost(void **state)
{
    /* Fails when it takes another job on the next connection. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work_one(&kit.s), 0);
    worker_kit_wire(&kit);
    assign();
    worker_kit_lose(&kit);
    assert_events(&kit, "LOST H:1; STOPPED; DISCONNECTED; ERROR SERVER_CLOSED");
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "");
}

static void work_after_work_one_has_all_the_room_again(void **state)
{
    /* Fails when the limit of work_one stays. */
    (void)state;
    kit.s.worker.concurrency = 4;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work_one(&kit.s), 0);
    worker_kit_wire(&kit);
    assert_int_equal(evg_worker_work(&kit.s), 0);
    assign();
    assert_true(evg_worker_working_p(&kit.s));
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
}

/* -- stop ---------------------------------------------------------------------------------------------------------- */

static void stop_runs_what_is_held_and_what_comes(void **state)
{
    /* Fails when STOPPED is told while a GRAB is outstanding or a job is held, or a job that comes is refused. */
    (void)state;
    kit.s.worker.concurrency = 0;
    worker_kit_wire(&kit);
    assign();
    assert_wire(&kit, "GRAB_JOB_UNIQ*2");
    evg_worker_stop(&kit.s);
    evg_worker_stop(&kit.s);
    assert_events(&kit, "");
    worker_kit_complete(&kit, "H:1");
    worker_kit_assign(&kit, "H:2", "f");
    assert_events(&kit, "ASSIGNED H:2 f u w");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "WORK_COMPLETE H:1 r");
    worker_kit_complete(&kit, "H:2");
    assert_events(&kit, "STOPPED");
    assert_events(&kit, "");
    assert_wire(&kit, "WORK_COMPLETE H:2 r");
}

static void stop_ends_with_the_last_no_job(void **state)
{
    /* Fails when only a job that ends can end the drain, or PRE_SLEEP goes out. */
    (void)state;
    evg_worker_stop(&kit.s);
    assert_events(&kit, "");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "STOPPED");
    assert_wire(&kit, "");
}

static void stop_ends_with_the_connection(void **state)
{
    /* Fails when a drain outlives what it drains. */
    (void)state;
    evg_worker_stop(&kit.s);
    worker_kit_lose(&kit);
    assert_events(&kit, "STOPPED; DISCONNECTED; ERROR SERVER_CLOSED");
}

static void stop_without_a_connection_is_done_at_once(void **state)
{
    /* Fails when it waits for what cannot come; or when a worker that is off stops. */
    (void)state;
    worker_kit_init(&kit);
    evg_worker_stop(&kit.s);
    assert_events(&kit, "");
    evg_worker_work(&kit.s);
    evg_worker_stop(&kit.s);
    assert_events(&kit, "STOPPED");
}

static void work_during_the_drain_goes_on(void **state)
{
    /* Fails when the old GRAB is forgotten: two would be out. */
    (void)state;
    evg_worker_stop(&kit.s);
    assert_int_equal(evg_worker_work(&kit.s), 0);
    assert_wire(&kit, "");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "IDLE");
    assert_wire(&kit, "PRE_SLEEP");
}

static void a_refused_job_ends_the_drain(void **state)
{
    /* Fails when only jobs with a handler are counted as answers. */
    (void)state;
    evg_worker_stop(&kit.s);
    worker_kit_assign(&kit, "H:1", "unknown");
    assert_events(&kit, "STOPPED");
    assert_wire(&kit, "WORK_FAIL H:1");
}

/* -- trouble ------------------------------------------------------------------------------------------------------- */

static void a_grab_that_was_never_written_is_made_again(void **state)
{
    /* Fails when a GRAB that was cut out of a stalled output counts as outstanding: the worker is silent for good. */
    (void)state;
    assert_non_null(evg_session_output(&kit.s).at); /* queued, and the socket takes nothing */
    worker_kit_pass(&kit, 31);
    assert_int_equal(kit.broken, 0);
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    assign();
    assert_int_equal(kit.job_count, 1);
}

static void a_grab_without_answer_ends_the_connection(void **state)
{
    /* Fails when a GRAB has no deadline. */
    (void)state;
    worker_kit_pass(&kit, 31);
    assert_broken(&kit, EVG_ECOMMAND_TIMEOUT);
}

static void a_job_without_handler_fails_at_once(void **state)
{
    /* Fails when nobody answers for it, or the loop stops at it. */
    (void)state;
    worker_kit_assign(&kit, "H:1", "unknown");
    assert_events(&kit, "");
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
    assert_int_equal(kit.s.stats.refused_jobs, 1);
    assert_int_equal(evg_worker_can_do(&kit.s, evg_bytes_of("bare"), 0, 0, NULL), 0);
    worker_kit_assign(&kit, "H:2", "bare");
    assert_events(&kit, "");
    assert_wire(&kit, "CAN_DO bare; WORK_FAIL H:2; GRAB_JOB_UNIQ");
    assert_int_equal(kit.s.stats.refused_jobs, 2);
}

static void breaks_at(const char *handle, const char *function)
{
    worker_kit_start(&kit, "OK 1.1.20");
    worker_kit_can_do(&kit, "f");
    evg_worker_work(&kit.s);
    worker_kit_wire(&kit);
    worker_kit_assign(&kit, handle, function);
    assert_events(&kit, "");
    assert_int_equal(kit.broken, EVG_EMALFORMED);
    worker_kit_stop(&kit);
}

static void a_malformed_job_breaks_the_connection(void **state)
{
    /* Fails when a handle that is none is answered, or a job without function is told. */
    (void)state;
    breaks_at("", "f");
    breaks_at("H:1", "");
    breaks_at("1234567890123456789012345678901234567890123456789012345678901234", "f");
}

static void an_assignment_nobody_asked_for_breaks_the_connection(void **state)
{
    /* Fails when a job is taken that answers no GRAB. */
    (void)state;
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "");
    assert_broken(&kit, EVG_EUNEXPECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_asked_before_work, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_comes_before_any_function, introduced, nothing_leaked),
        cmocka_unit_test_teardown(work_comes_before_the_connection, nothing_leaked),
        cmocka_unit_test_setup_teardown(working_again_goes_on_after_a_lost_connection, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_sleeper_grabs_on_the_next_connection, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(nothing_works_when_it_is_shut, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(disconnect_turns_it_off, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_plain_grab_where_uniques_are_not_wanted, working, nothing_leaked),
        cmocka_unit_test_teardown(the_perl_server_knows_one_grab, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_server_that_refuses_the_unique_grab_is_asked_plainly, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_grab_that_is_refused_at_the_end_is_not_made_again, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(one_job_at_a_time_by_default, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(the_window_doubles_with_each_job, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(no_job_shuts_the_window, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_among_no_jobs_is_taken, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(concurrency_bounds_what_is_held_and_asked_for, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(prefetch_adds_to_it, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(automatic_prefetch_waits_two_milliseconds, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(automatic_prefetch_follows_the_last_jobs, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_one_asks_once, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_one_waits_asleep, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(automatic_prefetch_counts_those_that_run_at_once, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_one_asks_once_more_whatever_is_held, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_one_ends_with_a_job_that_was_lost, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_after_work_one_has_all_the_room_again, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(stop_runs_what_is_held_and_what_comes, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(stop_ends_with_the_last_no_job, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(stop_ends_with_the_connection, asking, nothing_leaked),
        cmocka_unit_test_teardown(stop_without_a_connection_is_done_at_once, nothing_leaked),
        cmocka_unit_test_setup_teardown(work_during_the_drain_goes_on, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_refused_job_ends_the_drain, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_grab_that_was_never_written_is_made_again, working, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_grab_without_answer_ends_the_connection, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_without_handler_fails_at_once, asking, nothing_leaked),
        cmocka_unit_test(a_malformed_job_breaks_the_connection),
        cmocka_unit_test_setup_teardown(an_assignment_nobody_asked_for_breaks_the_connection, introduced,
                                        nothing_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
