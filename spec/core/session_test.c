#include "support/packet_header.h"
#include "support/session_kit.h"

#include <math.h>

static int down(void **state)
{
    (void)state;
    kit_init(&kit);
    return 0;
}

static void created(const char *handle)
{
    kit_say(&kit, EVG_JOB_CREATED, handle, NULL);
}

static void fail_open(int reason, const char *text)
{
    evg_session_opening(&kit.s);
    kit_lose(&kit, reason, text);
}

/* -- connecting ---------------------------------------------------------------------------------------------------- */

static void wants_nothing_until_told(void **state)
{
    (void)state;
    assert_false(evg_session_wants_open(&kit.s));
    assert_true(isinf(evg_session_deadline(&kit.s)));
    assert_int_equal(evg_session_want(&kit.s), 0);
    assert_true(evg_session_wants_open(&kit.s));
    evg_session_disconnect(&kit.s);
    assert_false(evg_session_wants_open(&kit.s));
    kit_echo(&kit, "x");
    assert_true(evg_session_wants_open(&kit.s));
    kit_open(&kit);
    assert_false(evg_session_wants_open(&kit.s));
    kit_told(&kit);
}

static void defaults(void **state)
{
    evg_session_t s;
    (void)state;
    evg_session_init(&s, 3, 4, 5);
    const evg_session_options_t *o = &s.options;
    assert_true(o->command_timeout == 30 && o->heartbeat == 20 && o->lost_check == 10);
    assert_true(o->reconnect && o->exceptions);
    assert_int_equal(o->max_packet, 256 << 20);
    assert_int_equal(o->max_text, 64 << 20);
    assert_int_equal(o->max_unsent, 64 << 20);
    assert_true(s.backoff.first == 0.1 && s.backoff.most == 2 && s.backoff.attempts == 0);
    assert_true(s.wire.now == 5);
    evg_session_deinit(&s);
}

/* Fails when the secret does not reach the table whose keys the server chooses. */
static void the_seed_gets_to_the_table(void **state)
{
    (void)state;
    assert_int_equal(kit.s.client.waiters.table.seed[0], 1);
    assert_int_equal(kit.s.client.waiters.table.seed[1], 2);
}

/* A running loop opens what was never told to be down; not what was, nor what a fork inherited. */
static void a_loop_opens_the_fresh(void **state)
{
    void (*const endings[])(evg_session_t *) = {evg_session_disconnect, evg_session_forked, evg_session_shut};
    (void)state;
    evg_session_loop_runs(&kit.s);
    assert_true(evg_session_wants_open(&kit.s));
    kit.s.options.reconnect = false;
    fail_open(EVG_ECONNECT, "refused");
    evg_session_loop_runs(&kit.s);
    assert_false(evg_session_wants_open(&kit.s)); /* it was told by that */
    kit_open(&kit);
    for (size_t i = 0; i < 3; i++) {
        endings[i](&kit.s);
        evg_session_loop_runs(&kit.s);
        assert_false(evg_session_wants_open(&kit.s));
        kit_told(&kit);
    }
}

static void the_prologue_comes_first(void **state)
{
    (void)state;
    kit.s.options.exceptions = true;
    assert_int_equal(evg_session_set_client_id(&kit.s, evg_bytes_of("me")), 0);
    assert_int_equal(evg_session_set_client_id(&kit.s, evg_bytes_of("not me")), EVG_ECLIENT_ID);
    evg_worker_can_do(&kit.s, evg_bytes_of("g"), 0, 0, NULL);
    kit_submit(&kit, "", "1");
    kit_option(&kit, "extra");
    kit_option(&kit, "extra");
    kit_option(&kit, "exceptions");
    kit_submit(&kit, "", "2");
    assert_sent(&kit, "");
    assert_int_equal(kit.s.stats.packets_out, 5);
    kit_open(&kit);
    assert_int_equal(kit.s.stats.packets_out, 9);
    kit_submit(&kit, "", "3"); /* as in on_connect */
    assert_told(&kit, "CONNECTED");
    assert_sent(&kit, "text version; SET_CLIENT_ID me; OPTION_REQ exceptions; CAN_DO g; "
                      "SUBMIT_JOB f  1; OPTION_REQ extra; OPTION_REQ extra; OPTION_REQ exceptions; "
                      "SUBMIT_JOB f  2; SUBMIT_JOB f  3");
    kit_text(&kit, "OK 1.1.20\n");
    kit_say(&kit, EVG_OPTION_RES, "exceptions", NULL);
    created("H:1");
    kit_say(&kit, EVG_ERROR, "UNKNOWN_OPTION", "", NULL);
    assert_told(&kit, "a CREATED H:1; b FAILED SERVER NOT_SENT UNKNOWN_OPTION ");
    assert_int_equal(kit.s.dialect, EVG_GEARMAND);
}

