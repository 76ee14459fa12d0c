#include "binding/seat.h"

#include <errno.h>
#include <math.h>
#include <ruby/fiber/scheduler.h>
#include <ruby/thread.h>
#include <semaphore.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "binding/lost.h"
#include "binding/runs.h"
#include "binding/turn.h"

static const double tick = 0.1; /* how often a follower looks whether the driver stands still */

/* A thread that follows. On the heap: a fork leaves the stacks of other threads behind, but not the lists in which
 * their waiters are. */
typedef struct {
    goal_waiter_t common; /* first */
    evg_list_t in_loop;   /* loop->waiters, until it is woken or promoted */
    sem_t sem;
    loop_t *loop;
    VALUE thread, fiber;
    double deadline;
    uint64_t forks; /* evg_forks when it began */
    uint64_t seen;  /* seat.seq at the last tick */
    bool promoted;  /* the seat is ours now */
    bool saw_stuck; /* left the sleep because the driver stands still */
} waiter_t;

/* -- the seat ------------------------------------------------------------------------------------------------------ */

bool seat_free_p(const loop_t *loop)
{
    return NIL_P(loop->seat.thread);
}

/* Only a Fiber scheduler switches fibers while one of them drives: without one, who runs inside of its block is not
 * another, whatever fiber that is. */
bool seat_mine_p(const loop_t *loop)
{
    if (loop->seat.thread != rb_thread_current()) return false;
    return NIL_P(rb_fiber_scheduler_get()) || loop->seat.fiber == rb_fiber_current();
}

bool seat_in_block_p(const loop_t *loop)
{
    return (loop->seat.in_block > 0 && seat_mine_p(loop)) || lost_blocks(loop) > 0;
}

bool seat_deep_p(const loop_t *loop)
{
    static const unsigned most = 64;
    return loop->seat.in_block + lost_blocks(loop) >= most;
}

static void give(loop_t *loop, VALUE thread, VALUE fiber)
{
    seat_t *seat = &loop->seat;
    seat->number++;
    seat->seq++;
    seat->thread = thread;
    seat->fiber = fiber;
    seat->depth = seat->in_block = 0;
}

static void promote(loop_t *loop, waiter_t *waiter)
{
    evg_list_unlink(&waiter->in_loop);
    give(loop, waiter->thread, waiter->fiber);
    waiter->promoted = true;
    sem_post(&waiter->sem);
}

/* The first who waits unserved and may start handlers, or NULL. */
static waiter_t *runner(const loop_t *loop)
{
    for (const evg_list_t *at = loop->waiters.next; at != &loop->waiters; at = at->next) {
        waiter_t *waiter = evg_container(at, waiter_t, in_loop);
        if (run_allows_p(loop, waiter->thread)) return waiter;
    }
    return NULL;
}

/* The driver may not start a handler that waits, and a follower may. */
static bool hands_over_p(const loop_t *loop)
{
    return seat_jobs_ready_p(loop) && !run_allows_p(loop, loop->seat.thread) && runner(loop);
}

/* To the first who waits unserved (and may start the handlers that wait, if one of them may), or to nobody. */
static void release(loop_t *loop)
{
    waiter_t *heir = loop->jobs.count ? runner(loop) : NULL;
    evg_list_t *first = heir ? &heir->in_loop : evg_list_first(&loop->waiters);
    if (first)
        promote(loop, evg_container(first, waiter_t, in_loop));
    else
        give(loop, Qnil, Qnil);
}

/* An heir that does not drive passes the seat on. */
static void release_if_heir(loop_t *loop)
{
    if (seat_mine_p(loop) && loop->seat.depth == 0) release(loop);
}

static void wake_thread(goal_waiter_t *common)
{
    waiter_t *waiter = (waiter_t *)common;
    evg_list_unlink(&waiter->in_loop);
    sem_post(&waiter->sem);
}

void seat_wake(evg_list_t *waiters)
{
    for (evg_list_t *at = waiters->next; at != waiters; at = at->next) {
        goal_waiter_t *waiter = evg_container(at, goal_waiter_t, in_goal);
        waiter->woken = true;
        waiter->wake(waiter);
    }
}

void seat_wake_reached(evg_list_t *waiters)
{
    for (evg_list_t *at = waiters->next; at != waiters; at = at->next) {
        goal_waiter_t *waiter = evg_container(at, goal_waiter_t, in_goal);
        if (waiter->woken || !waiter->goal.reached(&waiter->goal)) continue;
        waiter->woken = true;
        waiter->wake(waiter);
    }
}

void seat_wake_all(loop_t *loop)
{
    for (evg_list_t *at = loop->waiters.next; at != &loop->waiters; at = at->next) {
        sem_post(&evg_container(at, waiter_t, in_loop)->sem);
    }
}

void seat_forget(loop_t *loop)
{
    give(loop, Qnil, Qnil);
    evg_list_clear(&loop->waiters);
    evg_list_clear(&loop->lost);
}

/* -- driving ------------------------------------------------------------------------------------------------------- */

