/* grab_job: one GRAB for one call, beside no work loop. */
#include "support/worker_kit.h"

#include "base/alloc.h"
#include "base/error.h"

static void grab_job_asks_once(void **state)
{
    /* Fails when a GRAB of the caller is answered to the loop, or draws PRE_SLEEP or another. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "DONE NO_JOB");
    evg_request_init(&kit.request, NULL);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w; DONE");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r");
    assert_int_equal(kit.s.stats.submitted, 2);
    assert_int_equal(kit.s.stats.resolved, 2);
}

static void grab_job_beside_the_loop_is_refused(void **state)
{
    /* Fails when both may ask: the limit of jobs would hold for neither. */
    (void)state;
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), EVG_EWORKING);
    assert_wire(&kit, "");
}

static void a_grab_of_the_caller_counts_for_the_loop(void **state)
{
    /* Fails when work asks beside a grab_job that is outstanding, and holds one more than it may. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    evg_worker_work_one(&kit.s);
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "DONE NO_JOB");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void grab_job_for_a_function_without_handler(void **state)
{
    /* Fails when can_do without a handler is no ability: grab_job needs just that. */
    (void)state;
    assert_int_equal(evg_worker_can_do(&kit.s, evg_bytes_of("f"), 0, 0, NULL), 0);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_wire(&kit);
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w; DONE");
}

/* A job of "f" is held, and "f" is to go: another grab_job. */
static void grab_behind_a_cant_do(void)
{
    worker_kit_can_do(&kit, "f");
    worker_kit_can_do(&kit, "g");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_wire(&kit);
    worker_kit_assign(&kit, "H:1", "f");
    assert_events(&kit, "ASSIGNED H:1 f u w; DONE");
    worker_kit_cant_do(&kit, "f");
    evg_request_init(&kit.request, NULL);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    assert_wire(&kit, "");
    assert_int_equal(evg_session_waiting_count(&kit.s), 1);
    assert_int_equal(evg_session_pending_count(&kit.s), 0);
}

static void grab_job_waits_for_a_cant_do(void **state)
{
    /* Fails when it may bring one more job of a function that was taken back before, or is forgotten. */
    (void)state;
    grab_behind_a_cant_do();
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; CANT_DO f; GRAB_JOB_UNIQ");
    assert_int_equal(evg_session_pending_count(&kit.s), 1);
    worker_kit_assign(&kit, "H:2", "g");
    assert_events(&kit, "ASSIGNED H:2 g u w; DONE");
    assert_int_equal(kit.s.stats.resolved, 2);
}

static void grab_job_waits_for_no_longer_than_it_may(void **state)
{
    /* Fails when nothing ends one that was put off, or it is sent behind its end. */
    (void)state;
    grab_behind_a_cant_do();
    worker_kit_pass(&kit, 30);
    assert_events(&kit, "DONE COMMAND_TIMEOUT");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; CANT_DO f");
    assert_int_equal(evg_session_unresolved(&kit.s), 0);
}

static void grab_job_that_waits_goes_to_the_next_connection(void **state)
{
    /* Fails when it ends with a connection that never saw it, or with none to come lives on. */
    (void)state;
    grab_behind_a_cant_do();
    worker_kit_lose(&kit);
    assert_events(&kit, "LOST H:1; DISCONNECTED; ERROR SERVER_CLOSED");
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:1", "g");
    assert_events(&kit, "ASSIGNED H:1 g u w; DONE");
}

static void grab_job_that_waits_ends_with_the_session(void **state)
{
    /* Fails when disconnect leaves one behind that was put off. */
    (void)state;
    grab_behind_a_cant_do();
    evg_session_disconnect(&kit.s);
    assert_events(&kit, "DONE DISCONNECTED; LOST H:1; DISCONNECTED");
}

static void grab_job_refused_by_the_server(void **state)
{
    /* Fails when it is not asked again, or an ability is taken back meanwhile. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_wire(&kit);
    worker_kit_cant_do(&kit, "f");
    worker_kit_say(&kit, EVG_ERROR, "SERVER", "no", NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "GRAB_JOB");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "DONE NO_JOB");
    assert_wire(&kit, "CANT_DO f");
}

static void grab_job_refused_in_either_form_closes(void **state)
{
    /* Fails when a server that knows no GRAB at all is asked for ever. */
    (void)state;
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_wire(&kit);
    worker_kit_say(&kit, EVG_ERROR, "SERVER", "no", NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "GRAB_JOB");
    worker_kit_say(&kit, EVG_ERROR, "SERVER", "no", NULL);
    assert_events(&kit, "");
    assert_broken(&kit, EVG_EUNEXPECTED);
    worker_kit_lose(&kit);
    assert_events(&kit, "DONE DISCONNECTED; DISCONNECTED; ERROR SERVER_CLOSED");
}