/* Asked for while there was no connection, it goes out once: in its place. From then on it belongs to the prologue, whoever
 * asks for it again. */
static void an_option_is_asked_for_once(void **state)
{
    (void)state;
    kit_option(&kit, "extra");
    kit_open(&kit);
    assert_sent(&kit, "text version; OPTION_REQ extra");
    kit_lose(&kit, EVG_EIO, NULL);
    kit_option(&kit, "extra");
    kit_open(&kit);
    assert_sent(&kit, "text version; OPTION_REQ extra; OPTION_REQ extra");
    kit_lose(&kit, EVG_EIO, NULL);
    kit_open(&kit);
    assert_sent(&kit, "text version; OPTION_REQ extra");
}

static void what_waits_keeps_its_place_behind_each_prologue(void **state)
{
    (void)state;
    kit_echo(&kit, "written");
    kit_submit(&kit, "", "begun");
    kit_submit(&kit, "", "waits");
    kit_write(&kit, EVG_HEADER_LEN + 7 + 1);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_told(&kit, "a FAILED DISCONNECTED UNACKNOWLEDGED; b FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; "
                      "ERROR SERVER_CLOSED");
    kit_echo(&kit, "in between");
    kit_open(&kit);
    assert_int_equal(kit.s.dialect, EVG_UNKNOWN_DIALECT); /* it may be another server */
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);             /* not a byte of it */
    evg_session_set_client_id(&kit.s, evg_bytes_of("me"));
    kit_open(&kit);
    kit_echo(&kit, "on connect");
    assert_sent(&kit, "text version; SET_CLIENT_ID me; SUBMIT_JOB f  waits; ECHO_REQ in between; ECHO_REQ on connect");
    evg_session_set_client_id(&kit.s, evg_bytes_of("you"));
    assert_sent(&kit, "SET_CLIENT_ID you");
    kit_text(&kit, "ERR unknown_command \r\n");
    created("H:1");
    kit_say(&kit, EVG_ECHO_RES, "in between", NULL);
    kit_say(&kit, EVG_ECHO_RES, "on connect", NULL);
    assert_told(&kit, "ERROR SERVER_CLOSED; CONNECTED; c CREATED H:1; d DONE in between; e DONE on connect");
    assert_int_equal(kit.s.dialect, EVG_UNKNOWN_DIALECT);
}

/* Whoever is not told that a connection began is not told that it ended. */
static void connected_and_disconnected_come_in_pairs(void **state)
{
    (void)state;
    kit_open(&kit);
    kit_tell(&kit);
    evg_session_closed(&kit.s, EVG_ESERVER_CLOSED, NULL);
    evg_session_opening(&kit.s);
    evg_session_opened(&kit.s);
    assert_told(&kit, "CONNECTED; DISCONNECTED; ERROR SERVER_CLOSED; CONNECTED");
    assert_true(kit.s.wanted); /* though nobody said so */
    evg_session_closed(&kit.s, EVG_ESERVER_CLOSED, NULL);
    evg_session_opening(&kit.s);
    evg_session_opened(&kit.s);
    evg_session_closed(&kit.s, EVG_EIO, "Broken pipe");
    assert_told(&kit, "DISCONNECTED; ERROR IO Broken pipe");
    evg_session_closed(&kit.s, EVG_EIO, "once more");
    assert_told(&kit, "");
    assert_int_equal(kit.s.generation, 3);
    assert_int_equal(kit.s.stats.connects, 3);
}

/* -- nothing is sent twice ----------------------------------------------------------------------------------------- */

/* The numbers of the ECHO_REQs in `sent` go on from `next` without a gap; answers the one to come. */
static int follow(const char *sent, int next)
{
    for (const char *at = sent; (at = strstr(at, "ECHO_REQ ")); at++) assert_int_equal(atoi(at + 9), next++);
    return next;
}

/* Connections that end anywhere. What was begun fails, all else is sent once, in order. Fails when what waits is
 * judged by anything but its first byte. */
