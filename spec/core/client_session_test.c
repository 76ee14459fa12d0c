#include "support/session_kit.h"

static void say_times(int times, evg_command_t type, const char *handle, const char *data)
{
    while (times--) say(type, handle, data);
}

/* `count` submissions with one key, all created. */
static void share(int count)
{
    for (int i = 0; i < count; i++) kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    kit_sent(&kit);
    say_times(count, EVG_JOB_CREATED, "H:1", NULL);
    kit_told(&kit);
}

/* -- one job ------------------------------------------------------------------------------------------------------- */

static void a_job_from_end_to_end(void **state)
{
    (void)state;
    kit_submit(&kit, "u", "work");
    assert_sent(&kit, "SUBMIT_JOB f u work");
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_say(&kit, EVG_WORK_STATUS, "H:1", "1", "4", NULL);
    say(EVG_WORK_DATA, "H:1", "part");
    say(EVG_WORK_WARNING, "H:1", "careful");
    assert_int_equal(evg_session_active_count(&kit.s), 1);
    say(EVG_WORK_COMPLETE, "H:1", "result");
    assert_told(&kit, "a CREATED H:1; a STATUS 1 4; a DATA part; a WARNING careful; a DONE result");
    assert_int_equal(evg_session_unresolved(&kit.s), 0);
    assert_true(evg_session_flushed_p(&kit.s));
}

/* Whatever a worker sends as its progress: to close for it would let any worker cut off any client. */
static void odd_progress_goes_on(void **state)
{
    (void)state;
    share(1);
    kit_say(&kit, EVG_WORK_STATUS, "H:1", "-1", "1.5", NULL);
    kit_say(&kit, EVG_WORK_STATUS, "H:1", "", "", NULL);
    assert_told(&kit, "a STATUS -1 1.5; a STATUS  ");
}

/* Fails when the NUL that gearmand leaves behind the handle of a converted WORK_EXCEPTION stays. */
static void work_fail_with_a_stray_nul(void **state)
{
    (void)state;
    evg_bytes_t one = evg_bytes("H:1\0", 4), two = evg_bytes("H:1\0\0", 5), only = evg_bytes("", 1);
    share(1);
    kit_say_args(&kit, EVG_WORK_FAIL, &two, 1);
    kit_say_args(&kit, EVG_WORK_FAIL, &only, 1);
    assert_told(&kit, "");
    kit_say_args(&kit, EVG_WORK_FAIL, &one, 1);
    assert_told(&kit, "a FAILED JOB_FAILED RUNNING ");
}

static void exceptions_end_a_job_but_not_on_the_perl_server(void **state)
{
    (void)state;
    share(1);
    say(EVG_WORK_EXCEPTION, "H:1", "boom");
    say(EVG_WORK_FAIL, "H:1", NULL);
    assert_told(&kit, "a FAILED JOB_EXCEPTION RUNNING boom");
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    kit_open(&kit);
    kit_introduce(&kit, "v1.130.1\n");
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_WORK_EXCEPTION, "H:1", "boom");
    say(EVG_WORK_FAIL, "H:1", NULL);
    assert_told(&kit, "b CREATED H:1; b EXCEPTION boom; b FAILED JOB_FAILED RUNNING ");
}

static void packets_of_others_are_counted(void **state)
{
    (void)state;
    share(1);
    uint64_t before = kit.s.stats.ignored_packets;
    say(EVG_WORK_DATA, "H:2", "x");
    say(EVG_WORK_COMPLETE, "H:2", "x");
    say(EVG_WORK_EXCEPTION, "", "x");
    say(EVG_WORK_FAIL, "H", NULL);
    assert_int_equal(kit.s.stats.ignored_packets, before + 4);
    assert_told(&kit, "");
}

/* Fails when who comes next with that handle is believed: an answer would go to the wrong one of two. */
static void a_handle_is_of_one_job_unless_both_have_a_key(void **state)
{
    static const char *const keys[][2] = {{"", ""}, {"key", ""}, {"", "key"}};
    for (size_t i = 0; i < 3; i++) {
        kit_submit(&kit, keys[i][0], "w");
        kit_submit(&kit, keys[i][1], "w");
        kit_write_all(&kit);
        say(EVG_JOB_CREATED, "H:1", NULL);
        kit_told(&kit);
        say(EVG_JOB_CREATED, "H:1", NULL);
        assert_non_null(strstr(kit_told(&kit), "CLOSE UNEXPECTED"));
        kit_teardown(state);
        kit_setup(state);
    }
}

/* Asked beforehand or not. */
static void assert_unfit(evg_request_t *request, const evg_submission_t *submission, int error)
{
    assert_int_equal(evg_client_check(&kit.s, submission), error);
    assert_int_equal(evg_client_submit(&kit.s, request, submission), error);
}

