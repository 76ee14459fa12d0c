#include "support/session_kit.h"

#include "support/packet_header.h"

#define CLOSED(why) "CLOSE " why "; a FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR " why
#define CLOSED_ALONE(why) "CLOSE " why "; DISCONNECTED; ERROR " why

/* -- every head, every reply --------------------------------------------------------------------------------------- */

typedef enum { NOTHING, SUBMISSION, ECHO, STATUS, STATUS_UNIQUE, OPTION, GRAB, LINE, DOTTED, HEADS } head_t;

static void ask(head_t head)
{
    int r = 0;
    if (head == SUBMISSION) r = kit_submit(&kit, "", "w");
    if (head == ECHO) r = kit_echo(&kit, "x");
    if (head == STATUS) r = kit_status(&kit, "H:9");
    if (head == STATUS_UNIQUE) r = kit_status_unique(&kit, "u");
    if (head == OPTION) r = kit_option(&kit, "o");
    if (head == GRAB) r = kit_grab(&kit);
    if (head == LINE) r = kit_admin(&kit, "getpid", EVG_LINE);
    if (head == DOTTED) r = kit_admin(&kit, "status", EVG_DOTTED);
    assert_int_equal(r, 0);
}

static void start_with(head_t head)
{
    kit_start(&kit);
    ask(head);
    kit_write_all(&kit);
}

/* A well-formed packet of that type, about what was asked for. */
static void say_plainly(evg_command_t type)
{
    static const char *const args[EVG_COMMAND_CEILING][6] = {
        [EVG_STATUS_RES] = {"H:9", "1", "1", "2", "3"},
        [EVG_STATUS_RES_UNIQUE] = {"u", "1", "1", "2", "3", "4"},
        [EVG_OPTION_RES] = {"o"},
        [EVG_ECHO_RES] = {"x"},
        [EVG_JOB_CREATED] = {"H:1"},
        [EVG_JOB_ASSIGN_UNIQ] = {"H:1", "f", "u", "w"},
    };
    evg_bytes_t list[EVG_MAX_ARGS];
    int argc = evg_command_info(type)->args;
    for (int i = 0; i < argc; i++) list[i] = evg_bytes_of(args[type][0] ? args[type][i] : "1");
    kit_say_args(&kit, type, list, argc);
}

/* What is told of a reply; NULL: it must not come. Written from the protocol, not from the command table. */
static const char *outcome(head_t head, evg_command_t reply)
{
    if (head == SUBMISSION && reply == EVG_JOB_CREATED) return "a CREATED H:1";
    if (head == ECHO && reply == EVG_ECHO_RES) return "a DONE x";
    if (head == STATUS && reply == EVG_STATUS_RES) return "a DONE H:9 1 1 2 3";
    if (head == STATUS_UNIQUE && reply == EVG_STATUS_RES_UNIQUE) return "a DONE u 1 1 2 3 4";
    if (head == OPTION && reply == EVG_OPTION_RES) return "a DONE o";
    if (head == GRAB && reply == EVG_NO_JOB) return "a FAILED NO_JOB NOT_SENT";
    if (head == GRAB && reply == EVG_JOB_ASSIGN_UNIQ) return "a ASSIGNED H:1 f u w; a DONE";
    return NULL;
}

static bool event_p(evg_command_t type)
{
    return type == EVG_NOOP || type == EVG_WORK_DATA || type == EVG_WORK_WARNING || type == EVG_WORK_STATUS ||
           type == EVG_WORK_COMPLETE || type == EVG_WORK_FAIL || type == EVG_WORK_EXCEPTION;
}

static void every_type_at_every_head(void **state)
{
    (void)state;
    for (head_t head = NOTHING; head < HEADS; head++) {
        for (unsigned number = 1; number < EVG_COMMAND_CEILING; number++) {
            evg_command_t type = (evg_command_t)number;
            if (!evg_command_info(type) || type == EVG_ERROR) continue;
            const char *wanted = event_p(type) ? "" : outcome(head, type);
            if (!wanted) wanted = head == NOTHING ? CLOSED_ALONE("UNEXPECTED") : CLOSED("UNEXPECTED");
            start_with(head);
            say_plainly(type);
            if (outcome(head, type) || event_p(type))
                assert_told(&kit, wanted);
            else
                assert_told_at_first(&kit, wanted);
            kit_stop(&kit);
        }
    }
}

