/* What a job server does wrong when it is asked to, and without memory. */
#include "support/server_kit.h"

#include "base/error.h"
#include "session/quirks.h"

#include <string.h>

/* -- by name ------------------------------------------------------------------------------------------------------- */

static void quirks_and_habits_have_names(void **state)
{
    (void)state;
    for (int bit = 0; bit < EVG_QUIRK_COUNT; bit++)
        assert_int_equal(evg_quirks_of(evg_bytes_of(evg_quirk_name(bit))), UINT32_C(1) << bit);
    assert_true(evg_quirks_of(evg_bytes_of("gearmand_1_1_20")) & EVG_QUIRK_SLEEP_THROUGH_EPOCH);
    assert_false(evg_quirks_of(evg_bytes_of("gearmand_2_0")) & EVG_QUIRK_SLEEP_THROUGH_EPOCH);
    assert_int_equal(evg_quirks_of(evg_bytes_of("gearman")), 0);
}

static void a_stray_nul(void **state)
{
    (void)state;
    server_kit_quirk("fail_with_nul");
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB; WORK_EXCEPTION H:1|oh");
    assert_said(0, "JOB_CREATED H:1; WORK_FAIL H:1\\0");
}

static void a_delayed_job_wakes_nobody(void **state)
{
    (void)state;
    server_kit_quirk("sleep_through_epoch");
    ask(1, "CAN_DO f; PRE_SLEEP");
    ask(0, "SUBMIT_JOB_EPOCH f||1002|w");
    server_kit_pass(3);
    assert_said(1, "");
    ask(1, "PRE_SLEEP; GRAB_JOB");
    assert_said(1, "NOOP; JOB_ASSIGN H:1|f|w");
}

static void a_name_is_cut(void **state)
{
    (void)state;
    server_kit_quirk("cut_function");
    ask(0, "'create function alpha; 'create function beta\r; 'status");
    assert_said(0, "'OK\\r\\nOK\\r\\nalph\\t0\\t0\\t0\\nbeta\\t0\\t0\\t0\\n.\\n'");
}

static void long_things_get_no_answer(void **state)
{
    char text[128] = "GET_STATUS ";
    (void)state;
    server_kit_quirk("mute_long");
    memset(text + strlen(text), 'x', 64);
    ask(0, text);
    ask(0, "SUBMIT_JOB_EPOCH f||9223372036854775808|w; ECHO_REQ x");
    assert_said(0, "ECHO_RES x");
}

static void one_noop_until_the_next_grab(void **state)
{
    (void)state;
    server_kit_quirk("one_noop");
    ask(1, "CAN_DO f; PRE_SLEEP");
    ask(0, "SUBMIT_JOB_BG f||1");
    ask(2, "CAN_DO f; GRAB_JOB");
    assert_said(1, "NOOP");
    ask(1, "PRE_SLEEP");
    ask(0, "SUBMIT_JOB_BG f||2");
    assert_said(1, "");
    ask(1, "PRE_SLEEP; GRAB_JOB; GRAB_JOB; PRE_SLEEP");
    ask(0, "SUBMIT_JOB_BG f||3");
    assert_said(1, "NOOP; JOB_ASSIGN H:2|f|2; NO_JOB; NOOP");
}

static void sleeping_stops_timers(void **state)
{
    (void)state;
    server_kit_quirk("sleep_stops_timers");
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO_TIMEOUT f|1000; GRAB_JOB; PRE_SLEEP");
    server_kit_pass(5);
    ask(1, "WORK_COMPLETE H:1|r");
    assert_said(0, "JOB_CREATED H:1; WORK_COMPLETE H:1|r");
}

static void the_last_function_comes_first(void **state)
{
    (void)state;
    server_kit_quirk("function_first");
    ask(0, "SUBMIT_JOB_HIGH_BG a||1; SUBMIT_JOB_LOW_BG b||2; SUBMIT_JOB_LOW_BG b||3");
    ask(1, "CAN_DO a; CAN_DO b; GRAB_JOB; GRAB_JOB; GRAB_JOB; GRAB_JOB");
    assert_said(1, "JOB_ASSIGN H:2|b|2; JOB_ASSIGN H:3|b|3; JOB_ASSIGN H:1|a|1; NO_JOB");
}

static void a_client_takes_a_background_job_with_it(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB_BG f|k|w");
    ask(1, "SUBMIT_JOB f|k|w");
    leave(1);
    assert_int_equal(kit.server.queue.jobs.count, 1);
    server_kit_quirk("client_takes_all");
    ask(0, "SUBMIT_JOB_BG f|k|w");
    ask(1, "SUBMIT_JOB f|k|w");
    leave(1);
    assert_int_equal(kit.server.queue.jobs.count, 0);
}

static void strays(void **state)
{
    (void)state;
    evg_server_settings_t settings = kit.settings;
    settings.quirks = EVG_QUIRK_STRAY_ERROR | EVG_QUIRK_EARLY_NOOP;
    server_kit_with(settings);
    ask(0, "SUBMIT_JOB_BG f||w");
    ask(1, "CAN_DO f; GRAB_JOB; GRAB_JOB");
    assert_said(1, "NOOP; JOB_ASSIGN H:1|f|w; ERROR JOB_NOT_FOUND|Job given in work result not found; NO_JOB");
}

static void ends_that_come_twice(void **state)
{
    (void)state;
    evg_server_settings_t settings = kit.settings;
    settings.quirks = EVG_QUIRK_DOUBLE_END | EVG_QUIRK_LATE_FAIL;
    server_kit_with(settings);
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB; WORK_COMPLETE H:1|r");
    assert_said(0, "JOB_CREATED H:1; WORK_COMPLETE H:1|r; WORK_COMPLETE H:1|r; WORK_FAIL H:1");
}

