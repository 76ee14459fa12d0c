#include "support/worker_kit.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>

/* A worker with room for two holds H:1 of "f", and its GRAB for another is out. */
static int holding(void **state)
{
    asking(state);
    kit.s.worker.concurrency = 2;
    worker_kit_assign(&kit, "H:1", "f");
    worker_kit_events(&kit);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    return 0;
}

static evg_function_t *function(const char *name)
{
    return evg_worker_function(&kit.s, evg_bytes_of(name));
}

static int can_do(const char *name, double server_timeout)
{
    return evg_worker_can_do(&kit.s, evg_bytes_of(name), 0, server_timeout, &kit);
}

/* -- registering --------------------------------------------------------------------------------------------------- */

static void what_may_not_be_sent_is_refused(void **state)
{
    /* Fails when a name or a timeout that the server chokes on is registered. */
    (void)state;
    assert_int_equal(can_do("", 0), EVG_EFUNCTION);
    assert_int_equal(can_do("a\nb", 0), EVG_EFUNCTION);
    assert_int_equal(can_do("f", 0.5), EVG_ETIMEOUT);
    assert_int_equal(can_do("f", -1), EVG_ETIMEOUT);
    assert_int_equal(can_do("f", 3e6), EVG_ETIMEOUT);
    assert_int_equal(evg_worker_cant_do(&kit.s, evg_bytes_of("")), EVG_EFUNCTION);
    assert_null(evg_worker_next_function(&kit.s, NULL));
    assert_wire(&kit, "");
}

static void a_name_that_no_packet_takes_is_refused(void **state)
{
    /* Fails when it is registered and cannot be announced: then no GRAB goes out either. */
    (void)state;
    kit.s.options.max_packet = 13;
    assert_int_equal(can_do("fourteen bytes", 0), EVG_ENAME);
    assert_int_equal(can_do("thr", 5), EVG_ENAME);
    assert_int_equal(evg_session_set_client_id(&kit.s, evg_bytes_of("fourteen-bytes")), EVG_ENAME);
    assert_int_equal(evg_session_option(&kit.s, &kit.request, evg_bytes_of("fourteen-bytes")), EVG_ENAME);
    assert_int_equal(can_do("thirteen byte", 0), 0);
    assert_int_equal(can_do("tw", 5), 0);
    assert_wire(&kit, "CAN_DO thirteen byte; CAN_DO_TIMEOUT tw 5000");
}

static void registered_twice_is_announced_once(void **state)
{
    /* Fails when CAN_DO goes out again: the server would count the worker twice. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    worker_kit_can_do(&kit, "f");
    assert_wire(&kit, "CAN_DO f");
}

static void the_last_registration_counts(void **state)
{
    /* Fails when the first handler or timeout stays. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_can_do(&kit.s, evg_bytes_of("f"), 7, 0, &introduced), 0);
    assert_ptr_equal(function("f")->owner, &introduced);
    assert_true(function("f")->timeout == 7);
}

static void functions_are_walked_in_their_order(void **state)
{
    /* Fails when the walk shows one that leaves, or not one that returns. */
    (void)state;
    worker_kit_can_do(&kit, "a");
    worker_kit_can_do(&kit, "b");
    worker_kit_can_do(&kit, "c");
    assert_wire(&kit, "CAN_DO a; CAN_DO b; CAN_DO c");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0); /* none of them leaves before its answer */
    worker_kit_cant_do(&kit, "a");
    worker_kit_cant_do(&kit, "b");
    worker_kit_can_do(&kit, "b");
    evg_function_t *at = evg_worker_next_function(&kit.s, NULL);
    assert_ptr_equal(at, function("b"));
    at = evg_worker_next_function(&kit.s, at);
    assert_ptr_equal(at, function("c"));
    assert_null(evg_worker_next_function(&kit.s, at));
    assert_null(function("a"));
    assert_null(function("d"));
}

