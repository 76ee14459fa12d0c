#include "protocol/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/error.h"
#include "support/failing_alloc.h"
#include "support/guard_page.h"

enum { NO_MAX = INT32_MAX };

#define T(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static const struct {
    const char *words;
    int least, most;
    evg_shape_t shape;
    const char *newline;
} documented[] = {
    {"version", 0, 0, EVG_LINE, "\n"},          {"getpid", 0, 0, EVG_LINE, "\n"},
    {"verbose", 0, 0, EVG_LINE, "\n"},          {"status", 0, 0, EVG_DOTTED, "\n"},
    {"prioritystatus", 0, 0, EVG_DOTTED, "\n"}, {"workers", 0, 0, EVG_DOTTED, "\n"},
    {"show jobs", 0, 0, EVG_DOTTED, "\n"},      {"show unique jobs", 0, 0, EVG_DOTTED, "\n"},
    {"cancel job", 1, 1, EVG_LINE, "\n"},       {"create function", 1, 1, EVG_LINE, "\r\n"},
    {"drop function", 1, 1, EVG_LINE, "\n"},    {"maxqueue", 1, 4, EVG_LINE, "\n"},
    {"shutdown", 0, 1, EVG_LINE, "\n"},         {"clients", 0, 0, EVG_DOTTED, "\n"},
    {"jobs", 0, 0, EVG_DOTTED, "\n"},           {"gladiator", 0, 1, EVG_DOTTED, "\n"},
};

enum { DOCUMENTED = sizeof documented / sizeof *documented };

static const evg_admin_t *find(const char *line)
{
    evg_bytes_t copy = guard_page_copy(evg_bytes_of(line));
    const evg_admin_t *admin = evg_admin_find(copy);
    guard_page_free(copy);
    return admin;
}

static void every_command_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < DOCUMENTED; i++) {
        const evg_admin_t *admin = find(documented[i].words);
        assert_non_null(admin);
        assert_string_equal(admin->words, documented[i].words);
        assert_int_equal(admin->least, documented[i].least);
        assert_int_equal(admin->most, documented[i].most);
        assert_int_equal(admin->shape, documented[i].shape);
        assert_string_equal(admin->newline, documented[i].newline);
    }
}

static void a_command_is_found_in_any_case_and_however_many_spaces(void **state)
{
    (void)state;
    assert_string_equal(find("STATUS")->words, "status");
    assert_string_equal(find("  Version  ")->words, "version");
    assert_string_equal(find("show   JOBS")->words, "show jobs");
    assert_string_equal(find(" Show  unique   Jobs ")->words, "show unique jobs");
    assert_string_equal(find("cancel job H:vm:1")->words, "cancel job");
    assert_string_equal(find("CREATE  FUNCTION x")->words, "create function");
    assert_string_equal(find("maxqueue f 5 3 1")->words, "maxqueue");
    assert_string_equal(find("shutdown graceful")->words, "shutdown");
}

