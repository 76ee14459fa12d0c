/* What a job server answers. */
#include "support/packet_header.h"
#include "support/server_kit.h"

#include "base/error.h"

static void ask_raw(int at, const char *magic, uint32_t type, evg_bytes_t body)
{
    uint8_t header[EVG_HEADER_LEN];
    packet_header(header, magic, type, (uint32_t)body.len);
    feed(at, evg_bytes(header, sizeof header));
    if (body.len) feed(at, body);
}

static const evg_bytes_t nothing = {NULL, 0};

/* -- packets ------------------------------------------------------------------------------------------------------- */

static void it_echoes(void **state)
{
    (void)state;
    ask(0, "ECHO_REQ hi; ECHO_REQ ");
    assert_said(0, "ECHO_RES hi; ECHO_RES ");
}

static void also_byte_by_byte(void **state)
{
    (void)state;
    static const char packet[] = "\0REQ\0\0\0\x10\0\0\0\2hi";
    for (size_t i = 0; i < sizeof packet - 1; i++) {
        assert_said(0, "");
        feed(0, evg_bytes(packet + i, 1));
    }
    assert_said(0, "ECHO_RES hi");
}

static void a_reply_is_no_request(void **state)
{
    (void)state;
    ask_raw(0, "\0RES", EVG_ECHO_REQ, evg_bytes_of("x"));
    assert_said(0, "ERROR INVALID_MAGIC|Request magic expected");
    assert_ends(0, 0);
}

static void what_is_no_packet_ends_the_connection(void **state)
{
    (void)state;
    ask_raw(0, "\0XXX", EVG_ECHO_REQ, nothing);
    assert_ends(0, EVG_EMAGIC);
    ask_raw(0, "\0REQ", 43, nothing);
    assert_ends(0, EVG_EUNEXPECTED);
    ask_raw(0, "\0REQ", UINT32_MAX, nothing);
    assert_ends(0, EVG_EUNEXPECTED);
    ask_raw(0, "\0REQ", EVG_SUBMIT_JOB, evg_bytes_of("nonul"));
    assert_ends(0, EVG_EMALFORMED);
    assert_int_equal(kit.server.counts.cut_off, 4);
}

static void what_nobody_expects_is_refused(void **state)
{
    static const uint32_t types[] = {5, 6, 8, 10, 11, 17, 19, 20, 24, 27, 31, 40, 42};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        ask_raw(0, "\0REQ", types[i], evg_bytes("\0\0\0\0\0\0\0", 7));
        assert_said(0, "ERROR INVALID_COMMAND|Command not expected");
    }
    ask(0, "SUBMIT_JOB_SCHED f|u|1|2|3|4|5|w; ECHO_REQ x");
    assert_said(0, "ERROR INVALID_COMMAND|Command not expected; ECHO_RES x");
}

static void a_body_too_many_is_ignored(void **state)
{
    (void)state;
    ask_raw(0, "\0REQ", EVG_GRAB_JOB, evg_bytes_of("extra"));
    assert_said(0, "NO_JOB");
}

