/* Deadlines judge the silence of the server, not our own waiting. */
#include "support/moved.h"
#include "support/session_kit.h"

#include "session/exchange.h"
#include "session/silence.h"

static void echoed(const char *data)
{
    kit_say(&kit, EVG_ECHO_RES, data, NULL);
}

/* The first `len` bytes of a WORK_DATA for a handle that nobody knows, whose body has `body` bytes; then x's, so many. */
static void begin_data(uint32_t body, size_t len)
{
    uint8_t head[EVG_HEADER_LEN + 4] = "\0RES\0\0\0\x1c____H:9";
    for (int i = 0; i < 4; i++) head[8 + i] = (uint8_t)(body >> (24 - 8 * i));
    kit_feed(&kit, evg_bytes(head, len));
}

static void more_data(size_t len)
{
    static uint8_t xs[4096];
    memset(xs, 'x', sizeof xs);
    kit_feed(&kit, evg_bytes(xs, len));
}

static void echo_large(size_t len)
{
    static char text[KIT_TEXT];
    memset(text, 'e', len);
    text[len] = 0;
    assert_int_equal(kit_echo(&kit, text), 0);
}

/* -- waiting ------------------------------------------------------------------------------------------------------- */

/* Fails when a request that lay there for too long is written first, and judged overdue behind that. */
static void what_is_late_is_not_written(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 29);
    kit_echo(&kit, "2");
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 1);
    assert_sent(&kit, "ECHO_REQ 2");
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
    kit_live(&kit, 29);
    echoed("2");
    assert_told(&kit, "b DONE 2");
}

/* Fails when those with a timeout of their own are judged by the tick only, behind the write. */
static void a_late_job_is_not_written_either(void **state)
{
    (void)state;
    kit_submit_within(&kit, "", "1", 60);
    kit_submit_within(&kit, "", "2", 20);
    kit_submit_within(&kit, "", "3", 20.5);
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 20);
    kit_write(&kit, 0);
    assert_told(&kit, "b FAILED JOB_TIMEOUT NOT_SENT");
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 10);
    assert_sent(&kit, "");
    assert_told(&kit, "c FAILED JOB_TIMEOUT NOT_SENT; a FAILED COMMAND_TIMEOUT NOT_SENT");
}

/* Fails when the time that a request waited for a connection is taken from that of its answer: behind an outage the first
 * one that is due would close the new connection under all others. */
static void an_outage_is_not_the_new_servers_silence(void **state)
{
    (void)state;
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_told(&kit);
    for (int i = 0; i < 30; i++) {
        kit_echo(&kit, "x");
        kit_live(&kit, 1);
    }
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
    kit_open(&kit);
    kit_write_all(&kit);
    kit_live(&kit, 29);
    kit_text(&kit, "OK 1.1.20\n");
    for (int i = 0; i < 29; i++) echoed("x");
    assert_non_null(strstr(kit_told(&kit), "z DONE x; r26 DONE x"));
    assert_int_equal(kit.s.owed_count, 0);
}

/* Of a row of requests those in the middle expire while the socket takes nothing: each byte of the others is written. */
static void holes_are_passed_over(void **state)
{
    static const char *const names[] = {"0", "11", "222", "3333", "44444", "555555"};
    (void)state;
    for (unsigned gone = 0; gone < 64; gone++) {
        char want[200] = "";
        kit_start(&kit);
        for (int i = 0; i < 6; i++) {
            kit.s.options.command_timeout = gone >> i & 1 ? 5 : 50;
            kit_echo(&kit, names[i]);
            if (gone >> i & 1) continue;
            snprintf(want + strlen(want), sizeof want - strlen(want), "%sECHO_REQ %s", *want ? "; " : "", names[i]);
        }
        kit_pass(&kit, 5);
        kit_audit(&kit);
        assert_sent(&kit, want);
        for (int i = 0; i < 6; i++) {
            if (!(gone >> i & 1)) echoed(names[i]);
        }
        assert_int_equal(kit.s.state, EVG_OPEN);
        assert_int_equal(kit.s.owed_count + evg_session_unsent(&kit.s), 0);
        assert_int_equal(evg_buffer_len(&kit.s.wire.out), 0);
        kit_stop(&kit);
    }
}

