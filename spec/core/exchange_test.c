#include "support/moved.h"
#include "support/session_kit.h"

#include "session/exchange.h"

/* -- the time of a reply ------------------------------------------------------------------------------------------- */

static void a_written_request_expires_with_its_connection(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    kit_pass(&kit, 1);
    kit_echo(&kit, "2");
    kit_write_all(&kit);
    kit_live(&kit, 1);
    kit_submit(&kit, "", "3");
    kit_live(&kit, 28.9);
    assert_told(&kit, "");
    kit_live(&kit, 0.1);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; CLOSE COMMAND_TIMEOUT; "
                      "b FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR COMMAND_TIMEOUT");
    kit_open(&kit);
    assert_sent(&kit, "text version; SUBMIT_JOB f  3");
    kit_told(&kit);
}

static void an_unwritten_one_expires_alone(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    kit_say(&kit, EVG_ECHO_RES, "1", NULL);
    kit_echo(&kit, "2");
    kit_pass(&kit, 20);
    kit_echo(&kit, "3");
    kit_live(&kit, 10);
    assert_told(&kit, "a DONE 1; b FAILED COMMAND_TIMEOUT NOT_SENT");
    assert_sent(&kit, "ECHO_REQ 1; ECHO_REQ 3");
    kit_say(&kit, EVG_ECHO_RES, "3", NULL);
    assert_told(&kit, "c DONE 3");
}