static void text_and_packets_may_be_mixed(void **state)
{
    (void)state;
    ask(0, "ECHO_REQ 1; 'version; SUBMIT_JOB_BG f||w; GET_STATUS none; OPTION_REQ exceptions; GRAB_JOB; 'bogus; "
           "ALL_YOURS; "
           "ECHO_REQ 2");
    assert_said(0,
                "ECHO_RES 1; 'OK 1.2.3\\n'; JOB_CREATED H:1; STATUS_RES none|0|0|0|0; OPTION_RES exceptions; NO_JOB; "
                "'ERR UNKNOWN_COMMAND Unknown+server+commandbogus\\r\\n'; ERROR INVALID_COMMAND|Command not expected; "
                "ECHO_RES 2");
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static void a_job_goes_from_a_client_to_a_worker_and_back(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB rev||test");
    assert_said(0, "JOB_CREATED H:1");
    ask(1, "CAN_DO rev; GRAB_JOB");
    assert_said(1, "JOB_ASSIGN H:1|rev|test");
    ask(0, "GET_STATUS H:1");
    assert_said(0, "STATUS_RES H:1|1|1|0|0");
    ask(1, "WORK_COMPLETE H:1|tset");
    assert_said(1, "");
    assert_said(0, "WORK_COMPLETE H:1|tset");
    ask(0, "GET_STATUS H:1");
    assert_said(0, "STATUS_RES H:1|0|0|0|0");
    assert_int_equal(kit.server.counts.submitted, 1);
    assert_int_equal(kit.server.counts.completed, 1);
}

static void with_its_key_if_that_is_asked_for(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f|key|one; SUBMIT_JOB f||two; SUBMIT_JOB f|k3|three");
    ask(1, "CAN_DO f; GRAB_JOB_UNIQ; GRAB_JOB_UNIQ; GRAB_JOB_ALL");
    assert_said(1, "JOB_ASSIGN_UNIQ H:1|f|key|one; JOB_ASSIGN_UNIQ H:2|f||two; JOB_ASSIGN_UNIQ H:3|f|k3|three");
}

static void with_its_reducer(void **state)
{
    (void)state;
    ask(0, "SUBMIT_REDUCE_JOB_BACKGROUND f|u|red||w; SUBMIT_REDUCE_JOB f|v|red||w");
    ask(1, "CAN_DO f; GRAB_JOB_ALL; GRAB_JOB");
    assert_said(1, "JOB_ASSIGN_ALL H:1|f|u|red|w; JOB_ASSIGN H:2|f|w");
}

static void progress_is_passed_on(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB; WORK_DATA H:1|d; WORK_WARNING H:1|w; WORK_STATUS H:1|1|2");
    assert_said(0, "JOB_CREATED H:1; WORK_DATA H:1|d; WORK_WARNING H:1|w; WORK_STATUS H:1|1|2");
    ask(2, "GET_STATUS H:1");
    assert_said(2, "STATUS_RES H:1|1|1|1|2");
}

static void an_exception_is_a_failure_to_who_did_not_ask_for_it(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f|k|w");
    ask(2, "OPTION_REQ EXCEPTIONS; SUBMIT_JOB f|k|w");
    ask(1, "CAN_DO f; GRAB_JOB; WORK_EXCEPTION H:1|oh; WORK_FAIL H:1");
    assert_said(0, "JOB_CREATED H:1; WORK_FAIL H:1");
    assert_said(2, "OPTION_RES EXCEPTIONS; JOB_CREATED H:1; WORK_EXCEPTION H:1|oh");
    assert_said(1, "JOB_ASSIGN H:1|f|w; ERROR JOB_NOT_FOUND|Job given in work result not found");
    assert_int_equal(kit.server.counts.failed, 1);
}

static void who_does_not_hold_a_job_may_not_answer(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB");
    ask(2, "WORK_COMPLETE H:1|x; WORK_DATA H:1|x; WORK_EXCEPTION H:7|x; GRAB_JOB");
    assert_said(
        2, "ERROR JOB_NOT_FOUND|Job given in work result not found; ERROR JOB_NOT_FOUND|Job does not exist on server; "
           "ERROR JOB_NOT_FOUND|An exception was received for a job that does not exist; NO_JOB");
    assert_said(0, "JOB_CREATED H:1");
}

static void a_worker_that_leaves_gives_its_jobs_back(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB");
    ask(2, "CAN_DO f; PRE_SLEEP");
    leave(1);
    assert_said(2, "NOOP");
    ask(2, "GRAB_JOB");
    assert_said(2, "JOB_ASSIGN H:1|f|w");
    assert_said(0, "JOB_CREATED H:1");
}

static void a_client_that_leaves_wants_nothing(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||one; SUBMIT_JOB f||two");
    ask(1, "CAN_DO f; GRAB_JOB");
    leave(0);
    ask(1, "WORK_COMPLETE H:1|x; GRAB_JOB; 'status");
    assert_said(1, "JOB_ASSIGN H:1|f|one; NO_JOB; 'f\\t0\\t0\\t1\\n.\\n'");
}

static void one_noop_for_two_jobs(void **state)
{
    (void)state;
    ask(1, "CAN_DO f; PRE_SLEEP");
    ask(0, "SUBMIT_JOB_BG f||1; SUBMIT_JOB_BG f||2");
    assert_said(1, "NOOP");
    ask(1, "GRAB_JOB; GRAB_JOB; GRAB_JOB");
    assert_said(1, "JOB_ASSIGN H:1|f|1; JOB_ASSIGN H:2|f|2; NO_JOB");
    ask(0, "SUBMIT_JOB_BG f||3");
    ask(1, "PRE_SLEEP; PRE_SLEEP");
    assert_said(1, "NOOP; NOOP");
}

static void one_connection_is_client_and_worker(void **state)
{
    (void)state;
    ask(0, "CAN_DO f; SUBMIT_JOB f||w; GRAB_JOB; WORK_COMPLETE H:1|r");
    assert_said(0, "JOB_CREATED H:1; JOB_ASSIGN H:1|f|w; WORK_COMPLETE H:1|r");
}

static void a_delayed_job_wakes_who_sleeps(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB_EPOCH f|u|1002|w; SUBMIT_JOB_EPOCH f|v|12|past; SUBMIT_JOB_EPOCH f|x|junk|junk");
    assert_said(0, "JOB_CREATED H:1; JOB_CREATED H:2; JOB_CREATED H:3");
    ask(1, "CAN_DO f; GRAB_JOB; GRAB_JOB; GRAB_JOB; PRE_SLEEP");
    assert_said(1, "JOB_ASSIGN H:2|f|past; JOB_ASSIGN H:3|f|junk; NO_JOB");
    assert_float_equal(evg_server_deadline(&kit.server), kit.now + 2, 0.001);
    server_kit_pass(2);
    assert_said(1, "NOOP");
    ask(1, "GRAB_JOB");
    assert_said(1, "JOB_ASSIGN H:1|f|w");
}

static void a_job_that_takes_too_long_goes_back(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO_TIMEOUT f|1500; GRAB_JOB");
    server_kit_pass(1.4);
    ask(2, "CAN_DO f; GRAB_JOB; PRE_SLEEP");
    assert_said(2, "NO_JOB");
    server_kit_pass(0.2);
    assert_said(2, "NOOP");
    ask(1, "WORK_COMPLETE H:1|late");
    assert_said(1, "JOB_ASSIGN H:1|f|w; ERROR JOB_NOT_FOUND|Job given in work result not found");
}

static void it_has_a_second_at_least(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO_TIMEOUT f|1; GRAB_JOB");
    server_kit_pass(0.9);
    assert_int_equal(kit.server.queue.running, 1);
    server_kit_pass(0.2);
    assert_int_equal(kit.server.queue.running, 0);
}

static void a_lost_job_fails_after_so_many_retries(void **state)
{
    (void)state;
    kit.server.queue.options.job_retries = 1;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB");
    leave(1);
    ask(1, "CAN_DO f; GRAB_JOB");
    assert_said(1, "NO_JOB");
    assert_said(0, "JOB_CREATED H:1; WORK_FAIL H:1");
}

static void status_of_a_key(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f|key|w; SUBMIT_JOB f|key|w; GET_STATUS_UNIQUE key; GET_STATUS_UNIQUE none");
    assert_said(0,
                "JOB_CREATED H:1; JOB_CREATED H:1; STATUS_RES_UNIQUE key|1|0|0|0|2; STATUS_RES_UNIQUE none|0|0|0|0|0");
    assert_int_equal(kit.server.counts.joined, 1);
}

/* -- what is too much ---------------------------------------------------------------------------------------------- */

static const char *n_times(char c, int n)
{
    static char text[1024];
    memset(text, c, (size_t)n);
    text[n] = 0;
    return text;
}

static void ask_with(int at, const char *before, int n, const char *behind)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s%s", before, n_times('x', n), behind);
    ask(at, text);
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    ask_with(0, "SUBMIT_JOB f|", 63, "|w");
    assert_said(0, "JOB_CREATED H:1");
    ask_with(0, "SUBMIT_JOB f|", 64, "|w");
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Unique value too large");
    ask_with(0, "SUBMIT_JOB ", 513, "||w");
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Function name too large");
    ask_with(0, "CAN_DO ", 513, "");
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Function name too large");
    ask_with(0, "GET_STATUS_UNIQUE ", 63, "");
    char expected[2048];
    snprintf(expected, sizeof expected, "STATUS_RES_UNIQUE %s|1|0|0|0|1", n_times('x', 63));
    assert_said(0, expected);
    ask_with(0, "GET_STATUS ", 64, "");
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Job handle too large");
    ask_with(0, "GET_STATUS_UNIQUE ", 64, "");
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Unique value too large");
    ask(0, "SUBMIT_JOB_EPOCH f||9223372036854775808|w");
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Epoch value too large");
    ask_with(0, "WORK_FAIL ", 80, "");
    assert_said(
        0, "ERROR ARGUMENT_TOO_LARGE|Error occurred due to GEARMAND_JOB_HANDLE_SIZE being too small from snprintf");
    ask_with(0, "SET_CLIENT_ID ", 200, "; 'workers");
    snprintf(expected, sizeof expected,
             "'10 127.0.0.1 %s :\\n11 127.0.0.1 - :\\n12 127.0.0.1 - :\\n13 127.0.0.1 - :\\n.\\n'", n_times('x', 127));
    assert_said(0, expected);
}

