#include "protocol/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/error.h"
#include "support/guard_page.h"

#include <math.h>

typedef int (*check_t)(evg_bytes_t);

static int check_guarded(check_t check, evg_bytes_t text)
{
    evg_bytes_t copy = guard_page_copy(text);
    int error = check(copy);
    guard_page_free(copy);
    return error;
}

/* least..most bytes of 'a' are accepted, one more or one less is not. */
static void assert_length(check_t check, size_t least, size_t most, int error)
{
    uint8_t text[9000];
    memset(text, 'a', sizeof text);
    for (size_t len = 0; len <= most + 2; len++) {
        bool fits = len >= least && len <= most;
        assert_int_equal(check_guarded(check, evg_bytes(text, len)), fits ? 0 : error);
    }
    assert_int_equal(check(evg_bytes(NULL, 0)), least == 0 ? 0 : error);
}

/* Exactly the bytes for which `bad` is true are refused, wherever they stand. */
static void assert_bytes(check_t check, bool (*bad)(int), int error)
{
    for (int byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 3; place++) {
            uint8_t text[3] = {'a', 'a', 'a'};
            text[place] = (uint8_t)byte;
            assert_int_equal(check(evg_bytes(text, 3)), bad(byte) ? error : 0);
        }
    }
}

static bool nul_p(int byte)
{
    return byte == 0;
}

static bool control_p(int byte)
{
    return byte < 32 || byte == 127;
}

static bool control_but_tab_p(int byte)
{
    return control_p(byte) && byte != '\t';
}

static bool control_or_space_p(int byte)
{
    return byte <= 32 || byte == 127;
}

static bool not_printable_p(int byte)
{
    return byte < '!' || byte > '~';
}

static void function(void **state)
{
    (void)state;
    assert_length(evg_check_function, 1, 512, EVG_EFUNCTION);
    assert_bytes(evg_check_function, control_but_tab_p, EVG_EFUNCTION);
}

static void unique(void **state)
{
    (void)state;
    assert_length(evg_check_unique, 0, 63, EVG_EUNIQUE);
    assert_bytes(evg_check_unique, nul_p, EVG_EUNIQUE);
}

static void unique_of_a_status(void **state)
{
    (void)state;
    assert_length(evg_check_status_unique, 1, 63, EVG_EUNIQUE);
    assert_bytes(evg_check_status_unique, nul_p, EVG_EUNIQUE);
}

static void handle(void **state)
{
    (void)state;
    assert_length(evg_check_handle, 1, 63, EVG_EHANDLE);
    assert_bytes(evg_check_handle, nul_p, EVG_EHANDLE);
}

static void client_id(void **state)
{
    (void)state;
    assert_length(evg_check_client_id, 1, 63, EVG_ECLIENT_ID);
    assert_bytes(evg_check_client_id, not_printable_p, EVG_ECLIENT_ID);
}

static void option(void **state)
{
    (void)state;
    assert_length(evg_check_option, 1, 63, EVG_EOPTION);
    assert_bytes(evg_check_option, control_p, EVG_EOPTION);
}

static void admin_argument(void **state)
{
    (void)state;
    assert_length(evg_check_admin_arg, 1, 512, EVG_EADMIN_ARG);
    assert_bytes(evg_check_admin_arg, control_or_space_p, EVG_EADMIN_ARG);
}

static void admin_line(void **state)
{
    (void)state;
    assert_length(evg_check_admin, 1, 8190, EVG_EADMIN);
    assert_bytes(evg_check_admin, control_p, EVG_EADMIN);
}

static void admin_line_of_one_to_five_words(void **state)
{
    (void)state;
    const struct {
        const char *line;
        int error;
    } lines[] = {
        {" ", EVG_EADMIN},
        {"    ", EVG_EADMIN},
        {"a", 0},
        {"  a  ", 0},
        {"a b c d e", 0},
        {"  a   b c  d e   ", 0},
        {"a b c d e f", EVG_EADMIN},
        {" a b c d e   f", EVG_EADMIN},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(check_guarded(evg_check_admin, evg_bytes_of(lines[i].line)), lines[i].error);
}

static void epoch(void **state)
{
    (void)state;
    assert_int_equal(evg_check_epoch(0), 0);
    assert_int_equal(evg_check_epoch(INT64_MAX), 0);
    assert_int_equal(evg_check_epoch(-1), EVG_EEPOCH);
}

static void server_timeout(void **state)
{
    (void)state;
    assert_int_equal(evg_check_server_timeout(1), 0);
    assert_int_equal(evg_check_server_timeout(2147483), 0);
    assert_int_equal(evg_check_server_timeout(nextafter(1, 0)), EVG_ETIMEOUT);
    assert_int_equal(evg_check_server_timeout(nextafter(2147483, 1e9)), EVG_ETIMEOUT);
    assert_int_equal(evg_check_server_timeout(0), EVG_ETIMEOUT);
    assert_int_equal(evg_check_server_timeout(-5), EVG_ETIMEOUT);
    assert_int_equal(evg_check_server_timeout((double)INFINITY), EVG_ETIMEOUT);
    assert_int_equal(evg_check_server_timeout((double)NAN), EVG_ETIMEOUT);
}

static void count(void **state)
{
    (void)state;
    assert_int_equal(evg_check_count(0), 0);
    assert_int_equal(evg_check_count(-0.0), 0);
    assert_int_equal(evg_check_count(4294967295.0), 0);
    assert_int_equal(evg_check_count(4294967296.0), EVG_ERANGE);
    assert_int_equal(evg_check_count(4294967295.5), EVG_ERANGE);
    assert_int_equal(evg_check_count(0.5), EVG_ERANGE);
    assert_int_equal(evg_check_count(nextafter(1, 2)), EVG_ERANGE);
    assert_int_equal(evg_check_count(-1), EVG_ERANGE);
    assert_int_equal(evg_check_count(1e300), EVG_ERANGE);
    assert_int_equal(evg_check_count((double)INFINITY), EVG_ERANGE);
    assert_int_equal(evg_check_count((double)NAN), EVG_ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(function),
        cmocka_unit_test(unique),
        cmocka_unit_test(unique_of_a_status),
        cmocka_unit_test(handle),
        cmocka_unit_test(client_id),
        cmocka_unit_test(option),
        cmocka_unit_test(admin_argument),
        cmocka_unit_test(admin_line),
        cmocka_unit_test(admin_line_of_one_to_five_words),
        cmocka_unit_test(epoch),
        cmocka_unit_test(server_timeout),
        cmocka_unit_test(count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
