/* What a worker asks for, and what it makes of the answers. When it asks is in grab.c. */
#include "session/worker_session.h"

#include <math.h>

#include "session/crew.h"
#include "session/exchange.h"
#include "session/state.h"

static const double auto_wait = 0.002; /* seconds that a job of EVG_PREFETCH_AUTO may wait for its handler */

void evg_worker_init(evg_session_t *s, uint64_t seed0, uint64_t seed1)
{
    evg_worker_session_t *w = &s->worker;
    w->concurrency = 1;
    w->poll_interval = 1;
    w->grab_unique = true;
    w->window = 1;
    w->wake_at = INFINITY;
    evg_list_init(&w->held);
    evg_list_init(&w->lost);
    evg_list_init(&w->expired);
    evg_list_init(&w->stuck);
    evg_deadlines_init(&w->dues);
    evg_worker_abilities_init(s, seed0, seed1);
}

void evg_worker_deinit(evg_session_t *s)
{
    evg_worker_abilities_deinit(s);
    evg_deadlines_deinit(&s->worker.dues);
}

bool evg_worker_working_p(const evg_session_t *s)
{
    evg_work_state_t state = s->worker.state;
    return state != EVG_WORK_OFF && state != EVG_WORK_DRAINING;
}

bool evg_worker_drained_p(const evg_session_t *s)
{
    return s->worker.state == EVG_WORK_OFF && s->worker.held_count == 0;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

/* Jobs that may be held, in all. */
static size_t capacity(const evg_worker_session_t *w, size_t stuck)
{
    if (w->concurrency == 0) return SIZE_MAX;
    size_t ahead = (size_t)(w->prefetch > 0 ? w->prefetch : 0);
    if (w->prefetch == EVG_PREFETCH_AUTO && w->mean > 0) {
        ahead = (size_t)fmin(auto_wait / w->mean * (double)w->concurrency, EVG_GRABS_MAX);
    }
    return w->concurrency - stuck + ahead;
}

/* All threads are with handlers whose jobs are lost or timed out: whatever came would wait for them. */
static bool stuck_p(const evg_worker_session_t *w, size_t stuck)
{
    return w->concurrency != 0 && stuck >= w->concurrency;
}

/* work_one does not count what is held: it was asked for one more. */
static bool room_p(const evg_session_t *s)
{
    const evg_worker_session_t *w = &s->worker;
    const evg_load_t load = evg_crew_load(s);
    if (stuck_p(w, load.stuck) || (w->crew && !evg_crew_turn_p(s))) return false;
    if (w->one) return load.grabs == 0;
    return s->grabs < w->window && load.held + load.grabs < capacity(w, load.stuck);
}

static evg_command_t grab_type(const evg_session_t *s)
{
    const evg_worker_session_t *w = &s->worker;
    bool unique = w->grab_unique && !w->plain && evg_dialect_speaks_p(s->dialect, EVG_GRAB_JOB_UNIQ);
    return unique ? EVG_GRAB_JOB_UNIQ : EVG_GRAB_JOB;
}

/* GRABs of the caller that waited for a CANT_DO. */
static int ask_put_off(evg_session_t *s)
{
    int r = 0;
    for (evg_list_t *at; r == 0 && (at = evg_list_first(&s->put_off));) {
        r = evg_session_ask_again(s, evg_container(at, evg_request_t, link), grab_type(s));
    }
    return r;
}

int evg_worker_prepare(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (!s->introduced) return 0;
    int r = evg_worker_settled_p(w) ? 0 : evg_worker_settle_abilities(s);
    if (r == 0 && w->crew) r = evg_grab_settle(w->crew);
    bool leaving = evg_worker_leaving_p(w);
    if (r == 0 && !leaving) r = ask_put_off(s);
    if (r < 0 || w->state != EVG_WORK_GRABBING || leaving) return r;
    while (room_p(s) && !evg_list_empty_p(&w->functions)) {
        r = evg_session_ask_own(s, EVG_FOR_GRAB, grab_type(s), NULL, 0);
        if (r < 0) return r;
        if (w->crew) evg_crew_asked(s);
    }
    return 0;
}

int evg_worker_grab(evg_session_t *s, evg_request_t *request)
{
    if (evg_worker_working_p(s)) return EVG_EWORKING;
    s->worker.stopping = false;
    int r = evg_worker_settle_abilities(s);
    if (r < 0) return r;
    if (evg_worker_leaving_p(&s->worker))
        return evg_session_put_off(s, request, grab_type(s)); /* it may not bring one of those */
    return evg_session_ask(s, request, grab_type(s), NULL, 0);
}

/* A caller's GRAB goes out before the dialect is known, and not every server is known by its version. */
int evg_worker_grab_refused(evg_session_t *s, evg_request_t *grab)
{
    s->worker.plain = true;
    if (grab->purpose == EVG_FOR_CALLER) return evg_session_ask_again(s, grab, EVG_GRAB_JOB);
    evg_session_end(s, grab, 0, EVG_DELIVERY_NONE);
    return evg_grab(s, EVG_ON_REFUSED);
}

/* -- being answered ------------------------------------------------------------------------------------------------ */

static bool unique_p(const evg_packet_t *packet)
{
    return packet->type != EVG_JOB_ASSIGN;
}

static int refuse(evg_session_t *s, evg_bytes_t handle)
{
    s->stats.refused_jobs++;
    (void)evg_grab(s, EVG_ON_REFUSED);
    return evg_session_send(s, EVG_WORK_FAIL, &handle, 1);
}

static void tell_assigned(evg_event_t *event, const evg_packet_t *packet, evg_request_t *request)
{
    event->type = EVG_EVENT_ASSIGNED;
    event->request = request;
    event->argc = 4;
    event->args[0] = packet->args[0];
    event->args[1] = packet->args[1];
    event->args[2] = unique_p(packet) ? packet->args[2] : evg_bytes("", 0);
    event->args[3] = packet->args[packet->argc - 1];
}

/* A GRAB of the loop was answered by a job. */
static void grabbed(evg_session_t *s, evg_request_t *grab)
{
    evg_worker_session_t *w = &s->worker;
    evg_session_end(s, grab, 0, EVG_DELIVERY_NONE);
    w->window = w->window * 2 > EVG_GRABS_MAX ? EVG_GRABS_MAX : w->window * 2;
    w->busy = true;
    w->woken = w->nooped = false;
    w->dry = 0;
    (void)evg_grab(s, EVG_ON_JOB);
}

static int assigned_by_loop(evg_session_t *s, evg_request_t *grab, const evg_packet_t *packet, evg_event_t *event)
{
    grabbed(s, grab);
    evg_function_t *function = evg_worker_any_function(s, packet->args[1]);
    if (!function || !function->owner) return refuse(s, packet->args[0]);
    tell_assigned(event, packet, NULL);
    return 1;
}

int evg_worker_assigned(evg_session_t *s, evg_request_t *grab, const evg_packet_t *packet, evg_event_t *event)
{
    if (evg_check_handle(packet->args[0]) < 0 || packet->args[1].len == 0) return EVG_EMALFORMED;
    int r = evg_deadlines_reserve(&s->worker.dues, s->worker.held_count + 1);
    if (r < 0) return r;
    if (grab->purpose == EVG_FOR_GRAB) return assigned_by_loop(s, grab, packet, event);
    tell_assigned(event, packet, grab);
    evg_session_end(s, grab, 0, EVG_DELIVERY_NONE);
    return 1;
}

int evg_worker_too_large(evg_session_t *s, evg_request_t *grab, const evg_packet_t *packet, evg_event_t *event)
{
    bool by_loop = grab->purpose == EVG_FOR_GRAB;
    if (evg_check_handle(packet->args[0]) < 0) return EVG_EMALFORMED;
    if (by_loop) grabbed(s, grab);
    int r = refuse(s, packet->args[0]);
    if (r < 0) return r;
    if (!by_loop) return evg_session_tell_done(s, event, grab, EVG_ETOO_LARGE);
    event->type = EVG_EVENT_REFUSED;
    event->error = EVG_ETOO_LARGE;
    event->argc = 1;
    event->args[0] = packet->args[0];
    return 1;
}

/* -- starting, stopping, time -------------------------------------------------------------------------------------- */

static int start(evg_session_t *s, bool one)
{
    evg_worker_session_t *w = &s->worker;
    int r = evg_session_want(s);
    if (r < 0) return r;
    w->one = one;
    w->stopping = false;
    w->busy = true;
    w->tell_stopped = false;
    w->dry = 0;
    return evg_grab(s, EVG_ON_START);
}

int evg_worker_work(evg_session_t *s)
{
    return start(s, false);
}

int evg_worker_work_one(evg_session_t *s)
{
    return evg_worker_working_p(s) ? EVG_EWORKING : start(s, true);
}

void evg_worker_stop(evg_session_t *s)
{
    s->worker.stopping = true;
    (void)evg_grab(s, EVG_ON_STOP);
}

void evg_worker_closed(evg_session_t *s, bool stop)
{
    evg_worker_session_t *w = &s->worker;
    evg_jobs_lose(s);
    evg_worker_abilities_closed(s);
    w->nooped = w->plain = false;
    w->stopping |= stop;
    (void)evg_grab(s, stop ? EVG_ON_LEFT : EVG_ON_LOST);
}

int evg_worker_tick(evg_session_t *s)
{
    int r = evg_jobs_expire(s);
    bool due = s->state == EVG_OPEN && s->worker.wake_at <= s->wire.now;
    return r == 0 && due ? evg_grab(s, EVG_ON_DUE) : r;
}

double evg_worker_deadline(const evg_session_t *s)
{
    evg_deadline_t *due = evg_deadlines_first(&s->worker.dues);
    double at = s->state == EVG_OPEN ? s->worker.wake_at : INFINITY;
    return due && due->heap.at < at ? due->heap.at : at;
}

static bool tell_job(evg_event_t *event, evg_list_t *list, evg_event_type_t type)
{
    evg_list_t *at = evg_list_shift(list);
    if (!at) return false;
    event->type = type;
    event->job = evg_container(at, evg_job_t, link);
    return true;
}

bool evg_worker_next_notice(evg_session_t *s, evg_event_t *event)
{
    evg_worker_session_t *w = &s->worker;
    if (tell_job(event, &w->lost, EVG_EVENT_LOST)) return true;
    if (tell_job(event, &w->expired, EVG_EVENT_EXPIRED)) {
        event->error = EVG_EJOB_TIMEOUT;
        event->text = evg_job_say_expired(s, event->job);
        return true;
    }
    if (w->tell_idle) {
        w->tell_idle = false;
        event->type = EVG_EVENT_IDLE;
        return true;
    }
    if (w->tell_stopped) {
        w->tell_stopped = false;
        event->type = EVG_EVENT_STOPPED;
        return true;
    }
    return false;
}