static void begin_large(int at, evg_command_t type, const char *first, size_t len)
{
    uint8_t header[EVG_HEADER_LEN];
    packet_header(header, "\0REQ", type, (uint32_t)len);
    feed(at, evg_bytes(header, sizeof header));
    feed(at, evg_bytes(first, strlen(first) + 1));
}

static void end_large(int at, const char *first, size_t len)
{
    static uint8_t page[1000];
    for (size_t left = len - strlen(first) - 1, now; left; left -= now) {
        now = left < sizeof page ? left : sizeof page;
        feed(at, evg_bytes(page, now));
    }
}

static void small_packets(void)
{
    evg_server_settings_t settings = kit.settings;
    settings.max_packet = 1000;
    server_kit_with(settings);
}

static void a_submission_that_is_too_large_is_refused_and_passed_over(void **state)
{
    (void)state;
    small_packets();
    begin_large(0, EVG_SUBMIT_JOB, "f", 100000);
    assert_said(0, "ERROR ARGUMENT_TOO_LARGE|Packet too large");
    end_large(0, "f", 100000);
    ask(0, "ECHO_REQ x");
    assert_said(0, "ECHO_RES x");
    assert_int_equal(kit.server.counts.refused, 1);
}

static void a_result_that_is_too_large_is_a_failure(void **state)
{
    (void)state;
    small_packets();
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB");
    begin_large(1, EVG_WORK_COMPLETE, "H:1", 100000);
    assert_said(0, "JOB_CREATED H:1; WORK_FAIL H:1");
    end_large(1, "H:1", 100000);
    ask(1, "GRAB_JOB");
    assert_said(1, "JOB_ASSIGN H:1|f|w; NO_JOB");
}

