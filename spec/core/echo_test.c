#include "support/session_kit.h"

enum { MOST = 300 };

static const char *letters(size_t count, size_t changed)
{
    static char text[MOST + 2];
    memset(text, 'a', count);
    text[count] = 0;
    if (changed < count) text[changed] = 'b';
    return text;
}

/* So many bytes "a" go out; so many come back, of which one may be another. */
static void echo_of(size_t sent, size_t back, size_t changed)
{
    bool same = sent == back && changed >= back;
    kit_start(&kit);
    assert_int_equal(kit_echo(&kit, letters(sent, MOST)), 0);
    assert_int_equal(kit_last(&kit)->handle_len, 0);
    kit_write_all(&kit);
    kit_say(&kit, EVG_ECHO_RES, letters(back, changed), NULL);
    assert_told_at_first(&kit, same ? "a DONE" : "CLOSE UNEXPECTED");
    kit_stop(&kit);
}

/* Fails when the first bytes, the last, or one in the middle is not looked at. */
static void one_byte_that_differs_shows(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 31, 32, 33, 62, 63, 64, 65, 95, 96, 97, 255, MOST};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        echo_of(sizes[i], sizes[i], MOST);
        for (size_t at = 0; at < sizes[i]; at++) echo_of(sizes[i], sizes[i], at);
    }
}

static void another_length_shows(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 128, 129};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        echo_of(sizes[i], sizes[i], MOST);
        echo_of(sizes[i], sizes[i] + 1, MOST);
        if (sizes[i] > 0) echo_of(sizes[i], sizes[i] - 1, MOST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_that_differs_shows),
        cmocka_unit_test(another_length_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