/* Fails when an event takes a place in the order of replies. */
static void events_come_at_any_time(void **state)
{
    static const evg_command_t answers[HEADS] = {
        [SUBMISSION] = EVG_JOB_CREATED,          [ECHO] = EVG_ECHO_RES,     [STATUS] = EVG_STATUS_RES,
        [STATUS_UNIQUE] = EVG_STATUS_RES_UNIQUE, [OPTION] = EVG_OPTION_RES, [GRAB] = EVG_NO_JOB,
    };
    (void)state;
    for (head_t head = SUBMISSION; head <= GRAB; head++) {
        start_with(head);
        for (unsigned type = 1; type < EVG_COMMAND_CEILING; type++) {
            if (event_p((evg_command_t)type)) say_plainly((evg_command_t)type);
        }
        kit_say(&kit, EVG_ERROR, "JOB_NOT_FOUND", "late", NULL);
        assert_told(&kit, "");
        say_plainly(answers[head]);
        assert_told(&kit, outcome(head, answers[head]));
        kit_stop(&kit);
    }
}

/* -- every head, every code ---------------------------------------------------------------------------------------- */

typedef struct {
    const char *code, *error;
    unsigned heads;   /* whose reply it may be */
    bool else_report; /* at other heads it is a report; else the connection is closed */
} code_t;

#define BIT(head) (1u << (head))
#define MAY_FAIL (BIT(SUBMISSION) | BIT(STATUS_UNIQUE) | BIT(OPTION) | BIT(GRAB))

static const code_t codes[] = {
    {"JOB_NOT_FOUND", "", 0, true},
    {"job_not_found", "", 0, true},
    {"NOT_WORKER", "", 0, true},
    {"not_worker", "", 0, true},
    {"ARGUMENT_TOO_LARGE", "ARGUMENT_TOO_LARGE", BIT(SUBMISSION), true},
    {"argument_too_large", "ARGUMENT_TOO_LARGE", BIT(SUBMISSION), true},
    {"QUEUE_ERROR", "QUEUE_FULL", BIT(SUBMISSION), false},
    {"queue_error", "QUEUE_FULL", BIT(SUBMISSION), false},
    {"UNKNOWN_OPTION", "SERVER", BIT(OPTION), false},
    {"unknown_option", "SERVER", BIT(OPTION), false},
    {"INVALID_COMMAND", "UNSUPPORTED", MAY_FAIL, false},
    {"INVALID_MAGIC", "SERVER", MAY_FAIL, false},
    {"invalid_args", "SERVER", MAY_FAIL, false},
    {"server_error", "SERVER", MAY_FAIL, false},
    {"JOB_NOT_FOUNDX", "SERVER", MAY_FAIL, false},
    {"JOB_NOT_FOUN", "SERVER", MAY_FAIL, false},
    {"", "SERVER", MAY_FAIL, false},
};

static void wanted_of(char *wanted, size_t cap, const code_t *code, head_t head)
{
    if (BIT(head) & code->heads && head == GRAB) /* it is asked again in another form */
        snprintf(wanted, cap, "%s", "");
    else if (BIT(head) & code->heads)
        snprintf(wanted, cap, "a FAILED %s NOT_SENT %s why it is", code->error, code->code);
    else if (code->else_report)
        snprintf(wanted, cap, "%s", "");
    else
        snprintf(wanted, cap, "%s", head == NOTHING ? CLOSED_ALONE("UNEXPECTED") : CLOSED("UNEXPECTED"));
}

static void every_error_at_every_head(void **state)
{
    char wanted[256];
    (void)state;
    for (head_t head = NOTHING; head < HEADS; head++) {
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
            start_with(head);
            kit_say(&kit, EVG_ERROR, codes[i].code, "why it is", NULL);
            wanted_of(wanted, sizeof wanted, &codes[i], head);
            if (strstr(wanted, "ERROR UNEXPECTED"))
                assert_told_at_first(&kit, wanted);
            else
                assert_told(&kit, wanted);
            bool again = head == GRAB && codes[i].heads & BIT(GRAB);
            assert_int_equal(kit.s.stats.ignored_packets, *wanted == 0 && !again);
            assert_int_equal(evg_session_waiting_count(&kit.s), again);
            kit_stop(&kit);
        }
    }
}

