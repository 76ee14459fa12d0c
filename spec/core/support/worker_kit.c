#include "support/worker_kit.h"

#include "base/alloc.h"
#include "base/error.h"
#include "support/event_name.h"

#include <stdio.h>

worker_kit_t kit;

/* -- text ---------------------------------------------------------------------------------------------------------- */

static void add_bytes(char *text, evg_bytes_t bytes)
{
    size_t len = strlen(text);
    assert_true(len + bytes.len + 2 < WORKER_KIT_TEXT);
    if (bytes.len) memcpy(text + len, bytes.at, bytes.len);
    text[len + bytes.len] = 0;
}

/* Adds one item, or counts it when it is the same as the last. */
static void add_item(char *text, const char *item, char *last, int *times)
{
    char count[16];
    if (strcmp(item, last) == 0) {
        if (*times > 1) *strrchr(text, '*') = 0;
        snprintf(count, sizeof count, "*%d", ++*times);
        add_bytes(text, evg_bytes_of(count));
        return;
    }
    if (*text) add_bytes(text, evg_bytes_of("; "));
    add_bytes(text, evg_bytes_of(item));
    snprintf(last, WORKER_KIT_TEXT, "%s", item);
    *times = 1;
}

static void add_args(char *item, const evg_bytes_t *args, int argc)
{
    for (int i = 0; i < argc; i++) {
        add_bytes(item, evg_bytes_of(" "));
        add_bytes(item, args[i]);
    }
}

/* One packet or line at the front of `bytes`, as text; how long it was. */
static size_t describe(char *item, evg_bytes_t bytes)
{
    evg_packet_t packet;
    *item = 0;
    if (*bytes.at) {
        const uint8_t *end = memchr(bytes.at, '\n', bytes.len);
        assert_non_null(end);
        add_bytes(item, evg_bytes(bytes.at, (size_t)(end - bytes.at)));
        return (size_t)(end - bytes.at) + 1;
    }
    ptrdiff_t len = evg_packet_decode(&packet, EVG_REQ, bytes, SIZE_MAX);
    assert_true(len > 0);
    add_bytes(item, evg_bytes_of(evg_command_info(packet.type)->name));
    add_args(item, packet.args, packet.argc);
    return (size_t)len;
}

const char *worker_kit_wire(worker_kit_t *kit)
{
    static char item[WORKER_KIT_TEXT], last[WORKER_KIT_TEXT];
    int times = 0;
    evg_bytes_t out = evg_session_output(&kit->s);
    size_t all = out.len;
    *kit->wire = *last = 0;
    while (out.len) {
        size_t len = describe(item, out);
        out = evg_bytes(out.at + len, out.len - len);
        add_item(kit->wire, item, last, &times);
    }
    evg_session_written(&kit->s, all);
    return kit->wire;
}

static void accept_job(worker_kit_t *kit, const evg_event_t *event)
{
    assert_true(kit->job_count < WORKER_KIT_JOBS);
    evg_worker_accept(&kit->s, &kit->jobs[kit->job_count++], event, kit);
}

static void describe_event(char *item, const evg_event_t *event)
{
    snprintf(item, WORKER_KIT_TEXT, "%s", event_name(event->type));
    if (event->error) {
        add_bytes(item, evg_bytes_of(" "));
        add_bytes(item, evg_bytes_of(evg_error_name(event->error)));
    }
    if (event->job) {
        evg_bytes_t handle = evg_bytes(event->job->handle, event->job->handle_len);
        add_args(item, &handle, 1);
    }
    add_args(item, event->args, event->argc);
}

const char *worker_kit_events(worker_kit_t *kit)
{
    static char item[WORKER_KIT_TEXT], last[WORKER_KIT_TEXT];
    int r, times = 0;
    evg_event_t event;
    *kit->events = *last = 0;
    while ((r = evg_session_next(&kit->s, &event)) > 0) {
        describe_event(item, &event);
        if (event.type == EVG_EVENT_ASSIGNED) accept_job(kit, &event);
        add_item(kit->events, item, last, &times);
    }
    if (r < 0) kit->broken = r;
    return kit->events;
}

void assert_broken(worker_kit_t *kit, int error)
{
    assert_int_equal(kit->broken, error);
    kit->broken = 0;
}

/* -- a life -------------------------------------------------------------------------------------------------------- */

void worker_kit_init(worker_kit_t *kit)
{
    memset(kit, 0, sizeof *kit);
    kit->live = evg_alloc_live();
    evg_session_init(&kit->s, 1, 2, 1000);
    kit->s.options.heartbeat = 0;
    kit->s.options.exceptions = false;
    evg_request_init(&kit->request, kit);
}

