#include "binding/drive/follow.h"

#include <errno.h>
#include <math.h>
#include <ruby/thread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "binding/drive/lost.h"
#include "binding/drive/seat.h"
#include "binding/values/forks.h"

static void wake_thread(goal_waiter_t *common)
{
    follower_t *follower = (follower_t *)common;
    evg_list_unlink(&follower->in_loop);
    sem_post(&follower->sem);
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

static bool first_p(const follower_t *follower)
{
    return follower->loop->waiters.next == &follower->in_loop;
}

/* Without the GVL. Comes back when posted, interrupted, late, or when the driver seems stuck. */
static void *sleep_on(void *arg)
{
    follower_t *follower = arg;
    for (;;) {
        double until = evg_monotonic() + SEAT_TICK;
        bool last = follower->deadline <= until;
        follower->seen = ((const volatile loop_t *)follower->loop)->seat.seq;
        if (sem_wait_until(&follower->sem, last ? follower->deadline : until) || last) return NULL;
        if (first_p(follower) && seat_stuck_p(follower->loop, follower->seen)) {
            follower->saw_stuck = true;
            return NULL;
        }
    }
}

static void wake_sleeper(void *arg)
{
    sem_post(&((follower_t *)arg)->sem);
}

/* All look again at what they wait for: to a Task whose own block stands still nothing more happens. */
static void steal_if_stuck(follower_t *follower)
{
    loop_t *loop = follower->loop;
    bool saw_stuck = follower->saw_stuck && seat_stuck_p(loop, follower->seen);
    follower->saw_stuck = false;
    if (!first_p(follower) || !(saw_stuck || seat_long_stuck_p(loop))) return;
    lost_note(loop, lost_new());
    seat_promote(loop, follower);
    seat_wake_all(loop);
}

static bool served_p(const follower_t *follower)
{
    return follower->common.woken || follower->promoted || follower->loop->closed || follower->forks != evg_forks ||
           follower->common.goal.reached(&follower->common.goal);
}

static VALUE follow_body(VALUE arg)
{
    follower_t *follower = (follower_t *)arg;
    while (!served_p(follower) && evg_monotonic() < follower->deadline) {
        rb_nogvl(sleep_on, follower, wake_sleeper, follower, RB_NOGVL_UBF_ASYNC_SAFE | RB_NOGVL_INTR_FAIL);
        steal_if_stuck(follower);
        rb_thread_check_ints();
    }
    return Qnil;
}

static follower_t *follower_new(loop_t *loop, const goal_t *goal, double deadline)
{
    follower_t *follower = evg_zalloc(sizeof *follower);
    if (!follower) rb_memerror();
    sem_init(&follower->sem, 0, 0);
    follower->common.wake = wake_thread;
    follower->loop = loop;
    follower->common.goal = *goal;
    follower->thread = rb_thread_current();
    follower->fiber = rb_fiber_current();
    follower->deadline = deadline;
    follower->forks = evg_forks;
    evg_list_init(&follower->common.in_goal);
    evg_list_append(&loop->waiters, &follower->in_loop);
    if (goal->waiters) evg_list_append(goal->waiters, &follower->common.in_goal);
    return follower;
}

static void follower_free(follower_t *follower)
{
    evg_list_unlink(&follower->in_loop);
    evg_list_unlink(&follower->common.in_goal);
    sem_destroy(&follower->sem);
    evg_free(follower);
}

/* Nothing may switch threads between the check of the goal and the linking of the follower. */
void follow(loop_t *loop, const goal_t *goal, double deadline)
{
    int state = 0;
    VALUE fiber = rb_fiber_current(); /* on this stack it is not moved, as it would be from the heap */
    evg_assert(!goal->reached(goal) && !seat_free_p(loop));
    follower_t *follower = follower_new(loop, goal, deadline);
    if (seat_hands_over_p(loop)) evg_loop_wake(loop->net); /* to us */
    rb_protect(follow_body, (VALUE)follower, &state);
    follower_free(follower);
    RB_GC_GUARD(fiber);
    if (!state) return;
    seat_release_if_heir(loop);
    rb_jump_tag(state);
}
