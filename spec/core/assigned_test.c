#include "support/worker_kit.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>

static int start(const char *version)
{
    worker_kit_start(&kit, version);
    worker_kit_can_do(&kit, "f");
    worker_kit_can_do_timed(&kit, "slow", 5, 0);
    evg_worker_work(&kit.s);
    worker_kit_wire(&kit);
    return 0;
}

static void assign(const char *handle, const char *function)
{
    worker_kit_assign(&kit, handle, function);
    worker_kit_events(&kit);
}

/* Holds H:1 of "f", which has no timeout. */
static int holding(void **state)
{
    (void)state;
    start("OK 1.1.20");
    assign("H:1", "f");
    return 0;
}

/* Holds H:1 of "slow", whose handler has begun and has five seconds. */
static int holding_slow(void **state)
{
    (void)state;
    start("OK 1.1.20");
    assign("H:1", "slow");
    evg_job_started(&kit.s, &kit.jobs[0]);
    return 0;
}

static int holding_perl(void **state)
{
    (void)state;
    start("v1.130");
    worker_kit_say(&kit, EVG_JOB_ASSIGN, "H:1", "f", "w", NULL);
    worker_kit_events(&kit);
    return 0;
}

static evg_bytes_t bytes(const char *text)
{
    return evg_bytes_of(text);
}

/* -- what is said about a job -------------------------------------------------------------------------------------- */

static void progress_is_told_while_it_is_held(void **state)
{
    /* Fails when a report ends the job, or its arguments are mixed up. */
    (void)state;
    evg_job_t *job = &kit.jobs[0];
    assert_int_equal(evg_job_data(&kit.s, job, bytes("d")), 0);
    assert_int_equal(evg_job_warning(&kit.s, job, bytes("w")), 0);
    assert_int_equal(evg_job_status(&kit.s, job, 1, UINT32_MAX), 0);
    assert_int_equal(job->state, EVG_JOB_HELD);
    assert_wire(&kit, "WORK_DATA H:1 d; WORK_WARNING H:1 w; WORK_STATUS H:1 1 4294967295");
}

static void a_job_fails(void **state)
{
    /* Fails when WORK_FAIL carries an argument too much, or frees no slot. */
    (void)state;
    assert_int_equal(evg_job_fail(&kit.s, &kit.jobs[0]), 0);
    assert_int_equal(kit.jobs[0].state, EVG_JOB_FINISHED);
    assert_null(kit.jobs[0].function);
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
}

static void what_is_said_meanwhile_waits_for_room(void **state)
{
    /* Fails when a handler that says more than the server takes fills the memory; or when its end is refused. */
    (void)state;
    kit.s.options.max_unsent = 8;
    worker_kit_wire(&kit);
    assert_int_equal(evg_job_data(&kit.s, &kit.jobs[0], bytes("more than eight")), 0);
    assert_int_equal(evg_job_data(&kit.s, &kit.jobs[0], bytes("d")), EVG_EBACKPRESSURE);
    assert_int_equal(evg_job_warning(&kit.s, &kit.jobs[0], bytes("w")), EVG_EBACKPRESSURE);
    assert_int_equal(evg_job_status(&kit.s, &kit.jobs[0], 1, 2), EVG_EBACKPRESSURE);
    assert_events(&kit, "");
    assert_wire(&kit, "WORK_DATA H:1 more than eight");
    assert_events(&kit, "DRAINED");
    assert_int_equal(evg_job_status(&kit.s, &kit.jobs[0], 1, 2), 0);
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_STATUS H:1 1 2; WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
}

static void an_exception_ends_the_job_at_gearmand(void **state)
{
    /* Fails when a WORK_FAIL follows: gearmand knows the job no more. */
    (void)state;
    assert_int_equal(evg_job_exception(&kit.s, &kit.jobs[0], bytes("oh")), 0);
    assert_wire(&kit, "WORK_EXCEPTION H:1 oh; GRAB_JOB_UNIQ");
}

