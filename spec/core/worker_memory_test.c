/* A worker's whole life, again and again, each time with another allocation that fails. Whatever it was: no job is
 * left behind, none ends twice, the loop stops when told to, and nothing leaks. */
#include "support/worker_kit.h"

#include "base/alloc.h"
#include "base/error.h"
#include "support/packet_header.h"

#include <stdio.h>
#include <stdlib.h>

enum { JOBS = 20, TURNS = 400 };

typedef enum { QUEUED, HELD, ENDED } fate_t;

static fate_t fates[JOBS];
static int ends, stops;
static bool perl;

/* -- the server ---------------------------------------------------------------------------------------------------- */

static bool feed(const void *at, size_t len)
{
    return evg_wire_feed(&kit.s.wire, evg_bytes(at, len)) == 0;
}

static bool say(evg_command_t type, const char *body, size_t len)
{
    uint8_t bytes[64];
    packet_header(bytes, "\0RES", (uint32_t)type, (uint32_t)len);
    if (len) memcpy(bytes + EVG_HEADER_LEN, body, len);
    return feed(bytes, EVG_HEADER_LEN + len);
}

static int first_queued(void)
{
    int job = 0;
    while (job < JOBS && fates[job] != QUEUED) job++;
    return job;
}

static bool give_job(void)
{
    char body[32];
    int job = first_queued();
    if (job == JOBS) return say(EVG_NO_JOB, NULL, 0);
    int len = snprintf(body, sizeof body, "H:%d%cf%cw", job, 0, 0);
    if (!say(EVG_JOB_ASSIGN, body, (size_t)len)) return false;
    fates[job] = HELD;
    return true;
}

static void end_job(evg_bytes_t handle)
{
    int job = atoi((const char *)handle.at + 2);
    assert_int_equal(fates[job], HELD);
    fates[job] = ENDED;
    ends++;
}

/* Takes one packet; false when the connection has to go because the answer found no memory. */
static bool serve(const evg_packet_t *packet)
{
    switch (packet->type) {
    case EVG_GRAB_JOB: return give_job();
    case EVG_PRE_SLEEP: return first_queued() == JOBS || say(EVG_NOOP, NULL, 0);
    case EVG_WORK_COMPLETE:
    case EVG_WORK_FAIL: end_job(packet->args[0]); return true;
    case EVG_WORK_EXCEPTION:
        if (!perl) end_job(packet->args[0]);
        return true;
    default: return true;
    }
}

static bool serve_line(void)
{
    return perl ? feed("v1.130\n", 7) : feed("OK 1.1.20\n", 10);
}

static bool serve_all(void)
{
    evg_packet_t packet;
    evg_bytes_t out = evg_session_output(&kit.s);
    size_t all = out.len;
    bool good = true;
    while (good && out.len) {
        ptrdiff_t len = *out.at ? 8 : evg_packet_decode(&packet, EVG_REQ, out, SIZE_MAX);
        assert_true(len > 0);
        good = *out.at ? serve_line() : serve(&packet);
        out = evg_bytes(out.at + len, out.len - (size_t)len);
    }
    evg_session_written(&kit.s, all);
    return good;
}

/* -- the worker ---------------------------------------------------------------------------------------------------- */

static void run_job(evg_job_t *job)
{
    bool raises = job->handle[job->handle_len - 1] % 3 == 0;
    if (raises)
        (void)evg_job_exception(&kit.s, job, evg_bytes_of("oh"));
    else
        (void)evg_job_complete(&kit.s, job, evg_bytes_of("r"));
}

static bool take_events(void)
{
    int r;
    evg_event_t event;
    while ((r = evg_session_next(&kit.s, &event)) > 0) {
        if (event.type == EVG_EVENT_STOPPED) stops++;
        if (event.type != EVG_EVENT_ASSIGNED) continue;
        evg_job_t *job = &kit.jobs[kit.job_count++];
        evg_worker_accept(&kit.s, job, &event, &kit);
        evg_job_started(&kit.s, job);
    }
    return r == 0;
}

