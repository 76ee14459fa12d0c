/* The servers of one client: which of them a submission goes to, and when it goes to another. */
#include "session/exchange.h"
#include "session/fleet.h"
#include "session/rendezvous.h"
#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"

enum { SERVERS = 3, REQUESTS = 64, NOW = 1000 };

static evg_fleet_t fleet;
static evg_fleet_member_t members[SERVERS];
static evg_session_t sessions[SERVERS];
static evg_request_t requests[REQUESTS];
static int made;
static double now;
static char moves[1024];

static int start(void **state)
{
    char address[32];
    (void)state;
    now = NOW;
    made = 0;
    *moves = 0;
    evg_fleet_init(&fleet, EVG_ROUTE_SPREAD);
    for (int i = 0; i < SERVERS; i++) {
        evg_session_init(&sessions[i], 1, 2, now);
        sessions[i].options.exceptions = false;
        sessions[i].options.heartbeat = 0;
        sessions[i].options.dialect = EVG_GEARMAND;
        snprintf(address, sizeof address, "host%d:4730", i);
        evg_fleet_add(&fleet, &members[i], &sessions[i], evg_bytes_of(address));
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    evg_alloc_fail_at(0);
    for (int i = 0; i < SERVERS; i++) evg_session_deinit(&sessions[i]);
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static int index_of(const evg_fleet_member_t *member)
{
    return (int)(member - members);
}

static void moved(void *context, evg_request_t *request, evg_fleet_member_t *to)
{
    (void)context;
    size_t len = strlen(moves);
    snprintf(moves + len, sizeof moves - len, "%s%d->%d", len ? " " : "", (int)(request - requests), index_of(to));
}

static int settle(void)
{
    *moves = 0;
    return evg_fleet_settle(&fleet, moved, NULL);
}

static void pass(double seconds)
{
    now += seconds;
    for (int i = 0; i < SERVERS; i++) evg_wire_clock(&sessions[i].wire, now);
}

static void open_one(int at)
{
    evg_session_opening(&sessions[at]);
    assert_int_equal(evg_session_opened(&sessions[at]), 0);
    assert_int_equal(settle(), 0);
}

static void fail_one(int at)
{
    sessions[at].wanted = true;
    evg_session_opening(&sessions[at]);
    evg_session_closed(&sessions[at], EVG_ECONNECT, "Connection refused");
    assert_int_equal(settle(), 0);
}

static void lose(int at)
{
    evg_session_closed(&sessions[at], EVG_ESERVER_CLOSED, NULL);
    assert_int_equal(settle(), 0);
}

/* The number of the server that it went to. */
static int submit_to(int at, const char *unique, bool keyed, double timeout)
{
    const evg_submission_t submission = {.type = EVG_SUBMIT_JOB,
                                         .function = evg_bytes_of("f"),
                                         .unique = evg_bytes_of(unique),
                                         .workload = evg_bytes_of("w"),
                                         .timeout = timeout};
    evg_request_t *request = &requests[made++];
    evg_request_init(request, NULL);
    assert_int_equal(evg_client_submit(&sessions[at], request, &submission), 0);
    evg_fleet_take(request, keyed);
    return at;
}

static int submit(const char *unique, bool keyed)
{
    evg_fleet_member_t *member = evg_fleet_pick(&fleet, evg_bytes_of("f"), evg_bytes_of(unique), keyed);
    (void)evg_fleet_seek(&fleet, member);
    return submit_to(index_of(member), unique, keyed, 0);
}

/* What it would write, as keys of submissions. */
static void assert_output(int at, const char *keys)
{
    char text[512] = "";
    evg_bytes_t out = evg_session_output(&sessions[at]);
    while (out.len) {
        evg_packet_t packet = {.type = EVG_TEXT};
        bool line = *out.at;
        ptrdiff_t len = line ? (ptrdiff_t)evg_packet_span(out) : evg_packet_decode(&packet, EVG_REQ, out, SIZE_MAX);
        assert_true(len > 0);
        if (packet.type == EVG_SUBMIT_JOB)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s", *text ? " " : "",
                     (int)packet.args[1].len, (const char *)packet.args[1].at);
        out = evg_bytes(out.at + len, out.len - (size_t)len);
    }
    assert_string_equal(text, keys);
}

static void assert_ended(int at, int request, int error)
{
    evg_event_t event;
    while (evg_session_next(&sessions[at], &event) > 0) {
        if (event.type != EVG_EVENT_DONE) continue;
        assert_ptr_equal(event.request, &requests[request]);
        assert_int_equal(event.error, error);
        assert_int_equal(event.delivery, EVG_NOT_SENT);
        return;
    }
    fail_msg("request %d did not end", request);
}

static void assert_counts(void)
{
    uint64_t submitted = 0, resolved = 0, unresolved = 0;
    for (int i = 0; i < SERVERS; i++) {
        submitted += sessions[i].stats.submitted;
        resolved += sessions[i].stats.resolved;
        unresolved += evg_session_unresolved(&sessions[i]);
    }
    assert_int_equal(submitted, made);
    assert_int_equal(submitted, resolved + unresolved);
}

/* -- routes -------------------------------------------------------------------------------------------------------- */

static void what_has_no_key_goes_round(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) assert_int_equal(submit("", false), i % SERVERS);
}