/* A worker's late report beside requests of the same connection. Fails when an ERROR pops whatever is first. */
static void job_not_found_never_pops(void **state)
{
    static const char *const answers[] = {"H:x", "e", "H:y"};
    (void)state;
    kit_start(&kit);
    kit_submit(&kit, "", "1");
    kit_echo(&kit, "e");
    kit_submit(&kit, "", "2");
    kit_write_all(&kit);
    for (int i = 0; i < 3; i++) {
        kit_say(&kit, EVG_ERROR, "JOB_NOT_FOUND", "Job given in work result not found", NULL);
        kit_say(&kit, i == 1 ? EVG_ECHO_RES : EVG_JOB_CREATED, answers[i], NULL);
    }
    kit_say(&kit, EVG_ERROR, "JOB_NOT_FOUND", "Job does not exist on server", NULL);
    assert_told(&kit, "a CREATED H:x; b DONE e; c CREATED H:y");
    assert_int_equal(kit.s.stats.ignored_packets, 4);
    kit_stop(&kit);
}

static void every_submission_draws_the_same(void **state)
{
    static const evg_command_t types[] = {EVG_SUBMIT_JOB,         EVG_SUBMIT_JOB_BG,  EVG_SUBMIT_JOB_HIGH,
                                          EVG_SUBMIT_JOB_HIGH_BG, EVG_SUBMIT_JOB_LOW, EVG_SUBMIT_JOB_LOW_BG,
                                          EVG_SUBMIT_JOB_EPOCH};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        kit_start(&kit);
        for (int n = 0; n < 4; n++) assert_int_equal(kit_submit_as(&kit, types[i], "w"), 0);
        kit_write_all(&kit);
        kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
        assert_told(&kit, evg_command_foreground_p(types[i]) ? "a CREATED H:1" : "a DONE H:1");
        kit_say(&kit, EVG_ERROR, "QUEUE_ERROR", "Job queue is full", NULL);
        assert_told(&kit, "b FAILED QUEUE_FULL NOT_SENT QUEUE_ERROR Job queue is full");
        kit_say(&kit, EVG_ERROR, "ARGUMENT_TOO_LARGE", "", NULL);
        assert_told(&kit, "c FAILED ARGUMENT_TOO_LARGE NOT_SENT ARGUMENT_TOO_LARGE ");
        kit_say(&kit, EVG_ERROR, "server_error", "Can't locate object method", NULL);
        assert_told(&kit, "d FAILED SERVER NOT_SENT server_error Can't locate object method");
        kit_stop(&kit);
    }
}

/* Its code is the same for what it does not know and for what went wrong. */
static void the_perl_server_does_not_know_all(void **state)
{
    (void)state;
    kit_start(&kit);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_open(&kit);
    kit_introduce(&kit, "v1.130.1\n");
    kit_told(&kit);
    kit_submit_as(&kit, EVG_SUBMIT_JOB_LOW, "w");
    kit_status_unique(&kit, "u");
    kit_submit_as(&kit, EVG_SUBMIT_JOB_BG, "w");
    kit_write_all(&kit);
    for (int i = 0; i < 3; i++) kit_say(&kit, EVG_ERROR, "server_error", "why", NULL);
    assert_told(&kit, "a FAILED UNSUPPORTED NOT_SENT server_error why; "
                      "b FAILED UNSUPPORTED NOT_SENT server_error why; "
                      "c FAILED SERVER NOT_SENT server_error why");
    kit_stop(&kit);
}

/* -- too early, about something else, too much --------------------------------------------------------------------- */

/* Nobody answers half a question. Fails when head_of asks only whether the first byte was written. */
static void no_reply_before_the_last_byte(void **state)
{
    (void)state;
    for (head_t head = SUBMISSION; head < HEADS; head++) {
        bool text = head >= LINE;
        for (size_t lacks = 1; lacks < 3; lacks++) {
            kit_start(&kit);
            ask(head);
            kit_write(&kit, evg_session_unsent(&kit.s) - lacks);
            if (text)
                kit_text(&kit, "OK\n.\n");
            else
                say_plainly(head == SUBMISSION ? EVG_JOB_CREATED : head == ECHO ? EVG_ECHO_RES : EVG_STATUS_RES);
            assert_told_at_first(&kit, text ? CLOSED("UNEXPECTED_TEXT") : CLOSED("UNEXPECTED"));
            kit_stop(&kit);
        }
    }
}

