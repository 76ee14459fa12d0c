#include "support/queue_kit.h"

/* -- jobs and who waits -------------------------------------------------------------------------------------------- */

static void a_foreground_job_comes_back_to_its_client(void **state)
{
    (void)state;
    assert_int_equal(submit(0, "f", "", "work"), 0);
    can_do(0, "f");
    assert_grabs(0, "H:1 f  work");
    assert_grabs(0, "");
    assert_true(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_told("c0 WORK_COMPLETE H:1 r");
    assert_null(job("H:1"));
    assert_false(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
}

static void of_a_background_job_nobody_hears(void **state)
{
    (void)state;
    assert_int_equal(submit_background(0, "f", "", "work"), 0);
    client_leaves(0);
    can_do(0, "f");
    assert_grabs(0, "H:1 f  work");
    assert_true(end(0, "H:1", EVG_WORK_FAIL, NULL));
    assert_told("");
}

static void handles_are_ours_or_unknown(void **state)
{
    (void)state;
    static const char *const none[] = {"",     "H",    "H:",   "H:01", "H:0",
                                       "H:1x", "H:1 ", "I:1",  "H1",   "HH:1",
                                       "H:2",  "H;1",  "H:-1", "H:+1", "H:99999999999999999999999"};
    assert_int_equal(submit(0, "f", "", "work"), 0);
    assert_non_null(job("H:1"));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) assert_null(job(none[i]));
}

static void a_long_prefix_is_cut(void **state)
{
    (void)state;
    evg_queue_t q;
    evg_queue_job_t job = {.by_number.hash = UINT64_MAX};
    char room[EVG_QUEUE_HANDLE_CAP], prefix[100];
    memset(prefix, 'p', sizeof prefix);
    prefix[99] = 0;
    evg_queue_init(&q, NULL, prefix, 1, 2);
    assert_int_equal(evg_queue_handle(&q, &job, room).len, 63);
    evg_queue_deinit(&q);
}

static void only_who_holds_a_job_ends_it(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "work");
    can_do(0, "f");
    can_do(1, "f");
    assert_false(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_grabs(0, "H:1 f  work");
    assert_false(end(1, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_told("");
}

static void a_queued_foreground_job_goes_with_its_client(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "work");
    client_leaves(0);
    assert_int_equal(kit.q.jobs.count, 0);
    assert_int_equal(evg_queue_total(function("f")), 0);
    can_do(0, "f");
    assert_grabs(0, "");
}

static void one_that_runs_ends_in_silence_and_is_not_run_again(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "one");
    (void)submit(0, "f", "", "two");
    can_do(0, "f");
    (void)grab(0);
    (void)grab(0);
    client_leaves(0);
    assert_int_equal(function("f")->running, 2);
    assert_true(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    worker_leaves(0);
    can_do(1, "f");
    assert_grabs(1, "");
    assert_told("");
}

/* -- keys ---------------------------------------------------------------------------------------------------------- */

static void a_key_joins_submissions_and_each_is_told(void **state)
{
    (void)state;
    assert_int_equal(submit(0, "f", "k", "one"), 0);
    assert_int_equal(submit(0, "f", "k", "two"), 0);
    can_do(0, "f");
    assert_grabs(0, "H:1 f k one");
    assert_int_equal(submit(1, "f", "k", "three"), 0);
    assert_int_equal(job("H:1")->waiter_count, 3);
    assert_grabs(0, "");
    assert_true(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_told("c0 WORK_COMPLETE H:1 r; c0 WORK_COMPLETE H:1 r; c1 WORK_COMPLETE H:1 r");
    assert_int_equal(submit(0, "f", "k", "four"), 0);
    assert_grabs(0, "H:2 f k four");
}

static void tell_data(void)
{
    const evg_bytes_t args[] = {evg_bytes_of("H:1"), evg_bytes_of("d")};
    evg_queue_tell(&kit.q, job("H:1"), EVG_WORK_DATA, args, 2);
}

static void who_hears_nothing_any_more_waits_no_longer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) (void)submit(i == 2, "f", "k", "w");
    can_do(0, "f");
    assert_grabs(0, "H:1 f k w");
    kit.deaf = &kit.clients[0];
    tell_data();
    assert_told("c0 WORK_DATA H:1 d; c0 WORK_DATA H:1 d; c1 WORK_DATA H:1 d");
    assert_int_equal(job("H:1")->waiter_count, 1);
    tell_data();
    assert_told("c1 WORK_DATA H:1 d");
    kit.deaf = &kit.clients[1];
    tell_data();
    assert_told("c1 WORK_DATA H:1 d");
    tell_data();
    assert_told("");
    worker_leaves(0); /* it ran for its worker's sake alone */
    assert_int_equal(kit.q.jobs.count, 0);
}

static void a_key_is_of_one_function(void **state)
{
    (void)state;
    (void)submit(0, "f", "k", "one");
    (void)submit(0, "g", "k", "two");
    (void)submit(0, "k", "k", "three");
    assert_int_equal(kit.q.jobs.count, 3);
    assert_non_null(evg_queue_find_unique(&kit.q, evg_bytes_of("k")));
    assert_null(evg_queue_find_unique(&kit.q, evg_bytes_of("none")));
    client_leaves(0);
    assert_null(evg_queue_find_unique(&kit.q, evg_bytes_of("k")));
}

static void an_empty_key_joins_nothing(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "one");
    (void)submit(0, "f", "", "one");
    (void)submit(0, "f", "-", "");
    (void)submit(0, "f", "-", "");
    assert_int_equal(kit.q.jobs.count, 4);
    assert_null(evg_queue_find_unique(&kit.q, evg_bytes_of("")));
}