typedef struct {
    loop_t *loop;
    const goal_t *goal;
    double deadline;
    uint64_t seat;
    VALUE note;
    size_t called;
    bool once; /* a block that was called is enough */
} drive_t;

static VALUE drive_body(VALUE arg)
{
    drive_t *drive = (drive_t *)arg;
    loop_t *loop = drive->loop;
    do {
        drive->called += loop_turn(loop, drive->goal, drive->deadline);
    } while (loop->seat.number == drive->seat && !loop->closed && !drive->goal->reached(drive->goal) &&
             !(drive->once && drive->called) && !hands_over_p(loop) && evg_monotonic() < drive->deadline);
    return Qnil;
}

static VALUE drive_end(VALUE arg)
{
    drive_t *drive = (drive_t *)arg;
    loop_t *loop = drive->loop;
    if (loop->seat.number != drive->seat) return Qnil;
    evg_assert(loop->seat.depth > 0 && loop->seat.in_block < loop->seat.depth);
    if (--loop->seat.depth > 0) return Qnil;
    loop_leave(loop);
    release(loop);
    return Qnil;
}

static size_t drive(loop_t *loop, const goal_t *goal, double deadline, bool once)
{
    if (seat_free_p(loop)) {
        evg_assert(loop->seat.depth == 0 && loop->seat.in_block == 0);
        give(loop, rb_thread_current(), rb_fiber_current());
    }
    loop->seat.depth++;
    drive_t drive = {.loop = loop,
                     .goal = goal,
                     .deadline = deadline,
                     .seat = loop->seat.number,
                     .note = loop->seat.note,
                     .once = once};
    rb_ensure(drive_body, (VALUE)&drive, drive_end, (VALUE)&drive);
    RB_GC_GUARD(drive.note);
    return drive.called;
}

/* -- following ----------------------------------------------------------------------------------------------------- */

/* A block that waits in a nested drive is no such case: that drive may be in libev. */
bool seat_stuck_p(const loop_t *loop, uint64_t seen)
{
    const volatile seat_t *seat = &loop->seat;
    return seat->in_block == seat->depth && seat->seq == seen;
}

static bool first_p(const waiter_t *waiter)
{
    return waiter->loop->waiters.next == &waiter->in_loop;
}

static struct timespec time_of(double seconds)
{
    double whole = floor(seconds);
    return (struct timespec){.tv_sec = (time_t)whole, .tv_nsec = (long)((seconds - whole) * 1e9)};
}

/* A clock would not tell: a post may come late, and is used up. */
bool sem_wait_until(sem_t *sem, double deadline)
{
#ifdef HAVE_SEM_CLOCKWAIT
    struct timespec at = time_of(deadline);
    return sem_clockwait(sem, CLOCK_MONOTONIC, &at) == 0 || errno != ETIMEDOUT;
#else
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double left = fmax(deadline - evg_monotonic(), 0);
    struct timespec at = time_of((double)now.tv_sec + (double)now.tv_nsec / 1e9 + left);
    return sem_timedwait(sem, &at) == 0 || errno != ETIMEDOUT;
#endif
}

/* Without the GVL. Comes back when posted, interrupted, late, or when the driver seems stuck. */
static void *sleep_on(void *arg)
{
    waiter_t *waiter = arg;
    for (;;) {
        double until = evg_monotonic() + tick;
        bool last = waiter->deadline <= until;
        waiter->seen = ((const volatile loop_t *)waiter->loop)->seat.seq;
        if (sem_wait_until(&waiter->sem, last ? waiter->deadline : until) || last) return NULL;
        if (first_p(waiter) && seat_stuck_p(waiter->loop, waiter->seen)) {
            waiter->saw_stuck = true;
            return NULL;
        }
    }
}

static void wake_sleeper(void *arg)
{
    sem_post(&((waiter_t *)arg)->sem);
}

/* The same for who never sleeps for a whole tick: by what was seen when somebody last looked. */
static bool long_stuck_p(loop_t *loop)
{
    seat_t *seat = &loop->seat;
    double now = evg_monotonic();
    if (seat->seen != seat->seq) {
        seat->seen = seat->seq;
        seat->seen_at = now;
    }
    return now - seat->seen_at >= tick && seat_stuck_p(loop, seat->seen);
}

bool seat_take_over(loop_t *loop, uint64_t seen)
{
    if (!seat_stuck_p(loop, seen)) return false;
    lost_note(loop, lost_new());
    give(loop, rb_thread_current(), rb_fiber_current());
    seat_wake_all(loop);
    return true;
}

/* All look again at what they wait for: to a Task whose own block stands still nothing more happens. */
static void steal_if_stuck(waiter_t *waiter)
{
    loop_t *loop = waiter->loop;
    bool saw_stuck = waiter->saw_stuck && seat_stuck_p(loop, waiter->seen);
    waiter->saw_stuck = false;
    if (!first_p(waiter) || !(saw_stuck || long_stuck_p(loop))) return;
    lost_note(loop, lost_new());
    promote(loop, waiter);
    seat_wake_all(loop);
}