static void an_exception_is_cut_to_what_a_packet_takes(void **state)
{
    /* Fails when it is refused: whoever raised it could not end the job. */
    (void)state;
    kit.s.options.max_packet = 8;
    assert_int_equal(evg_job_exception(&kit.s, &kit.jobs[0], bytes("too long")), 0);
    assert_wire(&kit, "WORK_EXCEPTION H:1 too ; GRAB_JOB_UNIQ");
}

static void an_exception_needs_a_fail_at_the_perl_server(void **state)
{
    /* Fails when the Perl server is left with a job that never ends. */
    (void)state;
    assert_int_equal(evg_job_exception(&kit.s, &kit.jobs[0], bytes("oh")), 0);
    assert_wire(&kit, "WORK_EXCEPTION H:1 oh; WORK_FAIL H:1; GRAB_JOB");
}

static void the_perl_server_is_told_no_data(void **state)
{
    /* Fails when its ERROR could be taken for the reply to something else that was asked. */
    (void)state;
    evg_job_t *job = &kit.jobs[0];
    assert_int_equal(evg_job_data(&kit.s, job, bytes("d")), EVG_EUNSUPPORTED);
    assert_int_equal(evg_job_warning(&kit.s, job, bytes("w")), EVG_EUNSUPPORTED);
    assert_int_equal(evg_job_status(&kit.s, job, 1, 2), 0);
    assert_wire(&kit, "WORK_STATUS H:1 1 2");
}

static void one_terminal_packet_each(void **state)
{
    /* Fails when anything at all is sent about a job that is finished. */
    (void)state;
    evg_job_t *job = &kit.jobs[0];
    assert_int_equal(evg_job_complete(&kit.s, job, bytes("")), 0);
    assert_wire(&kit, "WORK_COMPLETE H:1 ; GRAB_JOB_UNIQ");
    assert_int_equal(evg_job_complete(&kit.s, job, bytes("")), EVG_EFINISHED);
    assert_int_equal(evg_job_fail(&kit.s, job), EVG_EFINISHED);
    assert_int_equal(evg_job_exception(&kit.s, job, bytes("")), EVG_EFINISHED);
    assert_int_equal(evg_job_data(&kit.s, job, bytes("")), EVG_EFINISHED);
    assert_int_equal(evg_job_warning(&kit.s, job, bytes("")), EVG_EFINISHED);
    assert_int_equal(evg_job_status(&kit.s, job, 1, 2), EVG_EFINISHED);
    assert_wire(&kit, "");
}

static void jobs_end_in_any_order(void **state)
{
    /* Fails when the oldest is taken for the one that ended. */
    (void)state;
    kit.s.worker.concurrency = 3;
    worker_kit_wire(&kit);
    assign("H:2", "f");
    assign("H:3", "f");
    worker_kit_complete(&kit, "H:2");
    worker_kit_complete(&kit, "H:3");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:2 r; WORK_COMPLETE H:3 r; WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ*3");
    assert_int_equal(kit.s.worker.held_count, 0);
}

static void what_is_too_large_changes_nothing(void **state)
{
    /* Fails when a result that cannot be sent ends the job. */
    (void)state;
    evg_job_t *job = &kit.jobs[0];
    kit.s.options.max_packet = 10;
    assert_int_equal(evg_job_data(&kit.s, job, bytes("0123456789")), EVG_ETOO_LARGE);
    assert_int_equal(evg_job_complete(&kit.s, job, bytes("0123456789")), EVG_ETOO_LARGE);
    assert_int_equal(job->state, EVG_JOB_HELD);
    assert_wire(&kit, "");
    assert_int_equal(evg_job_fail(&kit.s, job), 0);
}

/* -- the connection ------------------------------------------------------------------------------------------------ */