static void anything_else_that_is_too_large_ends_the_connection(void **state)
{
    (void)state;
    small_packets();
    begin_large(0, EVG_ECHO_REQ, "x", 100000);
    assert_ends(0, EVG_EPACKET_SIZE);
    begin_large(0, EVG_GET_STATUS, "x", UINT32_MAX);
    assert_ends(0, EVG_EPACKET_SIZE);
}

static void who_does_not_read_is_not_served_and_then_cut_off(void **state)
{
    char packet[2048];
    (void)state;
    evg_server_settings_t settings = kit.settings;
    settings.max_buffer = 1000;
    server_kit_with(settings);
    snprintf(packet, sizeof packet, "ECHO_REQ %s", n_times('x', 250));
    ask(0, packet);
    assert_false(evg_server_session_reads_p(&kit.sessions[0]));
    ask(0, "ECHO_REQ y"); /* not done yet */
    snprintf(packet, sizeof packet, "ECHO_RES %s", n_times('x', 250));
    assert_said(0, packet);
    evg_server_session_run(&kit.sessions[0]);
    assert_said(0, "ECHO_RES y");

    ask(0, "SUBMIT_JOB f|k|w; SUBMIT_JOB f|k|w");
    ask(1, "CAN_DO f; GRAB_JOB");
    snprintf(packet, sizeof packet, "WORK_DATA H:1|%s", n_times('x', 490));
    for (int i = 0; i < 3; i++) ask(1, packet);
    assert_ends(1, 0);
    ask(2, "GET_STATUS_UNIQUE k");
    assert_said(2, "STATUS_RES_UNIQUE k|1|1|0|0|0");
    assert_ends(0, EVG_EBACKPRESSURE);
}

