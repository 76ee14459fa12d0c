#include "protocol/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "support/guard_page.h"

static void numbers_are_encoded_in_decimal(void **state)
{
    (void)state;
    const struct {
        uint64_t n;
        const char *text;
    } numbers[] = {{0, "0"},
                   {7, "7"},
                   {10, "10"},
                   {4294967295, "4294967295"},
                   {INT64_MAX, "9223372036854775807"},
                   {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char room[EVG_NUMBER_CAP];
        uint64_t n = 1;
        evg_bytes_t text = evg_number_encode(room, numbers[i].n);
        assert_true(evg_bytes_equal_p(text, evg_bytes_of(numbers[i].text)));
        assert_true(text.at >= (uint8_t *)room && text.at + text.len <= (uint8_t *)room + sizeof room);
        assert_true(evg_number_decode(text, &n));
        assert_true(n == numbers[i].n);
    }
}

static bool decode_number(evg_bytes_t text, uint64_t *n)
{
    evg_bytes_t copy = guard_page_copy(text);
    bool good = evg_number_decode(copy, n);
    guard_page_free(copy);
    return good;
}

static void empty_is_0_and_leading_zeros_are_nothing(void **state)
{
    (void)state;
    uint64_t n = 1;
    assert_true(decode_number(evg_bytes_of(""), &n));
    assert_true(n == 0);
    assert_true(evg_number_decode(evg_bytes(NULL, 0), &n));
    assert_true(decode_number(evg_bytes_of("0000000000000000000000000000042"), &n));
    assert_true(n == 42);
    assert_true(decode_number(evg_bytes_of("000018446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
}

static void what_is_no_number_is_told(void **state)
{
    (void)state;
    const char *texts[] = {"-1",
                           "+1",
                           "1.0",
                           " 1",
                           "1 ",
                           "0x10",
                           "12abc",
                           "abc",
                           "1e3",
                           "/",
                           ":",
                           "\xB2",
                           "18446744073709551616",
                           "18446744073709551620",
                           "99999999999999999999",
                           "100000000000000000000"};
    uint64_t n = 77;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) assert_false(decode_number(evg_bytes_of(texts[i]), &n));
    assert_false(decode_number(evg_bytes("1\0", 2), &n));
    assert_true(n == 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_encoded_in_decimal),
        cmocka_unit_test(empty_is_0_and_leading_zeros_are_nothing),
        cmocka_unit_test(what_is_no_number_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