static void each_request_is_sent_once(void **state)
{
    char data[16];
    int made = 0, next = 0;
    uint64_t written = kit.s.wire.bytes_out;
    (void)state;
    kit.s.options.command_timeout = 0;
    srandom(3);
    for (int round = 0; round < 600; round++) {
        for (long n = random() % 5; n > 0; n--) {
            snprintf(data, sizeof data, "%06d", made++);
            kit_echo(&kit, data);
        }
        size_t unsent = evg_session_output(&kit.s).len;
        size_t len = unsent && random() % 3 ? (size_t)random() % unsent : unsent;
        kit_write(&kit, len);
        written += len;
        next = follow(kit_sent(&kit), next);
        kit_told(&kit);
        if (random() % 3) continue;
        bool begun = kit.wire_len > 0 && kit.wire[0] == 0;
        kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
        if (begun) assert_int_equal(kit.requests[next++].delivery, EVG_UNACKNOWLEDGED);
        assert_int_equal(kit.s.owed_count, made - next);
        kit_open(&kit);
    }
    written += evg_session_unsent(&kit.s);
    kit_write_all(&kit);
    assert_int_equal(follow(kit_sent(&kit), next), made);
    assert_int_equal(kit.s.wire.bytes_out, written);
    assert_true(made > 1000);
}

/* -- the server is away -------------------------------------------------------------------------------------------- */

static void waits_for_the_next_connection_until_its_time(void **state)
{
    (void)state;
    bool some_pause = false;
    kit_echo(&kit, "x");
    fail_open(EVG_ECONNECT, "Connection refused");
    assert_told(&kit, "ERROR CONNECT Connection refused");
    for (int i = 0; i < 20; i++) {
        double due = evg_session_deadline(&kit.s);
        assert_true(due >= kit.s.wire.now && due <= kit.s.wire.now + fmin(2, 0.1 * (1 << i)));
        assert_int_equal(evg_session_wants_open(&kit.s), due == kit.s.wire.now);
        some_pause |= due > kit.s.wire.now;
        evg_wire_clock(&kit.s.wire, due);
        assert_true(evg_session_wants_open(&kit.s));
        fail_open(EVG_ECONNECT_TIMEOUT, "10.0.0.1");
    }
    kit_told(&kit);
    assert_true(some_pause);
    kit_pass(&kit, 30);
    assert_told(&kit, "a FAILED CONNECT_TIMEOUT NOT_SENT 10.0.0.1");
    assert_true(evg_session_wants_open(&kit.s));
}

/* An attempt that succeeded is no reason any more, though the server stays silent. */
static void a_past_failure_is_no_reason(void **state)
{
    (void)state;
    fail_open(EVG_ECONNECT, "Connection refused");
    kit_echo(&kit, "x");
    kit_open(&kit);
    kit_told(&kit);
    kit_live(&kit, 30);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
}

/* Neither its reason nor its pause holds for what is asked behind a disconnect. */
static void a_disconnect_ends_the_outage(void **state)
{
    (void)state;
    kit.s.backoff.first = kit.s.backoff.most = 1000;
    fail_open(EVG_ECONNECT, "Connection refused");
    assert_false(evg_session_wants_open(&kit.s));
    evg_session_disconnect(&kit.s);
    kit_echo(&kit, "x");
    assert_true(evg_session_wants_open(&kit.s));
    evg_session_opening(&kit.s);
    kit_told(&kit);
    kit_live(&kit, 30);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
}

/* What waits for a connection that will not be made any more is not to wait for its deadline. */
static void options_end_the_outage(void **state)
{
    (void)state;
    for (int off = 0; off < 2; off++) {
        kit_echo(&kit, "x");
        kit.s.backoff.first = kit.s.backoff.most = 1000;
        fail_open(EVG_ECONNECT, "refused");
        kit_told(&kit);
        evg_session_reconsider(&kit.s);
        assert_true(kit.s.wanted);
        kit.s.options.reconnect = !off;
        kit.s.backoff.attempts = off ? 0 : 1;
        evg_session_reconsider(&kit.s);
        assert_false(kit.s.wanted);
        assert_told(&kit, off ? "b FAILED CONNECT NOT_SENT refused"
                              : "a FAILED EXHAUSTED NOT_SENT refused; ERROR EXHAUSTED refused");
        kit.s.backoff.attempts = 0;
    }
    kit_echo(&kit, "x"); /* it may be about to be made */
    evg_session_reconsider(&kit.s);
    assert_true(evg_session_wants_open(&kit.s));
}