static void what_no_row_begins_is_unknown(void **state)
{
    (void)state;
    const char *lines[] = {"",       " ",       "stat", "statuses",   "show", "show job", "showjobs", "show unique",
                           "create", "xstatus", "job",  "show jobsx", "s",    "status\t", "cancel x", "version\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) assert_null(find(lines[i]));
    assert_null(evg_admin_find(evg_bytes(NULL, 0)));
}

static void assert_encodes(const char *line, const char *expected)
{
    evg_buffer_t out;
    evg_buffer_init(&out);
    assert_int_equal(evg_admin_encode(&out, evg_bytes_of(line)), 0);
    assert_true(evg_bytes_equal_p(evg_buffer_bytes(&out), evg_bytes_of(expected)));
    evg_buffer_deinit(&out);
}

static void a_line_is_sent_with_the_line_end_of_its_row(void **state)
{
    (void)state;
    assert_encodes("status", "status\n");
    assert_encodes("create function alpha", "create function alpha\r\n");
    assert_encodes(" CREATE  Function a", " CREATE  Function a\r\n");
    assert_encodes("drop function alpha", "drop function alpha\n");
    assert_encodes("create", "create\n");
    assert_encodes("no such thing", "no such thing\n");
    assert_encodes("cancel job H:\xC3\xBC:1", "cancel job H:\xC3\xBC:1\n");
}

static void assert_refused(evg_bytes_t line)
{
    evg_buffer_t out;
    evg_buffer_init(&out);
    assert_int_equal(evg_buffer_append(&out, evg_bytes_of("before")), 0);
    assert_int_equal(evg_admin_encode(&out, line), EVG_EADMIN);
    assert_true(evg_bytes_equal_p(evg_buffer_bytes(&out), evg_bytes_of("before")));
    evg_buffer_deinit(&out);
}

static void what_is_no_line_is_refused(void **state)
{
    (void)state;
    assert_refused(evg_bytes(NULL, 0));
    assert_refused(evg_bytes_of("  "));
    assert_refused(evg_bytes_of("a b c d e f"));
    for (int byte = 0; byte < 32; byte++) {
        char line[] = "statusx";
        line[6] = (char)byte;
        assert_refused(evg_bytes(line, 7));
    }
    assert_refused(evg_bytes_of("status\177"));
    assert_refused(evg_bytes_of("status\nshutdown"));
}

/* The longest line, with the longer line end, is just what a server takes. */
static void a_line_is_8192_bytes_at_most(void **state)
{
    (void)state;
    char line[EVG_ADMIN_LINE];
    memset(line, 'x', sizeof line);
    memcpy(line, "create function ", 16);
    assert_refused(evg_bytes(line, 8191));
    evg_buffer_t out;
    evg_buffer_init(&out);
    assert_int_equal(evg_admin_encode(&out, evg_bytes(line, 8190)), 0);
    assert_int_equal(evg_buffer_len(&out), EVG_ADMIN_LINE);
    evg_bytes_t words[EVG_ADMIN_WORDS];
    int count;
    assert_int_equal(evg_admin_split(evg_buffer_bytes(&out), words, &count), EVG_ADMIN_LINE);
    assert_int_equal(count, 3);
    evg_buffer_deinit(&out);
}

static int encode_until_it_grows(void *context)
{
    (void)context;
    char line[8000];
    memset(line, 'x', sizeof line);
    evg_buffer_t out;
    evg_buffer_init(&out);
    int error = 0;
    for (size_t i = 0; i < 3 && !error; i++) {
        error = evg_admin_encode(&out, evg_bytes(line, sizeof line));
        assert_int_equal(evg_buffer_len(&out), (i + !error) * (sizeof line + 1));
    }
    evg_buffer_deinit(&out);
    return error;
}

static void without_memory_the_buffer_is_as_before(void **state)
{
    (void)state;
    assert_int_equal(failing_alloc(encode_until_it_grows, NULL), 2);
}

typedef struct {
    evg_shape_t shape;
    evg_bytes_t bytes;
    evg_bytes_t text;
} reply_t;

static const reply_t replies[] = {
    {EVG_LINE, T("OK 1.1.20+ds\n"), T("OK 1.1.20+ds")},
    {EVG_LINE, T("OK 4711\n"), T("OK 4711")},
    {EVG_LINE, T("OK\r\n"), T("OK")},
    {EVG_LINE, T("v1.130.1\n"), T("v1.130.1")},
    {EVG_LINE, T("\n"), T("")},
    {EVG_LINE, T("\r\n"), T("")},
    {EVG_LINE, T(".\n"), T(".")},
    {EVG_LINE, T("a\rb\r\r\n"), T("a\rb\r")},
    {EVG_LINE, T("a\0b\n"), T("a\0b")},
    {EVG_LINE, T("ERR UNKNOWN_JOB\r\n"), T("ERR UNKNOWN_JOB")},
    {EVG_LINE, T("ERR unknown_command \r\n"), T("ERR unknown_command ")},
    {EVG_LINE, T("ERR x\n"), T("ERR x")},
    {EVG_DOTTED, T(".\n"), T("")},
    {EVG_DOTTED, T(".\r\n"), T("")},
    {EVG_DOTTED, T("rev\t1\t0\t1\n.\n"), T("rev\t1\t0\t1\n")},
    {EVG_DOTTED, T("rev\t1\t0\t1\nfoo\t0\t0\t0\n.\n"), T("rev\t1\t0\t1\nfoo\t0\t0\t0\n")},
    {EVG_DOTTED, T("33 127.0.0.1 - : f1 f2\n34 127.0.0.1 - :\n.\n"), T("33 127.0.0.1 - : f1 f2\n34 127.0.0.1 - :\n")},
    {EVG_DOTTED, T("u1\r\nu2\r\n.\r\n"), T("u1\r\nu2\r\n")},
    {EVG_DOTTED, T("\n.\n"), T("\n")},
    {EVG_DOTTED, T("\n\n\n.\n"), T("\n\n\n")},
    {EVG_DOTTED, T(".\t0\t0\t0\n..\n .\n. \n.\r\r\n\r.\n.\n"), T(".\t0\t0\t0\n..\n .\n. \n.\r\r\n\r.\n")},
    {EVG_DOTTED, T("a\0b\t1\n\0.\n.\0\n.\n"), T("a\0b\t1\n\0.\n.\0\n")},
    {EVG_DOTTED, T("ERR UNKNOWN_SHOW_ARGUMENTS\r\n"), T("ERR UNKNOWN_SHOW_ARGUMENTS")},
    {EVG_DOTTED, T("ERR unknown_command \r\n"), T("ERR unknown_command ")},
    {EVG_DOTTED, T("ERR \r\n"), T("ERR ")},
    {EVG_DOTTED, T("ERR x\t0\t0\t0\n.\n"), T("ERR x\t0\t0\t0\n")},
    {EVG_DOTTED, T("a\t1\nERR x\r\n.\n"), T("a\t1\nERR x\r\n")},
    {EVG_DOTTED, T("ERROR\r\n.\n"), T("ERROR\r\n")},
    {EVG_DOTTED, T("ERR\r\n.\n"), T("ERR\r\n")},
    {EVG_DOTTED, T(" ERR x\r\n.\n"), T(" ERR x\r\n")},
};

enum { REPLIES = sizeof replies / sizeof *replies };

static ptrdiff_t decode(evg_scan_t *scan, const reply_t *reply, evg_bytes_t input, size_t max)
{
    evg_bytes_t text, copy = guard_page_copy(input);
    ptrdiff_t result = evg_admin_decode(scan, reply->shape, copy, max, &text);
    if (result > 0) {
        assert_true(evg_bytes_equal_p(text, reply->text));
        assert_ptr_equal(text.at, copy.at);
    }
    guard_page_free(copy);
    return result;
}

static void replies_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        evg_scan_t scan = {0};
        assert_int_equal(decode(&scan, &replies[i], replies[i].bytes, NO_MAX), replies[i].bytes.len);
    }
}

