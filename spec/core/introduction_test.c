/* Which server it is; servers that know no text. */
#include "support/session_kit.h"

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    kit_open(&kit);
    return 0;
}

static void flush(void)
{
    kit_write_all(&kit);
    kit_sent(&kit);
    kit_told(&kit);
}

static void again(void)
{
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_told(&kit);
    kit_open(&kit);
    kit_told(&kit);
}

/* Fails when replies are owed to "version" first, whatever the server makes of it. */
static void who_answers_what_came_behind_has_passed_over_the_text(void **state)
{
    (void)state;
    kit_submit(&kit, "", "w");
    flush();
    assert_false(kit.s.introduced);
    kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
    assert_told(&kit, "a CREATED H:1");
    assert_true(kit.s.introduced && kit.s.dialect == EVG_GEARMAND);
    kit_text(&kit, "OK 3.0\n"); /* it was only late */
    kit_say(&kit, EVG_WORK_COMPLETE, "H:1", "r", NULL);
    assert_told(&kit, "a DONE r");
    again();
    assert_sent(&kit, "ECHO_REQ dialect");
    kit_say(&kit, EVG_ECHO_RES, "dialect", NULL);
    assert_true(kit.s.introduced && kit.s.dialect == EVG_GEARMAND);
    kit_text(&kit, "OK 3.0\n");
    assert_told(&kit, "CLOSE UNEXPECTED_TEXT; DISCONNECTED; ERROR UNEXPECTED_TEXT");
}

static void options_may_be_passed_over_with_it(void **state)
{
    (void)state;
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit.s.doubtful = false;
    kit.s.options.exceptions = true;
    kit_open(&kit);
    kit_submit(&kit, "", "w");
    flush();
    kit_say(&kit, EVG_ERROR, "QUEUE_ERROR", "full", NULL);
    assert_told(&kit, "a FAILED QUEUE_FULL NOT_SENT QUEUE_ERROR full");
    assert_true(kit.s.introduced);
    kit_say(&kit, EVG_OPTION_RES, "exceptions", NULL); /* too late */
    assert_told(&kit, "CLOSE UNEXPECTED; DISCONNECTED; ERROR UNEXPECTED OPTION_RES to nothing");
}

static void an_echo_goes_behind_it_after_a_while(void **state)
{
    (void)state;
    flush();
    kit_live(&kit, 0.2);
    assert_sent(&kit, "");
    kit_live(&kit, 0.1);
    assert_sent(&kit, "ECHO_REQ dialect");
    kit_say(&kit, EVG_ECHO_RES, "dialect", NULL);
    assert_true(kit.s.introduced && kit.s.dialect == EVG_GEARMAND);
    kit_live(&kit, 20);
    assert_sent(&kit, "");
    assert_told(&kit, "");
}

/* A server that is slow is none that knows no text. */
static void a_text_that_comes_before_the_echo_counts(void **state)
{
    (void)state;
    flush();
    kit_live(&kit, 0.3);
    assert_sent(&kit, "ECHO_REQ dialect");
    kit_text(&kit, "v1.130\n");
    assert_true(kit.s.introduced && kit.s.dialect == EVG_PERL);
    kit_say(&kit, EVG_ECHO_RES, "dialect", NULL);
    assert_true(kit.s.dialect == EVG_PERL);
    again();
    assert_sent(&kit, "text version");
}

static void nobody_is_asked_behind_what_was_not_written(void **state)
{
    (void)state;
    kit_live(&kit, 1);
    assert_sent(&kit, "text version");
    kit_live(&kit, 0.3);
    assert_sent(&kit, "ECHO_REQ dialect");
}

static void an_error_packet_is_an_answer(void **state)
{
    (void)state;
    kit_echo(&kit, "x");
    flush();
    kit_say(&kit, EVG_ERROR, "BAD", "unknown", NULL);
    assert_true(kit.s.introduced && kit.s.dialect == EVG_GEARMAND);
    kit_say(&kit, EVG_ECHO_RES, "x", NULL);
    assert_told(&kit, "a DONE x");
}

static void a_line_that_comes_back_is_an_answer(void **state)
{
    (void)state;
    kit_introduce(&kit, "version\n");
    assert_true(kit.s.introduced && kit.s.dialect == EVG_GEARMAND);
}

static void who_hangs_up_on_text_is_not_asked_again(void **state)
{
    (void)state;
    flush();
    again();
    assert_sent(&kit, "ECHO_REQ dialect");
    kit_say(&kit, EVG_ECHO_RES, "dialect", NULL);
    assert_true(kit.s.dialect == EVG_GEARMAND);
    again();
    assert_sent(&kit, "ECHO_REQ dialect");
    evg_session_leave(&kit.s); /* for another server */
    kit_told(&kit);
    kit_open(&kit);
    assert_sent(&kit, "text version");
    kit_told(&kit);
}

/* Fails when a server that was away for a moment is taken for one that knows no text. */
static void who_hangs_up_anyway_is_asked_again(void **state)
{
    (void)state;
    flush();
    again();
    assert_sent(&kit, "ECHO_REQ dialect");
    again();
    assert_sent(&kit, "text version");
    kit_text(&kit, "v1.130\n");
    again();
    assert_sent(&kit, "text version");
    again(); /* it knows text: that was not why */
    assert_sent(&kit, "text version");
}

static void who_is_told_does_not_ask(void **state)
{
    (void)state;
    kit_lose(&kit, EVG_EIO, NULL);
    kit.s.options.dialect = EVG_PERL;
    kit_open(&kit);
    assert_true(kit.s.introduced && kit.s.dialect == EVG_PERL);
    kit_live(&kit, 5);
    assert_sent(&kit, "");
    kit_told(&kit);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_answers_what_came_behind_has_passed_over_the_text),
        TEST(options_may_be_passed_over_with_it),
        TEST(an_echo_goes_behind_it_after_a_while),
        TEST(a_text_that_comes_before_the_echo_counts),
        TEST(nobody_is_asked_behind_what_was_not_written),
        TEST(an_error_packet_is_an_answer),
        TEST(a_line_that_comes_back_is_an_answer),
        TEST(who_hangs_up_on_text_is_not_asked_again),
        TEST(who_hangs_up_anyway_is_asked_again),
        TEST(who_is_told_does_not_ask),
    };
    int failed = cmocka_run_group_tests_name("introduction", tests, NULL, NULL);
    kit_step = 1;
    return failed + cmocka_run_group_tests_name("introduction, byte by byte", tests, NULL, NULL);
}