/* Fails when the last failure is not told: with a single attempt it is the only one. */
static void attempts_are_exhausted(void **state)
{
    (void)state;
    kit.s.backoff.attempts = 3;
    kit_echo(&kit, "x");
    for (int round = 0; round < 2; round++) {
        fail_open(EVG_ECONNECT, "refused");
        kit_open(&kit); /* accepts, and says nothing: no success */
        kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
        kit_told(&kit);
        fail_open(EVG_ERESOLVE, "no such host");
        assert_told(&kit, round ? "b FAILED EXHAUSTED NOT_SENT no such host; ERROR EXHAUSTED no such host"
                                : "a FAILED EXHAUSTED NOT_SENT no such host; ERROR EXHAUSTED no such host");
        assert_false(evg_session_wants_open(&kit.s));
        assert_true(isinf(evg_session_deadline(&kit.s)));
        kit_echo(&kit, "y");
        assert_true(evg_session_wants_open(&kit.s));
    }
    fail_open(EVG_ECONNECT, "refused");
    fail_open(EVG_ECONNECT, "refused");
    kit_open(&kit);
    kit_introduce(&kit, "OK 1.1.20\n");
    kit_say(&kit, EVG_ECHO_RES, "y", NULL);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_true(kit.s.wanted);          /* it has answered: that was no failure */
    fail_open(EVG_ECONNECT, "refused"); /* the first since that reply */
    kit_open(&kit);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_true(kit.s.wanted);
    kit_told(&kit);
    fail_open(EVG_ECONNECT_TIMEOUT, NULL); /* has no words but its own */
    assert_false(kit.s.wanted);
    assert_told(&kit, "ERROR EXHAUSTED connect timeout");
}

static void connection_of(double seconds, int reason)
{
    kit_open(&kit);
    kit_introduce(&kit, "OK 1.1.20\n");
    kit_pass(&kit, seconds);
    kit_lose(&kit, reason, NULL);
    kit_told(&kit);
}

/* Fails when the answer to "version" is a success: a server that greets and closes would be asked without end. */
static void who_greets_and_closes_is_a_failure(void **state)
{
    (void)state;
    kit.s.backoff.attempts = 3;
    kit.s.options.exceptions = true;
    evg_session_want(&kit.s);
    for (uint32_t failures = 1; failures < 3; failures++) {
        connection_of(1.9, EVG_ESERVER_CLOSED);
        assert_int_equal(kit.s.backoff.failures, failures);
    }
    connection_of(1.9, EVG_ESERVER_CLOSED);
    assert_false(kit.s.wanted);
}

static void who_lasts_is_a_success(void **state)
{
    (void)state;
    kit.s.backoff.failures = 5;
    connection_of(2.1, EVG_ESERVER_CLOSED);
    assert_int_equal(kit.s.backoff.failures, 0);
    kit.s.backoff.most = 0.01; /* a second it has to be */
    connection_of(0.9, EVG_ESERVER_CLOSED);
    assert_int_equal(kit.s.backoff.failures, 1);
    connection_of(1.1, EVG_EUNEXPECTED); /* and what breaks the protocol is a failure all the same */
    assert_int_equal(kit.s.backoff.failures, 1);
    kit_open(&kit);
    kit_pass(&kit, 10); /* without a word */
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_told(&kit);
    assert_int_equal(kit.s.backoff.failures, 2);
}

static void without_reconnect_all_fails_at_once(void **state)
{
    (void)state;
    kit.s.options.reconnect = false;
    kit.s.backoff.attempts = 1; /* of no matter */
    kit_echo(&kit, "x");
    fail_open(EVG_ECONNECT, "refused");
    assert_told(&kit, "a FAILED CONNECT NOT_SENT refused; ERROR CONNECT refused");
    assert_false(kit.s.wanted);
    kit_echo(&kit, "y");
    assert_true(evg_session_wants_open(&kit.s));
    kit_open(&kit);
    kit_write_all(&kit);
    kit_echo(&kit, "z");
    kit_lose(&kit, EVG_EIO, "reset");
    assert_told(&kit, "CONNECTED; b FAILED DISCONNECTED UNACKNOWLEDGED; c FAILED DISCONNECTED NOT_SENT; "
                      "DISCONNECTED; ERROR IO reset");
    assert_int_equal(evg_session_unsent(&kit.s), 0);
}

