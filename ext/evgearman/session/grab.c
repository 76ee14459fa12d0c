/* When a worker asks for a job.
 *
 * The canonical loop is GRAB -> NO_JOB -> PRE_SLEEP -> NOOP -> GRAB. What makes it longer than that:
 * several GRABs may be outstanding (one round trip per job is the largest cost there is); gearmand <= 1.1.22 wakes
 * nobody when a delayed job becomes due, so a sleeper asks again by PRE_SLEEP, which draws a NOOP or nothing, and now
 * and then by a real GRAB, which clears the server's "NOOP already sent"; a NOOP is always answered by a GRAB, or the
 * worker is never woken again; and NOOP -> NO_JOB in turns, which gearmand can do 12,000 times a second, is slowed. */
#include "session/grab.h"

#include <math.h>

#include "session/crew.h"
#include "session/exchange.h"
#include "session/state.h"

enum { POLLS_PER_GRAB = 5, DRY_BEFORE_REST = 3 };
static const double rest_first = 0.010, rest_most = 1;
static const double passed_most = 0.05; /* seconds for which a server without jobs is passed over */

static void enter(evg_worker_session_t *w, evg_work_state_t state, double wake_at)
{
    w->state = state;
    w->wake_at = wake_at;
}

static void grab(evg_worker_session_t *w, bool woken)
{
    enter(w, EVG_WORK_GRABBING, INFINITY);
    w->window = 1;
    w->woken = woken;
    w->polls = 0;
}

/* PRE_SLEEP cancels the server's timer of a job that is held. */
static bool server_times_p(const evg_worker_session_t *w)
{
    for (evg_list_t *at = w->held.next; at != &w->held; at = at->next) {
        const evg_function_t *function = evg_container(at, evg_job_t, link)->function;
        if (function && function->timed) return true;
    }
    return false;
}

/* Jittered downwards only, so that many workers do not ask in step and none is late. */
static double poll_at(evg_session_t *s)
{
    double interval = s->worker.poll_interval;
    return interval > 0 ? s->wire.now + interval * (1 - 0.25 * evg_backoff_random(&s->backoff)) : INFINITY;
}

static int pre_sleep(evg_session_t *s)
{
    s->worker.wake_at = poll_at(s);
    return server_times_p(&s->worker) ? 0 : evg_session_send(s, EVG_PRE_SLEEP, NULL, 0);
}

static int fall_asleep(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (server_times_p(w)) { /* it may not sleep, so it asks again when that job is done, or soon */
        w->woken = false;
        enter(w, EVG_WORK_RESTING, s->wire.now + rest_most);
        return 0;
    }
    int r = evg_session_send(s, EVG_PRE_SLEEP, NULL, 0);
    if (r < 0) return r;
    w->tell_idle = w->busy;
    w->busy = false;
    w->slept_at = s->wire.now;
    enter(w, EVG_WORK_ASLEEP, poll_at(s));
    return 0;
}

/* There may be work: ask for it, unless that was in vain too often in a row. */
static void wake(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    w->busy = true;
    grab(w, true);
    if (w->dry < DRY_BEFORE_REST) return;
    double rest = rest_first * pow(2, fmin(w->dry - DRY_BEFORE_REST, 10));
    enter(w, EVG_WORK_RESTING, s->wire.now + fmin(rest, rest_most));
}

static int end(evg_session_t *s)
{
    enter(&s->worker, EVG_WORK_OFF, INFINITY);
    return 0;
}

/* Draining ends when nothing can come any more. */
static int settle(evg_session_t *s)
{
    if (s->grabs || s->worker.held_count) return 0;
    s->worker.tell_stopped = true;
    return end(s);
}

static int drain(evg_session_t *s)
{
    enter(&s->worker, EVG_WORK_DRAINING, INFINITY);
    return settle(s);
}

/* -- of a crew ----------------------------------------------------------------------------------------------------- */

/* When nobody has a job. One of them tells that. */
int evg_grab_settle(const evg_crew_t *crew)
{
    int r = 0;
    bool busy = false;
    if (!evg_crew_dry_p(crew)) return 0;
    for (evg_session_t *s = NULL; (s = evg_crew_next(crew, s));) busy |= s->worker.busy;
    for (evg_session_t *s = NULL; r == 0 && (s = evg_crew_next(crew, s));) {
        if (s->worker.state != EVG_WORK_DRY) continue;
        evg_crew_stir(s);
        s->worker.busy = busy;
        busy = false;
        r = fall_asleep(s);
    }
    return r;
}