static void what_may_not_be_submitted(void **state)
{
    evg_request_t request;
    const evg_submission_t good = {.type = EVG_SUBMIT_JOB_EPOCH, .function = evg_bytes_of("f")};
    (void)state;
    evg_request_init(&request, NULL);
    assert_int_equal(evg_client_check(&kit.s, &good), 0);
    evg_submission_t bad = good;
    bad.function.len = 0;
    assert_unfit(&request, &bad, EVG_EFUNCTION);
    bad = good;
    bad.unique = evg_bytes("a\0b", 3);
    assert_unfit(&request, &bad, EVG_EUNIQUE);
    bad = good;
    bad.run_at = -1;
    assert_unfit(&request, &bad, EVG_EEPOCH);
    bad = good;
    kit.s.options.max_packet = 8;
    bad.workload = evg_bytes_of("too large");
    assert_unfit(&request, &bad, EVG_ETOO_LARGE);
    assert_int_equal(kit_status(&kit, ""), EVG_EHANDLE);
    assert_int_equal(kit_status_unique(&kit, ""), EVG_EUNIQUE);
    assert_int_equal(kit_option(&kit, ""), EVG_EOPTION);
    assert_int_equal(kit_admin(&kit, "a\nb", EVG_LINE), EVG_EADMIN);
    assert_int_equal(request.state, EVG_REQUEST_NEW);
    assert_sent(&kit, "");
}

static void a_delayed_job_says_when(void **state)
{
    (void)state;
    kit.submission.run_at = 1235;
    kit_submit_as(&kit, EVG_SUBMIT_JOB_EPOCH, "w");
    kit.submission.run_at = INT64_MAX;
    kit_submit_as(&kit, EVG_SUBMIT_JOB_EPOCH, "");
    assert_sent(&kit, "SUBMIT_JOB_EPOCH f  1235 w; SUBMIT_JOB_EPOCH f  9223372036854775807 ");
}

/* -- one job, many waiters ----------------------------------------------------------------------------------------- */

static void each_copy_goes_to_the_next(void **state)
{
    (void)state;
    share(3);
    say_times(3, EVG_WORK_DATA, "H:1", "one");
    say_times(3, EVG_WORK_DATA, "H:1", "two");
    say_times(3, EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "a DATA one; b DATA one; c DATA one; a DATA two; b DATA two; c DATA two; "
                      "a DONE r; b DONE r; c DONE r");
    assert_int_equal(kit.s.client.waiters.table.count, 0);
}

static void a_late_joiner_gets_later_events(void **state)
{
    (void)state;
    share(2);
    say_times(2, EVG_WORK_DATA, "H:1", "one");
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say_times(2, EVG_WORK_DATA, "H:1", "two");
    say(EVG_JOB_CREATED, "H:1", NULL);
    say_times(3, EVG_WORK_DATA, "H:1", "three");
    say_times(3, EVG_WORK_FAIL, "H:1", NULL);
    assert_told(&kit, "a DATA one; b DATA one; a DATA two; b DATA two; c CREATED H:1; a DATA three; b DATA three; "
                      "c DATA three; a FAILED JOB_FAILED RUNNING ; b FAILED JOB_FAILED RUNNING ; "
                      "c FAILED JOB_FAILED RUNNING ");
}

/* Fails when a waiter that gave up just leaves the round: its copies then shift all others. */
static void who_gives_up_leaves_a_ghost(void **state)
{
    (void)state;
    kit_submit(&kit, "key", "w");
    kit_submit_within(&kit, "key", "w", 5);
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say_times(3, EVG_JOB_CREATED, "H:1", NULL);
    kit_told(&kit);
    say(EVG_WORK_DATA, "H:1", "one"); /* a's */
    kit_pass(&kit, 5);
    say_times(2, EVG_WORK_DATA, "H:1", "one");
    assert_told(&kit, "a DATA one; b FAILED JOB_TIMEOUT ACCEPTED; c DATA one");
    say_times(3, EVG_WORK_DATA, "H:1", "two");
    say_times(3, EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "a DATA two; c DATA two; a DONE r; c DONE r");
    assert_int_equal(kit.s.client.stand_in_count, 0);
}

static void the_same_before_job_created(void **state)
{
    (void)state;
    kit_submit(&kit, "key", "w");
    kit_submit_within(&kit, "key", "w", 5);
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_pass(&kit, 5);
    assert_told(&kit, "a CREATED H:1; b FAILED JOB_TIMEOUT UNACKNOWLEDGED");
    say_times(2, EVG_JOB_CREATED, "H:1", NULL);
    say_times(3, EVG_WORK_DATA, "H:1", "one");
    say_times(3, EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "c CREATED H:1; a DATA one; c DATA one; a DONE r; c DONE r");
    assert_int_equal(kit.s.client.stand_in_count, 0);
}