/* -- silence ------------------------------------------------------------------------------------------------------- */

static void a_heartbeat_when_it_is_quiet(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 20;
    for (int i = 0; i < 3; i++) {
        kit_live(&kit, 19.9);
        assert_sent(&kit, "");
        kit_live(&kit, 0.1);
        assert_sent(&kit, "ECHO_REQ heartbeat");
        kit_say(&kit, EVG_ECHO_RES, "heartbeat", NULL);
    }
    kit_say(&kit, EVG_NOOP, NULL);
    kit_live(&kit, 20);
    assert_sent(&kit, "ECHO_REQ heartbeat");
    kit_live(&kit, 19.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
    kit_open(&kit);
    kit_live(&kit, 19.9);
    assert_sent(&kit, "text version");
    kit_told(&kit);
}

static size_t held(void)
{
    return kit.s.wire.in.cap + kit.s.wire.out.cap;
}

/* With and without a heartbeat. Fails when they are given back for each packet, or not when nothing comes. */
static void buffers_go_when_it_is_quiet_for_a_second(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        kit_echo(&kit, "x");
        kit_write_all(&kit);
        kit_say(&kit, EVG_ECHO_RES, "x", NULL);
        assert_int_equal(held(), 2 * EVG_BUFFER_FIRST);
        double look = kit.s.wire.trim_at;
        kit_pass(&kit, 0.9);
        kit_tell(&kit);
        assert_true(kit.s.wire.trim_at == look);
        assert_int_equal(held(), 2 * EVG_BUFFER_FIRST);
        kit_pass(&kit, 0.1); /* it was in use a second ago */
        kit_tell(&kit);
        kit_pass(&kit, 1);
        kit_tell(&kit);
        assert_int_equal(held(), 0);
        assert_true(isinf(kit.s.wire.trim_at));
        kit.s.options.heartbeat = 20;
    }
    kit_told(&kit);
    kit_sent(&kit);
}

/* Fails when only a buffer that is drained is looked at: behind one packet lies the beginning of the next. */
static void a_large_packet_leaves_no_large_buffer_in_a_busy_stream(void **state)
{
    static uint8_t large[3 * 1024 * 1024] = "H:1";
    uint8_t header[EVG_HEADER_LEN];
    evg_bytes_t noop = evg_bytes("\0RES\0\0\0\6\0\0\0\0", 12);
    (void)state;
    packet_header(header, "\0RES", EVG_WORK_COMPLETE, sizeof large);
    kit_feed(&kit, evg_bytes(header, sizeof header));
    kit_feed(&kit, evg_bytes(large, sizeof large - 5));
    memcpy(large, large + sizeof large - 5, 5);
    memcpy(large + 5, noop.at, 5);
    kit_feed(&kit, evg_bytes(large, 10)); /* its end and a beginning */
    assert_true(kit.s.wire.in.cap > sizeof large);
    for (int i = 0; i < 30; i++) {
        kit_pass(&kit, 0.1);
        kit_feed(&kit, evg_bytes(noop.at + 5, 7));
        kit_feed(&kit, evg_bytes(noop.at, 5));
    }
    assert_int_equal(kit.s.wire.in.cap, EVG_BUFFER_FIRST);
    kit_told(&kit);
}

/* Fails when they stay where nobody comes back, or go under who is reading. */
static void buffers_of_a_session_that_nobody_asks(void **state)
{
    (void)state;
    kit_echo(&kit, "x");
    kit_write_all(&kit);
    kit_say(&kit, EVG_ECHO_RES, "x", NULL);
    kit_echo(&kit, "waits");
    evg_wire_rest(&kit.s.wire, kit.s.wire.now + 1.9);
    assert_int_equal(held(), 2 * EVG_BUFFER_FIRST);
    evg_wire_rest(&kit.s.wire, kit.s.wire.now + 2);
    assert_int_equal(kit.s.wire.in.cap, 0);
    assert_sent(&kit, "ECHO_REQ x; ECHO_REQ waits");
    evg_wire_rest(&kit.s.wire, kit.s.wire.now + 2);
    assert_int_equal(held(), 0);
    kit_told(&kit);
}