static void replies_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        evg_scan_t scan = {0};
        size_t len = replies[i].bytes.len;
        for (size_t n = 0; n <= len; n++) {
            ptrdiff_t result = decode(&scan, &replies[i], evg_bytes(replies[i].bytes.at, n), NO_MAX);
            assert_int_equal(result, n < len ? 0 : len);
        }
    }
}

static void replies_in_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        evg_bytes_t bytes = replies[i].bytes;
        for (size_t split = 0; split < bytes.len; split++) {
            evg_scan_t scan = {0};
            assert_int_equal(decode(&scan, &replies[i], evg_bytes(bytes.at, split), NO_MAX), 0);
            assert_int_equal(decode(&scan, &replies[i], bytes, NO_MAX), bytes.len);
        }
    }
}

static void assert_tail_is_left(const reply_t *reply, evg_bytes_t tail)
{
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_int_equal(evg_buffer_append(&buf, reply->bytes), 0);
    assert_int_equal(evg_buffer_append(&buf, tail), 0);
    for (size_t n = reply->bytes.len; n <= evg_buffer_len(&buf); n++) {
        evg_scan_t scan = {0};
        evg_bytes_t input = evg_bytes(evg_buffer_data(&buf), n);
        assert_int_equal(decode(&scan, reply, input, NO_MAX), reply->bytes.len);
        scan = (evg_scan_t){0};
        assert_int_equal(decode(&scan, reply, input, reply->bytes.len), reply->bytes.len);
    }
    evg_buffer_deinit(&buf);
}