static void a_second_reply_is_one_too_many(void **state)
{
    (void)state;
    start_with(SUBMISSION);
    kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
    kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
    assert_told(&kit, "a CREATED H:1; CLOSE UNEXPECTED; a FAILED DISCONNECTED ACCEPTED; DISCONNECTED; "
                      "ERROR UNEXPECTED JOB_CREATED to nothing");
    kit_stop(&kit);
}

#define UNEXPECTED(what) "CLOSE UNEXPECTED; a FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR UNEXPECTED " what

/* Fails when a status is matched by its type alone: the answer to one question would be taken for another's. */
static void a_status_is_about_the_key_that_was_asked_for(void **state)
{
    (void)state;
    start_with(STATUS);
    kit_say(&kit, EVG_STATUS_RES, "H:91", "1", "1", "0", "0", NULL);
    assert_told(&kit, UNEXPECTED("STATUS_RES about something else to GET_STATUS"));
    kit_stop(&kit);
    start_with(STATUS_UNIQUE);
    kit_say(&kit, EVG_STATUS_RES_UNIQUE, "v", "1", "1", "0", "0", "1", NULL);
    assert_told(&kit, UNEXPECTED("STATUS_RES_UNIQUE about something else to GET_STATUS_UNIQUE"));
    kit_stop(&kit);
    start_with(OPTION);
    kit_say(&kit, EVG_OPTION_RES, "p", NULL);
    assert_told(&kit, UNEXPECTED("OPTION_RES about something else to OPTION_REQ"));
    kit_stop(&kit);
}

static void numbers_of_a_status_are_numbers(void **state)
{
    static const char *const good[] = {"", "0", "4294967295", "18446744073709551615"};
    static const char *const bad[] = {"-1", "1x", "+1", " 1", "0x1", "18446744073709551616", "\n"};
    char wanted[128];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        start_with(STATUS);
        kit_say(&kit, EVG_STATUS_RES, "H:9", "0", "0", good[i], good[i], NULL);
        snprintf(wanted, sizeof wanted, "a DONE H:9 0 0 %s %s", good[i], good[i]);
        assert_told(&kit, wanted);
        kit_stop(&kit);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int at = 1; at < 6; at++) {
            evg_bytes_t args[6] = {evg_bytes_of("u"), evg_bytes_of("0"), evg_bytes_of("0"),
                                   evg_bytes_of("0"), evg_bytes_of("0"), evg_bytes_of("0")};
            args[at] = evg_bytes_of(bad[i]);
            start_with(STATUS_UNIQUE);
            kit_say_args(&kit, EVG_STATUS_RES_UNIQUE, args, 6);
            assert_told(&kit, CLOSED("MALFORMED"));
            kit_stop(&kit);
        }
    }
}

static void handles_are_1_to_63_bytes_without_nul(void **state)
{
    char longest[65];
    memset(longest, 'h', 64);
    longest[64] = 0;
    const evg_bytes_t bad[] = {evg_bytes("", 0), evg_bytes(longest, 64), evg_bytes("H\0", 2), evg_bytes("\0H", 2)};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        start_with(SUBMISSION);
        kit_say_args(&kit, EVG_JOB_CREATED, &bad[i], 1);
        assert_told(&kit, CLOSED("MALFORMED"));
        kit_stop(&kit);
    }
    start_with(SUBMISSION);
    kit_say(&kit, EVG_JOB_CREATED, longest + 1, NULL);
    kit_say(&kit, EVG_WORK_COMPLETE, longest, "not ours", NULL);
    kit_say(&kit, EVG_WORK_COMPLETE, "", "not ours", NULL);
    kit_say(&kit, EVG_WORK_DATA, "", "not ours", NULL);
    kit_told(&kit);
    kit_say(&kit, EVG_WORK_COMPLETE, longest + 1, "r", NULL);
    assert_told(&kit, "a DONE r");
    kit_stop(&kit);
}

/* -- what is no packet --------------------------------------------------------------------------------------------- */