/* Fails when who is to be told is forgotten because there is no memory for a hole. */
static void without_memory_for_a_hole_the_connection_goes(void **state)
{
    (void)state;
    kit_start(&kit);
    kit_echo(&kit, "1");
    kit_pass(&kit, 10);
    kit_echo(&kit, "2");
    while (!evg_list_empty_p(&kit.s.spare)) evg_free(evg_container(evg_list_shift(&kit.s.spare), evg_request_t, link));
    kit.s.spare_count = 0;
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 20);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_session_output(&kit.s).len, 0);
    evg_alloc_fail_at(1);
    kit_pass(&kit, 0);
    evg_alloc_fail_at(0);
    assert_told(&kit, "CLOSE NOMEM; DISCONNECTED; ERROR NOMEM");
    kit_pass(&kit, 0);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
    kit_open(&kit);
    assert_sent(&kit, "text version; ECHO_REQ 2");
    kit_stop(&kit);
}

/* A delay of a minute, of which five seconds are the least. */
static void lose_for_long(void)
{
    kit.s.backoff.first = 5;
    kit.s.backoff.most = 60;
    do {
        kit_open(&kit);
        kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
        kit.s.backoff.failures = 10;
        evg_session_opening(&kit.s);
        kit_lose(&kit, EVG_ECONNECT, "refused");
    } while (kit.s.retry_at < kit.s.wire.now + 30);
    kit_told(&kit);
}

/* Fails when a request fails with what was found out before it was made, while the server is up again. */
static void a_request_hastens_the_reconnect(void **state)
{
    (void)state;
    lose_for_long();
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 1);
    kit_echo(&kit, "1");
    assert_false(evg_session_wants_open(&kit.s));
    assert_true(evg_session_deadline(&kit.s) ==
                kit.s.wire.now + 4); /* not at once: who fails and asks again would spin */
    evg_session_disconnect(&kit.s);
    kit_told(&kit);
    lose_for_long();
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 10);
    kit_echo(&kit, "2");
    assert_true(evg_session_wants_open(&kit.s));
    evg_session_opening(&kit.s);
    kit_lose(&kit, EVG_ECONNECT, "refused");
    kit.s.retry_at = kit.s.wire.now + 60;
    kit_echo(&kit, "3"); /* a stream of requests must not undo the back-off */
    assert_true(kit.s.retry_at == kit.s.wire.now + 15);
}

/* -- written ------------------------------------------------------------------------------------------------------- */

