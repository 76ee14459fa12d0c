#include "support/session_kit.h"

#include <math.h>

static void created(const char *handle)
{
    kit_say(&kit, EVG_JOB_CREATED, handle, NULL);
}

/* One of each delivery. */
static void ask_all(void)
{
    kit_submit(&kit, "", "runs");
    kit_submit(&kit, "", "accepted");
    kit_write_all(&kit);
    created("H:1");
    created("H:2");
    kit_say(&kit, EVG_WORK_DATA, "H:1", "x", NULL);
    kit_submit(&kit, "", "written");
    kit_write_all(&kit);
    kit_submit(&kit, "", "begun");
    kit_write(&kit, 1);
    kit_submit(&kit, "", "waits");
    kit_feed(&kit, evg_bytes("\0RES", 4)); /* half a packet */
    kit_told(&kit);
    assert_int_equal(evg_session_pending_count(&kit.s), 2);
    assert_int_equal(evg_session_waiting_count(&kit.s), 1);
}

#define ALL_FAILED(why)                                                                      \
    "a FAILED " why " RUNNING; b FAILED " why " ACCEPTED; c FAILED " why " UNACKNOWLEDGED; " \
    "d FAILED " why " UNACKNOWLEDGED"

static void lost(void **state)
{
    (void)state;
    ask_all();
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_told(&kit, ALL_FAILED("DISCONNECTED") "; DISCONNECTED; ERROR SERVER_CLOSED");
    assert_int_equal(evg_session_unresolved(&kit.s), 1);
    assert_true(kit.s.wanted);
}

/* What was written fails, what was not goes to the other one, and at once. */
static void left_for_another(void **state)
{
    (void)state;
    ask_all();
    evg_session_leave(&kit.s);
    assert_told(&kit, ALL_FAILED("DISCONNECTED") "; DISCONNECTED");
    assert_true(evg_session_wants_open(&kit.s));
    evg_session_opening(&kit.s);
    evg_session_leave(&kit.s);
    assert_true(evg_session_wants_open(&kit.s));
    kit_open(&kit);
    assert_sent(&kit, "text version; SUBMIT_JOB f  waits");
    assert_told(&kit, "CONNECTED");
    evg_session_shut(&kit.s);
    evg_session_leave(&kit.s);
    assert_int_equal(kit.s.state, EVG_SHUT);
}

static void disconnected(void **state)
{
    (void)state;
    ask_all();
    for (int twice = 0; twice < 2; twice++) evg_session_disconnect(&kit.s);
    assert_told(&kit, ALL_FAILED("DISCONNECTED") "; e FAILED DISCONNECTED NOT_SENT; DISCONNECTED");
    assert_true(isinf(evg_session_deadline(&kit.s)));
    kit_echo(&kit, "x");
    kit_open(&kit);
    assert_sent(&kit, "text version; ECHO_REQ x");
    evg_session_disconnect(&kit.s);
    evg_session_want(&kit.s);
    evg_session_opening(&kit.s);
    evg_session_disconnect(&kit.s);
    kit_lose(&kit, EVG_ECONNECT, "of the attempt that was given up");
    assert_told(&kit, "CONNECTED; f FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED");
}

static void shut(void **state)
{
    (void)state;
    ask_all();
    for (int twice = 0; twice < 2; twice++) evg_session_shut(&kit.s);
    assert_told(&kit, ALL_FAILED("DISCONNECTED") "; e FAILED DISCONNECTED NOT_SENT; DISCONNECTED");
    assert_int_equal(kit_echo(&kit, "x"), EVG_ECLOSED);
    assert_int_equal(kit_submit(&kit, "", "x"), EVG_ECLOSED);
    assert_int_equal(kit_admin(&kit, "status", EVG_DOTTED), EVG_ECLOSED);
    assert_int_equal(evg_session_want(&kit.s), EVG_ECLOSED);
    assert_false(evg_session_wants_open(&kit.s));
    evg_session_forked(&kit.s);
    assert_int_equal(kit.s.state, EVG_SHUT);
    kit_pass(&kit, 100);
    assert_told(&kit, "");
}

/* The child says nothing to the server and forgets what it read; the connection is the parent's. */
static void forked(void **state)
{
    (void)state;
    ask_all();
    evg_session_forked(&kit.s);
    assert_told(&kit, ALL_FAILED("FORKED") "; e FAILED FORKED NOT_SENT");
    assert_int_equal(evg_session_unsent(&kit.s), 0);
    assert_false(kit.s.wanted);
    kit.s.backoff.failures = 5;
    evg_session_closed(&kit.s, EVG_EIO, "of the parent");
    evg_session_opening(&kit.s);
    evg_session_closed(&kit.s, EVG_EIO, "not told before the fork");
    evg_session_forked(&kit.s);
    assert_int_equal(kit.s.backoff.failures, 0);
    kit_echo(&kit, "x");
    kit_open(&kit);
    kit_write_all(&kit);
    kit_text(&kit, "OK 1.1.20\n");
    kit_say(&kit, EVG_ECHO_RES, "x", NULL);
    assert_told(&kit, "CONNECTED; f DONE x");
}

/* The caller's memory may go right behind it: not even deinit looks there. */
static void abandoned(void **state)
{
    static evg_job_t job;
    const evg_event_t assigned = {.argc = 4, .args = {[0] = evg_bytes_of("H:7")}};
    (void)state;
    ask_all();
    evg_worker_accept(&kit.s, &job, &assigned, NULL);
    evg_worker_work(&kit.s);
    evg_worker_stop(&kit.s);
    evg_session_abandon(&kit.s);
    memset(&job, 0xee, sizeof job);
    memset(kit.requests, 0xee, sizeof *kit.requests * kit.made);
    memset(kit.told_done, true, kit.made); /* for the kit's own sum */
    evg_event_t event;
    assert_int_equal(evg_session_next(&kit.s, &event), 0);
    assert_int_equal(kit_echo(&kit, "x"), EVG_ECLOSED);
}

int main(void)
{
#define END_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        END_TEST(lost), END_TEST(left_for_another), END_TEST(disconnected),
        END_TEST(shut), END_TEST(forked),           END_TEST(abandoned),
    };
    return cmocka_run_group_tests_name("ends of sessions", tests, NULL, NULL);
}