/* Who runs on the driver's thread beside it, under a Fiber scheduler, does so in its block. */
bool seat_leave_if_stuck(loop_t *loop)
{
    bool inside = loop->seat.thread == rb_thread_current();
    bool stuck = !inside && !seat_free_p(loop) && evg_list_empty_p(&loop->waiters) && long_stuck_p(loop);
    if (!inside && !stuck) return false;
    lost_note(loop, lost_new());
    release(loop);
    seat_wake_all(loop);
    return stuck;
}

static bool served_p(const waiter_t *waiter)
{
    return waiter->common.woken || waiter->promoted || waiter->loop->closed || waiter->forks != evg_forks ||
           waiter->common.goal.reached(&waiter->common.goal);
}

static VALUE follow_body(VALUE arg)
{
    waiter_t *waiter = (waiter_t *)arg;
    while (!served_p(waiter) && evg_monotonic() < waiter->deadline) {
        rb_nogvl(sleep_on, waiter, wake_sleeper, waiter, RB_NOGVL_UBF_ASYNC_SAFE | RB_NOGVL_INTR_FAIL);
        steal_if_stuck(waiter);
        rb_thread_check_ints();
    }
    return Qnil;
}

static waiter_t *waiter_new(loop_t *loop, const goal_t *goal, double deadline)
{
    waiter_t *waiter = evg_zalloc(sizeof *waiter);
    if (!waiter) rb_memerror();
    sem_init(&waiter->sem, 0, 0);
    waiter->common.wake = wake_thread;
    waiter->loop = loop;
    waiter->common.goal = *goal;
    waiter->thread = rb_thread_current();
    waiter->fiber = rb_fiber_current();
    waiter->deadline = deadline;
    waiter->forks = evg_forks;
    evg_list_init(&waiter->common.in_goal);
    evg_list_append(&loop->waiters, &waiter->in_loop);
    if (goal->waiters) evg_list_append(goal->waiters, &waiter->common.in_goal);
    return waiter;
}

static void waiter_free(waiter_t *waiter)
{
    evg_list_unlink(&waiter->in_loop);
    evg_list_unlink(&waiter->common.in_goal);
    sem_destroy(&waiter->sem);
    evg_free(waiter);
}

/* Nothing may switch threads between the check of the goal and the linking of the waiter. */
static void follow(loop_t *loop, const goal_t *goal, double deadline)
{
    int state = 0;
    VALUE fiber = rb_fiber_current(); /* on this stack it is not moved, as it would be from the heap */
    evg_assert(!goal->reached(goal) && !seat_free_p(loop));
    waiter_t *waiter = waiter_new(loop, goal, deadline);
    if (hands_over_p(loop)) evg_loop_wake(loop->net); /* to us */
    rb_protect(follow_body, (VALUE)waiter, &state);
    waiter_free(waiter);
    RB_GC_GUARD(fiber);
    if (!state) return;
    release_if_heir(loop);
    rb_jump_tag(state);
}

/* -- waiting ------------------------------------------------------------------------------------------------------- */

bool seat_wait(loop_t *loop, const goal_t *goal, double deadline)
{
    if (!NIL_P(rb_fiber_scheduler_current()) && !seat_mine_p(loop)) return fiber_wait(loop, goal, deadline);
    for (bool turned = false;;) {
        loop_follow_fork(loop);
        bool reached = goal->reached(goal), may_drive = seat_free_p(loop) || seat_mine_p(loop);
        bool late = evg_monotonic() >= deadline && (turned || !may_drive);
        if (reached || loop->closed || late) {
            release_if_heir(loop);
            evg_assert(!seat_mine_p(loop) || loop->seat.depth > 0);
            return reached;
        }
        if (may_drive) {
            drive(loop, goal, deadline, false);
            turned = true;
            continue;
        }
        turned = true;
        if (goal->about) evg_connection_flush(goal->about);
        if (!goal->reached(goal)) follow(loop, goal, deadline);
    }
}

typedef struct {
    const evg_loop_t *net;
    uint64_t events; /* that it had */
} moment_t;

static bool passed_p(const goal_t *goal)
{
    const moment_t *moment = goal->subject;
    return moment->net->events != moment->events;
}

/* A signal, or a thread whose slice of time is over, ends a poll and is nothing that happened. */
size_t seat_turn_once(loop_t *loop, double deadline)
{
    loop_follow_fork(loop);
    moment_t moment = {loop->net, loop->net->events};
    const goal_t something = {.reached = passed_p, .subject = &moment};
    size_t called = 0;
    do {
        if (seat_free_p(loop) || seat_mine_p(loop))
            called = drive(loop, &something, deadline, true);
        else
            follow(loop, &something, fmin(deadline, evg_monotonic() + tick));
    } while (!called && !passed_p(&something) && !loop->closed && evg_monotonic() < deadline);
    release_if_heir(loop);
    return called;
}
