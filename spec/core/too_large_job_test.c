/* Jobs that are larger than max_packet: they fail, and the worker goes on. */
#include "support/packet_header.h"
#include "support/worker_kit.h"

#include "base/error.h"

enum { MOST = 100, LARGE = 1024 * 1024 };

static int small(void **state)
{
    asking(state);
    kit.s.options.max_packet = MOST;
    return 0;
}

/* JOB_ASSIGN_UNIQ of so many bytes: up to its handle, then all of it. */
static void begin(size_t len)
{
    uint8_t header[EVG_HEADER_LEN];
    packet_header(header, "\0RES", EVG_JOB_ASSIGN_UNIQ, (uint32_t)len);
    assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes(header, sizeof header)), 0);
    assert_events(&kit, "");
    assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes("H:1", 4)), 0);
}

static void end(size_t len)
{
    static uint8_t page[4096];
    for (size_t left = len - 4, now; left; left -= now) {
        now = left < sizeof page ? left : sizeof page;
        assert_int_equal(evg_wire_feed(&kit.s.wire, evg_bytes(page, now)), 0);
        assert_events(&kit, "");
        assert_in_range(kit.s.wire.in.cap, 0, EVG_BUFFER_FIRST);
    }
}

static void the_loop_fails_it_and_goes_on(void **state)
{
    /* Fails when the connection is closed: the job would come again, and again, and with it all others. */
    (void)state;
    begin(LARGE);
    assert_events(&kit, "REFUSED TOO_LARGE H:1");
    assert_wire(&kit, "WORK_FAIL H:1; GRAB_JOB_UNIQ");
    end(LARGE);
    assert_int_equal(kit.s.stats.refused_jobs, 1);
    worker_kit_assign(&kit, "H:2", "f");
    assert_events(&kit, "ASSIGNED H:2 f u w");
    worker_kit_complete(&kit, "H:2");
    assert_wire(&kit, "WORK_COMPLETE H:2 r; GRAB_JOB_UNIQ");
}

static void work_one_had_its_job(void **state)
{
    /* Fails when it goes on asking, or never ends. */
    (void)state;
    evg_worker_stop(&kit.s);
    no_job();
    evg_worker_work_one(&kit.s);
    worker_kit_wire(&kit);
    begin(MOST + 1);
    assert_events(&kit, "REFUSED TOO_LARGE H:1; STOPPED");
    end(MOST + 1);
    assert_wire(&kit, "WORK_FAIL H:1");
    assert_int_equal(kit.s.worker.state, EVG_WORK_OFF);
}

static void grab_job_is_told(void **state)
{
    /* Fails when who asked waits for ever, or the job is left behind. */
    (void)state;
    evg_worker_stop(&kit.s);
    no_job();
    assert_int_equal(evg_worker_grab(&kit.s, &kit.request), 0);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    begin(LARGE);
    assert_events(&kit, "DONE TOO_LARGE");
    assert_wire(&kit, "WORK_FAIL H:1");
    end(LARGE);
    assert_int_equal(kit.s.stats.resolved, 1);
}

static void unasked_it_closes(void **state)
{
    /* Fails when a job that nobody asked for is failed: it would be somebody else's. */
    (void)state;
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    worker_kit_events(&kit);
    begin(LARGE);
    worker_kit_events(&kit);
    assert_broken(&kit, EVG_EUNEXPECTED);
    worker_kit_lose(&kit);
}

int main(void)
{
#define LARGE_TEST(name) cmocka_unit_test_setup_teardown(name, small, nothing_leaked)
    const struct CMUnitTest tests[] = {
        LARGE_TEST(the_loop_fails_it_and_goes_on),
        LARGE_TEST(work_one_had_its_job),
        LARGE_TEST(grab_job_is_told),
        LARGE_TEST(unasked_it_closes),
    };
    return cmocka_run_group_tests_name("too large", tests, NULL, NULL);
}
