#include "protocol/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/error.h"
#include "support/guard_page.h"

/* What split makes of a line, words joined by '|'; a negative answer as it is. */
static ptrdiff_t split(evg_bytes_t input, char *joined)
{
    evg_bytes_t words[EVG_ADMIN_WORDS], copy = guard_page_copy(input);
    int count = 0;
    ptrdiff_t result = evg_admin_split(copy, words, &count);
    for (int i = 0; result > 0 && i < count; i++) {
        if (i > 0) *joined++ = '|';
        memcpy(joined, words[i].at, words[i].len);
        joined += words[i].len;
    }
    *joined = 0;
    guard_page_free(copy);
    return result;
}

static void a_request_is_split_into_words(void **state)
{
    (void)state;
    const struct {
        const char *line, *joined;
    } lines[] = {
        {"status\n", "status"},
        {"status\r\n", "status"},
        {"\n", ""},
        {"\r\n", ""},
        {"   \n", ""},
        {"  show   jobs  \r\n", "show|jobs"},
        {"maxqueue f 5 3 1\n", "maxqueue|f|5|3|1"},
        {" a  b c d e \n", "a|b|c|d|e"},
        {"cancel job H:vm:1\n", "cancel|job|H:vm:1"},
        {"a\tb\r \n", "a\tb\r"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        evg_bytes_t line = evg_bytes_of(lines[i].line);
        char joined[64];
        for (size_t n = 0; n < line.len; n++) assert_int_equal(split(evg_bytes(line.at, n), joined), 0);
        assert_int_equal(split(line, joined), line.len);
        assert_string_equal(joined, lines[i].joined);
    }
}

static void only_the_first_line_is_split(void **state)
{
    (void)state;
    char joined[64];
    assert_int_equal(split(evg_bytes_of("version\na b c d e f\n"), joined), 8);
    assert_string_equal(joined, "version");
    assert_int_equal(split(evg_bytes("\n\0REQ", 5), joined), 1);
    assert_string_equal(joined, "");
}

static void a_sixth_word_is_refused(void **state)
{
    (void)state;
    char joined[64];
    assert_int_equal(split(evg_bytes_of("a b c d e f\n"), joined), EVG_EARGS);
    assert_int_equal(split(evg_bytes_of("maxqueue f 5 3 1 1 1 1\r\n"), joined), EVG_EARGS);
    assert_int_equal(split(evg_bytes_of("a b c d e f"), joined), 0);
}

static void a_request_above_8192_bytes_is_refused(void **state)
{
    (void)state;
    char joined[EVG_ADMIN_LINE], line[EVG_ADMIN_LINE + 2];
    memset(line, 'x', sizeof line);
    assert_int_equal(split(evg_bytes(line, EVG_ADMIN_LINE - 1), joined), 0);
    assert_int_equal(split(evg_bytes(line, EVG_ADMIN_LINE), joined), EVG_ETEXT_SIZE);
    line[EVG_ADMIN_LINE] = '\n';
    assert_int_equal(split(evg_bytes(line, sizeof line), joined), EVG_ETEXT_SIZE);
    line[EVG_ADMIN_LINE - 1] = '\n';
    assert_int_equal(split(evg_bytes(line, sizeof line), joined), EVG_ADMIN_LINE);
    assert_int_equal(strlen(joined), EVG_ADMIN_LINE - 1);
    assert_int_equal(evg_admin_split(evg_bytes(NULL, 0), NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_split_into_words),
        cmocka_unit_test(only_the_first_line_is_split),
        cmocka_unit_test(a_sixth_word_is_refused),
        cmocka_unit_test(a_request_above_8192_bytes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