static void with_a_dash_the_workload_is_the_key(void **state)
{
    (void)state;
    (void)submit(0, "f", "-", "one");
    (void)submit(0, "f", "-", "two");
    (void)submit(0, "f", "-", "one");
    (void)submit(0, "f", "one", "two");
    assert_int_equal(kit.q.jobs.count, 3);
    assert_int_equal(job("H:1")->waiter_count, 2);
    assert_null(evg_queue_find_unique(&kit.q, evg_bytes_of("-")));
}

static void a_foreground_client_that_leaves_takes_no_background_job_along(void **state)
{
    (void)state;
    (void)submit_background(0, "f", "bf", "one");
    (void)submit(1, "f", "bf", "one");
    (void)submit(1, "f", "fb", "two");
    (void)submit_background(0, "f", "fb", "two");
    client_leaves(1);
    can_do(0, "f");
    assert_grabs(0, "H:1 f bf one");
    assert_grabs(0, "H:2 f fb two");
    worker_leaves(0);
    can_do(1, "f");
    assert_grabs(1, "H:1 f bf one");
}

/* -- order --------------------------------------------------------------------------------------------------------- */

static void priorities_come_in_order(void **state)
{
    (void)state;
    static const evg_queue_priority_t order[] = {EVG_QUEUE_LOW, EVG_QUEUE_NORMAL, EVG_QUEUE_HIGH};
    for (int i = 0; i < 6; i++) (void)submit_as(order[i % 3], "f", "w");
    can_do(0, "f");
    assert_int_equal(function("f")->queued[EVG_QUEUE_LOW], 2);
    static const char *const handles[] = {"H:3", "H:6", "H:2", "H:5", "H:1", "H:4"};
    for (int i = 0; i < 6; i++) assert_memory_equal(grab(0), handles[i], 3);
    assert_int_equal(function("f")->running, 6);
}

static void functions_take_turns(void **state)
{
    (void)state;
    can_do(0, "f");
    can_do(0, "g");
    for (int i = 0; i < 3; i++) {
        (void)submit_background(0, "f", "", "w");
        (void)submit_background(0, "g", "", "w");
    }
    (void)submit_as(EVG_QUEUE_HIGH, "g", "w");
    (void)submit_as(EVG_QUEUE_LOW, "f", "w");
    static const char *const order[] = {"H:7 g", "H:1 f", "H:2 g", "H:3 f", "H:4 g", "H:5 f", "H:6 g", "H:8 f"};
    for (int i = 0; i < 8; i++) assert_memory_equal(grab(0), order[i], 5);
    assert_grabs(0, "");
}