static void every_connection_hears_all_of_them(void **state)
{
    /* Fails when an ability is announced in one life only. */
    (void)state;
    worker_kit_can_do(&kit, "a");
    worker_kit_can_do(&kit, "b");
    worker_kit_wire(&kit);
    worker_kit_lose(&kit);
    worker_kit_can_do(&kit, "c");
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 10);
    evg_session_want(&kit.s);
    evg_session_opening(&kit.s);
    assert_int_equal(evg_session_opened(&kit.s), 0);
    assert_wire(&kit, "version; CAN_DO a; CAN_DO b; CAN_DO c");
}

/* -- CAN_DO_TIMEOUT ------------------------------------------------------------------------------------------------ */

static void the_unit_of_a_server_timeout_waits_for_the_dialect(void **state)
{
    /* Fails when it is sent before the server is known, or in the wrong unit: 1000 times too long or too short. */
    static const char *const cases[][2] = {{"OK 1.1.20", "CAN_DO_TIMEOUT f 2500; GRAB_JOB_UNIQ"},
                                           {"v1.130", "CAN_DO_TIMEOUT f 3; GRAB_JOB"},
                                           {"ERR UNKNOWN_COMMAND x", "CAN_DO_TIMEOUT f 2500; GRAB_JOB_UNIQ"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i) worker_kit_stop(&kit);
        worker_kit_init(&kit);
        worker_kit_can_do_timed(&kit, "f", 0, 2.5);
        evg_worker_work(&kit.s);
        worker_kit_open(&kit, NULL);
        assert_wire(&kit, "");
        assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes_of(cases[i][0])), 0);
        assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes_of("\n")), 0);
        worker_kit_events(&kit);
        assert_wire(&kit, cases[i][1]);
    }
}

static void a_new_server_timeout_takes_the_old_one_back_first(void **state)
{
    /* Fails when CAN_DO_TIMEOUT goes out beside the old registration: it would count twice. */
    (void)state;
    no_job();
    worker_kit_can_do_timed(&kit, "f", 0, 2);
    assert_wire(&kit, "PRE_SLEEP; CANT_DO f; CAN_DO_TIMEOUT f 2000; GRAB_JOB_UNIQ");
    worker_kit_can_do_timed(&kit, "f", 0, 2);
    assert_wire(&kit, "");
    no_job();
    worker_kit_can_do(&kit, "f");
    assert_wire(&kit, "PRE_SLEEP; CANT_DO f; CAN_DO f; GRAB_JOB_UNIQ");
}

static void a_new_server_timeout_waits_for_the_jobs(void **state)
{
    /* Fails when CANT_DO overtakes a job that is held, or the function is unknown meanwhile. */
    (void)state;
    worker_kit_can_do_timed(&kit, "f", 0, 2);
    assert_non_null(function("f"));
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; CANT_DO f; CAN_DO_TIMEOUT f 2000; GRAB_JOB_UNIQ");
}

/* -- CANT_DO ------------------------------------------------------------------------------------------------------- */

static void cant_do_waits_for_jobs_and_grabs(void **state)
{
    /* Fails when CANT_DO is sent while a job is held or a GRAB could bring one, or GRABs go on meanwhile. */
    (void)state;
    worker_kit_cant_do(&kit, "f");
    assert_null(function("f"));
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r");
    worker_kit_assign(&kit, "H:2", "f");
    assert_events(&kit, "ASSIGNED H:2 f u w");
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:2");
    assert_wire(&kit, "WORK_COMPLETE H:2 r; CANT_DO f");
    assert_wire(&kit, "");
}