static void replies_with_a_tail(void **state)
{
    (void)state;
    const evg_bytes_t tails[] = {T("\n"), T(".\n"), T("\0RES\0\0\0\x0a\0\0\0\0"), T("ERR x\r\n"), T("a\n.\n")};
    for (size_t i = 0; i < REPLIES; i++) {
        for (size_t j = 0; j < sizeof tails / sizeof *tails; j++) assert_tail_is_left(&replies[i], tails[j]);
    }
}

static void replies_one_behind_the_other(void **state)
{
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    for (size_t i = 0; i < REPLIES; i++) assert_int_equal(evg_buffer_append(&buf, replies[i].bytes), 0);
    for (size_t i = 0; i < REPLIES; i++) {
        evg_scan_t scan = {0};
        ptrdiff_t len = decode(&scan, &replies[i], evg_buffer_bytes(&buf), NO_MAX);
        assert_int_equal(len, replies[i].bytes.len);
        evg_buffer_consume(&buf, (size_t)len);
    }
    assert_int_equal(evg_buffer_len(&buf), 0);
    evg_buffer_deinit(&buf);
}

/* One byte less than its length is too little for each reply, however it comes in. */
static void a_reply_above_the_maximum_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < REPLIES; i++) {
        size_t len = replies[i].bytes.len;
        evg_scan_t whole = {0}, bytewise = {0};
        assert_int_equal(decode(&whole, &replies[i], replies[i].bytes, len - 1), EVG_ETEXT_SIZE);
        for (size_t n = 0; n + 1 < len; n++)
            assert_int_equal(decode(&bytewise, &replies[i], evg_bytes(replies[i].bytes.at, n), len - 1), 0);
        assert_int_equal(decode(&bytewise, &replies[i], replies[i].bytes, len - 1), EVG_ETEXT_SIZE);
    }
}

static void nothing_is_no_reply(void **state)
{
    (void)state;
    evg_scan_t scan = {0};
    evg_bytes_t text;
    assert_int_equal(evg_admin_decode(&scan, EVG_LINE, evg_bytes(NULL, 0), NO_MAX, &text), 0);
    assert_int_equal(evg_admin_decode(&scan, EVG_DOTTED, evg_bytes(NULL, 0), NO_MAX, &text), 0);
}

/* Fails when the CR of an empty line is sought in front of the input. */
static void a_cr_before_the_input_is_not_ours(void **state)
{
    (void)state;
    const char *bytes = "\r\n";
    evg_scan_t scan = {0};
    evg_bytes_t text, words[EVG_ADMIN_WORDS];
    int count;
    assert_int_equal(evg_admin_decode(&scan, EVG_LINE, evg_bytes(bytes + 1, 1), NO_MAX, &text), 1);
    assert_int_equal(text.len, 0);
    assert_int_equal(evg_admin_split(evg_bytes(bytes + 1, 1), words, &count), 1);
    assert_int_equal(count, 0);
}

/* Lines of 10,000 bytes: longer than the pages that stay readable. */
static void fill_lines(uint8_t *at, size_t len)
{
    memset(at, 'x', len);
    for (size_t i = 9999; i < len; i += 10000) at[i] = '\n';
    memcpy(at + len - 3, "\n.\n", 3);
}

/* Fails when a call looks again at bytes of earlier calls (begins at scan->line, say): they are gone. */
static void each_byte_is_looked_at_once(void **state)
{
    (void)state;
    size_t page = guard_page_len(), len = 64 * page;
    uint8_t *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    fill_lines(map, len);
    evg_scan_t scan = {0};
    evg_bytes_t text;
    for (size_t n = 1; n < len; n++) {
        assert_int_equal(evg_admin_decode(&scan, EVG_DOTTED, evg_bytes(map, n), NO_MAX, &text), 0);
        assert_int_equal(scan.scanned, n);
        assert_int_equal(scan.line, n >= len - 2 ? len - 2 : n / 10000 * 10000);
        /* the page before stays, for the CR that may stand in front of an LF */
        if (n % page == 1 && n > page) assert_int_equal(mprotect(map, n - 1 - page, PROT_NONE), 0);
    }
    assert_int_equal(evg_admin_decode(&scan, EVG_DOTTED, evg_bytes(map, len), NO_MAX, &text), len);
    assert_int_equal(text.len, len - 2);
    assert_int_equal(munmap(map, len), 0);
}