static void broken_streams_close(void **state)
{
    static const struct {
        const char *magic;
        uint32_t type, len;
        const char *why;
    } rows[] = {
        {"\0REQ", EVG_NOOP, 0, "MAGIC"},
        {"\0RET", EVG_NOOP, 0, "MAGIC"},
        {"\0\0\0\0", EVG_NOOP, 0, "MAGIC"},
        {"\0RES", 0, 0, "UNEXPECTED"},
        {"\0RES", 5, 0, "UNEXPECTED"},
        {"\0RES", 43, 0, "UNEXPECTED"},
        {"\0RES", 0x80000000, 0, "UNEXPECTED"},
        {"\0RES", EVG_ECHO_RES, 1025, "PACKET_SIZE"},
        {"\0RES", EVG_WORK_DATA, UINT32_MAX, "PACKET_SIZE"},
        {"\0RES", EVG_WORK_DATA, 0, "MALFORMED"},
        {"\0RES", EVG_STATUS_RES, 0, "MALFORMED"},
    };
    char wanted[128];
    uint8_t header[EVG_HEADER_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start_with(ECHO);
        kit.s.options.max_packet = 1024;
        packet_header(header, rows[i].magic, rows[i].type, rows[i].len);
        kit_feed(&kit, evg_bytes(header, sizeof header));
        snprintf(wanted, sizeof wanted, "CLOSE %s; a FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR %s",
                 rows[i].why, rows[i].why);
        assert_told_at_first(&kit, wanted);
        kit_stop(&kit);
    }
}

static void text_needs_an_admin_request(void **state)
{
    (void)state;
    for (head_t head = NOTHING; head < LINE; head++) {
        start_with(head);
        kit_text(&kit, "OK\n");
        assert_told(&kit, head == NOTHING ? CLOSED_ALONE("UNEXPECTED_TEXT") : CLOSED("UNEXPECTED_TEXT"));
        kit_stop(&kit);
    }
}

static void text_replies(void **state)
{
    (void)state;
    kit_start(&kit);
    kit_admin(&kit, "getpid", EVG_LINE);
    kit_admin(&kit, "status", EVG_DOTTED);
    kit_admin(&kit, "status", EVG_DOTTED);
    kit_admin(&kit, "nonsense", EVG_LINE);
    kit_admin(&kit, "status", EVG_DOTTED);
    kit_admin(&kit, "maxqueue", EVG_LINE);
    assert_sent(&kit, "text getpid; text status; text status; text nonsense; text status; text maxqueue");
    kit_text(&kit, "OK 77\n");
    assert_told(&kit, "a DONE OK 77");
    kit_text(&kit, "f\t1\t0\t1\ng\t0\t0\t0\n.\n.\n");
    assert_told(&kit, "b DONE f\\x091\\x090\\x091\\x0ag\\x090\\x090\\x090\\x0a; c DONE ");
    kit_say(&kit, EVG_NOOP, NULL);
    kit_text(&kit, "ERR unknown_command Unknown+server+command\r\n");
    assert_told(&kit, "d FAILED UNSUPPORTED NOT_SENT unknown_command Unknown+server+command");
    kit_text(&kit, "ERR UNKNOWN_COMMAND\r\nERR incomplete_args \r\n");
    assert_told(&kit, "e FAILED UNSUPPORTED NOT_SENT UNKNOWN_COMMAND ; "
                      "f FAILED SERVER NOT_SENT incomplete_args ");
    kit_stop(&kit);
}

/* Half a list, and the connection is gone. Fails when the next one is scanned from where that one stopped. */
static void half_a_text_is_forgotten(void **state)
{
    (void)state;
    start_with(DOTTED);
    kit_text(&kit, "f\t1\t0\t1\ng\t0");
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_open(&kit);
    ask(LINE);
    kit_write_all(&kit);
    kit_told(&kit);
    kit_text(&kit, "OK\nOK 2\n");
    assert_told(&kit, "b DONE OK 2");
    kit_stop(&kit);
}

/* Fails when the text is scanned from its start for each byte that comes: 4 TB for this one. */
static void long_text_in_small_steps_is_bounded(void **state)
{
    enum { MAX = 2 * 1024 * 1024 };
    static char step[64];
    memset(step, 'x', sizeof step);
    (void)state;
    start_with(DOTTED);
    kit.s.options.max_text = MAX;
    size_t fed = 0;
    for (; kit.s.state == EVG_OPEN && fed < 2 * MAX; fed += sizeof step) {
        evg_event_t event;
        assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes(step, sizeof step)), 0);
        int r = evg_session_next(&kit.s, &event);
        if (r < 0) kit_lose(&kit, r, NULL);
    }
    assert_int_equal(fed, MAX);
    assert_told(&kit, "a FAILED DISCONNECTED UNACKNOWLEDGED; DISCONNECTED; ERROR TEXT_SIZE");
    kit_stop(&kit);
}