static void jobs_that_are_lost(void **state)
{
    (void)state;
    server_kit_quirk("lose_jobs");
    ask(0, "SUBMIT_JOB f||w; GET_STATUS H:1");
    assert_said(0, "JOB_CREATED H:1; STATUS_RES H:1|0|0|0|0");
}

static void no_word_on_status(void **state)
{
    (void)state;
    server_kit_quirk("mute_status");
    ask(0, "GET_STATUS H:1; ECHO_REQ x");
    assert_said(0, "ECHO_RES x");
}

static void half_a_result(void **state)
{
    (void)state;
    server_kit_quirk("cut_result");
    ask(0, "SUBMIT_JOB f||w");
    assert_said(0, "JOB_CREATED H:1");
    ask(1, "CAN_DO f; GRAB_JOB; WORK_COMPLETE H:1|result");
    assert_int_equal(evg_wire_output(&kit.sessions[0].wire).len, EVG_HEADER_LEN + sizeof "H:1|result" - 2);
    assert_ends(0, EVG_ECLOSED);
}

static void the_perl_server(void **state)
{
    (void)state;
    server_kit_quirk("perl_server");
    ask(0, "'version; 'bogus; 'maxqueue f 1; OPTION_REQ foo; GET_STATUS H:9; GRAB_JOB_UNIQ; WORK_FAIL H:9");
    assert_said(0, "'v1.130.1\\nERR unknown_command \\r\\nOK\\n'; ERROR unknown_option|; STATUS_RES H:9|0|0||; "
                   "ERROR server_error|Can't locate object method \"CMD_GRAB_JOB_UNIQ\"; ERROR not_worker|");
    ask(0, "SUBMIT_JOB f||1; SUBMIT_JOB f||2");
    assert_said(0, "JOB_CREATED H:1; WORK_FAIL H:1; JOB_CREATED H:2");
    ask(0, "OPTION_REQ exceptions");
    ask(1, "CAN_DO_TIMEOUT f|3; GRAB_JOB; WORK_EXCEPTION H:2|oh");
    assert_said(0, "OPTION_RES exceptions; WORK_EXCEPTION H:2|oh");
    server_kit_pass(2);
    assert_said(0, "");
    leave(1);
    assert_said(0, "WORK_FAIL H:2");
}

/* -- by type of packet --------------------------------------------------------------------------------------------- */

static void packets_that_are_lost(void **state)
{
    (void)state;
    evg_faults_lose(&kit.server.faults, EVG_ECHO_REQ);
    evg_faults_lose(&kit.server.faults, EVG_JOB_CREATED);
    ask(0, "ECHO_REQ 1; ECHO_REQ 2; SUBMIT_JOB_BG f||w; GET_STATUS H:1; SUBMIT_JOB_BG f||w");
    assert_said(0, "ECHO_RES 2; STATUS_RES H:1|1|0|0|0; JOB_CREATED H:2");
}

static void packets_that_are_refused(void **state)
{
    (void)state;
    assert_int_equal(evg_faults_refuse(&kit.server.faults, EVG_SUBMIT_JOB, "NO", "not today"), 0);
    ask(0, "SUBMIT_JOB f||w; SUBMIT_JOB f||w; ECHO_REQ x");
    assert_said(0, "ERROR NO|not today; ERROR NO|not today; ECHO_RES x");
    assert_int_equal(evg_faults_refuse(&kit.server.faults, EVG_SUBMIT_JOB, NULL, NULL), 0);
    ask(0, "SUBMIT_JOB f||w");
    assert_said(0, "JOB_CREATED H:1");
}

/* -- without memory ------------------------------------------------------------------------------------------------ */

static void who_lacks_memory_is_refused_or_ends(void **state)
{
    int refused = 0, ended = 0, done = 0;
    (void)state;
    for (size_t nth = 1; nth < 40; nth++) {
        server_kit_with(kit.settings);
        kit.fail_at = nth;
        ask(0, "SUBMIT_JOB f|k|one; SUBMIT_JOB_EPOCH f||1010|two; 'create function g; SET_CLIENT_ID me; "
               "CAN_DO_TIMEOUT f|5000; GRAB_JOB_UNIQ; WORK_DATA H:1|d; WORK_COMPLETE H:1|r; PRE_SLEEP; 'status");
        kit.fail_at = 0;
        const evg_server_session_t *s = &kit.sessions[0];
        ended += s->ending == EVG_ENOMEM;
        refused += !s->ending && kit.server.counts.completed == 0;
        done += !s->ending && kit.server.counts.completed == 1;
        server_kit_pass(20);
        assert_int_equal(kit.sessions[1].ending, 0);
    }
    assert_true(refused > 0 && ended > 0 && done > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(quirks_and_habits_have_names),
        with_server(a_stray_nul),
        with_server(a_delayed_job_wakes_nobody),
        with_server(a_name_is_cut),
        with_server(long_things_get_no_answer),
        with_server(one_noop_until_the_next_grab),
        with_server(sleeping_stops_timers),
        with_server(the_last_function_comes_first),
        with_server(a_client_takes_a_background_job_with_it),
        with_server(strays),
        with_server(ends_that_come_twice),
        with_server(jobs_that_are_lost),
        with_server(no_word_on_status),
        with_server(half_a_result),
        with_server(the_perl_server),
        with_server(packets_that_are_lost),
        with_server(packets_that_are_refused),
        with_server(who_lacks_memory_is_refused_or_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
