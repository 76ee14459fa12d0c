#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>

life_t life;

static size_t live_before;

/* -- what must be true --------------------------------------------------------------------------------------------- */

static void audit(void)
{
    const evg_session_stats_t *stats = &life.s.stats;
    must(stats->submitted == life.made);
    must(stats->resolved >= life.ended);
    must(stats->submitted == stats->resolved + evg_session_unresolved(&life.s));
    must(life.s.state == EVG_OPEN || evg_session_active_count(&life.s) == 0);
}

static void request_event(const evg_event_t *event)
{
    ptrdiff_t at = event->request - life.requests;
    must(at >= 0 && at < LIFE_REQUESTS && life.asked[at]);
    if (event->type != EVG_EVENT_DONE) return;
    must((event->error != 0) == (event->delivery != EVG_DELIVERY_NONE));
    life.asked[at] = false;
    life.ended++;
}

static void job_event(const evg_event_t *event)
{
    ptrdiff_t at = event->job - life.jobs;
    must(at >= 0 && at < LIFE_JOBS && life.held[at]);
    must(event->type == EVG_EVENT_LOST || event->type == EVG_EVENT_EXPIRED);
    life.held[at] = false;
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static int free_job(void)
{
    int at = 0;
    while (at < LIFE_JOBS && life.held[at]) at++;
    return at;
}

/* The session holds no more than its concurrency allows, and a grab_job for each request. */
static void accept_job(const evg_event_t *event)
{
    int at = free_job();
    must(at < LIFE_JOBS);
    must(event->argc == 4);
    life.jobs[at] = (evg_job_t){0};
    evg_worker_accept(&life.s, &life.jobs[at], event, NULL);
    life.held[at] = life.jobs[at].state == EVG_JOB_HELD;
}

evg_job_t *life_job(uint8_t number)
{
    int at = number % LIFE_JOBS;
    return life.held[at] ? &life.jobs[at] : NULL;
}

void life_finished(evg_job_t *job)
{
    must(job->state != EVG_JOB_HELD);
    life.held[job - life.jobs] = false;
}

/* -- events -------------------------------------------------------------------------------------------------------- */

/* A view must be readable, all of it: the sanitizer sees whether it is. */
static void read_all(evg_bytes_t bytes)
{
    volatile uint8_t sum = 0;
    for (size_t at = 0; at < bytes.len; at++) sum = (uint8_t)(sum + bytes.at[at]);
}

static void one_event(const evg_event_t *event)
{
    for (int at = 0; at < event->argc; at++) read_all(event->args[at]);
    read_all(event->text);
    if (event->type == EVG_EVENT_ASSIGNED) accept_job(event);
    if (event->request) request_event(event);
    if (event->job) job_event(event);
    audit();
}

static void obey(int reason)
{
    if (reason < 0) life_close(reason);
}

void life_tell(void)
{
    evg_event_t event;
    int answer;
    while ((answer = evg_session_next(&life.s, &event)) > 0) one_event(&event);
    obey(answer);
    audit();
}

/* -- the connection and the clock ---------------------------------------------------------------------------------- */

void life_open(void)
{
    evg_wire_clock(&life.s.wire, life.s.wire.now + 2); /* any delay is over */
    if (!evg_session_wants_open(&life.s)) return;
    evg_session_opening(&life.s);
    obey(evg_session_opened(&life.s));
    life_tell();
}

void life_close(int reason)
{
    if (life.s.state != EVG_OPEN && life.s.state != EVG_OPENING) return;
    evg_session_closed(&life.s, reason, NULL);
    life_tell();
}

void life_hear(evg_bytes_t bytes)
{
    if (life.s.state != EVG_OPEN) return;
    obey(evg_wire_feed(&life.s.wire, bytes));
    life_tell();
}

/* No deadline may be left behind: whoever waits for it would wait for ever without sleeping. */
void life_pass(double seconds)
{
    evg_wire_clock(&life.s.wire, life.s.wire.now + seconds);
    obey(evg_session_tick(&life.s));
    life_tell();
    if (life.s.state == EVG_OPEN) must(evg_session_deadline(&life.s) > life.s.wire.now);
}

/* -- a life -------------------------------------------------------------------------------------------------------- */

void life_begin(void)
{
    live_before = evg_alloc_live();
    memset(&life, 0, sizeof life);
    evg_session_init(&life.s, 1, 2, 1000);
    life.s.options.max_packet = 1 << 16;
    life.s.options.max_text = 1 << 12;
    life.s.worker.concurrency = 4;
}

evg_request_t *life_request(void)
{
    int at = 0;
    while (at < LIFE_REQUESTS && life.asked[at]) at++;
    if (at == LIFE_REQUESTS) return NULL;
    evg_request_init(&life.requests[at], NULL);
    return &life.requests[at];
}

void life_made(evg_request_t *request, int answer)
{
    if (answer < 0) return;
    life.asked[request - life.requests] = true;
    life.made++;
    audit();
}

void life_end(void)
{
    evg_session_shut(&life.s);
    life_tell();
    for (int at = 0; at < LIFE_REQUESTS; at++) must(!life.asked[at]);
    for (int at = 0; at < LIFE_JOBS; at++) must(!life.held[at]);
    must(life.made == life.ended);
    evg_session_deinit(&life.s);
    must(evg_alloc_live() == live_before);
}
