#include "support/session_kit.h"

/* -- scenarios: from the first call to the last reply; whatever fails, they go on ---------------------------------- */

static void open_with_everything(void)
{
    kit.s.options.exceptions = true;
    evg_session_set_client_id(&kit.s, evg_bytes_of("me"));
    evg_worker_can_do(&kit.s, evg_bytes_of("g"), 0, 0, NULL);
    kit_option(&kit, "extra");
    kit_submit(&kit, "", "waits");
    kit_open(&kit);
    kit_write_all(&kit);
    kit_text(&kit, "OK 1.1.20\n");
    kit_say(&kit, EVG_OPTION_RES, "exceptions", NULL);
    kit_say(&kit, EVG_OPTION_RES, "extra", NULL);
}

static void jobs_and_all(void)
{
    open_with_everything();
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_WORK_DATA, "H:1", "some");
    kit_submit(&kit, "key", "w");
    kit_submit_within(&kit, "key", "w", 3);
    kit_write_all(&kit);
    say(EVG_JOB_CREATED, "H:2", NULL);
    say(EVG_JOB_CREATED, "H:2", NULL);
    say(EVG_WORK_COMPLETE, "H:1", "result");
    kit_live(&kit, 3); /* a ghost */
    say(EVG_WORK_COMPLETE, "H:2", "result");
    say(EVG_WORK_COMPLETE, "H:2", "result");
    kit_admin(&kit, "status", EVG_DOTTED);
    kit_status(&kit, "H:1");
    kit_write_all(&kit);
    kit_text(&kit, "f\t0\t0\t0\n.\n");
    kit_say(&kit, EVG_STATUS_RES, "H:1", "0", "0", "0", "0", NULL);
}

/* Their callers or who stands in for them wait for JOB_CREATED. */
static size_t jobs_owed(void)
{
    size_t count = 0;
    for (evg_list_t *at = kit.s.owed.next; at != &kit.s.owed; at = at->next) {
        count += evg_command_foreground_p((evg_command_t)evg_container(at, evg_request_t, link)->type);
    }
    return count;
}

/* One that gives up before JOB_CREATED, deadlines out of order, silence on all levels. */
static void time_and_all(void)
{
    kit.s.options.lost_check = 10;
    open_with_everything();
    say(EVG_JOB_CREATED, "H:1", NULL);
    size_t taken = 0;
    for (int i = 0; i < 5; i++) taken += kit_submit_within(&kit, "key", "w", 3) == 0;
    kit.s.options.command_timeout = 60;
    taken += kit_submit_within(&kit, "", "w", 100) == 0;
    kit_write_all(&kit);
    kit_live(&kit, 3);
    if (kit.s.state == EVG_OPEN) assert_int_equal(jobs_owed(), taken); /* without a stand-in it is closed */
    for (int i = 0; i < 5; i++) say(EVG_JOB_CREATED, "H:2", NULL);
    kit.s.options.lost_check = 6;
    say(EVG_JOB_CREATED, "H:3", NULL);
    kit.s.options.heartbeat = 5;
    kit_live(&kit, 5);
    kit_write_all(&kit);
    kit_say(&kit, EVG_ECHO_RES, "heartbeat", NULL); /* the buffers are given back */
    kit.s.options.heartbeat = 20;
    kit_live(&kit, 3);
    kit_write_all(&kit);
    kit_say(&kit, EVG_STATUS_RES, "H:3", "0", "0", "0", "0", NULL);
    kit.s.options.lost_check = 0;
    for (int i = 0; i < 2; i++) {
        kit_live(&kit, 20);
        kit_write_all(&kit);
        kit_say(&kit, EVG_ECHO_RES, "heartbeat", NULL);
    }
    kit_say(&kit, EVG_STATUS_RES, "H:1", "0", "0", "0", "0", NULL);
    kit_live(&kit, 25);
}

static void ghosts(void)
{
    kit.s.options.lost_check = 2;
    kit_open(&kit);
    for (int i = 0; i < 5; i++) kit_submit_within(&kit, "key", "w", 3);
    kit_write_all(&kit);
    kit_text(&kit, "OK 1.1.20\n");
    for (int i = 0; i < 5; i++) say(EVG_JOB_CREATED, "H:1", NULL);
    kit_live(&kit, 3);
    for (int i = 0; i < 5; i++) say(EVG_WORK_COMPLETE, "H:1", "r");
}

