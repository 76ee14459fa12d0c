#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>

life_t life;

static size_t live_before;

/* -- what must be true --------------------------------------------------------------------------------------------- */

static void audit_session(const evg_session_t *s)
{
    must(s->stats.submitted == s->stats.resolved + evg_session_unresolved(s));
    must(s->state == EVG_OPEN || evg_session_active_count(s) == 0);
    must(s->state == EVG_OPEN || s->worker.held_count + s->grabs == 0);
}

void life_audit(void)
{
    uint64_t submitted = 0, resolved = 0;
    for (int at = 0; at < life.count; at++) {
        const evg_session_t *s = &life.sessions[at];
        audit_session(s);
        submitted += s->stats.submitted;
        resolved += s->stats.resolved;
    }
    must(submitted == life.made);
    must(resolved >= life.ended);
}

/* -- several sessions ---------------------------------------------------------------------------------------------- */

void life_turn_to(int at)
{
    life.s = &life.sessions[at < life.count ? at : life.count - 1];
}

void life_route(const evg_submission_t *submission, bool keyed)
{
    const evg_fleet_member_t *member = evg_fleet_pick(&life.fleet, submission->function, submission->unique, keyed);
    (void)evg_fleet_seek(&life.fleet, member);
    life.s = member->session;
}

/* Nothing of it was written, and it goes where it may be. */
static void moved(void *context, evg_request_t *request, evg_fleet_member_t *to)
{
    (void)context;
    ptrdiff_t at = request - life.requests;
    must(at >= 0 && at < LIFE_REQUESTS && life.asked[at]);
    must(life.asked_of[at]->away && !to->session->away);
    must(request->movable && !request->begun && request->state == EVG_REQUEST_OWED);
    life.asked_of[at] = to->session;
}

static bool some(bool (*one_p)(const evg_session_t *s))
{
    for (int at = 0; at < life.count; at++) {
        if (one_p(&life.sessions[at])) return true;
    }
    return false;
}

static bool there_p(const evg_session_t *s)
{
    return !s->away;
}

static bool hopes_p(const evg_session_t *s)
{
    return !evg_session_idle_p(s);
}

/* Without a connection there is nothing to be written but what was asked. */
static void audit_output(const evg_session_t *s)
{
    size_t asked = 0;
    for (int at = 0; at < LIFE_REQUESTS; at++) {
        bool owed = life.asked[at] && life.asked_of[at] == s && life.requests[at].state == EVG_REQUEST_OWED;
        asked += owed ? life.requests[at].length : 0;
    }
    must(s->state == EVG_OPEN || asked == evg_session_unsent(s));
}

/* What may be elsewhere does not wait where nobody is, nor does anything wait for a connection that is not to come. */
static void settle(void)
{
    if (!life.joined || evg_fleet_settle(&life.fleet, moved, NULL) < 0) return;
    bool there = some(there_p), hope = some(hopes_p);
    for (int at = 0; at < LIFE_REQUESTS; at++) {
        const evg_request_t *request = &life.requests[at];
        if (!life.asked[at] || request->state != EVG_REQUEST_OWED) continue;
        if (request->movable) must(request->begun || !life.asked_of[at]->away || !there);
        must(request->movable ? there || hope : hopes_p(life.asked_of[at]));
    }
    for (int at = 0; at < life.count; at++) audit_output(&life.sessions[at]);
}

/* With one slot, one GRAB: also among several. */
static void audit_slots(void)
{
    const evg_worker_session_t *w = &life.s->worker;
    size_t ahead = w->prefetch < 0 ? EVG_GRABS_MAX : (size_t)w->prefetch, held = 0, grabs = 0;
    for (int at = 0; at < life.count; at++) {
        held += life.sessions[at].worker.held_count;
        grabs += life.sessions[at].grabs + life.sessions[at].asked_grabs;
    }
    must(w->one ? grabs == 1 : held + grabs <= w->concurrency + ahead);
}

