#include "session/snapshot.h"

#include "support/queue_kit.h"

static const evg_job_row_t *row(const evg_snapshot_t *snapshot, uint64_t number)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        if (snapshot->rows[i].number == number) return &snapshot->rows[i];
    }
    fail_msg("no job of number %d", (int)number);
    return NULL;
}

static void assert_bytes(evg_bytes_t bytes, const char *text)
{
    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.at, text, bytes.len);
}

static void of_an_empty_queue_there_is_nothing(void **state)
{
    evg_snapshot_t snapshot;
    (void)state;
    assert_int_equal(evg_snapshot_take(&snapshot, &kit.q), 0);
    assert_int_equal(snapshot.count, 0);
    evg_snapshot_free(&snapshot);
}

static void it_has_all_jobs_and_stays_when_they_go(void **state)
{
    evg_snapshot_t snapshot;
    (void)state;
    assert_int_equal(submit(0, "f", "key", "one"), 0);
    assert_int_equal(submit(1, "f", "key", "one"), 0);
    assert_int_equal(submit_as(EVG_QUEUE_HIGH, "g", ""), 0);
    assert_int_equal(submit_at("h", "", QUEUE_KIT_WALL + 100), 0);
    can_do(0, "f");
    assert_grabs(0, "H:1 f key one");
    job("H:1")->numerator = 1;
    job("H:1")->denominator = 2;
    assert_int_equal(evg_snapshot_take(&snapshot, &kit.q), 0);
    worker_leaves(0);
    can_do(0, "f");
    assert_grabs(0, "H:1 f key one");
    assert_true(end(0, "H:1", EVG_WORK_COMPLETE, "r"));
    (void)told();

    assert_int_equal(snapshot.count, 3);
    const evg_job_row_t *first = row(&snapshot, 1), *second = row(&snapshot, 2), *third = row(&snapshot, 3);
    assert_bytes(first->handle, "H:1");
    assert_bytes(first->function, "f");
    assert_bytes(first->unique, "key");
    assert_bytes(first->workload, "one");
    assert_int_equal(first->state, EVG_JOB_RUNNING);
    assert_int_equal(first->waiters, 2);
    assert_int_equal(first->numerator, 1);
    assert_int_equal(first->denominator, 2);
    assert_false(first->background);
    assert_int_equal(second->state, EVG_JOB_QUEUED);
    assert_int_equal(second->priority, EVG_QUEUE_HIGH);
    assert_true(second->background);
    assert_bytes(second->unique, "");
    assert_bytes(second->workload, "");
    assert_int_equal(third->state, EVG_JOB_DELAYED);
    evg_snapshot_free(&snapshot);

    assert_int_equal(evg_snapshot_take(&snapshot, &kit.q), 0);
    assert_int_equal(snapshot.count, 2);
    assert_int_equal(kit.q.epochs.count, 1);
    evg_snapshot_free(&snapshot);
    pass(100);
    assert_int_equal(kit.q.epochs.count, 0);
}

static void it_tells_how_often_a_job_came_back(void **state)
{
    evg_snapshot_t snapshot;
    (void)state;
    assert_int_equal(submit(0, "f", "", "one"), 0);
    for (int times = 0; times < 2; times++) {
        can_do(0, "f");
        assert_grabs(0, "H:1 f  one");
        worker_leaves(0);
    }
    assert_int_equal(evg_snapshot_take(&snapshot, &kit.q), 0);
    assert_int_equal(row(&snapshot, 1)->attempts, 2);
    evg_snapshot_free(&snapshot);
}

static void it_may_lack_memory(void **state)
{
    evg_snapshot_t snapshot;
    (void)state;
    assert_int_equal(submit(0, "f", "", "one"), 0);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_snapshot_take(&snapshot, &kit.q), EVG_ENOMEM);
    evg_alloc_fail_at(0);
}

#define with_queue(test) cmocka_unit_test_setup_teardown(test, queue_kit_setup, queue_kit_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_queue(of_an_empty_queue_there_is_nothing),
        with_queue(it_has_all_jobs_and_stays_when_they_go),
        with_queue(it_tells_how_often_a_job_came_back),
        with_queue(it_may_lack_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