static void one_endless_line_is_looked_at_once(void **state)
{
    (void)state;
    static uint8_t line[1 << 20];
    memset(line, 'x', sizeof line);
    for (evg_shape_t shape = EVG_LINE; shape <= EVG_DOTTED; shape++) {
        evg_scan_t scan = {0};
        evg_bytes_t text;
        for (size_t n = 1; n < sizeof line; n++) {
            assert_int_equal(evg_admin_decode(&scan, shape, evg_bytes(line, n), sizeof line, &text), 0);
            assert_true(scan.scanned == n && scan.line == 0);
        }
        evg_bytes_t all = evg_bytes(line, sizeof line);
        assert_int_equal(evg_admin_decode(&scan, shape, all, sizeof line, &text), EVG_ETEXT_SIZE);
    }
}

static void errors_have_a_code_and_a_rest(void **state)
{
    (void)state;
    const struct {
        evg_bytes_t text, code, rest;
    } errors[] = {
        {T("ERR UNKNOWN_JOB"), T("UNKNOWN_JOB"), T("")},
        {T("ERR UNKNOWN_COMMAND Unknown+server+commandshow"), T("UNKNOWN_COMMAND"), T("Unknown+server+commandshow")},
        {T("ERR function not found"), T(""), T("function not found")},
        {T("ERR unknown_command "), T("unknown_command"), T("")},
        {T("ERR incomplete_args An+incomplete  +x "), T("incomplete_args"), T("An+incomplete  +x ")},
        {T("ERR a_c  b"), T("a_c"), T(" b")},
        {T("ERR a  b_c"), T(""), T("a  b_c")},
        {T("ERR "), T(""), T("")},
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        evg_bytes_t code, rest, copy = guard_page_copy(errors[i].text);
        assert_true(evg_admin_error_p(copy, &code, &rest));
        assert_true(evg_bytes_equal_p(code, errors[i].code));
        assert_true(evg_bytes_equal_p(rest, errors[i].rest));
        guard_page_free(copy);
    }
}

/* Fails when a list is taken for an error because its first function is called "ERR x". */
static void what_is_no_error(void **state)
{
    (void)state;
    const char *texts[] = {
        "", "OK", "ERR", "ERROR x", "err x", " ERR x", "OK ERR x", "ERR\tx", "ERR x\t0\t0\t0\n", "E", "v1.130.1"};
    evg_bytes_t code, rest;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        evg_bytes_t copy = guard_page_copy(evg_bytes_of(texts[i]));
        assert_false(evg_admin_error_p(copy, &code, &rest));
        guard_page_free(copy);
    }
    assert_false(evg_admin_error_p(evg_bytes(NULL, 0), &code, &rest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_found),
        cmocka_unit_test(a_command_is_found_in_any_case_and_however_many_spaces),
        cmocka_unit_test(what_no_row_begins_is_unknown),
        cmocka_unit_test(a_line_is_sent_with_the_line_end_of_its_row),
        cmocka_unit_test(what_is_no_line_is_refused),
        cmocka_unit_test(a_line_is_8192_bytes_at_most),
        cmocka_unit_test(without_memory_the_buffer_is_as_before),
        cmocka_unit_test(replies_whole),
        cmocka_unit_test(replies_byte_by_byte),
        cmocka_unit_test(replies_in_every_split),
        cmocka_unit_test(replies_with_a_tail),
        cmocka_unit_test(replies_one_behind_the_other),
        cmocka_unit_test(a_reply_above_the_maximum_is_refused),
        cmocka_unit_test(nothing_is_no_reply),
        cmocka_unit_test(a_cr_before_the_input_is_not_ours),
        cmocka_unit_test(each_byte_is_looked_at_once),
        cmocka_unit_test(one_endless_line_is_looked_at_once),
        cmocka_unit_test(errors_have_a_code_and_a_rest),
        cmocka_unit_test(what_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