static void a_job_dies_with_its_connection(void **state)
{
    /* Fails when a handle of the old connection is completed on the new one: it may be somebody else's by now. */
    (void)state;
    evg_job_t *job = &kit.jobs[0];
    worker_kit_lose(&kit);
    assert_int_equal(job->state, EVG_JOB_LOST);
    assert_int_equal(kit.s.worker.held_count, 0);
    assert_events(&kit, "LOST H:1; DISCONNECTED; ERROR SERVER_CLOSED");
    assert_int_equal(evg_job_complete(&kit.s, job, bytes("")), EVG_EJOB_LOST);
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    assign("H:1", "f");
    assert_int_equal(evg_job_complete(&kit.s, job, bytes("")), EVG_EJOB_LOST);
    assert_int_equal(evg_job_fail(&kit.s, job), EVG_EJOB_LOST);
    assert_int_equal(evg_job_data(&kit.s, job, bytes("")), EVG_EJOB_LOST);
    assert_int_equal(evg_job_status(&kit.s, job, 1, 2), EVG_EJOB_LOST);
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
}

static void all_that_are_held_are_lost_in_order(void **state)
{
    /* Fails when only the first is told, or a lost one still counts for the limit. */
    (void)state;
    kit.s.worker.concurrency = 3;
    worker_kit_wire(&kit);
    assign("H:2", "slow");
    evg_job_started(&kit.s, &kit.jobs[1]);
    worker_kit_lose(&kit);
    worker_kit_pass(&kit, 100);
    assert_events(&kit, "LOST H:1; LOST H:2; DISCONNECTED; ERROR SERVER_CLOSED");
    assert_int_equal(kit.s.worker.held_count, 0);
}

static void a_generation_that_is_not_ours_is_refused(void **state)
{
    /* Fails when only the state of the job is asked. */
    (void)state;
    kit.jobs[0].generation--;
    assert_int_equal(evg_job_complete(&kit.s, &kit.jobs[0], bytes("")), EVG_EJOB_LOST);
    assert_wire(&kit, "");
}

static void a_forgotten_job_leaves_its_place(void **state)
{
    /* Fails when memory of the caller is used after it was given back, or its slot is never free. */
    (void)state;
    evg_job_forget(&kit.s, &kit.jobs[0]);
    assert_int_equal(kit.s.worker.held_count, 0);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    assign("H:2", "f");
    worker_kit_lose(&kit);
    evg_job_forget(&kit.s, &kit.jobs[1]);
    assert_events(&kit, "DISCONNECTED; ERROR SERVER_CLOSED");
}

/* -- timeouts ------------------------------------------------------------------------------------------------------ */

static void a_job_past_its_timeout_is_failed(void **state)
{
    /* Fails when the deadline is late, tells nobody, or lets a completion follow. */
    (void)state;
    evg_job_t *job = &kit.jobs[0];
    assert_true(fabs(evg_session_deadline(&kit.s) - kit.s.wire.now - 5) < 1e-9);
    worker_kit_pass(&kit, 4.9);
    assert_wire(&kit, "");
    worker_kit_pass(&kit, 0.1);
    assert_events(&kit, "EXPIRED JOB_TIMEOUT H:1");
    assert_int_equal(job->state, EVG_JOB_EXPIRED);
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
    assert_int_equal(evg_job_complete(&kit.s, job, bytes("")), EVG_EJOB_TIMEOUT);
    assert_int_equal(evg_job_data(&kit.s, job, bytes("")), EVG_EJOB_TIMEOUT);
    assert_wire(&kit, "");
}

static void a_completion_past_the_timeout_fails_the_job(void **state)
{
    /* Fails when a handler that blocked the loop beyond its deadline is believed; or when that is told to nobody, or
     * twice. */
    (void)state;
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 6);
    assert_int_equal(evg_job_complete(&kit.s, &kit.jobs[0], bytes("late")), EVG_EJOB_TIMEOUT);
    worker_kit_pass(&kit, 0);
    assert_events(&kit, "EXPIRED JOB_TIMEOUT H:1");
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
}