static void past_those_that_are_away(void **state)
{
    (void)state;
    fail_one(1);
    for (int i = 0; i < 6; i++) assert_int_equal(submit("", false), i % 2 ? 2 : 0);
}

/* Without reconnecting nothing else would try those that are not the first of a route. */
static void when_all_are_away_each_is_tried(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) sessions[i].options.reconnect = false;
    for (int i = 0; i < SERVERS; i++) fail_one(i);
    for (int i = 0; i < SERVERS; i++) assert_true(evg_session_idle_p(&sessions[i]));
    assert_int_equal(submit("k", true), submit("k", true));
    for (int i = 0; i < SERVERS; i++) assert_true(evg_session_wants_open(&sessions[i]));
    assert_int_equal(settle(), 0);
    assert_string_equal(moves, "");
    assert_counts();
}

static void a_key_meets_the_same_server(void **state)
{
    char key[32];
    int counts[SERVERS] = {0};
    (void)state;
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        evg_fleet_member_t *first = evg_fleet_pick(&fleet, evg_bytes_of("f"), evg_bytes_of(key), true);
        assert_ptr_equal(evg_fleet_pick(&fleet, evg_bytes_of("f"), evg_bytes_of(key), true), first);
        counts[index_of(first)]++;
    }
    for (int i = 0; i < SERVERS; i++) assert_in_range(counts[i], 60, 140);
}

static void only_keys_of_a_server_that_is_away_go_elsewhere(void **state)
{
    char key[32];
    int before[300];
    (void)state;
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        before[i] = index_of(evg_fleet_pick(&fleet, evg_bytes_of("f"), evg_bytes_of(key), true));
    }
    fail_one(2);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        int at = index_of(evg_fleet_pick(&fleet, evg_bytes_of("f"), evg_bytes_of(key), true));
        assert_int_not_equal(at, 2);
        if (before[i] != 2) assert_int_equal(at, before[i]);
    }
}

static void or_the_first_is_the_first(void **state)
{
    (void)state;
    fleet.route = EVG_ROUTE_FIRST;
    assert_int_equal(submit("", false), 0);
    assert_int_equal(submit("key", true), 0);
    fail_one(0);
    assert_int_equal(submit("", false), 1);
    open_one(0);
    assert_int_equal(submit("", false), 0);
}

/* These may never change: other programs, and other versions, find the same server. */
static void the_hash_is_for_ever(void **state)
{
    (void)state;
    uint64_t key = evg_rendezvous_key(evg_bytes_of("resize"), evg_bytes_of("image-1"));
    uint64_t server = evg_rendezvous_server(evg_bytes_of("10.0.0.1:4730"));
    assert_int_equal(key, UINT64_C(0xd8f3b5a804d06ca));
    assert_int_equal(server, UINT64_C(0xea9a43118b6915a7));
    assert_int_equal(evg_rendezvous_score(key, server), UINT64_C(0x18d3abde83567457));
}

/* -- moving -------------------------------------------------------------------------------------------------------- */

static void what_waits_goes_on_in_its_order(void **state)
{
    (void)state;
    fleet.route = EVG_ROUTE_FIRST;
    (void)submit("a", false);
    (void)submit("b", false);
    (void)submit_to(1, "c", false, 0);
    open_one(1);
    fail_one(0);
    assert_string_equal(moves, "0->1 1->1");
    assert_output(1, "c a b");
    open_one(0);
    assert_string_equal(moves, "");
    assert_output(0, "");
    assert_counts();
}

static void what_was_written_even_in_part_stays(void **state)
{
    (void)state;
    fleet.route = EVG_ROUTE_FIRST;
    open_one(0);
    open_one(1);
    (void)submit("a", false);
    (void)submit("b", false);
    evg_bytes_t out = evg_session_output(&sessions[0]);
    evg_session_written(&sessions[0], out.len - 10); /* all of a, some of b */
    (void)submit("c", false);
    lose(0);
    assert_string_equal(moves, "2->1");
    assert_output(1, "c");
    assert_counts();
}