/* Fails when the first request of a batch has to be answered before its time, however steadily the others are. */
static void who_answers_steadily_is_not_given_up(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) kit_echo(&kit, "x");
    kit_write_all(&kit);
    for (int i = 0; i < 20; i++) {
        kit_live(&kit, 29);
        echoed("x");
    }
    assert_int_equal(kit.s.owed_count, 0);
    kit_echo(&kit, "y");
    kit_live(&kit, 29);
    kit_write_all(&kit);
    kit_live(&kit, 29.9);
    kit_told(&kit);
    kit_live(&kit, 0.1);
    assert_told(&kit,
                "u FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Fails when a server that talks of jobs, but not to us, is closed under those jobs; or when a late answer is the next
 * one's. */
static void who_is_over_fails_alone_beside_events(void **state)
{
    (void)state;
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_told(&kit);
    kit_admin(&kit, "status", EVG_DOTTED);
    kit_status(&kit, "H:7");
    kit_submit_as(&kit, EVG_SUBMIT_JOB_BG, "w");
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    kit_live(&kit, 10);
    kit_echo(&kit, "late");
    kit_write_all(&kit);
    for (int i = 0; i < 2; i++) {
        say(EVG_WORK_DATA, "H:1", "alive");
        kit_live(&kit, 10);
    }
    assert_told(&kit, "a DATA alive; a DATA alive; b FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; "
                      "c FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; d FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; "
                      "e FAILED COMMAND_TIMEOUT UNACKNOWLEDGED");
    assert_int_equal(evg_session_pending_count(&kit.s), 1);
    kit_text(&kit, "f\t1\t0\t0\n.\n");
    kit_say(&kit, EVG_STATUS_RES, "H:7", "1", "1", "0", "0", NULL);
    say(EVG_JOB_CREATED, "H:2", NULL);
    say(EVG_JOB_CREATED, "H:3", NULL);
    say(EVG_WORK_COMPLETE, "H:3", "nobody's");
    echoed("late");
    say(EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "f DONE late; a DONE r");
    assert_int_equal(kit.s.client.stand_in_count, 0);
}

/* Fails when events for ever keep a connection on which nothing is answered from being found out when they end. */
static void then_silence_closes(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    kit_live(&kit, 29);
    kit_say(&kit, EVG_NOOP, NULL);
    kit_live(&kit, 1);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED");
    for (int i = 0; i < 5; i++) {
        kit_live(&kit, 28.9);
        kit_say(&kit, EVG_NOOP, NULL);
    }
    kit_live(&kit, 29.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Its late answer would be a job that nobody runs. */
static void a_grab_job_that_is_over_closes(void **state)
{
    (void)state;
    kit_grab(&kit);
    kit_write_all(&kit);
    kit_live(&kit, 29);
    kit_say(&kit, EVG_NOOP, NULL);
    kit_live(&kit, 1);
    assert_told(&kit,
                "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* -- arriving ------------------------------------------------------------------------------------------------------ */

/* Fails when what is asked of a server is late because something else is still arriving from it. */
static void what_arrives_puts_deadlines_off(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 7;
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    kit_live(&kit, 5);
    begin_data(4 + 2000, EVG_HEADER_LEN + 4);
    for (int i = 0; i < 20; i++) {
        kit_live(&kit, 29);
        more_data(100);
        assert_told(&kit, "");
    }
    assert_int_equal(kit.s.wire.in.at, 0);
    assert_sent(&kit, "ECHO_REQ 1");
    kit_pass(&kit, 0);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED"); /* its time was over long ago, the connection lives */
}

/* Fails when the answer to a question is due before the packet is through that was arriving when it was asked. */
static void a_question_waits_behind_what_arrives(void **state)
{
    (void)state;
    begin_data(4 + 100, EVG_HEADER_LEN + 4);
    kit_live(&kit, 1);
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    for (int i = 0; i < 10; i++) {
        kit_live(&kit, 20);
        more_data(10);
    }
    kit_live(&kit, 29.9);
    assert_told(&kit, "");
    echoed("1");
    assert_told(&kit, "a DONE 1");
}

/* Fails when what came once is waited for for ever. */
static void what_does_not_move_puts_nothing_off(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    kit_live(&kit, 20);
    begin_data(4 + 100, EVG_HEADER_LEN + 4);
    kit_live(&kit, 29.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit,
                "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Packets of a server that never stops, each cut in two wherever we look. Fails when any of them puts off what another
 * one has put off already. */
static void small_packets_put_nothing_off(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    begin_data(8, 10);
    for (int i = 0; i < 59; i++) {
        kit_live(&kit, 0.5);
        kit_feed(&kit, evg_bytes("\0\x08H:9\0data\0RES\0\0\0\x1c\0\0", 20));
    }
    assert_told(&kit, "");
    kit_live(&kit, 0.5);
    assert_told(&kit, "");
    kit_feed(&kit, evg_bytes("\0\x08H:9\0data\0RES\0\0\0\x1c\0\0", 20));
    kit_pass(&kit, 0);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED");
}

/* -- leaving ------------------------------------------------------------------------------------------------------- */

/* Fails when a heartbeat, or a request behind it, is held against a server that takes a large packet slowly. */
static void what_leaves_puts_deadlines_off(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 7;
    echo_large(2000);
    kit_write(&kit, 12);
    kit_live(&kit, 1);
    kit_echo(&kit, "behind");
    for (int i = 0; i < 20; i++) {
        kit_live(&kit, 28);
        kit_write(&kit, 99);
        assert_told(&kit, "");
    }
    assert_int_equal(kit.s.owed_count, 2);
    kit_write(&kit, 20 + 18); /* its end, and all of the other, in one */
    kit_pass(&kit, 0);
    assert_non_null(strstr((kit_write_all(&kit), kit_sent(&kit)), "; ECHO_REQ behind; ECHO_REQ heartbeat"));
    kit_live(&kit, 6.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; a FAILED DISCONNECTED UNACKNOWLEDGED; "
                      "b FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Fails when the bound on a job is put off as well. */
static void a_timeout_of_a_job_is_not_put_off(void **state)
{
    (void)state;
    echo_large(2000);
    kit_write(&kit, 12);
    kit_live(&kit, 1);
    kit_submit_within(&kit, "", "w", 50);
    for (int i = 0; i < 4; i++) {
        kit_live(&kit, 10);
        kit_write(&kit, 99);
    }
    kit_live(&kit, 9.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "b FAILED JOB_TIMEOUT NOT_SENT");
}

/* A result is no request, and leaves as slowly. */
static void a_result_leaves_slowly(void **state)
{
    static char large[3000];
    memset(large, 'r', sizeof large - 1);
    const evg_bytes_t args[2] = {evg_bytes_of("H:1"), evg_bytes_of(large)};
    (void)state;
    kit.s.options.heartbeat = 2;
    assert_int_equal(evg_session_send(&kit.s, EVG_WORK_COMPLETE, args, 2), 0);
    for (int i = 0; i < 30; i++) {
        kit_write(&kit, 100);
        kit_live(&kit, 10);
    }
    assert_told(&kit, "");
    kit_live(&kit, 20); /* now it is stuck */
    kit_live(&kit, 1.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Fails when a server that takes all and answers nothing is believed in as long as there is something to be written. */
static void one_packet_after_the_other_puts_nothing_off(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) echo_large(200);
    for (int i = 0; i < 29; i++) {
        kit_write(&kit, 212);
        kit_write(&kit, 3); /* there is always one begun */
        kit_live(&kit, 1);
        assert_told(&kit, "");
    }
    kit_live(&kit, 1);
    assert_int_equal(kit.s.state, EVG_OPEN); /* the one that was leaving is not through */
    kit_write(&kit, 212);
    kit_pass(&kit, 0);
    assert_int_equal(kit.s.state, EVG_DOWN);
    assert_non_null(strstr(kit_told(&kit), "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT"));
}

/* -- in flight ----------------------------------------------------------------------------------------------------- */

/* Our kernel takes all that is to be written, and has got rid of nothing. Then a look. */
static void fly(void)
{
    uint64_t before = kit.s.wire.bytes_out;
    kit_write_all(&kit);
    kit.s.wire.in_flight += (size_t)(kit.s.wire.bytes_out - before);
    kit_pass(&kit, 0);
}

/* So many bytes leave it; and a look. */
static void land(size_t len)
{
    assert_true(len <= kit.s.wire.in_flight);
    kit.s.wire.in_flight -= len;
    kit_pass(&kit, 0);
}

/* Fails when the echo of a heartbeat is late that lies behind a large packet in our own kernel; or when the server has no
 * time left for it once it has come. */
static void a_heartbeat_may_lie_in_the_kernel(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 7;
    kit.s.options.command_timeout = 60;
    echo_large(2000);
    fly();
    kit_live(&kit, 7);
    fly();
    assert_int_equal(kit.s.wire.in_flight, 2012 + 21);
    for (int i = 0; i < 20; i++) {
        land(100);
        kit_live(&kit, 6);
        assert_told(&kit, "");
    }
    land(33);
    kit_live(&kit, 6.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit,
                "CLOSE COMMAND_TIMEOUT; a FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Fails when it has to land as fast as a server has to answer. */
static void what_flies_may_stand_still_as_in_a_full_socket(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 2;
    echo_large(2000);
    fly();
    kit_live(&kit, 2);
    fly();
    kit_live(&kit, 0.1);
    land(100);
    kit_live(&kit, 29);
    land(100);
    kit_live(&kit, 29.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_non_null(strstr(kit_told(&kit), "CLOSE COMMAND_TIMEOUT"));
}

/* Fails when the answer to a request is due before that has left; and for a GRAB of the work loop, too. */
static void a_request_may_lie_in_the_kernel(void **state)
{
    (void)state;
    for (int ours = 0; ours < 2; ours++) {
        static char large[2000];
        const evg_bytes_t args[2] = {evg_bytes_of("H:1"), evg_bytes(large, sizeof large)};
        kit_start(&kit);
        if (ours) {
            assert_int_equal(evg_session_send(&kit.s, EVG_WORK_COMPLETE, args, 2), 0);
            assert_int_equal(evg_session_ask_own(&kit.s, EVG_FOR_GRAB, EVG_GRAB_JOB, NULL, 0), 0);
        } else {
            echo_large(sizeof large);
        }
        fly();
        for (int i = 0; i < 20; i++) {
            kit_live(&kit, 29);
            land(100);
            assert_told(&kit, "");
        }
        land(kit.s.wire.in_flight);
        kit_live(&kit, 29.9);
        assert_told(&kit, "");
        kit_live(&kit, 0.1);
        assert_non_null(strstr(kit_told(&kit), "CLOSE COMMAND_TIMEOUT"));
        kit_stop(&kit);
    }
}

/* Its deadline passes before anybody has looked a second time. Fails when what was not seen to move is taken for stuck. */
static void what_has_just_begun_to_fly_has_its_time(void **state)
{
    (void)state;
    kit.s.options.command_timeout = 0.5;
    echo_large(2000);
    kit_write_all(&kit);
    kit.s.wire.in_flight = 1500;
    kit_pass(&kit, 0.5);
    kit_live(&kit, 0.4);
    assert_told(&kit, "");
    land(500);
    kit_live(&kit, 0.4);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_non_null(strstr(kit_told(&kit), "CLOSE COMMAND_TIMEOUT"));
}

/* Fails when a network that takes nothing is believed in. */
static void what_does_not_land_puts_nothing_off(void **state)
{
    (void)state;
    for (int beats = 0; beats < 2; beats++) {
        kit_start(&kit);
        kit.s.options.heartbeat = beats ? 7 : 0;
        echo_large(2000);
        fly();
        kit_live(&kit, beats ? 7 : 15);
        fly();
        kit_live(&kit, beats ? 6.9 : 14.9);
        assert_told(&kit, "");
        kit_live(&kit, 0.1);
        assert_non_null(strstr(kit_told(&kit), "CLOSE COMMAND_TIMEOUT"));
        kit_stop(&kit);
    }
}

/* Fails when a server that takes all and answers nothing is believed in as long as something lands: what comes behind a
 * request puts nothing off. The hole, which was never written, is no part of the way. */
static void what_lands_behind_it_puts_nothing_off(void **state)
{
    (void)state;
    echo_large(2000);
    kit_pass(&kit, 20);
    kit_echo(&kit, "asked");
    kit_pass(&kit, 10);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
    fly();
    kit_live(&kit, 2);
    land(10);
    kit_live(&kit, 2);
    land(EVG_HEADER_LEN + 5 - 10);
    kit.s.options.command_timeout = 40;
    for (int i = 0; i < 39; i++) {
        echo_large(200);
        fly();
        land(i ? 212 : 100);
        kit_live(&kit, 1);
        assert_told(&kit, "");
    }
    kit_live(&kit, 1);
    assert_non_null(strstr(kit_told(&kit), "b FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT"));
}

/* Fails when it is found to have landed only when its time is over; or when who waits for nothing is woken. */
static void what_flies_is_looked_at_again_if_it_matters(void **state)
{
    const evg_bytes_t args[2] = {evg_bytes_of("H:1"), evg_bytes_of("a result")};
    (void)state;
    assert_int_equal(evg_session_send(&kit.s, EVG_WORK_COMPLETE, args, 2), 0);
    fly();
    assert_true(evg_session_deadline(&kit.s) == INFINITY);
    kit_pass(&kit, 3);
    kit_echo(&kit, "1");
    fly();
    double look = kit.s.wire.now + EVG_QUIET;
    assert_true(evg_session_deadline(&kit.s) == look);
    kit_pass(&kit, EVG_QUIET / 2);
    assert_true(evg_session_deadline(&kit.s) == look);
    land(kit.s.wire.in_flight);
    assert_true(evg_session_deadline(&kit.s) == kit.s.wire.now + 30);
}

/* Fails when it is as if it had not moved while another one, which is withdrawn, was the first to be judged: whether it still
 * flies, or has landed meanwhile. */
static void who_was_not_the_first_has_flown_too(void **state)
{
    (void)state;
    for (int landed = 0; landed < 2; landed++) {
        kit_start(&kit);
        kit_submit_within(&kit, "", "w", 20);
        kit_echo(&kit, "asked");
        fly();
        kit_live(&kit, 19);
        land(landed ? kit.s.wire.in_flight : 1);
        kit_live(&kit, 1);
        assert_told(&kit, "a FAILED JOB_TIMEOUT UNACKNOWLEDGED");
        kit_live(&kit, 28.9);
        assert_told(&kit, "");
        kit_live(&kit, 0.1);
        assert_non_null(strstr(kit_told(&kit), "b FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT"));
        kit_stop(&kit);
    }
}

/* Fails when who stands in for a request does not know how far that has got. */
static void a_stand_in_flies_on(void **state)
{
    (void)state;
    echo_large(2000);
    fly();
    kit_live(&kit, 1);
    kit_say(&kit, EVG_NOOP, NULL);
    kit_live(&kit, 29);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED");
    for (int i = 0; i < 10; i++) {
        land(100);
        kit_live(&kit, 29);
        assert_told(&kit, "");
    }
}

/* -- questions of our own ------------------------------------------------------------------------------------------ */

/* Fails when a GRAB is overdue while the job that it brings arrives: it would be handed back, and cut again, for ever. */
static void an_assignment_may_take_its_time(void **state)
{
    (void)state;
    kit.s.options.heartbeat = 7;
    assert_int_equal(evg_worker_can_do(&kit.s, evg_bytes_of("f"), 0, 0, &kit), 0);
    assert_int_equal(evg_worker_work(&kit.s), 0);
    assert_sent(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    kit_feed(&kit, evg_bytes("\0RES\0\0\0\x1f\0\0\0\xffH:1\0f\0\0", EVG_HEADER_LEN + 7));
    for (int i = 0; i < 20; i++) {
        kit_live(&kit, 29);
        more_data(10);
    }
    assert_int_equal(kit.s.state, EVG_OPEN);
    assert_int_equal(kit.s.grabs, 1);
    kit_live(&kit, 29.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

/* Fails when a job is asked for whose result is arriving: the answer could come behind it only. */
static void a_job_whose_result_arrives_is_not_asked_for(void **state)
{
    (void)state;
    kit.s.options.lost_check = 10;
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    kit_sent(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_feed(&kit, evg_bytes("\0RES\0\0\0\x0d\0\0\0\x68H:1\0", EVG_HEADER_LEN + 4));
    for (int i = 0; i < 10; i++) {
        kit_live(&kit, 25);
        more_data(10);
    }
    assert_sent(&kit, "");
    assert_int_equal(kit.s.created_count, 0);
    kit_told(&kit);
}

/* -- what it costs ------------------------------------------------------------------------------------------------- */

enum { MANY = 20000 };

/* Fails when what expires is cut out one by one: the bytes moved would be the square of this. Every other request is a
 * job with a short timeout of its own, so that holes are made everywhere. */
static void to_expire_one_by_one_moves_nothing(void **state)
{
    static evg_request_t requests[MANY];
    evg_submission_t submission = {.type = EVG_SUBMIT_JOB, .function = evg_bytes_of("f"), .timeout = 5};
    evg_event_t event;
    size_t done = 0;
    (void)state;
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    evg_session_t *s = &kit.s;
    double start = s->wire.now;
    for (size_t i = 0; i < MANY; i++) {
        evg_wire_clock(&s->wire, start + (double)i * 1e-4);
        evg_request_init(&requests[i], NULL);
        if (i % 2) assert_int_equal(evg_client_submit(s, &requests[i], &submission), 0);
        if (i % 2 == 0) assert_int_equal(evg_session_echo(s, &requests[i], evg_bytes_of("some data")), 0);
    }
    size_t bytes = evg_session_unsent(s);
    moved = 0;
    for (double wait = 5; wait <= 30; wait += 25) {
        for (size_t i = 0; i < MANY; i++) {
            evg_wire_clock(&s->wire, start + wait + (double)i * 1e-4 + 1e-6);
            assert_int_equal(evg_session_tick(s), 0);
            while (evg_session_next(s, &event) > 0) done++;
        }
        assert_int_equal(done, wait == 5 ? MANY / 2 : MANY);
    }
    assert_true(moved <= bytes);
    assert_int_equal(s->owed_count + evg_session_unsent(s) + evg_buffer_len(&s->wire.out), 0);
    s->stats.submitted = s->stats.resolved = 0; /* they were none of the kit's */
}

int main(void)
{
#define SILENCE_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        SILENCE_TEST(what_is_late_is_not_written),
        SILENCE_TEST(a_late_job_is_not_written_either),
        SILENCE_TEST(an_outage_is_not_the_new_servers_silence),
        cmocka_unit_test(holes_are_passed_over),
        cmocka_unit_test(without_memory_for_a_hole_the_connection_goes),
        SILENCE_TEST(a_request_hastens_the_reconnect),
        SILENCE_TEST(who_answers_steadily_is_not_given_up),
        SILENCE_TEST(who_is_over_fails_alone_beside_events),
        SILENCE_TEST(then_silence_closes),
        SILENCE_TEST(a_grab_job_that_is_over_closes),
        SILENCE_TEST(what_arrives_puts_deadlines_off),
        SILENCE_TEST(a_question_waits_behind_what_arrives),
        SILENCE_TEST(what_does_not_move_puts_nothing_off),
        SILENCE_TEST(small_packets_put_nothing_off),
        SILENCE_TEST(what_leaves_puts_deadlines_off),
        SILENCE_TEST(a_timeout_of_a_job_is_not_put_off),
        SILENCE_TEST(a_result_leaves_slowly),
        SILENCE_TEST(one_packet_after_the_other_puts_nothing_off),
        SILENCE_TEST(a_heartbeat_may_lie_in_the_kernel),
        SILENCE_TEST(what_flies_may_stand_still_as_in_a_full_socket),
        cmocka_unit_test(a_request_may_lie_in_the_kernel),
        SILENCE_TEST(what_has_just_begun_to_fly_has_its_time),
        cmocka_unit_test(what_does_not_land_puts_nothing_off),
        SILENCE_TEST(what_lands_behind_it_puts_nothing_off),
        SILENCE_TEST(what_flies_is_looked_at_again_if_it_matters),
        cmocka_unit_test(who_was_not_the_first_has_flown_too),
        SILENCE_TEST(a_stand_in_flies_on),
        SILENCE_TEST(an_assignment_may_take_its_time),
        SILENCE_TEST(a_job_whose_result_arrives_is_not_asked_for),
        SILENCE_TEST(to_expire_one_by_one_moves_nothing),
    };
    return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