static void losses(void)
{
    static char large[20000]; /* more than the prologue leaves of its first room */
    memset(large, 'x', sizeof large - 1);
    kit_option(&kit, "extra");
    for (int i = 0; i < 3; i++) {
        kit.s.options.command_timeout = 60;
        kit_submit(&kit, "", "written");
        kit.s.options.command_timeout = 30; /* the prologue is due before it: the heap has to grow */
        kit.s.options.exceptions = true;
        if (kit.s.state != EVG_OPEN) kit_open(&kit);
        kit_write_all(&kit);
        kit_submit(&kit, "", large);
        kit_lose(&kit, EVG_EIO, NULL);
    }
}

/* -- each allocation fails once ------------------------------------------------------------------------------------ */

static size_t done(void)
{
    size_t count = 0;
    for (size_t i = 0; i < kit.made; i++) count += kit.told_done[i];
    return count;
}

/* As good as new: what failed was one allocation. */
static void assert_usable(void)
{
    evg_session_disconnect(&kit.s);
    kit_tell(&kit);
    assert_int_equal(done(), kit.made);
    kit.s.options.reconnect = true;
    kit_submit(&kit, "", "w");
    kit_open(&kit);
    kit_write_all(&kit);
    kit_text(&kit, "OK 1.1.20\n");
    if (kit.s.options.exceptions) kit_say(&kit, EVG_OPTION_RES, "exceptions", NULL);
    if (!evg_list_empty_p(&kit.s.extras)) kit_say(&kit, EVG_OPTION_RES, "extra", NULL);
    kit_told(&kit);
    say(EVG_JOB_CREATED, "H:1", NULL);
    say(EVG_WORK_COMPLETE, "H:1", "fine");
    assert_non_null(strstr(kit_told(&kit), "DONE fine"));
}

/* Answers how many allocations there were to fail. */
static size_t fail_each(void (*scenario)(void))
{
    for (size_t nth = 1;; nth++) {
        kit_init(&kit);
        evg_alloc_fail_at(nth);
        scenario();
        bool reached = evg_alloc_count() >= nth;
        evg_alloc_fail_at(0);
        assert_usable();
        kit_stop(&kit);
        assert_int_equal(evg_alloc_live(), 0);
        if (!reached) return nth - 1;
    }
}

static void a_failure_anywhere_costs_no_more_than_a_connection(void **state)
{
    (void)state;
    kit_init(&kit);
    jobs_and_all();
    assert_told(&kit, "CONNECTED; a DONE extra; b CREATED H:1; b DATA some; c CREATED H:2; d CREATED H:2; "
                      "b DONE result; d FAILED JOB_TIMEOUT ACCEPTED; c DONE result; e DONE f\\x090\\x090\\x090\\x0a; "
                      "f DONE H:1 0 0 0 0");
    kit_stop(&kit);
    assert_true(fail_each(jobs_and_all) > 8);
    assert_true(fail_each(time_and_all) > 10);
    assert_true(fail_each(ghosts) > 5);
    assert_true(fail_each(losses) > 3);
}

/* Fails when a request without memory is half taken: counted, owed, or some of its bytes left in the output. */
static void a_request_without_memory_is_not_taken(void **state)
{
    (void)state;
    int (*const asks[])(kit_t *, const char *) = {kit_echo, kit_status, kit_status_unique, kit_option};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        for (size_t nth = 1, r = 1; r; nth++) {
            kit_start(&kit);
            evg_session_disconnect(&kit.s);
            kit_told(&kit);
            kit.s.options.command_timeout = 50;
            kit_echo(&kit, "first");
            kit.s.options.command_timeout = 30; /* so that the heap has to grow */
            size_t unsent = evg_session_unsent(&kit.s);
            evg_alloc_fail_at(nth);
            r = asks[i](&kit, "x") == EVG_ENOMEM;
            evg_alloc_fail_at(0);
            assert_int_equal(kit.made, r ? 1 : 2);
            assert_int_equal(evg_session_unsent(&kit.s) == unsent, r);
            kit_stop(&kit);
        }
    }
}

/* Its events could not be told from those of others. Fails when it is told to be created and then forgotten. */
static void a_job_that_cannot_be_kept_ends(void **state)
{
    (void)state;
    kit_start(&kit);
    kit_submit(&kit, "", "w");
    kit_write_all(&kit);
    evg_alloc_fail_at(1);
    say(EVG_JOB_CREATED, "H:1", NULL);
    evg_alloc_fail_at(0);
    say(EVG_WORK_COMPLETE, "H:1", "r");
    assert_told(&kit, "a FAILED NOMEM ACCEPTED");
    kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_anywhere_costs_no_more_than_a_connection),
        cmocka_unit_test(a_request_without_memory_is_not_taken),
        cmocka_unit_test(a_job_that_cannot_be_kept_ends),
    };
    return cmocka_run_group_tests_name("sessions without memory", tests, NULL, NULL);
}