static void a_timeout_is_told_to_who_asked(void **state)
{
    /* Fails when the client hears of a failure, and not that its time was up; or hears it although exceptions are off. */
    static const char *const cases[][2] = {{"OK 1.1.20", "WORK_EXCEPTION H:1 timed out after 0.5 s; "},
                                           {"v1.130", "WORK_EXCEPTION H:1 timed out after 0.5 s; WORK_FAIL H:1; "}};
    evg_event_t event;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i) worker_kit_stop(&kit);
        start(cases[i][0]);
        worker_kit_can_do_timed(&kit, "slow", 0.5, 0);
        kit.s.options.exceptions = true;
        if (i)
            worker_kit_say(&kit, EVG_JOB_ASSIGN, "H:1", "slow", "w", NULL);
        else
            worker_kit_assign(&kit, "H:1", "slow");
        worker_kit_events(&kit);
        evg_job_started(&kit.s, &kit.jobs[0]);
        evg_wire_clock(&kit.s.wire, kit.s.wire.now + 0.5);
        assert_int_equal(evg_session_tick(&kit.s), 0);
        assert_int_equal(evg_session_next(&kit.s, &event), 1);
        assert_int_equal(event.type, EVG_EVENT_EXPIRED);
        assert_true(evg_bytes_equal_p(event.text, evg_bytes_of("timed out after 0.5 s")));
        assert_memory_equal(worker_kit_wire(&kit), cases[i][1], strlen(cases[i][1]));
    }
}

