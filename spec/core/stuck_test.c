/* Handlers that go on when their job is not ours any more: they have a thread, and nobody else can have it. */
#include "support/worker_kit.h"

#include "base/error.h"

/* Of two threads the first is with H:1 of "f", which has five seconds. */
static int entered(void **state)
{
    (void)state;
    worker_kit_start(&kit, "OK 1.1.20");
    kit.s.worker.concurrency = 2;
    worker_kit_can_do_timed(&kit, "f", 5, 0);
    evg_worker_work(&kit.s);
    worker_kit_wire(&kit);
    worker_kit_assign(&kit, "H:1", "f");
    worker_kit_events(&kit);
    evg_job_started(&kit.s, &kit.jobs[0]);
    evg_job_entered(&kit.jobs[0]);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    return 0;
}

static void enter(const char *handle)
{
    worker_kit_assign(&kit, handle, "f");
    worker_kit_events(&kit);
    evg_job_started(&kit.s, worker_kit_job(&kit, handle));
    evg_job_entered(worker_kit_job(&kit, handle));
}

static void a_timed_out_job_keeps_its_thread(void **state)
{
    /* Fails when a job is taken that no thread can run, or none when one is free again. */
    (void)state;
    enter("H:2");
    worker_kit_pass(&kit, 5);
    assert_int_equal(kit.s.worker.held_count, 0);
    assert_wire(&kit, "WORK_FAIL H:1; WORK_FAIL H:2");
    evg_job_left(&kit.s, &kit.jobs[1]);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    enter("H:3");
    assert_wire(&kit, "");
    evg_job_left(&kit.s, &kit.jobs[0]);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    evg_job_left(&kit.s, &kit.jobs[0]);
    assert_wire(&kit, "");
}

static void what_is_held_ahead_waits_for_a_thread(void **state)
{
    /* Fails when prefetch takes jobs although all threads are stuck, or counts those as free. */
    (void)state;
    kit.s.worker.prefetch = 1;
    enter("H:2");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    worker_kit_pass(&kit, 5);
    worker_kit_wire(&kit);
    worker_kit_say(&kit, EVG_NOOP, NULL);
    worker_kit_events(&kit);
    assert_wire(&kit, "");
    evg_job_left(&kit.s, &kit.jobs[0]);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:3", "f");
    worker_kit_events(&kit);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    worker_kit_assign(&kit, "H:4", "f");
    worker_kit_events(&kit);
    assert_wire(&kit, "");
}

static void a_lost_job_keeps_its_thread(void **state)
{
    /* Fails when the next connection brings as many jobs as if no handler ran. */
    (void)state;
    enter("H:2");
    worker_kit_lose(&kit);
    worker_kit_events(&kit);
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "");
    evg_job_left(&kit.s, &kit.jobs[1]);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void a_job_that_was_answered_keeps_none(void **state)
{
    /* Fails when the next job waits for what a handler does behind its answer. */
    (void)state;
    enter("H:2");
    worker_kit_complete(&kit, "H:1");
    assert_wire(&kit, "WORK_COMPLETE H:1 r; GRAB_JOB_UNIQ");
    evg_job_left(&kit.s, &kit.jobs[0]);
    assert_wire(&kit, "");
}

static void a_forgotten_job_keeps_none(void **state)
{
    /* Fails when a handler that never returns, and was collected, has its thread for ever. */
    (void)state;
    enter("H:2");
    worker_kit_pass(&kit, 5);
    worker_kit_events(&kit);
    worker_kit_wire(&kit);
    evg_job_forget(&kit.s, &kit.jobs[0]);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

static void a_forked_child_has_none_of_the_threads(void **state)
{
    /* Fails when the child waits for threads of its parent; or counts the one that forked in its handler below nothing. */
    (void)state;
    enter("H:2");
    worker_kit_pass(&kit, 5);
    worker_kit_events(&kit);
    evg_session_forked(&kit.s);
    evg_job_left(&kit.s, &kit.jobs[0]);
    assert_int_equal(kit.s.worker.stuck_count, 0);
    evg_worker_work(&kit.s);
    worker_kit_open(&kit, "OK 1.1.20");
    assert_wire(&kit, "GRAB_JOB_UNIQ");
}

/* The delay before the next connection, when H:1 was handed back once more. */
static double delay_of_hand_back(void)
{
    worker_kit_lose(&kit);
    evg_worker_handed_back(&kit.s);
    double delay = kit.s.retry_at - kit.s.wire.now;
    worker_kit_events(&kit);
    evg_wire_clock(&kit.s.wire, kit.s.retry_at);
    worker_kit_open(&kit, "OK 1.1.20");
    return delay;
}

static void handed_back_again_and_again_the_delay_grows(void **state)
{
    /* Fails when a job that ends its connection each time is fetched at once each time; or when a minute without is not
     * the end of that. */
    (void)state;
    double most = 0, limit = 0.1;
    kit.s.backoff.most = 0;
    for (int i = 0; i < 10; i++, limit *= 2) {
        double delay = delay_of_hand_back();
        assert_true(delay <= limit);
        if (delay > most) most = delay;
    }
    assert_true(most > 1);
    worker_kit_pass(&kit, 61);
    kit.broken = 0; /* a GRAB was answered by nobody */
    assert_true(delay_of_hand_back() <= 0.1);
}

int main(void)
{
#define STUCK_TEST(name) cmocka_unit_test_setup_teardown(name, entered, nothing_leaked)
    const struct CMUnitTest tests[] = {
        STUCK_TEST(a_timed_out_job_keeps_its_thread),
        STUCK_TEST(what_is_held_ahead_waits_for_a_thread),
        STUCK_TEST(a_lost_job_keeps_its_thread),
        STUCK_TEST(a_job_that_was_answered_keeps_none),
        STUCK_TEST(a_forgotten_job_keeps_none),
        STUCK_TEST(a_forked_child_has_none_of_the_threads),
        STUCK_TEST(handed_back_again_and_again_the_delay_grows),
    };
    return cmocka_run_group_tests_name("stuck", tests, NULL, NULL);
}
