/* WORK_* that are larger than max_packet: the request they are about pays for it, and nobody else. */
#include "support/packet_header.h"
#include "support/session_kit.h"

enum { MOST = 100, LARGE = 3 * 1024 * 1024 };

static int created(void **state)
{
    kit_setup(state);
    kit.s.options.max_packet = MOST;
    kit_submit(&kit, "", "w");
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_JOB_CREATED, "H:2", NULL);
    kit_sent(&kit);
    kit_told(&kit);
    return 0;
}

static void feed(const void *at, size_t len)
{
    kit_feed(&kit, evg_bytes(at, len));
}

/* The beginning of a packet that says it is so long, up to its handle. */
static void begin(evg_command_t type, const char *handle, size_t len)
{
    uint8_t header[EVG_HEADER_LEN];
    packet_header(header, "\0RES", (uint32_t)type, (uint32_t)len);
    feed(header, sizeof header);
    feed(handle, strlen(handle) + 1);
}

/* And the rest of it, in pieces of a page. */
static void end(const char *handle, size_t len)
{
    static uint8_t page[4096];
    for (size_t left = len - strlen(handle) - 1, now; left; left -= now) {
        now = left < sizeof page ? left : sizeof page;
        feed(page, now);
        assert_in_range(kit.s.wire.in.cap, 0, EVG_BUFFER_FIRST);
    }
}

static void a_result_ends_its_request(void **state)
{
    /* Fails when the connection is closed, the result is kept in memory, or what comes behind it is lost. */
    static const evg_command_t types[] = {EVG_WORK_COMPLETE, EVG_WORK_EXCEPTION, EVG_WORK_DATA, EVG_WORK_WARNING};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (i) kit_stop(&kit);
        if (i) created(state);
        begin(types[i], "H:1", LARGE);
        assert_told(&kit, "a FAILED TOO_LARGE RUNNING 3145728 bytes");
        end("H:1", LARGE);
        say(EVG_WORK_COMPLETE, "H:1", "late");
        say(EVG_WORK_COMPLETE, "H:2", "fine");
        assert_told(&kit, "b DONE fine");
        assert_int_equal(kit.s.state, EVG_OPEN);
    }
}

static void an_exception_need_not_be_the_end(void **state)
{
    /* Fails when the Perl server's WORK_FAIL behind it is taken for somebody else's. */
    (void)state;
    kit.s.dialect = EVG_PERL;
    begin(EVG_WORK_EXCEPTION, "H:1", LARGE);
    assert_told(&kit, "a FAILED TOO_LARGE RUNNING 3145728 bytes");
    end("H:1", LARGE);
    say(EVG_WORK_FAIL, "H:1", NULL);
    assert_told(&kit, "");
    assert_int_equal(kit.s.state, EVG_OPEN);
}

static void each_copy_has_its_waiter(void **state)
{
    /* Fails when a copy of a chunk that is too large is passed on to the one who has failed, or ends nobody. */
    (void)state;
    kit.s.options.max_packet = 1024;
    kit_submit(&kit, "key", "w");
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    kit.s.options.max_packet = MOST;
    say(EVG_JOB_CREATED, "H:3", NULL);
    say(EVG_JOB_CREATED, "H:3", NULL);
    kit_told(&kit);
    begin(EVG_WORK_DATA, "H:3", 200);
    end("H:3", 200);
    assert_told(&kit, "c FAILED TOO_LARGE RUNNING 200 bytes");
    begin(EVG_WORK_DATA, "H:3", 200);
    end("H:3", 200);
    assert_told(&kit, "d FAILED TOO_LARGE RUNNING 200 bytes");
    say(EVG_WORK_COMPLETE, "H:3", "r");
    say(EVG_WORK_COMPLETE, "H:3", "r");
    assert_told(&kit, "");
}

static void in_one_piece_with_what_follows(void **state)
{
    /* Fails when more is skipped than the packet has. */
    uint8_t bytes[512] = {0};
    size_t len = 0;
    (void)state;
    packet_header(bytes, "\0RES", EVG_WORK_COMPLETE, 200);
    memcpy(bytes + EVG_HEADER_LEN, "H:1", 3);
    len = EVG_HEADER_LEN + 200;
    packet_header(bytes + len, "\0RES", EVG_WORK_FAIL, 3);
    memcpy(bytes + len + EVG_HEADER_LEN, "H:2", 3);
    feed(bytes, len + EVG_HEADER_LEN + 3);
    assert_told(&kit, "a FAILED TOO_LARGE RUNNING 200 bytes; b FAILED JOB_FAILED RUNNING ");
}

static void what_waits_behind_it_has_time(void **state)
{
    /* Fails when a request times out behind a packet that is skipped, though that moves; or never, when it does not. */
    static const uint8_t some[100];
    (void)state;
    begin(EVG_WORK_COMPLETE, "H:1", LARGE);
    kit_told(&kit);
    kit_echo(&kit, "x");
    kit_write_all(&kit);
    for (int i = 0; i < 10; i++) {
        kit_pass(&kit, 20);
        assert_told(&kit, "");
        feed(some, sizeof some);
    }
    kit_pass(&kit, 40);
    assert_true(strlen(kit_told(&kit)) > 0);
}

static void of_nobody_is_skipped(void **state)
{
    /* Fails when a result that nobody waits for closes the connection. */
    (void)state;
    begin(EVG_WORK_COMPLETE, "H:9", LARGE);
    end("H:9", LARGE);
    assert_told(&kit, "");
    assert_int_equal(kit.s.stats.ignored_packets, 1);
}

static void without_a_handle_it_closes(void **state)
{
    /* Fails when it is skipped although nobody is told of it, or a handle without end is waited for. */
    static const struct {
        evg_command_t type;
        size_t len;
    } rows[] = {{EVG_WORK_COMPLETE, LARGE}, {EVG_ECHO_RES, 101}, {EVG_STATUS_RES, 101}, {EVG_WORK_DATA, UINT32_MAX}};
    char body[EVG_KEY_MAX + 1];
    uint8_t header[EVG_HEADER_LEN];
    memset(body, 'x', sizeof body);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (i) kit_stop(&kit);
        if (i) created(state);
        packet_header(header, "\0RES", (uint32_t)rows[i].type, (uint32_t)rows[i].len);
        feed(header, sizeof header);
        if (kit.s.state == EVG_OPEN) feed(body, sizeof body);
        assert_told_at_first(&kit, "CLOSE PACKET_SIZE;");
    }
}

static void half_of_it_on_the_next_connection(void **state)
{
    /* Fails when what is left to be skipped is skipped of another connection. */
    (void)state;
    begin(EVG_WORK_COMPLETE, "H:1", LARGE);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_told(&kit);
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 10);
    kit_open(&kit);
    kit_introduce(&kit, "OK 1.1.20\n");
    kit_told(&kit);
    assert_true(kit.s.introduced);
}

int main(void)
{
#define LARGE_TEST(name) cmocka_unit_test_setup_teardown(name, created, kit_teardown)
    const struct CMUnitTest tests[] = {
        LARGE_TEST(a_result_ends_its_request),     LARGE_TEST(an_exception_need_not_be_the_end),
        LARGE_TEST(each_copy_has_its_waiter),      LARGE_TEST(in_one_piece_with_what_follows),
        LARGE_TEST(what_waits_behind_it_has_time), LARGE_TEST(of_nobody_is_skipped),
        LARGE_TEST(without_a_handle_it_closes),    LARGE_TEST(half_of_it_on_the_next_connection),
    };
    return cmocka_run_group_tests_name("too large", tests, NULL, NULL);
}