static int run_dry_for_now(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    enter(w, EVG_WORK_DRY, INFINITY);
    w->dries++;
    w->passed = 0;
    w->dried_at = s->wire.now;
    return 0;
}

/* Another one has had a job. Is it to be asked again? Who has none time after time is passed over, but not for long. */
static bool enough_p(evg_worker_session_t *w, double now)
{
    uint32_t least = w->dries < 5 ? 1U << (w->dries - 1) : EVG_CREW_PASSED_MAX;
    return ++w->passed >= least || now - w->dried_at > passed_most;
}

static void job_of_a_mate(evg_session_t *s, bool one)
{
    evg_worker_session_t *w = &s->worker;
    if (w->state == EVG_WORK_DRY && enough_p(w, s->wire.now)) grab(w, false);
    if (one) (void)drain(s);
}

/* -- steps: what an event does to who is in a state ---------------------------------------------------------------- */

static int ask(evg_session_t *s)
{
    grab(&s->worker, false);
    return 0;
}

static int take_job(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    w->dries = 0;
    if (w->one) enter(w, EVG_WORK_DRAINING, INFINITY);
    for (evg_session_t *other = NULL; w->crew && (other = evg_crew_next(w->crew, other));) {
        if (other != s) job_of_a_mate(other, w->one);
    }
    return 0;
}

static int note_noop(evg_session_t *s)
{
    if (s->grabs) s->worker.nooped = true;
    return 0;
}

static int run_dry(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    w->window = 1;
    if (s->grabs) return 0;
    if (w->woken || w->nooped) w->dry++;
    if (!w->nooped) return w->crew ? run_dry_for_now(s) : fall_asleep(s);
    w->nooped = false;
    wake(s);
    return 0;
}

static int wake_up(evg_session_t *s)
{
    if (s->wire.now - s->worker.slept_at > rest_most) s->worker.dry = 0; /* long ago is not "in a row" */
    wake(s);
    return 0;
}

static int poll_server(evg_session_t *s)
{
    return ++s->worker.polls % POLLS_PER_GRAB == 0 ? ask(s) : pre_sleep(s);
}

static int end_rest(evg_session_t *s)
{
    bool woken = s->worker.woken;
    grab(&s->worker, woken);
    return 0;
}

/* It rested for the sake of a job that has a timer at the server, and no other has. */
static int rest_no_more(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    return w->dry < DRY_BEFORE_REST && !server_times_p(w) ? ask(s) : 0;
}

typedef int step_t(evg_session_t *s);

/* NULL: it means nothing there. */
/* clang-format off */
static step_t *const steps[][EVG_WORK_STATES] = {
    /*                    OFF   GRABBING   ASLEEP       RESTING       DRY      DRAINING */
    [EVG_ON_START]   = {ask,  NULL,      ask,         ask,          ask,     ask},
    [EVG_ON_STOP]    = {NULL, drain,     drain,       drain,        drain,   NULL},
    [EVG_ON_NO_JOB]  = {NULL, run_dry,   NULL,        NULL,         NULL,    settle},
    [EVG_ON_JOB]     = {NULL, take_job,  NULL,        NULL,         NULL,    NULL},
    [EVG_ON_REFUSED] = {NULL, NULL,      NULL,        NULL,         NULL,    settle},
    [EVG_ON_LET_GO]  = {NULL, NULL,      NULL,        rest_no_more, NULL,    settle},
    [EVG_ON_NOOP]    = {NULL, note_noop, wake_up,     NULL,         wake_up, NULL},
    [EVG_ON_ABLE]    = {NULL, NULL,      ask,         NULL,         ask,     NULL},
    [EVG_ON_DUE]     = {NULL, NULL,      poll_server, end_rest,     NULL,    NULL},
    [EVG_ON_LOST]    = {NULL, ask,       ask,         ask,          ask,     settle},
    [EVG_ON_LEFT]    = {NULL, end,       end,         end,          end,     settle},
};
/* clang-format on */

int evg_grab(evg_session_t *s, evg_grab_event_t event)
{
    step_t *step = steps[event][s->worker.state];
    evg_crew_stir(s);
    return step ? step(s) : 0;
}