static void resubmission_gets_each_event_once(void **state)
{
    (void)state;
    kit_submit_within(&kit, "key", "w", 5);
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_pass(&kit, 5);
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say_times(2, EVG_WORK_DATA, "H:1", "one");
    say_times(2, EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "a CREATED H:1; a FAILED JOB_TIMEOUT ACCEPTED; b CREATED H:1; b DATA one; b DONE r");
}

/* Nobody shares a job without a key, so nobody has to stand in for who leaves it. */
static void without_a_key_there_is_no_ghost(void **state)
{
    (void)state;
    kit_submit_within(&kit, "", "w", 5);
    kit_submit_within(&kit, "", "w", 5);
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    kit_pass(&kit, 5);
    say(EVG_JOB_CREATED, "H:2", NULL);
    assert_int_equal(kit.s.client.stand_in_count, 0);
    assert_int_equal(kit.s.client.waiters.table.count, 0);
    assert_told(&kit, "a CREATED H:1; b FAILED JOB_TIMEOUT UNACKNOWLEDGED; a FAILED JOB_TIMEOUT ACCEPTED");
    say(EVG_WORK_COMPLETE, "H:1", "late");
    say(EVG_WORK_COMPLETE, "H:2", "late");
    assert_told(&kit, "");
}

/* Fails when an ERROR for who gave up is handed to the next, or its stand-in stays owed. */
static void a_stand_in_may_be_refused(void **state)
{
    (void)state;
    kit_submit_within(&kit, "key", "w", 5);
    kit_echo(&kit, "x");
    kit_write_all(&kit);
    kit_pass(&kit, 5);
    kit_say(&kit, EVG_ERROR, "QUEUE_ERROR", "full", NULL);
    kit_say(&kit, EVG_ECHO_RES, "x", NULL);
    assert_told(&kit, "a FAILED JOB_TIMEOUT UNACKNOWLEDGED; b DONE x");
    assert_true(evg_list_empty_p(&kit.s.owed));
}

/* A server that does not even answer the stand-in is no better than one that does not answer the caller. */
static void a_stand_in_keeps_the_command_timeout(void **state)
{
    (void)state;
    kit_submit_within(&kit, "key", "w", 5);
    kit_write_all(&kit);
    kit_live(&kit, 29);
    assert_told(&kit, "a FAILED JOB_TIMEOUT UNACKNOWLEDGED");
    kit_live(&kit, 1);
    assert_told(&kit, "CLOSE COMMAND_TIMEOUT; DISCONNECTED; ERROR COMMAND_TIMEOUT");
}

static void ghosts_are_bounded(void **state)
{
    char key[24], handle[24];
    (void)state;
    for (int i = 0; i < EVG_STAND_INS_MAX + 10; i++) {
        snprintf(key, sizeof key, "k%d", i);
        snprintf(handle, sizeof handle, "H:%d", i);
        kit_submit_within(&kit, key, "w", 5);
        kit_write_all(&kit);
        kit_sent(&kit);
        say(EVG_JOB_CREATED, handle, NULL);
        kit_told(&kit);
    }
    kit_pass(&kit, 5);
    kit_told(&kit);
    assert_int_equal(kit.s.client.stand_in_count, EVG_STAND_INS_MAX);
    assert_int_equal(kit.s.client.waiters.table.count, EVG_STAND_INS_MAX);
    uint64_t before = kit.s.stats.ignored_packets;
    say(EVG_WORK_DATA, "H:1033", "x"); /* a ghost's: nobody hears it either */
    say(EVG_WORK_COMPLETE, "H:1033", "x");
    say(EVG_WORK_COMPLETE, "H:9", "x"); /* the oldest are gone */
    assert_told(&kit, "");
    assert_int_equal(kit.s.stats.ignored_packets, before + 2);
    assert_int_equal(kit.s.client.stand_in_count, EVG_STAND_INS_MAX - 1);
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
    assert_int_equal(kit.s.client.stand_in_count, 0);
    assert_int_equal(kit.s.client.waiters.table.count, 0);
}

/* -- WORK_FAIL of a job that goes on ------------------------------------------------------------------------------- */

/* gearmand's order of things when a running job is cancelled. Fails when who was told of a failure is forgotten: its
 * copies then go to who came later. */