static void other_functions_are_asked_for_again_behind_it(void **state)
{
    /* Fails when the loop stays blocked, or a job of another function holds the CANT_DO up. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    worker_kit_cant_do(&kit, "f");
    assert_wire(&kit, "CAN_DO g");
    worker_kit_assign(&kit, "H:2", "g");
    worker_kit_events(&kit);
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; CANT_DO f; GRAB_JOB_UNIQ");
}

static void cant_do_while_asleep_goes_out_at_once(void **state)
{
    /* Fails when it waits for the next wake-up. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    no_job();
    worker_kit_wire(&kit);
    worker_kit_cant_do(&kit, "f");
    assert_wire(&kit, "CANT_DO f");
    assert_int_equal(kit.s.worker.state, EVG_WORK_ASLEEP);
}

static void of_idle_functions_they_go_out_before_what_is_asked_behind_them(void **state)
{
    /* Fails when CANT_DO or RESET_ABILITIES of functions without jobs are written behind requests that were made later,
     * or `flushed` is said before. */
    (void)state;
    static evg_request_t echo; /* the session has it until it is stopped */
    worker_kit_can_do(&kit, "f");
    worker_kit_can_do(&kit, "g");
    worker_kit_wire(&kit);
    worker_kit_cant_do(&kit, "f");
    assert_false(evg_session_flushed_p(&kit.s));
    evg_request_init(&echo, NULL);
    assert_int_equal(evg_session_echo(&kit.s, &echo, evg_bytes_of("x")), 0);
    assert_wire(&kit, "CANT_DO f; ECHO_REQ x");
    worker_kit_say(&kit, EVG_ECHO_RES, "x", NULL);
    worker_kit_events(&kit);
    assert_true(evg_session_flushed_p(&kit.s));
    evg_worker_reset_abilities(&kit.s);
    evg_request_init(&echo, NULL);
    assert_int_equal(evg_session_echo(&kit.s, &echo, evg_bytes_of("y")), 0);
    assert_wire(&kit, "RESET_ABILITIES; ECHO_REQ y");
}

static void flushed_waits_for_a_cant_do_that_waits_for_a_grab(void **state)
{
    /* Fails when it is said while the answer to a GRAB holds up the CANT_DO of an idle function; or not said while a job
     * does, which may be that of whoever waits. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    worker_kit_wire(&kit);
    worker_kit_cant_do(&kit, "f"); /* H:1 is held */
    assert_true(evg_session_flushed_p(&kit.s));
    worker_kit_cant_do(&kit, "g");
    assert_false(evg_session_flushed_p(&kit.s));
    no_job();
    assert_wire(&kit, "PRE_SLEEP; CANT_DO g");
    assert_true(evg_session_flushed_p(&kit.s));
}

static void registered_again_before_it_has_left(void **state)
{
    /* Fails when the new registration is taken back with the old one, or replaces it without a CANT_DO. */
    (void)state;
    worker_kit_cant_do(&kit, "f");
    worker_kit_can_do(&kit, "f");
    assert_non_null(function("f"));
    no_job();
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "PRE_SLEEP; WORK_COMPLETE H:1 r; CANT_DO f; CAN_DO f; GRAB_JOB_UNIQ");
    worker_kit_cant_do(&kit, "f");
    worker_kit_can_do(&kit, "f");
    worker_kit_cant_do(&kit, "f");
    no_job();
    assert_wire(&kit, "PRE_SLEEP; CANT_DO f");
    assert_null(function("f"));
}

static void unknown_and_unannounced_ones_go_without_a_word(void **state)
{
    /* Fails when a CANT_DO is sent for what the server never heard of. */
    (void)state;
    worker_kit_cant_do(&kit, "unknown");
    assert_wire(&kit, "");
    worker_kit_lose(&kit);
    worker_kit_can_do(&kit, "g");
    worker_kit_cant_do(&kit, "g");
    assert_null(function("g"));
    worker_kit_open(&kit, "OK 1");
    assert_wire(&kit, "");
}