static void without_round_robin_one_function_is_drained_first(void **state)
{
    (void)state;
    kit.q.options.round_robin = false;
    can_do(0, "f");
    can_do(0, "g");
    for (int i = 0; i < 2; i++) {
        (void)submit_background(0, "g", "", "w");
        (void)submit_background(0, "f", "", "w");
    }
    static const char *const order[] = {"H:1 g", "H:3 g", "H:2 f", "H:4 f"};
    for (int i = 0; i < 4; i++) assert_memory_equal(grab(0), order[i], 5);
}

/* -- sleep --------------------------------------------------------------------------------------------------------- */

static void a_sleeper_is_woken_once(void **state)
{
    (void)state;
    can_do(0, "f");
    pre_sleep(0);
    assert_told("");
    (void)submit_background(0, "f", "", "w");
    (void)submit_background(0, "f", "", "w");
    assert_told("w0 NOOP");
    (void)grab(0);
    (void)grab(0);
    assert_grabs(0, "");
    (void)submit_background(0, "f", "", "w");
    assert_told("");
}

static void who_goes_to_sleep_over_a_job_is_woken_each_time(void **state)
{
    (void)state;
    (void)submit_background(0, "f", "", "w");
    can_do(0, "f");
    pre_sleep(0);
    pre_sleep(0);
    assert_told("w0 NOOP; w0 NOOP");
}

static void who_sleeps_again_without_asking_is_woken_again(void **state)
{
    (void)state;
    can_do(0, "f");
    can_do(1, "f");
    pre_sleep(0);
    (void)submit_background(0, "f", "", "w");
    (void)grab(1);
    pre_sleep(0);
    (void)submit_background(0, "f", "", "w");
    assert_told("w0 NOOP; w0 NOOP");
}

static void an_ability_that_comes_in_sleep_does_not_wake_but_its_next_job_does(void **state)
{
    (void)state;
    (void)submit_background(0, "g", "", "w");
    can_do(0, "f");
    pre_sleep(0);
    can_do(0, "g");
    assert_told("");
    (void)submit_background(0, "g", "", "w");
    assert_told("w0 NOOP");
}

static void all_sleepers_are_woken_or_as_many_as_were_asked_for(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        can_do(i, "f");
        pre_sleep(i);
    }
    (void)submit_background(0, "f", "", "w");
    assert_told("w0 NOOP; w1 NOOP; w2 NOOP");
    assert_grabs(0, "H:1 f  w");
    for (int i = 0; i < 3; i++) {
        assert_grabs(i, "");
        pre_sleep(i);
    }
    kit.q.options.worker_wakeup = 2;
    (void)submit_background(0, "f", "", "w");
    assert_told("w0 NOOP; w1 NOOP");
    (void)submit_background(0, "f", "", "w");
    assert_told("w2 NOOP");
}

static void who_was_woken_and_leaves_wakes_another(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        can_do(i, "f");
        pre_sleep(i);
    }
    kit.q.options.worker_wakeup = 1;
    (void)submit_background(0, "f", "", "w");
    assert_told("w0 NOOP");
    worker_leaves(0);
    assert_told("w1 NOOP");
    cant_do(1, "f");
    assert_told("w2 NOOP");
    assert_grabs(2, "H:1 f  w");
    worker_leaves(3);
    assert_told("");
}

/* It was to ask again, for the job that it was woken for. */
static void who_had_another_job_and_leaves_wakes_another(void **state)
{
    (void)state;
    can_do(0, "f");
    can_do(0, "g");
    can_do(1, "f");
    pre_sleep(0);
    pre_sleep(1);
    kit.q.options.worker_wakeup = 1;
    (void)submit_background(0, "f", "", "w");
    (void)submit_as(EVG_QUEUE_HIGH, "g", "w");
    assert_told("w0 NOOP");
    assert_grabs(0, "H:2 g  w");
    cant_do(0, "f");
    assert_told("w1 NOOP");
    cant_do(0, "g");
    assert_told("");
}