static void grab_job_before_the_server_is_known(void **state)
{
    /* Fails when the Perl server's refusal of GRAB_JOB_UNIQ is the outcome, or the request is counted twice. */
    (void)state;
    worker_kit_init(&kit);
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    evg_session_opening(&kit.s);
    assert_int_equal(evg_session_opened(&kit.s), 0);
    assert_wire(&kit, "version; CAN_DO f; GRAB_JOB_UNIQ");
    assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes_of("v1.130\n")), 0);
    worker_kit_say(&kit, EVG_ERROR, "server_error", "Can't locate object method", NULL);
    assert_events(&kit, "CONNECTED");
    assert_int_equal(evg_session_waiting_count(&kit.s), 1);
    assert_wire(&kit, "GRAB_JOB");
    worker_kit_say(&kit, EVG_JOB_ASSIGN, "H:1", "f", "w", NULL);
    assert_events(&kit, "ASSIGNED H:1 f  w; DONE");
    assert_int_equal(kit.s.stats.submitted, 1);
    assert_int_equal(kit.s.stats.resolved, 1);
}

static void grab_job_that_is_asked_again_waits_from_then_on(void **state)
{
    /* Fails when it is due by its first packet, though the server answered that. */
    (void)state;
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_wire(&kit);
    worker_kit_pass(&kit, 20);
    worker_kit_say(&kit, EVG_ERROR, "SERVER", "no", NULL);
    assert_events(&kit, "");
    assert_wire(&kit, "GRAB_JOB");
    worker_kit_pass(&kit, 29);
    assert_int_equal(kit.broken, 0);
    worker_kit_pass(&kit, 1);
    assert_broken(&kit, EVG_ECOMMAND_TIMEOUT);
    assert_events(&kit, "DONE COMMAND_TIMEOUT");
}

static void grab_job_asked_again_keeps_the_order(void **state)
{
    /* Fails when its place among the requests behind it is that of its first packet: it would get their replies. */
    (void)state;
    static evg_request_t echo; /* the session has it until it is stopped */
    evg_request_init(&echo, NULL);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    assert_int_equal(evg_session_echo(&kit.s, &echo, evg_bytes_of("e")), 0);
    assert_wire(&kit, "GRAB_JOB_UNIQ; ECHO_REQ e");
    worker_kit_say(&kit, EVG_ERROR, "SERVER", "no", NULL);
    worker_kit_say(&kit, EVG_ECHO_RES, "e", NULL);
    assert_events(&kit, "DONE e");
    assert_wire(&kit, "GRAB_JOB");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "DONE NO_JOB");
}

static void grab_job_that_finds_no_memory_to_be_asked_again_closes(void **state)
{
    /* Fails when it is lost between its two packets. */
    (void)state;
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_wire(&kit);
    evg_buffer_deinit(&kit.s.wire.out);
    worker_kit_say(&kit, EVG_ERROR, "SERVER", "no", NULL);
    evg_alloc_fail_at(1);
    assert_events(&kit, "");
    evg_alloc_fail_at(0);
    assert_broken(&kit, EVG_ENOMEM);
    worker_kit_lose(&kit);
    assert_events(&kit, "DONE DISCONNECTED; DISCONNECTED; ERROR SERVER_CLOSED");
}

static void grab_job_waits_for_the_next_connection(void **state)
{
    /* Fails when a GRAB that is kept over a reconnect is counted no more, or one that is lost still is. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    worker_kit_wire(&kit);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_lose(&kit);
    worker_kit_open(&kit, NULL);
    assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes_of("OK 1\n")), 0);
    worker_kit_cant_do(&kit, "f");
    assert_events(&kit, "");
    assert_wire(&kit, "");
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    assert_events(&kit, "DONE NO_JOB");
    assert_wire(&kit, "CANT_DO f");
}

static void grab_job_that_expires_is_outstanding_no_more(void **state)
{
    /* Fails when a GRAB that was cut out of the output blocks CANT_DO for ever. */
    (void)state;
    worker_kit_can_do(&kit, "f");
    worker_kit_wire(&kit);
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    worker_kit_pass(&kit, 31);
    assert_events(&kit, "DONE COMMAND_TIMEOUT");
    worker_kit_cant_do(&kit, "f");
    assert_wire(&kit, "CANT_DO f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(grab_job_asks_once, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_beside_the_loop_is_refused, asking, nothing_leaked),
        cmocka_unit_test_setup_teardown(a_grab_of_the_caller_counts_for_the_loop, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_for_a_function_without_handler, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_waits_for_a_cant_do, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_waits_for_no_longer_than_it_may, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_that_waits_goes_to_the_next_connection, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_that_waits_ends_with_the_session, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_refused_by_the_server, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_refused_in_either_form_closes, introduced, nothing_leaked),
        cmocka_unit_test_teardown(grab_job_before_the_server_is_known, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_that_is_asked_again_waits_from_then_on, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_asked_again_keeps_the_order, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_that_finds_no_memory_to_be_asked_again_closes, introduced,
                                        nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_waits_for_the_next_connection, introduced, nothing_leaked),
        cmocka_unit_test_setup_teardown(grab_job_that_expires_is_outstanding_no_more, introduced, nothing_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
