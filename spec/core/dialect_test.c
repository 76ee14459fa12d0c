#include "protocol/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void the_answer_to_version_tells(void **state)
{
    (void)state;
    const struct {
        const char *text;
        evg_dialect_t dialect;
    } answers[] = {
        {"OK 1.1.20+ds", EVG_GEARMAND},
        {"OK 2.0.0-51-ge4f600b6", EVG_GEARMAND},
        {"OK ", EVG_GEARMAND},
        {"v1.130.1", EVG_PERL},
        {"1.11", EVG_PERL},
        {"OKAY", EVG_PERL},
        {"OK", EVG_PERL},
        {"E", EVG_PERL},
        {"", EVG_UNKNOWN_DIALECT},
        {"ERR UNKNOWN_COMMAND Unknown+server+commandversion", EVG_UNKNOWN_DIALECT},
        {"ERR unknown_command ", EVG_UNKNOWN_DIALECT},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_int_equal(evg_dialect_of(evg_bytes_of(answers[i].text)), answers[i].dialect);
    assert_int_equal(evg_dialect_of(evg_bytes(NULL, 0)), EVG_UNKNOWN_DIALECT);
}

static void each_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(evg_dialect_name(EVG_GEARMAND), "gearmand");
    assert_string_equal(evg_dialect_name(EVG_PERL), "perl");
    assert_string_equal(evg_dialect_name(EVG_UNKNOWN_DIALECT), "unknown");
}

/* Bit n: type n. */
static uint64_t spoken_by(evg_dialect_t dialect)
{
    uint64_t spoken = 0;
    for (int type = 0; type < 64; type++) {
        if (evg_dialect_speaks_p(dialect, (evg_command_t)type)) spoken |= UINT64_C(1) << type;
    }
    return spoken;
}

static uint64_t set_of(const int *types, size_t count)
{
    uint64_t set = 0;
    for (size_t i = 0; i < count; i++) set |= UINT64_C(1) << types[i];
    return set;
}

static void the_perl_server_knows_few_requests(void **state)
{
    (void)state;
    const int known[] = {0, 1, 2, 3, 4, 7, 9, 12, 13, 14, 15, 16, 18, 21, 22, 23, 25, 26};
    assert_true(spoken_by(EVG_PERL) == set_of(known, sizeof known / sizeof *known));
}

static void gearmand_knows_all_but_two(void **state)
{
    (void)state;
    const int known[] = {0,  1,  2,  3,  4,  7,  9,  12, 13, 14, 15, 16, 18, 21, 22,
                         23, 25, 26, 28, 29, 30, 32, 33, 34, 36, 37, 38, 39, 41};
    assert_true(spoken_by(EVG_GEARMAND) == set_of(known, sizeof known / sizeof *known));
    assert_true(spoken_by(EVG_UNKNOWN_DIALECT) == spoken_by(EVG_GEARMAND));
}

static void numbers_that_are_no_type_are_unknown_to_all(void **state)
{
    (void)state;
    for (int dialect = EVG_UNKNOWN_DIALECT; dialect <= EVG_PERL; dialect++) {
        assert_false(evg_dialect_speaks_p((evg_dialect_t)dialect, (evg_command_t)0x80000000));
        assert_false(evg_dialect_speaks_p((evg_dialect_t)dialect, (evg_command_t)0xFFFFFFFF));
    }
}

static void exceptions_and_timeouts_differ(void **state)
{
    (void)state;
    assert_true(evg_dialect_exception_ends_p(EVG_GEARMAND));
    assert_true(evg_dialect_exception_ends_p(EVG_UNKNOWN_DIALECT));
    assert_false(evg_dialect_exception_ends_p(EVG_PERL));
    assert_int_equal(evg_dialect_timeout_unit(EVG_GEARMAND), 1000);
    assert_int_equal(evg_dialect_timeout_unit(EVG_UNKNOWN_DIALECT), 1000);
    assert_int_equal(evg_dialect_timeout_unit(EVG_PERL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_to_version_tells),
        cmocka_unit_test(each_has_a_name),
        cmocka_unit_test(the_perl_server_knows_few_requests),
        cmocka_unit_test(gearmand_knows_all_but_two),
        cmocka_unit_test(numbers_that_are_no_type_are_unknown_to_all),
        cmocka_unit_test(exceptions_and_timeouts_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