static void who_leaves_in_its_sleep_wakes_nobody(void **state)
{
    (void)state;
    kit.q.options.worker_wakeup = 1;
    for (int i = 0; i < 3; i++) {
        can_do(i, "f");
        pre_sleep(i);
    }
    (void)submit_background(0, "f", "", "w");
    assert_told("w0 NOOP");
    worker_leaves(1);
    assert_told("");
}

static void sleepers_of_other_functions_sleep_on(void **state)
{
    (void)state;
    can_do(0, "f");
    can_do(0, "g");
    can_do(1, "h");
    pre_sleep(0);
    pre_sleep(1);
    (void)submit_background(0, "f", "", "w");
    (void)submit_background(0, "g", "", "w");
    assert_told("w0 NOOP");
    assert_grabs(0, "H:1 f  w");
    assert_grabs(0, "H:2 g  w");
}

/* -- abilities ----------------------------------------------------------------------------------------------------- */

static void what_is_said_twice_counts_once(void **state)
{
    (void)state;
    can_do(0, "f");
    can_do(0, "f");
    assert_int_equal(function("f")->workers, 1);
    cant_do(0, "f");
    cant_do(0, "f");
    cant_do(0, "unheard of");
    assert_int_equal(function("f")->workers, 0);
    (void)submit_background(0, "f", "", "w");
    assert_grabs(0, "");
}

static void abilities_are_listed_newest_first(void **state)
{
    (void)state;
    can_do(0, "f");
    can_do(0, "g");
    const evg_queue_ability_t *at = evg_queue_next_of(&kit.workers[0], NULL);
    assert_ptr_equal(at->function, function("g"));
    at = evg_queue_next_of(&kit.workers[0], at);
    assert_ptr_equal(at->function, function("f"));
    assert_null(evg_queue_next_of(&kit.workers[0], at));
}

static void who_takes_an_ability_back_gives_its_jobs_back(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "one");
    (void)submit(0, "g", "", "two");
    can_do(0, "f");
    can_do(0, "g");
    can_do(1, "f");
    (void)grab(0);
    (void)grab(0);
    pre_sleep(1);
    cant_do(0, "f");
    assert_told("w1 NOOP");
    assert_false(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_true(end(0, "H:2", EVG_WORK_COMPLETE, "r"));
    assert_grabs(1, "H:1 f  one");
}

/* -- going back ---------------------------------------------------------------------------------------------------- */

static void jobs_of_a_worker_that_leaves_go_to_the_tail(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "one");
    (void)submit(0, "f", "", "two");
    can_do(0, "f");
    (void)grab(0);
    job("H:1")->numerator = 5;
    worker_leaves(0);
    assert_int_equal(job("H:1")->attempts, 1);
    assert_int_equal(job("H:1")->numerator, 0);
    assert_int_equal(function("f")->running, 0);
    can_do(1, "f");
    assert_grabs(1, "H:2 f  two");
    assert_grabs(1, "H:1 f  one");
    assert_told("");
}

static void a_job_that_went_back_too_often_fails(void **state)
{
    (void)state;
    kit.q.options.job_retries = 2;
    (void)submit(0, "f", "", "work");
    for (int i = 0; i < 2; i++) {
        can_do(0, "f");
        assert_told("");
        (void)grab(0);
        worker_leaves(0);
    }
    assert_told("c0 WORK_FAIL H:1");
    assert_null(job("H:1"));
}

static void a_job_goes_back_when_its_time_is_over(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "one");
    (void)submit(0, "f", "", "two");
    can_do_within(0, "f", 5);
    can_do(1, "f");
    assert_true(evg_queue_deadline(&kit.q) > 1e9);
    (void)grab(0);
    pass(1);
    (void)grab(0);
    assert_true(evg_queue_deadline(&kit.q) == QUEUE_KIT_NOW + 5);
    pre_sleep(1);
    assert_true(end(0, "H:2", EVG_WORK_COMPLETE, "r"));
    pass(3.5);
    assert_told("c0 WORK_COMPLETE H:2 r");
    pass(1);
    assert_told("w1 NOOP");
    assert_false(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_grabs(1, "H:1 f  one");
    assert_true(evg_queue_deadline(&kit.q) > 1e9);
}