static void a_partly_written_one_counts_as_written(void **state)
{
    (void)state;
    kit_echo(&kit, "1");
    kit_echo(&kit, "2");
    kit_write(&kit, 1);
    kit_live(&kit, 30);
    assert_told(&kit, "b FAILED COMMAND_TIMEOUT NOT_SENT; a FAILED COMMAND_TIMEOUT UNACKNOWLEDGED; "
                      "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
    assert_int_equal(evg_session_unsent(&kit.s), 0);
}

static void no_timeout_is_for_ever(void **state)
{
    (void)state;
    kit.s.options.command_timeout = 0;
    kit_echo(&kit, "1");
    kit_write_all(&kit);
    assert_true(evg_session_deadline(&kit.s) > 1e300);
    kit_live(&kit, 1e6);
    assert_told(&kit, "");
}

/* Fails when each new request starts the clock of all anew. */
static void later_requests_buy_no_time(void **state)
{
    (void)state;
    for (int i = 0; i < 29; i++) {
        kit_echo(&kit, "x");
        kit_write_all(&kit);
        kit_live(&kit, 1);
    }
    assert_told(&kit, "");
    kit_live(&kit, 1);
    assert_memory_equal(kit_told(&kit), "a FAILED COMMAND_TIMEOUT", 24);
}

static void the_timeout_of_a_job_leaves_the_connection_alone(void **state)
{
    (void)state;
    kit_submit_within(&kit, "", "1", 3);
    kit_echo(&kit, "x");
    kit_write(&kit, 5); /* written in part: the rest has to follow, or the stream is broken */
    kit_submit_within(&kit, "", "2", 3);
    kit_live(&kit, 3);
    assert_told(&kit, "c FAILED JOB_TIMEOUT NOT_SENT; a FAILED JOB_TIMEOUT UNACKNOWLEDGED");
    assert_sent(&kit, "SUBMIT_JOB f  1; ECHO_REQ x");
    kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
    kit_say(&kit, EVG_ECHO_RES, "x", NULL);
    assert_told(&kit, "b DONE x");
}

/* Nobody answers half of what nobody waits for any more. */
static void a_stand_in_is_no_longer_than_what_it_stands_for(void **state)
{
    (void)state;
    kit_submit_within(&kit, "", "1", 3);
    kit_write(&kit, 5);
    kit_live(&kit, 3);
    kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
    assert_told_at_first(&kit, "a FAILED JOB_TIMEOUT UNACKNOWLEDGED; CLOSE UNEXPECTED; DISCONNECTED; ERROR UNEXPECTED");
}

/* Only a job that somebody waits for has a timeout. */
static void a_background_job_has_no_timeout(void **state)
{
    (void)state;
    kit.submission.type = EVG_SUBMIT_JOB_BG;
    kit_submit_within(&kit, "", "1", 3);
    kit_write_all(&kit);
    kit_live(&kit, 4);
    kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
    assert_told(&kit, "a DONE H:1");
}

/* Fails when what is ours is cut like what is the caller's: the connection would never be introduced. */
static void our_own_requests_wait(void **state)
{
    (void)state;
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit.s.options.exceptions = true;
    kit_open(&kit);
    kit_echo(&kit, "x");
    kit_told(&kit);
    kit_live(&kit, 100);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT");
    kit_write(&kit, 3);
    kit_live(&kit, 29);
    assert_told(&kit, "");
    kit_live(&kit, 1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
    kit_open(&kit);
    kit_live(&kit, 100);
    assert_sent(&kit, "text version; OPTION_REQ exceptions");
    kit_text(&kit, "OK 1.1.20\n");
    kit_say(&kit, EVG_OPTION_RES, "exceptions", NULL);
    assert_int_equal(kit.s.dialect, EVG_GEARMAND);
    kit_told(&kit);
}

/* -- taking back --------------------------------------------------------------------------------------------------- */

/* Fails when what was begun is cut off, or when a neighbour goes with it. */
static void what_is_not_written_can_be_taken_back(void **state)
{
    (void)state;
    kit_echo(&kit, "a");
    kit_write(&kit, 1);
    evg_request_t *begun = kit_last(&kit);
    kit_echo(&kit, "b");
    evg_request_t *waits = kit_last(&kit);
    kit_echo(&kit, "c");
    assert_int_equal(evg_session_take_back(&kit.s, begun), 0);
    assert_int_equal(evg_session_take_back(&kit.s, waits), 1);
    assert_int_equal(evg_session_take_back(&kit.s, waits), 0);
    assert_told(&kit, "b FAILED ABANDONED NOT_SENT");
    assert_sent(&kit, "ECHO_REQ a; ECHO_REQ c");
    kit_say(&kit, EVG_ECHO_RES, "a", NULL);
    kit_say(&kit, EVG_ECHO_RES, "c", NULL);
    assert_told(&kit, "a DONE a; c DONE c");
}

/* -- cutting ------------------------------------------------------------------------------------------------------- */

/* The output is a row of things: a packet about a job, a request that expires, one that stays. */
typedef enum { PACKET, EXPIRES, STAYS, KINDS } thing_t;

enum { ROW = 5, ROWS = 3 * 3 * 3 * 3 * 3 };

typedef struct {
    thing_t things[ROW];
    size_t start[ROW + 1];
    char model[4096];
    size_t model_len;
} row_t;

/* Each as long as no other. */
static const char *data_of(int at)
{
    static char text[16];
    snprintf(text, sizeof text, "%0*d", 1 + at * 2, at);
    return text;
}

static void put_thing(thing_t thing, int at)
{
    const char *text = data_of(at);
    const evg_bytes_t args[2] = {evg_bytes_of("H:1"), evg_bytes_of(text)};
    kit.s.options.command_timeout = thing == EXPIRES ? 5 : 50;
    if (thing == PACKET)
        assert_int_equal(evg_session_send(&kit.s, EVG_WORK_DATA, args, 2), 0);
    else
        assert_int_equal(kit_echo(&kit, text), 0);
}

static void put_row(row_t *row, int number)
{
    row->start[0] = 0;
    for (int i = 0; i < ROW; i++, number /= KINDS) {
        row->things[i] = (thing_t)(number % KINDS);
        put_thing(row->things[i], i);
        row->start[i + 1] = evg_session_unsent(&kit.s);
    }
}

/* All bytes without those of requests that expire, unless they are begun with `written` bytes. */
static void model_row(row_t *row, size_t written)
{
    evg_bytes_t out = evg_buffer_bytes(&kit.s.wire.out);
    row->model_len = 0;
    for (int i = 0; i < ROW; i++) {
        if (row->things[i] == EXPIRES && row->start[i] < written) row->things[i] = STAYS;
        if (row->things[i] == EXPIRES) continue;
        size_t len = row->start[i + 1] - row->start[i];
        memcpy(row->model + row->model_len, out.at + row->start[i], len);
        row->model_len += len;
    }
}

static void answer_row(const row_t *row)
{
    kit_write_all(&kit);
    assert_int_equal(kit.wire_len, row->model_len);
    if (row->model_len) assert_memory_equal(kit.wire, row->model, row->model_len);
    for (int i = 0; i < ROW; i++) {
        if (row->things[i] == STAYS) kit_say(&kit, EVG_ECHO_RES, data_of(i), NULL);
    }
    assert_int_equal(kit.s.state, EVG_OPEN);
    assert_int_equal(kit.s.owed_count, 0);
}

static void try_row(int number, size_t written)
{
    static row_t row;
    kit_start(&kit);
    put_row(&row, number);
    kit.s.options.command_timeout = 50;
    model_row(&row, written);
    kit_write(&kit, written);
    kit_pass(&kit, 5);
    if (kit.s.wire.edge > kit.s.wire.out.consumed)
        kit_write(&kit, kit.s.wire.edge - kit.s.wire.out.consumed); /* what is begun puts it off */
    kit_pass(&kit, 0);
    assert_int_equal(evg_session_unsent(&kit.s), row.model_len - kit.wire_len);
    answer_row(&row);
    kit_stop(&kit);
}

/* Each row of five, with nothing written, one byte, the first whole, the first and a byte, the first three. Fails
 * when a byte too many is passed over, or one too few. */
static void cuts_leave_every_other_byte(void **state)
{
    (void)state;
    const size_t first = EVG_HEADER_LEN + 1, data = first + 4; /* of an ECHO, of a WORK_DATA */
    for (int number = 0; number < ROWS; number++) {
        size_t whole = number % KINDS == PACKET ? data : first;
        try_row(number, 0);
        try_row(number, 1);
        try_row(number, whole);
        try_row(number, whole + 1);
        try_row(number, whole + first + 2);
    }
}

/* -- work ---------------------------------------------------------------------------------------------------------- */

enum { MANY = 100000 };

/* Fails when each request is cut out by itself: the bytes moved would be the square of this. */
static void mass_expiry_is_linear(void **state)
{
    static evg_request_t requests[MANY];
    evg_event_t event;
    size_t done = 0;
    (void)state;
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    evg_session_t *s = &kit.s;
    for (size_t i = 0; i < MANY; i++) {
        s->options.command_timeout = i % 4 ? 30 : 1000;
        evg_request_init(&requests[i], NULL);
        assert_int_equal(evg_session_echo(s, &requests[i], evg_bytes_of("some data")), 0);
    }
    size_t bytes = evg_session_unsent(s);
    evg_wire_clock(&s->wire, s->wire.now + 30);
    moved = 0;
    assert_int_equal(evg_session_tick(s), 0);
    assert_true(moved <= bytes);
    assert_int_equal(s->owed_count, MANY / 4);
    assert_int_equal(evg_session_unsent(s), bytes / 4);
    while (evg_session_next(s, &event) > 0) done += event.error == EVG_ECOMMAND_TIMEOUT;
    assert_int_equal(done, MANY * 3 / 4);
    assert_int_equal(s->stats.submitted, s->stats.resolved + s->owed_count);
    moved = 0;
    evg_session_opening(s);
    assert_int_equal(evg_session_opened(s), 0);
    evg_session_closed(s, EVG_ESERVER_CLOSED, NULL);
    assert_true(moved <= bytes / 2);
    evg_session_disconnect(s);
    while (evg_session_next(s, &event) > 0) done += event.error == EVG_EDISCONNECTED;
    assert_int_equal(done, MANY);
    s->stats.submitted = s->stats.resolved = 0; /* they were none of the kit's */
}

/* -- unsent bytes -------------------------------------------------------------------------------------------------- */

static void fill(size_t max_unsent)
{
    kit.s.options.max_unsent = max_unsent;
    while (kit_echo(&kit, "0123456789") == 0) continue;
    assert_true(evg_session_unsent(&kit.s) >= max_unsent);
    assert_true(evg_session_unsent(&kit.s) < max_unsent + EVG_HEADER_LEN + 10);
}

static void backpressure_and_drained(void **state)
{
    (void)state;
    fill(50 * (EVG_HEADER_LEN + 10)); /* to the last byte */
    assert_int_equal(kit_submit(&kit, "", "w"), EVG_EBACKPRESSURE);
    assert_int_equal(kit_admin(&kit, "status", EVG_DOTTED), EVG_EBACKPRESSURE);
    assert_int_equal(kit_option(&kit, "o"), EVG_EBACKPRESSURE);
    kit_write(&kit, evg_session_unsent(&kit.s) - 276);
    assert_told(&kit, "");
    kit_write(&kit, 1);
    assert_told(&kit, "DRAINED");
    kit_write_all(&kit);
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    assert_told(&kit, "");
    fill(1000);
    kit_write_all(&kit);
    assert_told(&kit, "DRAINED");
}

static void one_large_request_is_taken(void **state)
{
    static char large[5000];
    memset(large, 'x', sizeof large - 1);
    (void)state;
    kit.s.options.max_unsent = 1000;
    assert_int_equal(kit_echo(&kit, large), 0);
    assert_int_equal(kit_echo(&kit, "x"), EVG_EBACKPRESSURE);
    kit_write_all(&kit);
    assert_told(&kit, "DRAINED");
}

/* Our own requests and packets about jobs are not refused: a worker could not even finish what it has. */
static void backpressure_is_for_callers(void **state)
{
    (void)state;
    fill(100);
    kit.s.options.heartbeat = 10;
    kit_live(&kit, 10);
    const evg_bytes_t args[2] = {evg_bytes_of("H:1"), evg_bytes_of("x")};
    assert_int_equal(evg_session_send(&kit.s, EVG_WORK_DATA, args, 2), 0);
    kit_write_all(&kit);
    assert_non_null(strstr(kit_sent(&kit), "; ECHO_REQ heartbeat; WORK_DATA H:1 x"));
    assert_told(&kit, "DRAINED");
}

/* Fails when only written bytes are watched: who was refused would wait for ever after the rest expired. */
static void drained_by_other_ways_than_writing(void **state)
{
    (void)state;
    fill(1000);
    kit_live(&kit, 30);
    assert_non_null(strstr(kit_told(&kit), "; DRAINED"));
    fill(1000);
    evg_session_disconnect(&kit.s);
    assert_non_null(strstr(kit_told(&kit), "DISCONNECTED NOT_SENT; DISCONNECTED; DRAINED"));
    fill(1000);
    evg_session_forked(&kit.s);
    assert_null(strstr(kit_told(&kit), "DRAINED"));
}

/* -- our own requests ---------------------------------------------------------------------------------------------- */

static void spares_are_used_again_and_bounded(void **state)
{
    (void)state;
    kit.s.options.command_timeout = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) kit_submit_within(&kit, "", "w", 1);
        kit_write_all(&kit);
        kit_sent(&kit);
        kit_pass(&kit, 1);
        for (int i = 0; i < 200; i++) kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
        kit_told(&kit);
        assert_int_equal(kit.s.spare_count, 128);
    }
    evg_alloc_fail_at(0);
    for (int i = 0; i < 100; i++) kit_submit_within(&kit, "", "w", 1);
    kit_write_all(&kit);
    kit_pass(&kit, 1);
    assert_int_equal(evg_alloc_count(), 0);
    kit_told(&kit);
}

