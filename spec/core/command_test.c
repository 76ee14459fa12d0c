#include "protocol/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <ctype.h>

/* The table of the protocol document, once more and in its own words. */
static const struct {
    uint32_t type;
    const char *name;
    const char *senders;
    int args;
    uint32_t replies[5];
} documented[] = {
    {1, "CAN_DO", "W", 1, {0}},
    {2, "CANT_DO", "W", 1, {0}},
    {3, "RESET_ABILITIES", "W", 0, {0}},
    {4, "PRE_SLEEP", "W", 0, {0}},
    {6, "NOOP", "S", 0, {0}},
    {7, "SUBMIT_JOB", "C", 3, {8, 19}},
    {8, "JOB_CREATED", "S", 1, {0}},
    {9, "GRAB_JOB", "W", 0, {10, 11}},
    {10, "NO_JOB", "S", 0, {0}},
    {11, "JOB_ASSIGN", "S", 3, {0}},
    {12, "WORK_STATUS", "WS", 3, {0}},
    {13, "WORK_COMPLETE", "WS", 2, {0}},
    {14, "WORK_FAIL", "WS", 1, {0}},
    {15, "GET_STATUS", "C", 1, {20}},
    {16, "ECHO_REQ", "CW", 1, {17}},
    {17, "ECHO_RES", "S", 1, {0}},
    {18, "SUBMIT_JOB_BG", "C", 3, {8, 19}},
    {19, "ERROR", "S", 2, {0}},
    {20, "STATUS_RES", "S", 5, {0}},
    {21, "SUBMIT_JOB_HIGH", "C", 3, {8, 19}},
    {22, "SET_CLIENT_ID", "CW", 1, {0}},
    {23, "CAN_DO_TIMEOUT", "W", 2, {0}},
    {24, "ALL_YOURS", "W", 0, {19}},
    {25, "WORK_EXCEPTION", "WS", 2, {0}},
    {26, "OPTION_REQ", "CW", 1, {27, 19}},
    {27, "OPTION_RES", "S", 1, {0}},
    {28, "WORK_DATA", "WS", 2, {0}},
    {29, "WORK_WARNING", "WS", 2, {0}},
    {30, "GRAB_JOB_UNIQ", "W", 0, {10, 31, 19}},
    {31, "JOB_ASSIGN_UNIQ", "S", 4, {0}},
    {32, "SUBMIT_JOB_HIGH_BG", "C", 3, {8, 19}},
    {33, "SUBMIT_JOB_LOW", "C", 3, {8, 19}},
    {34, "SUBMIT_JOB_LOW_BG", "C", 3, {8, 19}},
    {35, "SUBMIT_JOB_SCHED", "C", 8, {8, 19}},
    {36, "SUBMIT_JOB_EPOCH", "C", 4, {8, 19}},
    {37, "SUBMIT_REDUCE_JOB", "C", 5, {8, 19}},
    {38, "SUBMIT_REDUCE_JOB_BACKGROUND", "C", 5, {8, 19}},
    {39, "GRAB_JOB_ALL", "W", 0, {10, 31, 40, 19}},
    {40, "JOB_ASSIGN_ALL", "S", 5, {0}},
    {41, "GET_STATUS_UNIQUE", "C", 1, {42, 19}},
    {42, "STATUS_RES_UNIQUE", "S", 6, {0}},
};

enum { DOCUMENTED = sizeof documented / sizeof *documented };

static int senders_of(const char *letters)
{
    int senders = 0;
    if (strchr(letters, 'C')) senders |= EVG_BY_CLIENT;
    if (strchr(letters, 'W')) senders |= EVG_BY_WORKER;
    if (strchr(letters, 'S')) senders |= EVG_BY_SERVER;
    return senders;
}

static uint64_t draws_of(const uint32_t *replies)
{
    uint64_t draws = 0;
    for (; *replies; replies++) draws |= UINT64_C(1) << *replies;
    return draws;
}

static void every_row_is_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < DOCUMENTED; i++) {
        const evg_command_info_t *info = evg_command_info(documented[i].type);
        assert_non_null(info);
        assert_string_equal(info->name, documented[i].name);
        assert_int_equal(info->senders, senders_of(documented[i].senders));
        assert_int_equal(info->args, documented[i].args);
        assert_true(info->args <= EVG_MAX_ARGS);
        assert_true(info->draws == draws_of(documented[i].replies));
    }
}

static void no_other_number_is_a_type(void **state)
{
    (void)state;
    size_t known = 0;
    for (uint32_t type = 0; type < 1000; type++) known += evg_command_info(type) != NULL;
    assert_int_equal(known, DOCUMENTED);
    assert_null(evg_command_info(0));
    assert_null(evg_command_info(5));
    assert_null(evg_command_info(43));
    assert_null(evg_command_info(0x7FFFFFFF));
    assert_null(evg_command_info(0x80000000));
    assert_null(evg_command_info(0xFFFFFFFF));
}

static void only_servers_send_what_is_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < DOCUMENTED; i++) {
        for (const uint32_t *reply = documented[i].replies; *reply; reply++)
            assert_int_equal(evg_command_info(*reply)->senders, EVG_BY_SERVER);
    }
}

static void a_name_is_found_in_any_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < DOCUMENTED; i++) {
        evg_bytes_t name = evg_bytes_of(documented[i].name);
        char lower[40];
        for (size_t j = 0; j < name.len; j++) lower[j] = (char)tolower(name.at[j]);
        assert_int_equal(evg_command_find(name), documented[i].type);
        assert_int_equal(evg_command_find(evg_bytes(lower, name.len)), documented[i].type);
    }
}

static void what_is_no_name_is_text(void **state)
{
    (void)state;
    const char *others[] = {"", "SUBMIT", "SUBMIT_JOB_", "SUBMIT-JOB", " NOOP", "NOOP ", "TEXT", "@OOP"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(evg_command_find(evg_bytes_of(others[i])), EVG_TEXT);
    assert_int_equal(evg_command_find(evg_bytes("NOOP", 5)), EVG_TEXT);
    assert_int_equal(evg_command_find(evg_bytes(NULL, 0)), EVG_TEXT);
    /* '_' and DEL differ in the bit that tells upper from lower case, and are no letters */
    assert_int_equal(evg_command_find(evg_bytes_of("CAN\177DO")), EVG_TEXT);
}

static bool among(uint32_t type, const uint32_t *list)
{
    for (; *list; list++) {
        if (*list == type) return true;
    }
    return false;
}

static void submissions_foreground_and_grabs(void **state)
{
    (void)state;
    const uint32_t submits[] = {7, 18, 21, 32, 33, 34, 35, 36, 37, 38, 0};
    const uint32_t foreground[] = {7, 21, 33, 37, 0}, grabs[] = {9, 30, 39, 0};
    for (uint32_t type = 0; type < 64; type++) {
        assert_int_equal(evg_command_submit_p((evg_command_t)type), among(type, submits));
        assert_int_equal(evg_command_foreground_p((evg_command_t)type), among(type, foreground));
        assert_int_equal(evg_command_grab_p((evg_command_t)type), among(type, grabs));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_as_documented),      cmocka_unit_test(no_other_number_is_a_type),
        cmocka_unit_test(only_servers_send_what_is_drawn), cmocka_unit_test(a_name_is_found_in_any_case),
        cmocka_unit_test(what_is_no_name_is_text),         cmocka_unit_test(submissions_foreground_and_grabs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
