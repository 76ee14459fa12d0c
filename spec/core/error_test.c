#include "base/error.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const int codes[] = {
#define X(name, fault, text) EVG_E##name,
    EVG_ERRORS(X)
#undef X
};

enum { CODES = sizeof codes / sizeof *codes };

static void each_code_has_its_row(void **state)
{
    /* Fails when the rows are shifted against the codes by one. */
    (void)state;
#define X(name, fault, text)                                 \
    assert_string_equal(evg_error_name(EVG_E##name), #name); \
    assert_string_equal(evg_error_text(EVG_E##name), text);  \
    assert_int_equal(evg_error_fault(EVG_E##name), EVG_##fault);
    EVG_ERRORS(X)
#undef X
}

static void the_ends_and_the_middle_are_as_written(void **state)
{
    (void)state;
    assert_int_equal(EVG_ENOMEM, EVG_ERROR_FLOOR + 1);
    assert_string_equal(evg_error_text(EVG_ENOMEM), "out of memory");
    assert_int_equal(evg_error_fault(EVG_ENOMEM), EVG_LOCAL);
    assert_string_equal(evg_error_text(EVG_EDISCONNECTED), "disconnected");
    assert_string_equal(evg_error_name(EVG_EDISCONNECTED), "DISCONNECTED");
    assert_int_equal(evg_error_fault(EVG_EDISCONNECTED), EVG_LINK);
    assert_int_equal(EVG_EJOB_TIMEOUT, EVG_ERROR_CEILING - 1);
    assert_string_equal(evg_error_text(EVG_EJOB_TIMEOUT), "job timeout");
    assert_int_equal(evg_error_fault(EVG_EJOB_TIMEOUT), EVG_JOB);
}

static void all_codes_are_negative(void **state)
{
    /* Fails when the list grows past its floor: a code of 0 or more would mean success. */
    (void)state;
    for (size_t i = 0; i < CODES; i++) assert_true(codes[i] < 0);
}

static void no_two_codes_share_a_text(void **state)
{
    /* Fails when a row is copied and its text is not changed. */
    (void)state;
    for (size_t i = 0; i < CODES; i++) {
        assert_true(strlen(evg_error_text(codes[i])) > 0);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(evg_error_text(codes[i]), evg_error_text(codes[k]));
        }
    }
}

static void what_is_no_code_is_unknown(void **state)
{
    /* Fails when the row is looked up before the code is checked. */
    (void)state;
    const int strangers[] = {EVG_OK, 1, -1, EVG_ERROR_FLOOR, EVG_ERROR_CEILING, INT_MIN, INT_MAX};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        assert_string_equal(evg_error_text(strangers[i]), "unknown error");
        assert_string_equal(evg_error_name(strangers[i]), "UNKNOWN");
        assert_int_equal(evg_error_fault(strangers[i]), EVG_LOCAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_row),      cmocka_unit_test(the_ends_and_the_middle_are_as_written),
        cmocka_unit_test(all_codes_are_negative),     cmocka_unit_test(no_two_codes_share_a_text),
        cmocka_unit_test(what_is_no_code_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