void worker_kit_open(worker_kit_t *kit, const char *version)
{
    assert_int_equal(evg_session_want(&kit->s), 0);
    evg_wire_clock(&kit->s.wire, kit->s.wire.now + 10); /* any delay is over */
    assert_true(evg_session_wants_open(&kit->s));
    evg_session_opening(&kit->s);
    assert_int_equal(evg_session_opened(&kit->s), 0);
    worker_kit_wire(kit);
    if (version) {
        assert_int_equal(evg_wire_feed(&kit->s.wire, evg_bytes_of(version)), 0);
        assert_int_equal(evg_wire_feed(&kit->s.wire, evg_bytes_of("\n")), 0);
    }
    worker_kit_events(kit);
    assert_int_equal(kit->broken, 0);
}

void worker_kit_start(worker_kit_t *kit, const char *version)
{
    worker_kit_init(kit);
    worker_kit_open(kit, version);
}

void worker_kit_lose(worker_kit_t *kit)
{
    evg_session_closed(&kit->s, EVG_ESERVER_CLOSED, NULL);
}

void worker_kit_stop(worker_kit_t *kit)
{
    evg_session_deinit(&kit->s);
    assert_int_equal(evg_alloc_live(), kit->live);
}

void worker_kit_can_do_timed(worker_kit_t *kit, const char *name, double timeout, double server_timeout)
{
    assert_int_equal(evg_worker_can_do(&kit->s, evg_bytes_of(name), timeout, server_timeout, kit), 0);
}

void worker_kit_can_do(worker_kit_t *kit, const char *name)
{
    worker_kit_can_do_timed(kit, name, 0, 0);
}

void worker_kit_cant_do(worker_kit_t *kit, const char *name)
{
    assert_int_equal(evg_worker_cant_do(&kit->s, evg_bytes_of(name)), 0);
}

void worker_kit_say(worker_kit_t *kit, evg_command_t type, ...)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    int argc = 0;
    evg_buffer_t bytes;
    va_list list;
    va_start(list, type);
    for (const char *arg; (arg = va_arg(list, const char *));) args[argc++] = evg_bytes_of(arg);
    va_end(list);
    evg_buffer_init(&bytes);
    assert_int_equal(evg_packet_encode(&bytes, EVG_RES, type, args, argc, SIZE_MAX), 0);
    assert_int_equal(evg_wire_feed(&kit->s.wire, evg_buffer_bytes(&bytes)), 0);
    evg_buffer_deinit(&bytes);
}

void worker_kit_assign(worker_kit_t *kit, const char *handle, const char *function)
{
    worker_kit_say(kit, EVG_JOB_ASSIGN_UNIQ, handle, function, "u", "w", NULL);
}

evg_job_t *worker_kit_job(worker_kit_t *kit, const char *handle)
{
    for (size_t i = kit->job_count; i-- > 0;) {
        evg_job_t *job = &kit->jobs[i];
        if (evg_bytes_equal_p(evg_bytes(job->handle, job->handle_len), evg_bytes_of(handle))) return job;
    }
    fail_msg("no job %s", handle);
    return NULL;
}

void worker_kit_complete(worker_kit_t *kit, const char *handle)
{
    evg_job_t *job = worker_kit_job(kit, handle);
    assert_int_equal(evg_job_complete(&kit->s, job, evg_bytes_of("r")), 0);
}

void worker_kit_pass(worker_kit_t *kit, double seconds)
{
    evg_wire_clock(&kit->s.wire, kit->s.wire.now + seconds);
    int r = evg_session_tick(&kit->s);
    if (r < 0) kit->broken = r;
}

double worker_kit_pass_to_deadline(worker_kit_t *kit)
{
    double seconds = evg_session_deadline(&kit->s) - kit->s.wire.now;
    worker_kit_pass(kit, seconds);
    return seconds;
}

/* -- set-ups ------------------------------------------------------------------------------------------------------- */

int introduced(void **state)
{
    (void)state;
    worker_kit_start(&kit, "OK 1.1.20");
    return 0;
}

int asking(void **state)
{
    introduced(state);
    worker_kit_can_do(&kit, "f");
    assert_int_equal(evg_worker_work(&kit.s), 0);
    assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");
    return 0;
}

int nothing_leaked(void **state)
{
    (void)state;
    evg_alloc_fail_at(0);
    assert_int_equal(kit.broken, 0);
    worker_kit_stop(&kit);
    return 0;
}

void no_job(void)
{
    worker_kit_say(&kit, EVG_NO_JOB, NULL);
    worker_kit_events(&kit);
}