/* Fails when the silence of a socket that nobody reads is taken for the server's: its answers lie there. */
static void no_silence_while_nobody_reads(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 20;
    kit.s.options.command_timeout = 30;
    kit_live(&kit, 20);
    assert_sent(&kit, "ECHO_REQ heartbeat");
    kit.s.paused = true;
    for (int i = 0; i < 4; i++) kit_live(&kit, 29);
    assert_told(&kit, "");
    kit.s.paused = false;
    kit_say(&kit, EVG_ECHO_RES, "heartbeat", NULL);
    kit_live(&kit, 19.9);
    assert_sent(&kit, "");
    kit_live(&kit, 0.1);
    assert_sent(&kit, "ECHO_REQ heartbeat");
    kit.s.paused = true;
    kit_echo(&kit, "a");
    assert_sent(&kit, "ECHO_REQ a");
    kit_live(&kit, 30);
    assert_told(&kit,
                "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* A large packet that dribbles in before the reply. Fails when deadline names the end of the ECHO's period, at which
 * tick finds that bytes came since: then it is due for ever. */
static void any_byte_breaks_the_silence(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 20;
    kit.s.options.command_timeout = 0;
    kit_live(&kit, 20);
    assert_sent(&kit, "ECHO_REQ heartbeat");
    kit_feed(&kit, evg_bytes("\0RES\0\0\0\x11\0\0\0\x09", 12));
    for (int i = 0; i < 8; i++) {
        kit_live(&kit, 15);
        kit_feed(&kit, evg_bytes("heartbea" + i, 1));
    }
    kit_live(&kit, 15);
    assert_sent(&kit, "");
    kit_text(&kit, "t");
    kit_live(&kit, 20);
    assert_sent(&kit, "ECHO_REQ heartbeat");
    kit_live(&kit, 10);
    kit_feed(&kit, evg_bytes("\0", 1));
    kit_live(&kit, 19.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Fails when a difference of times is compared with a period that does not divide the clock. */
static void periods_that_round_away(void **state)
{
    (void)state;
    for (double period = 0.1; period < 1; period += 0.1) {
        kit.s.options.heartbeat = period;
        kit_say(&kit, EVG_NOOP, NULL);
        kit_pass(&kit, kit.s.wire.read_at + period - kit.s.wire.now);
        assert_sent(&kit, "ECHO_REQ heartbeat");
        kit_say(&kit, EVG_ECHO_RES, "heartbeat", NULL);
    }
}

static void time_never_goes_back(void **state)
{
    (void)state;
    evg_wire_clock(&kit.s.wire, KIT_NOW - 5);
    assert_true(kit.s.wire.now == KIT_NOW);
    evg_wire_clock(&kit.s.wire, (double)NAN);
    assert_true(kit.s.wire.now == KIT_NOW);
}

int main(void)
{
#define DOWN_TEST(name) cmocka_unit_test_setup_teardown(name, down, kit_teardown)
#define OPEN_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        DOWN_TEST(wants_nothing_until_told),
        DOWN_TEST(defaults),
        DOWN_TEST(the_seed_gets_to_the_table),
        DOWN_TEST(a_loop_opens_the_fresh),
        DOWN_TEST(the_prologue_comes_first),
        DOWN_TEST(an_option_is_asked_for_once),
        OPEN_TEST(what_waits_keeps_its_place_behind_each_prologue),
        DOWN_TEST(connected_and_disconnected_come_in_pairs),
        OPEN_TEST(each_request_is_sent_once),
        DOWN_TEST(waits_for_the_next_connection_until_its_time),
        DOWN_TEST(a_past_failure_is_no_reason),
        DOWN_TEST(a_disconnect_ends_the_outage),
        DOWN_TEST(options_end_the_outage),
        DOWN_TEST(attempts_are_exhausted),
        DOWN_TEST(who_greets_and_closes_is_a_failure),
        DOWN_TEST(who_lasts_is_a_success),
        DOWN_TEST(without_reconnect_all_fails_at_once),
        OPEN_TEST(a_heartbeat_when_it_is_quiet),
        OPEN_TEST(buffers_go_when_it_is_quiet_for_a_second),
        OPEN_TEST(a_large_packet_leaves_no_large_buffer_in_a_busy_stream),
        OPEN_TEST(buffers_of_a_session_that_nobody_asks),
        OPEN_TEST(no_silence_while_nobody_reads),
        OPEN_TEST(any_byte_breaks_the_silence),
        OPEN_TEST(periods_that_round_away),
        OPEN_TEST(time_never_goes_back),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