static void an_ability_said_again_has_another_timeout_for_jobs_to_come(void **state)
{
    (void)state;
    (void)submit(0, "f", "", "one");
    (void)submit(0, "f", "", "two");
    can_do_within(0, "f", 5);
    (void)grab(0);
    can_do_within(0, "f", 2);
    (void)grab(0);
    pass(2);
    assert_null(job("H:2")->runs);
    assert_non_null(job("H:1")->runs);
    can_do(0, "f");
    (void)grab(0);
    pass(3);
    assert_null(job("H:1")->runs);
    assert_non_null(job("H:2")->runs);
}

static void a_job_whose_timer_has_no_memory_stays_in_the_queue(void **state)
{
    evg_queue_job_t *got;
    (void)state;
    (void)submit(0, "f", "", "one");
    can_do_within(0, "f", 5);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_queue_grab(&kit.q, &kit.workers[0], &got), EVG_ENOMEM);
    evg_alloc_fail_at(0);
    assert_int_equal(kit.q.running, 0);
    assert_grabs(0, "H:1 f  one");
    pass(5);
    assert_int_equal(kit.q.running, 0);
}

static void a_cancelled_job_fails_and_is_gone(void **state)
{
    (void)state;
    (void)submit(0, "f", "k", "one");
    (void)submit_at("f", "", QUEUE_KIT_WALL + 9);
    evg_queue_cancel(&kit.q, job("H:1"));
    evg_queue_cancel(&kit.q, job("H:2"));
    assert_told("c0 WORK_FAIL H:1");
    assert_int_equal(kit.q.jobs.count, 0);
    assert_true(evg_queue_deadline(&kit.q) > 1e9);
}