static void lose(void)
{
    worker_kit_lose(&kit);
    assert_true(take_events());
    for (int job = 0; job < JOBS; job++) {
        if (fates[job] == HELD) fates[job] = QUEUED;
    }
}

static void turn(void)
{
    evg_wire_clock(&kit.s.wire, kit.s.wire.now + 0.5);
    if (evg_session_wants_open(&kit.s)) {
        evg_session_opening(&kit.s);
        if (evg_session_opened(&kit.s) < 0) return lose();
    }
    if (kit.s.state != EVG_OPEN) return;
    if (!serve_all() || !take_events() || evg_session_tick(&kit.s) < 0) return lose();
    for (size_t i = 0; i < kit.job_count; i++) {
        if (kit.jobs[i].state == EVG_JOB_HELD) run_job(&kit.jobs[i]);
    }
}

static int can_do(const char *name, double server_timeout)
{
    return evg_worker_can_do(&kit.s, evg_bytes_of(name), 0, server_timeout, &kit);
}

/* Registers anew, takes back, and resets, while jobs run. */
static void change_abilities(int at)
{
    if (at == 3) (void)can_do("g", 0);
    if (at == 4) (void)evg_worker_cant_do(&kit.s, evg_bytes_of("g"));
    if (at == 6) (void)can_do("f", 20);
    if (at == 9) evg_worker_reset_abilities(&kit.s);
    if (at >= 9) (void)can_do("f", 0);
}

static void live(void)
{
    memset(fates, 0, sizeof fates);
    ends = stops = 0;
    worker_kit_init(&kit);
    kit.s.worker.concurrency = 4;
    kit.s.worker.grab_unique = false;
    while (can_do("f", 1) < 0) {}
    assert_int_equal(evg_worker_work(&kit.s), 0);
    for (int i = 0; i < TURNS && ends < JOBS; i++) {
        change_abilities(i);
        turn();
    }
    assert_int_equal(ends, JOBS);
    evg_worker_stop(&kit.s);
    for (int i = 0; i < TURNS && stops == 0; i++) turn();
    assert_int_equal(stops, 1);
    assert_int_equal(kit.s.worker.held_count, 0);
    worker_kit_stop(&kit);
}

static void fail_each_allocation_once(void)
{
    bool reached = true;
    for (size_t nth = 1; reached; nth++) {
        evg_alloc_fail_at(nth);
        live();
        reached = evg_alloc_count() >= nth;
        assert_true(nth > 5 || reached);
    }
    evg_alloc_fail_at(0);
}

static void at_gearmand(void **state)
{
    (void)state;
    perl = false;
    fail_each_allocation_once();
}

static void at_the_perl_server(void **state)
{
    (void)state;
    perl = true;
    fail_each_allocation_once();
}

static void a_grab_that_found_no_memory_is_tried_again(void **state)
{
    /* Fails when nothing wakes the worker for it: it would be silent for good. */
    (void)state;
    worker_kit_start(&kit, "OK 1.1.20");
    worker_kit_can_do(&kit, "f");
    worker_kit_wire(&kit);
    evg_worker_work(&kit.s);
    for (evg_list_t *at; (at = evg_list_shift(&kit.s.spare)); kit.s.spare_count--) {
        evg_free(evg_container(at, evg_request_t, link)); /* so that it has to ask for memory */
    }
    evg_alloc_fail_at(1);
    assert_int_equal(evg_session_output(&kit.s).len, 0);
    evg_alloc_fail_at(0);
    assert_in_range(worker_kit_pass_to_deadline(&kit) * 1000, 1, 1000);
    assert_wire(&kit, "GRAB_JOB_UNIQ");
    no_job();
    assert_wire(&kit, "PRE_SLEEP");
    assert_true(evg_session_deadline(&kit.s) > kit.s.wire.now);
    worker_kit_stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grab_that_found_no_memory_is_tried_again),
        cmocka_unit_test(at_gearmand),
        cmocka_unit_test(at_the_perl_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