static void half_a_packet_may_not_lie_for_ever(void **state)
{
    (void)state;
    ask(1, "ECHO_REQ x");
    feed(1, evg_bytes("\0RE", 3));
    ask(2, "ECHO_REQ x");
    server_kit_pass(29);
    assert_ends(0, 0);
    feed(1, evg_bytes("Q", 1));
    server_kit_pass(2);
    assert_ends(0, EVG_ECOMMAND_TIMEOUT); /* it has said nothing */
    assert_ends(1, 0);
    server_kit_pass(29);
    assert_ends(1, EVG_ECOMMAND_TIMEOUT);
    assert_ends(2, 0);
}

static void a_quiet_connection_holds_nothing(void **state)
{
    (void)state;
    ask(0, "ECHO_REQ x");
    assert_said(0, "ECHO_RES x");
    for (int i = 0; i < 3; i++) {
        assert_true(evg_server_session_deadline(&kit.sessions[0]) > kit.now);
        if (kit.sessions[0].wire.in.cap) assert_true(evg_server_session_deadline(&kit.sessions[0]) <= kit.now + 1);
        server_kit_pass(1);
    }
    assert_int_equal(kit.sessions[0].wire.in.cap + kit.sessions[0].wire.out.cap, 0);
    assert_true(evg_server_session_deadline(&kit.sessions[0]) == INFINITY);
}

static void its_bytes_count_when_it_has_left(void **state)
{
    (void)state;
    ask(0, "ECHO_REQ x");
    assert_said(0, "ECHO_RES x");
    leave(0);
    assert_int_equal(kit.server.counts.bytes_in, EVG_HEADER_LEN + 1);
    assert_int_equal(kit.server.counts.bytes_out, EVG_HEADER_LEN + 1);
}

static void who_has_to_go_is_told_nothing_more(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f||w");
    ask(1, "CAN_DO f; GRAB_JOB");
    feed(0, evg_bytes("\0RE?", 4));
    feed(0, evg_bytes("\0RES", 4));
    ask(1, "WORK_COMPLETE H:1|r");
    server_kit_pass(60);
    assert_said(0, "JOB_CREATED H:1");
    assert_int_equal(kit.server.counts.cut_off, 3); /* and those who said nothing */
    assert_ends(0, EVG_EMAGIC);
}

static void who_has_to_write_is_on_the_list(void **state)
{
    (void)state;
    ask(1, "CAN_DO f; PRE_SLEEP");
    assert_null(evg_server_touched(&kit.server));
    ask(0, "SUBMIT_JOB f||w");
    assert_ptr_equal(evg_server_touched(&kit.server), &kit.sessions[1]);
    assert_ptr_equal(evg_server_touched(&kit.server), &kit.sessions[0]);
    assert_null(evg_server_touched(&kit.server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(it_echoes),
        with_server(also_byte_by_byte),
        with_server(a_reply_is_no_request),
        with_server(what_is_no_packet_ends_the_connection),
        with_server(what_nobody_expects_is_refused),
        with_server(a_body_too_many_is_ignored),
        with_server(text_and_packets_may_be_mixed),
        with_server(a_job_goes_from_a_client_to_a_worker_and_back),
        with_server(with_its_key_if_that_is_asked_for),
        with_server(with_its_reducer),
        with_server(progress_is_passed_on),
        with_server(an_exception_is_a_failure_to_who_did_not_ask_for_it),
        with_server(who_does_not_hold_a_job_may_not_answer),
        with_server(a_worker_that_leaves_gives_its_jobs_back),
        with_server(a_client_that_leaves_wants_nothing),
        with_server(one_noop_for_two_jobs),
        with_server(one_connection_is_client_and_worker),
        with_server(a_delayed_job_wakes_who_sleeps),
        with_server(a_job_that_takes_too_long_goes_back),
        with_server(it_has_a_second_at_least),
        with_server(a_lost_job_fails_after_so_many_retries),
        with_server(status_of_a_key),
        with_server(what_is_too_long_is_refused),
        with_server(a_submission_that_is_too_large_is_refused_and_passed_over),
        with_server(a_result_that_is_too_large_is_a_failure),
        with_server(anything_else_that_is_too_large_ends_the_connection),
        with_server(who_does_not_read_is_not_served_and_then_cut_off),
        with_server(half_a_packet_may_not_lie_for_ever),
        with_server(a_quiet_connection_holds_nothing),
        with_server(its_bytes_count_when_it_has_left),
        with_server(who_has_to_go_is_told_nothing_more),
        with_server(who_has_to_write_is_on_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