static void a_cancelled_job_runs_on_for_those_who_come_later(void **state)
{
    (void)state;
    share(2);
    say_times(2, EVG_WORK_FAIL, "H:1", NULL);
    assert_told(&kit, "a FAILED JOB_FAILED RUNNING ; b FAILED JOB_FAILED RUNNING ");
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say_times(3, EVG_WORK_DATA, "H:1", "one");
    say_times(3, EVG_WORK_DATA, "H:1", "two");
    say_times(3, EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "c CREATED H:1; c DATA one; c DATA two; c DONE r");
    assert_int_equal(kit.s.client.stand_in_count, 0);
    assert_int_equal(kit.s.client.waiters.table.count, 0);
}

/* Fails when what is said to who was told already is taken for the next: a second cancel says it again. */
static void a_second_cancel_fails_who_came_since(void **state)
{
    (void)state;
    share(1);
    say(EVG_WORK_FAIL, "H:1", NULL);
    say(EVG_WORK_FAIL, "H:1", NULL);
    kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say_times(2, EVG_WORK_DATA, "H:1", "one");
    assert_told(&kit, "a FAILED JOB_FAILED RUNNING ; b CREATED H:1; b DATA one");
    say_times(2, EVG_WORK_FAIL, "H:1", NULL);
    say_times(2, EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "b FAILED JOB_FAILED RUNNING ");
    assert_int_equal(kit.s.client.stand_in_count, 0);
}

/* Nobody can come to share it. */
static void without_a_key_a_failure_is_the_end(void **state)
{
    (void)state;
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_WORK_FAIL, "H:1", NULL);
    assert_int_equal(kit.s.client.stand_in_count, 0);
    assert_int_equal(kit.s.client.waiters.table.count, 0);
    say(EVG_WORK_COMPLETE, "H:1", "late");
    assert_told(&kit, "a CREATED H:1; a FAILED JOB_FAILED RUNNING ");
    assert_int_equal(kit.s.stats.ignored_packets, 1);
}

/* JOB_CREATED comes first. Fails when a WORK_* before it is kept for whoever may be meant: a stranger's, as likely, and
 * memory that a server can fill. */
static void what_comes_before_job_created_is_nobodys(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) kit_submit(&kit, "key", "w");
    kit_write_all(&kit);
    say(EVG_WORK_FAIL, "H:1", NULL);
    say(EVG_WORK_COMPLETE, "H:2", "r");
    say(EVG_WORK_DATA, "H:2", "x");
    assert_int_equal(kit.s.stats.ignored_packets, 3);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_JOB_CREATED, "H:2", NULL);
    say(EVG_WORK_COMPLETE, "H:1", "one");
    say(EVG_WORK_COMPLETE, "H:2", "two");
    assert_told(&kit, "a CREATED H:1; b CREATED H:2; a DONE one; b DONE two");
}

/* A ghost, a job, what is owed: deinit has to know them all. */
static void whatever_is_left_is_freed(void **state)
{
    (void)state;
    kit_submit_within(&kit, "key", "w", 3);
    kit_submit(&kit, "", "w");
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_JOB_CREATED, "H:2", NULL);
    kit_live(&kit, 3);
    assert_int_equal(kit.s.client.stand_in_count, 1);
}

int main(void)
{
#define JOB_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        JOB_TEST(a_job_from_end_to_end),
        JOB_TEST(odd_progress_goes_on),
        JOB_TEST(work_fail_with_a_stray_nul),
        JOB_TEST(exceptions_end_a_job_but_not_on_the_perl_server),
        JOB_TEST(packets_of_others_are_counted),
        JOB_TEST(a_handle_is_of_one_job_unless_both_have_a_key),
        JOB_TEST(what_may_not_be_submitted),
        JOB_TEST(a_delayed_job_says_when),
        JOB_TEST(each_copy_goes_to_the_next),
        JOB_TEST(a_late_joiner_gets_later_events),
        JOB_TEST(who_gives_up_leaves_a_ghost),
        JOB_TEST(the_same_before_job_created),
        JOB_TEST(resubmission_gets_each_event_once),
        JOB_TEST(without_a_key_there_is_no_ghost),
        JOB_TEST(a_stand_in_may_be_refused),
        JOB_TEST(a_stand_in_keeps_the_command_timeout),
        JOB_TEST(ghosts_are_bounded),
        JOB_TEST(a_cancelled_job_runs_on_for_those_who_come_later),
        JOB_TEST(a_second_cancel_fails_who_came_since),
        JOB_TEST(without_a_key_a_failure_is_the_end),
        JOB_TEST(what_comes_before_job_created_is_nobodys),
        JOB_TEST(whatever_is_left_is_freed),
    };
    int failed = cmocka_run_group_tests_name("client session", tests, NULL, NULL);
    kit_step = 1;
    return failed + cmocka_run_group_tests_name("client session, byte by byte", tests, NULL, NULL);
}