static void a_lost_connection_takes_the_leaving_with_it(void **state)
{
    /* Fails when one that was leaving is announced on the next connection, or one that returned is not. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    worker_kit_wire(&kit);
    worker_kit_cant_do(&kit, "f");
    worker_kit_cant_do(&kit, "g");
    worker_kit_can_do(&kit, "g");
    worker_kit_lose(&kit);
    assert_events(&kit, "LOST H:1; DISCONNECTED; ERROR SERVER_CLOSED");
    worker_kit_can_do_timed(&kit, "h", 0, 1);
    worker_kit_open(&kit, NULL);
    evg_worker_stop(&kit.s);
    assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes_of("OK 1\n")), 0);
    worker_kit_events(&kit);
    assert_wire(&kit, "CAN_DO_TIMEOUT h 1000");
    assert_null(function("f"));
    worker_kit_cant_do(&kit, "g");
    worker_kit_cant_do(&kit, "h");
    assert_wire(&kit, "CANT_DO g; CANT_DO h");
}

static void a_grab_of_the_caller_holds_it_up_too(void **state)
{
    /* Fails when CANT_DO is written between a grab_job and its answer. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_cant_do(&kit, "f");
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w; DONE");
    assert_wire(&kit, "");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; CANT_DO f");
}

static void it_is_in_front_of_a_grab_that_is_made_behind_it(void **state)
{
    /* Fails when grab_job can bring a job of a function that was taken back before. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    worker_kit_can_do(&kit, "g");
    worker_kit_cant_do(&kit, "f");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    assert_wire(&kit, "CAN_DO f; CAN_DO g; CANT_DO f; GRAB_JOB_UNIQ");
}

/* -- RESET_ABILITIES ----------------------------------------------------------------------------------------------- */

static void reset_takes_all_back_when_nothing_is_held(void **state)
{
    /* Fails when RESET_ABILITIES overtakes a job or a GRAB. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    evg_worker_reset_abilities(&kit.s);
    assert_null(evg_worker_next_function(&kit.s, NULL));
    assert_wire(&kit, "CAN_DO g");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r");
    no_job();
    assert_wire(&kit, "PRE_SLEEP; RESET_ABILITIES");
    assert_wire(&kit, "");
}

static void what_was_registered_behind_the_reset_is_announced_behind_it(void **state)
{
    /* Fails when RESET_ABILITIES wipes what was registered while it waited. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    evg_worker_reset_abilities(&kit.s);
    worker_kit_can_do(&kit, "g");
    worker_kit_can_do(&kit, "new");
    assert_wire(&kit, "CAN_DO g; CAN_DO new");
    no_job();
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "PRE_SLEEP; WORK_COMPLETE H:1 r; RESET_ABILITIES; CAN_DO g; CAN_DO new; GRAB_JOB_UNIQ");
}

static void reset_waits_for_jobs_of_what_came_behind_it(void **state)
{
    /* Fails when it only waits for jobs of functions that leave: it takes the others back as well. */
    (void)state;
    evg_worker_stop(&kit.s);
    no_job();
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    evg_worker_reset_abilities(&kit.s);
    worker_kit_can_do(&kit, "new");
    assert_wire(&kit, "GRAB_JOB_UNIQ; CAN_DO new");
    worker_kit_assign(&kit, "H:2", "new");
    worker_kit_events(&kit);
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r");
    worker_kit_complete(&kit, "H:2");
    assert_wire(&kit, "WORK_COMPLETE H:2 r; RESET_ABILITIES; CAN_DO new");
}

static void reset_without_a_connection_is_no_packet(void **state)
{
    /* Fails when a RESET is remembered for the next connection, which begins with none anyway. */
    (void)state;
    worker_kit_lose(&kit);
    evg_worker_reset_abilities(&kit.s);
    worker_kit_can_do(&kit, "g");
    worker_kit_open(&kit, "OK 1");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void reset_of_nothing(void **state)
{
    /* Fails when a reset without functions blocks the loop. */
    (void)state;
    evg_worker_reset_abilities(&kit.s);
    worker_kit_can_do(&kit, "f");
    evg_worker_work(&kit.s);
    assert_wire(&kit, "RESET_ABILITIES; CAN_DO f; GRAB_JOB_UNIQ");
}

/* -- many of them ------------------------------------------------------------------------------------------------- */

static void a_job_looks_at_its_own_function_only(void **state)
{
    /* Fails when what a job costs grows with the functions that are registered. */
    enum { FUNCTIONS = 1000, JOBS = 50 };
    char name[32];
    (void)state;
    for (int i = 0; i < FUNCTIONS; i++) {
        snprintf(name, sizeof name, "function_%d", i);
        assert_int_equal(can_do(name, 0), 0);
        evg_session_written(&kit.s, evg_session_output(&kit.s).len);
    }
    evg_worker_work(&kit.s);
    kit.s.worker.by_name.probes = 0;
    for (int i = 0; i < JOBS; i++) {
        assert_true(evg_list_empty_p(&kit.s.worker.unannounced) && evg_list_empty_p(&kit.s.worker.leaving));
        snprintf(name, sizeof name, "function_%d", i * 7);
        worker_kit_wire(&kit);
        worker_kit_assign(&kit, "H:1", name);
        worker_kit_events(&kit);
        worker_kit_complete(&kit, "H:1");
    }
    assert_in_range(kit.s.worker.by_name.probes, JOBS, 10 * JOBS);
}

/* -- without memory ------------------------------------------------------------------------------------------------ */

static void what_could_not_be_announced_is_announced_later(void **state)
{
    /* Fails when an ability whose CAN_DO found no memory is never announced; in any of its allocations. */
    (void)state;
    worker_kit_stop(&kit);
    for (size_t nth = 1; nth < 4; nth++) {
        worker_kit_start(&kit, "OK 1.1.20");
        evg_buffer_deinit(&kit.s.wire.out); /* so that it has to ask for memory */
        evg_alloc_fail_at(nth);
        int r = can_do("f", 0);
        evg_alloc_fail_at(0);
        if (r < 0) {
            assert_int_equal(r, EVG_ENOMEM);
            assert_null(function("f"));
            worker_kit_can_do(&kit, "f");
        }
        assert_wire(&kit, "CAN_DO f");
        worker_kit_stop(&kit);
    }
    worker_kit_start(&kit, "OK 1.1.20");
}

static void what_could_not_be_taken_back_is_taken_back_later(void **state)
{
    /* Fails when a lack of memory leaves the loop blocked or an ability half gone. */
    (void)state;
    worker_kit_can_do(&kit, "g");
    assert_wire(&kit, "CAN_DO g");
    for (int round = 0; round < 4; round++) {
        if (round % 2)
            evg_worker_reset_abilities(&kit.s);
        else
            worker_kit_cant_do(&kit, "f");
        worker_kit_can_do(&kit, "f");
        no_job();
        worker_kit_wire(&kit);
        if (round % 2) continue;
        worker_kit_cant_do(&kit, "f");
        worker_kit_can_do(&kit, "f");
        no_job();
        evg_buffer_deinit(&kit.s.wire.out);
        evg_alloc_fail_at(1);
        (void)evg_session_output(&kit.s);
        evg_alloc_fail_at(0);
        assert_wire(&kit, "CANT_DO f; CAN_DO f; GRAB_JOB_UNIQ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_may_not_be_sent_is_refused, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_name_that_no_packet_takes_is_refused, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(registered_twice_is_announced_once, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(the_last_registration_counts, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(functions_are_walked_in_their_order, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(every_connection_hears_all_of_them, introduced, nothing_leaked),
        cmocka_unit_test_teardown(the_unit_of_a_server_timeout_waits_for_the_dialect, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_new_server_timeout_takes_the_old_one_back_first, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_new_server_timeout_waits_for_the_jobs, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(cant_do_waits_for_jobs_and_grabs, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(other_functions_are_asked_for_again_behind_it, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(cant_do_while_asleep_goes_out_at_once, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(of_idle_functions_they_go_out_before_what_is_asked_behind_them, introduced,
                                        nothing_leaked),
        cmocka_unit_test_setup_teardown(flushed_waits_for_a_cant_do_that_waits_for_a_grab, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(registered_again_before_it_has_left, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(unknown_and_unannounced_ones_go_without_a_word, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_lost_connection_takes_the_leaving_with_it, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_grab_of_the_caller_holds_it_up_too, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(it_is_in_front_of_a_grab_that_is_made_behind_it, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(reset_takes_all_back_when_nothing_is_held, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(what_was_registered_behind_the_reset_is_announced_behind_it, holding,
                                        nothing_leaked),
        cmocka_unit_test_setup_teardown(reset_waits_for_jobs_of_what_came_behind_it, holding, nothing_leaked),
        cmocka_unit_test_setup_teardown(reset_without_a_connection_is_no_packet, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(reset_of_nothing, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_job_looks_at_its_own_function_only, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(what_could_not_be_announced_is_announced_later, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(what_could_not_be_taken_back_is_taken_back_later, asking, nothing_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