static void when_all_are_away_it_goes_with_whichever_opens_first(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) fail_one(i);
    int at = submit("key", true);
    assert_int_equal(settle(), 0);
    assert_string_equal(moves, "");
    int other = (at + 1) % SERVERS;
    open_one(other);
    assert_output(other, "key");
    assert_counts();
}

static void its_deadlines_go_with_it(void **state)
{
    (void)state;
    fleet.route = EVG_ROUTE_FIRST;
    for (int i = 0; i < SERVERS; i++) sessions[i].options.command_timeout = 10;
    (void)submit("a", false);
    (void)submit_to(0, "b", false, 6);
    pass(4);
    fail_one(0);
    assert_string_equal(moves, "0->1 1->1");
    assert_float_equal(evg_session_deadline(&sessions[1]), 0, 1e9);
    pass(3);
    assert_int_equal(evg_session_tick(&sessions[1]), 0);
    assert_ended(1, 1, EVG_EJOB_TIMEOUT);
    pass(4);
    assert_int_equal(evg_session_tick(&sessions[1]), 0);
    assert_ended(1, 0, EVG_ECOMMAND_TIMEOUT);
    assert_counts();
}

static void without_hope_for_any_server_it_ends(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) sessions[i].options.reconnect = false;
    fleet.route = EVG_ROUTE_FIRST;
    (void)submit("a", false);
    fail_one(0);
    assert_string_equal(moves, "0->1");
    fail_one(1);
    assert_string_equal(moves, "0->2");
    fail_one(2);
    assert_string_equal(moves, "");
    assert_ended(2, 0, EVG_ECONNECT);
    assert_counts();
}

static void what_is_for_this_server_does_not_move(void **state)
{
    (void)state;
    evg_request_t echo;
    evg_request_init(&echo, NULL);
    assert_int_equal(evg_session_echo(&sessions[0], &echo, evg_bytes_of("x")), 0);
    (void)submit_to(0, "a", false, 0);
    sessions[0].options.reconnect = false;
    fail_one(0);
    assert_string_equal(moves, "0->1");
    evg_event_t event;
    while (evg_session_next(&sessions[0], &event) > 0) {
        if (event.type != EVG_EVENT_DONE) continue;
        assert_ptr_equal(event.request, &echo);
        assert_int_equal(event.error, EVG_ECONNECT);
    }
    assert_int_equal(evg_session_unresolved(&sessions[0]), 0);
}

static void without_memory_it_stays_where_it_is(void **state)
{
    (void)state;
    fleet.route = EVG_ROUTE_FIRST;
    (void)submit_to(0, "a", false, 0);
    evg_session_opening(&sessions[0]);
    evg_session_closed(&sessions[0], EVG_ECONNECT, "Connection refused");
    evg_alloc_fail_at(1);
    assert_int_equal(settle(), EVG_ENOMEM);
    evg_alloc_fail_at(0);
    assert_string_equal(moves, "");
    assert_int_equal(evg_session_unresolved(&sessions[0]), 1);
    assert_int_equal(settle(), 0);
    assert_string_equal(moves, "0->1");
    assert_counts();
}

/* -- silence ------------------------------------------------------------------------------------------------------- */

/* Nobody has told which servers these are. */
static void ask_all(void)
{
    fleet.route = EVG_ROUTE_FIRST;
    for (int i = 0; i < SERVERS; i++) {
        sessions[i].options.dialect = EVG_UNKNOWN_DIALECT;
        sessions[i].options.introduce_timeout = 5;
    }
}

static void write_all(int at)
{
    for (size_t len; (len = evg_session_output(&sessions[at]).len);) evg_session_written(&sessions[at], len);
}

static void hear(int at, const char *text)
{
    evg_event_t event;
    int r;
    assert_int_equal(evg_wire_feed(&sessions[at].wire, evg_bytes_of(text)), 0);
    while ((r = evg_session_next(&sessions[at], &event)) > 0) continue;
    assert_int_equal(r, 0);
    assert_int_equal(settle(), 0);
}

static void who_says_nothing_is_told_nothing(void **state)
{
    (void)state;
    ask_all();
    (void)submit("a", false);
    open_one(0);
    assert_output(0, "");
    write_all(0);
    hear(0, "OK 1.1.20\n");
    assert_output(0, "a");
}