/* -- room ---------------------------------------------------------------------------------------------------------- */

/* Fails when a whole announced length is reserved at once: memory grows with what comes, not with what is said. */
static void appetite_is_bounded(void **state)
{
    uint8_t header[EVG_HEADER_LEN];
    (void)state;
    start_with(ECHO);
    assert_int_equal(evg_wire_appetite(&kit.s.wire), EVG_BUFFER_FIRST);
    packet_header(header, "\0RES", EVG_ECHO_RES, 200 * 1024 * 1024);
    kit_feed(&kit, evg_bytes(header, sizeof header));
    assert_int_equal(evg_wire_appetite(&kit.s.wire), 64 * 1024);
    assert_true(kit.s.wire.in.cap <= EVG_BUFFER_FIRST);
    kit_stop(&kit);
    start_with(ECHO);
    kit_say(&kit, EVG_NOOP, NULL);
    assert_int_equal(evg_wire_appetite(&kit.s.wire), EVG_BUFFER_FIRST);
    packet_header(header, "\0RES", EVG_ECHO_RES, 100 * 1024);
    kit_feed(&kit, evg_bytes(header, sizeof header));
    assert_int_equal(evg_wire_appetite(&kit.s.wire), 64 * 1024);
    assert_non_null(evg_wire_reserve(&kit.s.wire, 1024 * 1024));
    memset(evg_wire_reserve(&kit.s.wire, 90 * 1024), 'x', 90 * 1024);
    evg_wire_commit(&kit.s.wire, 90 * 1024);
    assert_int_equal(evg_wire_appetite(&kit.s.wire), 64 * 1024);
    kit_stop(&kit);
}

/* Fails when a large packet takes a call for each 64 KiB of it, or makes room for more than once more what came of it. */
static void appetite_grows_with_what_came(void **state)
{
    enum { KIB = 1024, MIB = 1024 * KIB };
    uint8_t header[EVG_HEADER_LEN];
    size_t came = EVG_HEADER_LEN, calls = 0;
    (void)state;
    start_with(ECHO);
    packet_header(header, "\0RES", EVG_ECHO_RES, 16 * MIB);
    kit_feed(&kit, evg_bytes(header, sizeof header));
    for (size_t len; came < EVG_HEADER_LEN + 16 * MIB - 64 * KIB; came += len, calls++) {
        len = evg_wire_appetite(&kit.s.wire);
        assert_true(len <= MIB && len <= (came < 64 * KIB ? 64 * KIB : 4 * came));
        memset(evg_wire_reserve(&kit.s.wire, len), 'x', len);
        evg_wire_commit(&kit.s.wire, len);
    }
    assert_true(calls < 22);
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_at_every_head),
        cmocka_unit_test(events_come_at_any_time),
        cmocka_unit_test(every_error_at_every_head),
        cmocka_unit_test(job_not_found_never_pops),
        cmocka_unit_test(every_submission_draws_the_same),
        cmocka_unit_test(the_perl_server_does_not_know_all),
        cmocka_unit_test(no_reply_before_the_last_byte),
        cmocka_unit_test(a_second_reply_is_one_too_many),
        cmocka_unit_test(a_status_is_about_the_key_that_was_asked_for),
        cmocka_unit_test(numbers_of_a_status_are_numbers),
        cmocka_unit_test(handles_are_1_to_63_bytes_without_nul),
        cmocka_unit_test(broken_streams_close),
        cmocka_unit_test(text_needs_an_admin_request),
        cmocka_unit_test(text_replies),
        cmocka_unit_test(half_a_text_is_forgotten),
        cmocka_unit_test(long_text_in_small_steps_is_bounded),
        cmocka_unit_test(appetite_is_bounded),
        cmocka_unit_test(appetite_grows_with_what_came),
    };
    int failed = cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
    kit_step = 1;
    return failed + cmocka_run_group_tests_name("inbox, byte by byte", tests, NULL, NULL);
}