static void a_cancelled_job_that_runs_does_so_for_nobody(void **state)
{
    (void)state;
    (void)submit_background(0, "f", "k", "one");
    (void)submit(0, "f", "k", "one");
    can_do(0, "f");
    (void)grab(0);
    evg_queue_cancel(&kit.q, job("H:1"));
    assert_told("c0 WORK_FAIL H:1");
    evg_queue_cancel(&kit.q, job("H:1"));
    assert_told("");
    (void)submit(1, "f", "k", "one");
    assert_true(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    assert_told("");
    assert_grabs(0, "H:2 f k one");
    assert_ptr_equal(evg_queue_find_unique(&kit.q, evg_bytes_of("k")), job("H:2"));
}

/* -- delayed jobs -------------------------------------------------------------------------------------------------- */

static void a_delayed_job_wakes_sleepers_when_it_is_due(void **state)
{
    (void)state;
    can_do(0, "f");
    pre_sleep(0);
    (void)submit_at("f", "", QUEUE_KIT_WALL + 2);
    assert_told("");
    assert_int_equal(function("f")->queued[EVG_QUEUE_NORMAL], 1);
    assert_true(evg_queue_deadline(&kit.q) == QUEUE_KIT_NOW + 2);
    assert_grabs(0, "");
    pre_sleep(0);
    pass(1.5);
    assert_told("");
    pass(0.5);
    assert_told("w0 NOOP");
    assert_grabs(0, "H:1 f  later");
}

static void what_is_past_runs_now(void **state)
{
    (void)state;
    can_do(0, "f");
    (void)submit_at("f", "", QUEUE_KIT_WALL);
    (void)submit_at("f", "", 0);
    (void)submit_at("f", "", INT64_MIN);
    for (int i = 1; i <= 3; i++) assert_memory_equal(grab(0), "H:", 2);
}

static void the_wall_clock_may_be_set(void **state)
{
    (void)state;
    (void)submit_at("f", "", QUEUE_KIT_WALL + 3600);
    (void)submit_at("f", "", INT64_MAX);
    assert_true(evg_queue_deadline(&kit.q) == QUEUE_KIT_NOW + 10);
    evg_queue_clock(&kit.q, QUEUE_KIT_NOW + 1, QUEUE_KIT_WALL + 4000);
    assert_true(evg_queue_deadline(&kit.q) <= QUEUE_KIT_NOW + 1);
    evg_queue_tick(&kit.q);
    can_do(0, "f");
    assert_grabs(0, "H:1 f  later");
    assert_grabs(0, "");
}

static void a_delayed_job_is_joined_and_holds_up_nobody(void **state)
{
    (void)state;
    (void)submit_at("f", "k", QUEUE_KIT_WALL + 9);
    (void)submit(1, "f", "k", "now");
    (void)submit_as(EVG_QUEUE_LOW, "f", "low");
    can_do(0, "f");
    assert_grabs(0, "H:2 f  low");
    client_leaves(1);
    pass(9);
    assert_grabs(0, "H:1 f k later");
}

static void many_that_are_due_come_in_order_and_by_and_by(void **state)
{
    (void)state;
    enum { COUNT = 2500 };
    char wanted[64];
    for (int i = 0; i < COUNT; i++) (void)submit_at("f", "", QUEUE_KIT_WALL + 1);
    can_do(0, "f");
    pass(1);
    assert_true(evg_queue_deadline(&kit.q) <= kit.q.now);
    for (int i = 0; i < COUNT; i++) {
        if (i % 500 == 0) evg_queue_tick(&kit.q);
        snprintf(wanted, sizeof wanted, "H:%d f  later", i + 1);
        assert_grabs(0, wanted);
    }
    assert_true(evg_queue_deadline(&kit.q) > 1e9);
}

/* -- caps ---------------------------------------------------------------------------------------------------------- */

static void maxqueue_counts_all_jobs_of_the_function(void **state)
{
    (void)state;
    can_do(0, "f");
    function("f")->limits[EVG_QUEUE_NORMAL] = 2;
    assert_int_equal(submit(0, "f", "k", "w"), 0);
    assert_int_equal(submit_as(EVG_QUEUE_LOW, "f", "w"), 0);
    (void)grab(0);
    assert_int_equal(submit(0, "f", "", "w"), EVG_EQUEUE_FULL);
    assert_int_equal(submit(0, "f", "k", "w"), 0);
    assert_int_equal(submit_as(EVG_QUEUE_LOW, "f", "w"), 0);
}

static void jobs_bytes_and_waiters_are_capped(void **state)
{
    (void)state;
    kit.q.options.max_jobs = 2;
    assert_int_equal(submit(0, "f", "k", "w"), 0);
    assert_int_equal(submit(0, "g", "", "w"), 0);
    assert_int_equal(submit(0, "h", "", "w"), EVG_EQUEUE_FULL);
    assert_null(function("h"));
    kit.q.options.max_jobs = 3;
    kit.q.options.max_bytes = kit.q.bytes + 2;
    assert_int_equal(submit(0, "h", "", "wwww"), EVG_EQUEUE_FULL);
    assert_int_equal(submit(0, "h", "", "ww"), 0);
    assert_int_equal(submit(0, "f", "k", "w"), EVG_EQUEUE_FULL);
    assert_int_equal(submit_background(0, "f", "k", "w"), 0);
    assert_int_equal(evg_queue_can_do(&kit.q, &kit.workers[0], evg_bytes_of("f"), 0), EVG_EQUEUE_FULL);
}

static void names_are_capped(void **state)
{
    (void)state;
    char name[514];
    memset(name, 'n', sizeof name);
    name[513] = 0;
    assert_int_equal(submit(0, name, "", "w"), EVG_EFUNCTION);
    assert_int_equal(evg_queue_can_do(&kit.q, &kit.workers[0], evg_bytes_of(name), 0), EVG_EFUNCTION);
    kit.order.reducer = evg_bytes_of(name);
    assert_int_equal(submit(0, "f", "", "w"), EVG_EFUNCTION);
    kit.order.reducer = evg_bytes_of("");
    assert_int_equal(submit(0, "f", name + 449, "w"), EVG_EUNIQUE);
    assert_int_equal(submit(0, "f", name + 450, "w"), 0);
    assert_int_equal(submit(0, name + 1, "", "w"), 0);
}

static void a_function_that_nobody_uses_makes_room(void **state)
{
    (void)state;
    kit.q.options.max_functions = 3;
    (void)submit(0, "old", "", "w");
    (void)submit(1, "older", "", "w");
    can_do(0, "used");
    assert_int_equal(submit(0, "new", "", "w"), EVG_EQUEUE_FULL);
    assert_int_equal(evg_queue_can_do(&kit.q, &kit.workers[0], evg_bytes_of("new"), 0), EVG_EQUEUE_FULL);
    assert_int_equal(submit_at("new", "", QUEUE_KIT_WALL + 9), EVG_EQUEUE_FULL);
    client_leaves(1);
    client_leaves(0);
    assert_int_equal(submit(0, "new", "", "w"), 0);
    assert_null(function("older"));
    assert_non_null(function("old"));
    evg_queue_function_keep(function("old"));
    assert_int_equal(submit(0, "newer", "", "w"), EVG_EQUEUE_FULL);
    assert_false(evg_queue_function_used_p(function("old")));
    evg_queue_function_drop(&kit.q, function("old"));
    assert_int_equal(submit(0, "newer", "", "w"), 0);
}

#define with_kit(name) cmocka_unit_test_setup_teardown(name, queue_kit_setup, queue_kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_kit(a_foreground_job_comes_back_to_its_client),
        with_kit(of_a_background_job_nobody_hears),
        with_kit(handles_are_ours_or_unknown),
        with_kit(a_long_prefix_is_cut),
        with_kit(only_who_holds_a_job_ends_it),
        with_kit(a_queued_foreground_job_goes_with_its_client),
        with_kit(one_that_runs_ends_in_silence_and_is_not_run_again),
        with_kit(a_key_joins_submissions_and_each_is_told),
        with_kit(who_hears_nothing_any_more_waits_no_longer),
        with_kit(a_key_is_of_one_function),
        with_kit(an_empty_key_joins_nothing),
        with_kit(with_a_dash_the_workload_is_the_key),
        with_kit(a_foreground_client_that_leaves_takes_no_background_job_along),
        with_kit(priorities_come_in_order),
        with_kit(functions_take_turns),
        with_kit(without_round_robin_one_function_is_drained_first),
        with_kit(a_sleeper_is_woken_once),
        with_kit(who_goes_to_sleep_over_a_job_is_woken_each_time),
        with_kit(who_sleeps_again_without_asking_is_woken_again),
        with_kit(an_ability_that_comes_in_sleep_does_not_wake_but_its_next_job_does),
        with_kit(all_sleepers_are_woken_or_as_many_as_were_asked_for),
        with_kit(who_was_woken_and_leaves_wakes_another),
        with_kit(who_had_another_job_and_leaves_wakes_another),
        with_kit(who_leaves_in_its_sleep_wakes_nobody),
        with_kit(sleepers_of_other_functions_sleep_on),
        with_kit(what_is_said_twice_counts_once),
        with_kit(abilities_are_listed_newest_first),
        with_kit(who_takes_an_ability_back_gives_its_jobs_back),
        with_kit(jobs_of_a_worker_that_leaves_go_to_the_tail),
        with_kit(a_job_that_went_back_too_often_fails),
        with_kit(a_job_goes_back_when_its_time_is_over),
        with_kit(an_ability_said_again_has_another_timeout_for_jobs_to_come),
        with_kit(a_job_whose_timer_has_no_memory_stays_in_the_queue),
        with_kit(a_cancelled_job_fails_and_is_gone),
        with_kit(a_cancelled_job_that_runs_does_so_for_nobody),
        with_kit(a_delayed_job_wakes_sleepers_when_it_is_due),
        with_kit(what_is_past_runs_now),
        with_kit(the_wall_clock_may_be_set),
        with_kit(a_delayed_job_is_joined_and_holds_up_nobody),
        with_kit(many_that_are_due_come_in_order_and_by_and_by),
        with_kit(maxqueue_counts_all_jobs_of_the_function),
        with_kit(jobs_bytes_and_waiters_are_capped),
        with_kit(names_are_capped),
        with_kit(a_function_that_nobody_uses_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