evg_bytes_t life_output(void)
{
    size_t before = life.s->grabs;
    evg_bytes_t output = evg_session_output(life.s);
    if (life.s->grabs > before) audit_slots();
    return output;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

static void request_event(const evg_event_t *event)
{
    ptrdiff_t at = event->request - life.requests;
    must(at >= 0 && at < LIFE_REQUESTS && life.asked[at] && life.asked_of[at] == life.s);
    if (event->type != EVG_EVENT_DONE) return;
    must((event->error != 0) == (event->delivery != EVG_DELIVERY_NONE));
    life.asked[at] = false;
    life.ended++;
}

static void job_event(const evg_event_t *event)
{
    ptrdiff_t at = event->job - life.jobs;
    must(at >= 0 && at < LIFE_JOBS && life.held[at] && life.held_by[at] == life.s);
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

/* No more are held than their concurrency allows, and a grab_job for each request. */
static void accept_job(const evg_event_t *event)
{
    int at = free_job();
    must(at < LIFE_JOBS);
    must(event->argc == 4);
    life.jobs[at] = (evg_job_t){0};
    evg_worker_accept(life.s, &life.jobs[at], event, NULL);
    life.held_by[at] = life.s;
    life.held[at] = life.jobs[at].state == EVG_JOB_HELD;
}

evg_job_t *life_job(uint8_t number)
{
    int at = number % LIFE_JOBS;
    if (!life.held[at]) return NULL;
    life.s = life.held_by[at];
    return &life.jobs[at];
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
    life_audit();
}

/* What happens to one may end requests of another. */
void life_tell(void)
{
    evg_event_t event;
    evg_session_t *mine = life.s;
    settle();
    for (life.s = life.sessions; life.s < life.sessions + life.count; life.s++) {
        int answer;
        while ((answer = evg_session_next(life.s, &event)) > 0) one_event(&event);
        if (answer < 0) evg_session_closed(life.s, answer, NULL);
    }
    life.s = mine;
    life_audit();
}

/* -- the connection and the clock ---------------------------------------------------------------------------------- */

static void pass(double seconds)
{
    double now = life.s->wire.now + seconds;
    for (int at = 0; at < life.count; at++) evg_wire_clock(&life.sessions[at].wire, now);
}

static void obey(int reason)
{
    if (reason < 0) life_close(reason);
}

void life_open(void)
{
    pass(2); /* any delay is over */
    if (!evg_session_wants_open(life.s)) return;
    evg_session_opening(life.s);
    obey(evg_session_opened(life.s));
    life_tell();
}

void life_close(int reason)
{
    if (life.s->state != EVG_OPEN && life.s->state != EVG_OPENING) return;
    evg_session_closed(life.s, reason, NULL);
    life_tell();
}

void life_hear(evg_bytes_t bytes)
{
    if (life.s->state != EVG_OPEN) return;
    obey(evg_wire_feed(&life.s->wire, bytes));
    life_tell();
}

/* No deadline may be left behind: whoever waits for it would wait for ever without sleeping. */
void life_pass(double seconds)
{
    evg_session_t *mine = life.s;
    pass(seconds);
    for (life.s = life.sessions; life.s < life.sessions + life.count; life.s++) {
        obey(evg_session_tick(life.s));
        life_tell();
        if (life.s->state == EVG_OPEN) must(evg_session_deadline(life.s) > life.s->wire.now);
    }
    life.s = mine;
}

/* -- a life -------------------------------------------------------------------------------------------------------- */

static void begin_session(evg_session_t *s)
{
    evg_session_init(s, 1, 2, 1000);
    s->options.max_packet = 1 << 16;
    s->options.max_text = 1 << 12;
    s->worker.concurrency = 4;
}

static void join(int at)
{
    static const char *const addresses[LIFE_SESSIONS] = {"a:4730", "b:4730", "c:4730"};
    evg_fleet_add(&life.fleet, &life.members[at], &life.sessions[at], evg_bytes_of(addresses[at]));
    evg_crew_add(&life.crew, &life.sessions[at]);
}

void life_begin(bool joined)
{
    live_before = evg_alloc_live();
    memset(&life, 0, sizeof life);
    life.joined = joined;
    life.count = joined ? LIFE_SESSIONS : 1;
    evg_fleet_init(&life.fleet, EVG_ROUTE_SPREAD);
    evg_crew_init(&life.crew);
    for (int at = 0; at < life.count; at++) begin_session(&life.sessions[at]);
    for (int at = 0; at < life.count && joined; at++) join(at);
    life_turn_to(0);
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
    life.asked_of[request - life.requests] = life.s;
    life.made++;
    life_audit();
}

void life_end(void)
{
    for (int at = 0; at < life.count; at++) evg_session_shut(&life.sessions[at]);
    life_tell();
    for (int at = 0; at < LIFE_REQUESTS; at++) must(!life.asked[at]);
    for (int at = 0; at < LIFE_JOBS; at++) must(!life.held[at]);
    must(life.made == life.ended);
    for (int at = 0; at < life.count; at++) evg_session_deinit(&life.sessions[at]);
    must(evg_alloc_live() == live_before);
}