static void the_timeout_runs_from_the_start_of_the_handler(void **state)
{
    /* Fails when a job that waits for its handler expires, or one that ended does; or a second start moves it. */
    (void)state;
    start("OK 1.1.20");
    assign("H:1", "slow");
    worker_kit_pass(&kit, 10);
    assert_events(&kit, "");
    evg_job_started(&kit.s, &kit.jobs[0]);
    worker_kit_pass(&kit, 4);
    evg_job_started(&kit.s, &kit.jobs[0]);
    worker_kit_pass(&kit, 1);
    assert_events(&kit, "EXPIRED JOB_TIMEOUT H:1");
    worker_kit_wire(&kit);
    assign("H:2", "slow");
    evg_job_started(&kit.s, &kit.jobs[1]);
    worker_kit_complete(&kit, "H:2");
    evg_job_started(&kit.s, &kit.jobs[1]);
    assert_wire(&kit, "WORK_COMPLETE H:2 r; GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    worker_kit_events(&kit);
    worker_kit_pass(&kit, 10);
    assert_events(&kit, "");
}

static void a_job_without_timeout_takes_its_time(void **state)
{
    /* Fails when 0 is a deadline. */
    (void)state;
    evg_job_started(&kit.s, &kit.jobs[0]);
    worker_kit_pass(&kit, 1e6);
    assert_events(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
}

static void an_expired_job_may_be_forgotten_before_it_is_told(void **state)
{
    /* Fails when the list of what is to be told keeps memory that is gone. */
    (void)state;
    worker_kit_pass(&kit, 5);
    evg_job_forget(&kit.s, &kit.jobs[0]);
    assert_events(&kit, "");
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
}

/* -- without memory ------------------------------------------------------------------------------------------------ */

/* The next packet finds no memory. */
static void starve(void)
{
    worker_kit_wire(&kit);
    evg_buffer_deinit(&kit.s.wire.out);
    evg_alloc_fail_at(1);
}

static void without_memory_nothing_has_changed(void **state)
{
    /* Fails when a job is finished for us but not for the server. */
    (void)state;
    starve();
    assert_int_equal(evg_job_complete(&kit.s, &kit.jobs[0], bytes("r")), EVG_ENOMEM);
    assert_int_equal(kit.jobs[0].state, EVG_JOB_HELD);
    evg_alloc_fail_at(0);
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
}

static void half_an_exception_is_none(void **state)
{
    /* Fails when the exception stays in the output although the WORK_FAIL behind it found no memory: it would be told
     * twice. */
    (void)state;
    static uint8_t filling[2 * EVG_BUFFER_FIRST];
    for (size_t len = 16000; len < EVG_BUFFER_FIRST; len++) {
        uint64_t out = kit.s.stats.packets_out;
        starve();
        evg_alloc_fail_at(2); /* the buffer's first 16 KiB are granted */
        int r = evg_job_exception(&kit.s, &kit.jobs[0], evg_bytes(filling, len));
        evg_alloc_fail_at(0);
        if (r == EVG_ENOMEM) {
            assert_int_equal(evg_session_unsent(&kit.s), 0);
            assert_int_equal(kit.s.stats.packets_out, out);
            assert_int_equal(kit.jobs[0].state, EVG_JOB_HELD);
            return;
        }
        assert_int_equal(r, 0);
        worker_kit_stop(&kit);
        holding_perl(NULL);
    }
    fail_msg("no length needed memory for the second packet only");
}

static void a_job_without_memory_for_its_timeout_is_not_taken(void **state)
{
    /* Fails when it is told all the same: it could not be given a deadline when its handler begins. */
    (void)state;
    start("OK 1.1.20");
    worker_kit_assign(&kit, "H:1", "slow");
    evg_alloc_fail_at(1);
    assert_events(&kit, "");
    evg_alloc_fail_at(0);
    assert_broken(&kit, EVG_ENOMEM);
    worker_kit_lose(&kit);
    assert_events(&kit, "DISCONNECTED; ERROR SERVER_CLOSED");
}

static void a_deadline_out_of_order_needs_no_memory(void **state)
{
    /* Fails when a job that is taken runs without its timeout. */
    (void)state;
    kit.s.worker.concurrency = 2;
    worker_kit_can_do_timed(&kit, "quick", 2, 0);
    worker_kit_wire(&kit);
    assign("H:2", "quick");
    evg_alloc_fail_at(1);
    evg_job_started(&kit.s, &kit.jobs[1]);
    evg_alloc_fail_at(0);
    worker_kit_pass(&kit, 2);
    assert_events(&kit, "EXPIRED JOB_TIMEOUT H:2");
}

static void a_timeout_without_memory_closes(void **state)
{
    /* Fails when a job past its deadline is forgotten because its WORK_FAIL found no memory. */
    (void)state;
    starve();
    worker_kit_pass(&kit, 5);
    evg_alloc_fail_at(0);
    assert_broken(&kit, EVG_ENOMEM);
    worker_kit_lose(&kit);
    assert_events(&kit, "LOST H:1; DISCONNECTED; ERROR SERVER_CLOSED");
}

static void a_late_completion_without_memory_is_no_timeout_yet(void **state)
{
    /* Fails when the job counts as expired although nothing was told to the server. */
    (void)state;
    starve();
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 6);
    assert_int_equal(evg_job_complete(&kit.s, &kit.jobs[0], bytes("late")), EVG_ENOMEM);
    evg_alloc_fail_at(0);
    assert_int_equal(evg_job_complete(&kit.s, &kit.jobs[0], bytes("late")), EVG_EJOB_TIMEOUT);
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(progress_is_told_while_it_is_held, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(what_is_said_meanwhile_waits_for_room, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_fails, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(an_exception_ends_the_job_at_gearmand, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(an_exception_is_cut_to_what_a_packet_takes, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(an_exception_needs_a_fail_at_the_perl_server, holding_perl, nothing_leaked),
        cmocka_unit_test_setup_teardown(the_perl_server_is_told_no_data, holding_perl, nothing_leaked),
        cmocka_unit_test_setup_teardown(one_terminal_packet_each, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(jobs_end_in_any_order, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(what_is_too_large_changes_nothing, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_dies_with_its_connection, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(all_that_are_held_are_lost_in_order, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_generation_that_is_not_ours_is_refused, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_forgotten_job_leaves_its_place, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_past_its_timeout_is_failed, holding_slow, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_completion_past_the_timeout_fails_the_job, holding_slow, nothing_leaked),
        cmocka_unit_test_teardown(a_timeout_is_told_to_who_asked, nothing_leaked),
        cmocka_unit_test_teardown(the_timeout_runs_from_the_start_of_the_handler, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_without_timeout_takes_its_time, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(an_expired_job_may_be_forgotten_before_it_is_told, holding_slow,
                                        nothing_leaked),
        cmocka_unit_test_setup_teardown(without_memory_nothing_has_changed, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(half_an_exception_is_none, holding_perl, nothing_leaked),
        cmocka_unit_test_teardown(a_job_without_memory_for_its_timeout_is_not_taken, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_deadline_out_of_order_needs_no_memory, holding_slow, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_timeout_without_memory_closes, holding_slow, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_late_completion_without_memory_is_no_timeout_yet, holding_slow,
                                        nothing_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