/* Its time is introduce_timeout, and no heartbeat is asked meanwhile. From then on it costs nobody anything. */
static void and_is_away_until_it_says_something(void **state)
{
    (void)state;
    ask_all();
    sessions[0].options.heartbeat = 2;
    (void)submit("a", false);
    open_one(0);
    write_all(0);
    pass(4.9);
    assert_int_equal(evg_session_tick(&sessions[0]), 0);
    assert_float_equal(evg_session_deadline(&sessions[0]), NOW + 5, 1e-6);
    pass(0.1);
    assert_int_equal(evg_session_tick(&sessions[0]), EVG_ECOMMAND_TIMEOUT);
    evg_session_closed(&sessions[0], EVG_ECOMMAND_TIMEOUT, NULL);
    assert_int_equal(settle(), 0);
    assert_string_equal(moves, "0->1");
    open_one(0);
    assert_int_equal(submit("b", false), 1);
    write_all(0);
    hear(0, "OK 1.1.20\n");
    assert_int_equal(submit("c", false), 0);
    assert_output(0, "c");
    assert_counts();
}

/* Without limits of their own silence lasts as long as a heartbeat may. */
static void without_timeouts_its_time_is_that_of_a_heartbeat(void **state)
{
    (void)state;
    ask_all();
    sessions[0].options.introduce_timeout = sessions[0].options.command_timeout = 0;
    sessions[0].options.heartbeat = 7;
    open_one(0);
    write_all(0);
    assert_float_equal(evg_session_deadline(&sessions[0]), NOW + 7, 1e-6);
}

/* What waits there goes with another one that answers, and the connection is as good as before. */
static void what_waits_for_its_answer_goes_with_who_answers(void **state)
{
    (void)state;
    ask_all();
    for (int i = 0; i < SERVERS; i++) fail_one(i);
    (void)submit("a", false);
    (void)submit("b", false);
    open_one(0);
    write_all(0);
    open_one(1);
    write_all(1);
    assert_string_equal(moves, "");
    hear(1, "OK 1.1.20\n");
    assert_string_equal(moves, "0->1 1->1");
    assert_output(1, "a b");
    hear(0, "OK 1.1.20\n");
    assert_output(0, "");
    assert_int_equal(submit("c", false), 0);
    write_all(0);
    assert_int_equal(evg_session_unsent(&sessions[0]), 0);
    assert_counts();
}

static void without_memory_for_the_gap_it_stays(void **state)
{
    (void)state;
    ask_all();
    for (int i = 0; i < SERVERS; i++) fail_one(i);
    (void)submit("a", false);
    open_one(0);
    open_one(1);
    sessions[1].away = false;
    assert_int_equal(evg_session_make_room(&sessions[1], &requests[0]), 0);
    evg_alloc_fail_at(1);
    assert_int_equal(settle(), EVG_ENOMEM);
    evg_alloc_fail_at(0);
    assert_string_equal(moves, "");
    assert_int_equal(settle(), 0);
    assert_string_equal(moves, "0->1");
    assert_counts();
}

/* -- what is asked of each ----------------------------------------------------------------------------------------- */

static void ask(int at)
{
    evg_request_t *request = &requests[made++];
    evg_request_init(request, NULL);
    assert_int_equal(evg_session_echo(&sessions[at], request, evg_bytes_of("x")), 0);
    evg_fleet_brief(request);
    assert_int_equal(settle(), 0);
}

static void what_is_asked_of_each_ends_where_it_is_away(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) ask(i);
    open_one(0);
    fail_one(1);
    assert_ended(1, 1, EVG_ECONNECT);
    assert_int_equal(evg_session_unresolved(&sessions[0]), 1);
    assert_int_equal(evg_session_unresolved(&sessions[2]), 1);
    assert_counts();
}

static void but_waits_while_all_are_away(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++) fail_one(i);
    ask(1);
    assert_int_equal(evg_session_unresolved(&sessions[1]), 1);
    open_one(2);
    assert_ended(1, 0, EVG_ECONNECT);
    assert_counts();
}

#define test(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_has_no_key_goes_round),
        test(past_those_that_are_away),
        test(when_all_are_away_each_is_tried),
        test(a_key_meets_the_same_server),
        test(only_keys_of_a_server_that_is_away_go_elsewhere),
        test(or_the_first_is_the_first),
        test(the_hash_is_for_ever),
        test(what_waits_goes_on_in_its_order),
        test(what_was_written_even_in_part_stays),
        test(when_all_are_away_it_goes_with_whichever_opens_first),
        test(its_deadlines_go_with_it),
        test(without_hope_for_any_server_it_ends),
        test(what_is_for_this_server_does_not_move),
        test(without_memory_it_stays_where_it_is),
        test(who_says_nothing_is_told_nothing),
        test(and_is_away_until_it_says_something),
        test(without_timeouts_its_time_is_that_of_a_heartbeat),
        test(what_waits_for_its_answer_goes_with_who_answers),
        test(without_memory_for_the_gap_it_stays),
        test(what_is_asked_of_each_ends_where_it_is_away),
        test(but_waits_while_all_are_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