/* Fails when a grab_job is counted where it is asked for and answered only: nothing then lets an ability go. */
static void grabs_are_counted_until_their_end(void **state)
{
    (void)state;
    kit_grab(&kit);
    kit_echo(&kit, "is none");
    assert_int_equal(kit.s.asked_grabs, 1);
    kit_live(&kit, 30);
    assert_told(&kit, "a FAILED COMMAND_TIMEOUT NOT_SENT; b FAILED COMMAND_TIMEOUT NOT_SENT");
    assert_int_equal(kit.s.asked_grabs, 0);
    kit_grab(&kit);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_int_equal(kit.s.asked_grabs, 1);
    kit_open(&kit);
    kit_introduce(&kit, "OK 1.1.20\n");
    kit_say(&kit, EVG_NO_JOB, NULL);
    assert_told(&kit, "c FAILED NO_JOB NOT_SENT");
    assert_int_equal(kit.s.asked_grabs, 0);
    kit_grab(&kit);
    kit_write_all(&kit);
    kit_say(&kit, EVG_ERROR, "server_error", "", NULL);
    kit_grab(&kit);
    kit_write_all(&kit);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_int_equal(kit.s.asked_grabs, 0);
    kit_told(&kit);
}

int main(void)
{
#define EXCHANGE_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        EXCHANGE_TEST(a_written_request_expires_with_its_connection),
        EXCHANGE_TEST(an_unwritten_one_expires_alone),
        EXCHANGE_TEST(a_partly_written_one_counts_as_written),
        EXCHANGE_TEST(no_timeout_is_for_ever),
        EXCHANGE_TEST(later_requests_buy_no_time),
        EXCHANGE_TEST(the_timeout_of_a_job_leaves_the_connection_alone),
        EXCHANGE_TEST(a_stand_in_is_no_longer_than_what_it_stands_for),
        EXCHANGE_TEST(a_background_job_has_no_timeout),
        EXCHANGE_TEST(our_own_requests_wait),
        EXCHANGE_TEST(what_is_not_written_can_be_taken_back),
        cmocka_unit_test(cuts_leave_every_other_byte),
        EXCHANGE_TEST(mass_expiry_is_linear),
        EXCHANGE_TEST(backpressure_and_drained),
        EXCHANGE_TEST(one_large_request_is_taken),
        EXCHANGE_TEST(backpressure_is_for_callers),
        EXCHANGE_TEST(drained_by_other_ways_than_writing),
        EXCHANGE_TEST(spares_are_used_again_and_bounded),
        EXCHANGE_TEST(grabs_are_counted_until_their_end),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
