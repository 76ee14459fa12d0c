#include "binding/drive/seat.h"

#include <ruby/fiber/scheduler.h>

#include "binding/drive/lost.h"
#include "binding/drive/runs.h"

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

void seat_give(loop_t *loop, VALUE thread, VALUE fiber)
{
    seat_t *seat = &loop->seat;
    seat->number++;
    seat->seq++;
    seat->thread = thread;
    seat->fiber = fiber;
    seat->depth = seat->in_block = 0;
}

void seat_promote(loop_t *loop, follower_t *follower)
{
    evg_list_unlink(&follower->in_loop);
    seat_give(loop, follower->thread, follower->fiber);
    follower->promoted = true;
    sem_post(&follower->sem);
}

/* The first who waits unserved and may start handlers, or NULL. */
static follower_t *runner(const loop_t *loop)
{
    for (const evg_list_t *at = loop->waiters.next; at != &loop->waiters; at = at->next) {
        follower_t *follower = evg_container(at, follower_t, in_loop);
        if (run_allows_p(loop, follower->thread)) return follower;
    }
    return NULL;
}

bool seat_hands_over_p(const loop_t *loop)
{
    return seat_jobs_ready_p(loop) && !run_allows_p(loop, loop->seat.thread) && runner(loop);
}

void seat_release(loop_t *loop)
{
    follower_t *heir = loop->jobs.count ? runner(loop) : NULL;
    evg_list_t *first = heir ? &heir->in_loop : evg_list_first(&loop->waiters);
    if (first)
        seat_promote(loop, evg_container(first, follower_t, in_loop));
    else
        seat_give(loop, Qnil, Qnil);
}

void seat_release_if_heir(loop_t *loop)
{
    if (seat_mine_p(loop) && loop->seat.depth == 0) seat_release(loop);
}

void seat_wake_all(loop_t *loop)
{
    for (evg_list_t *at = loop->waiters.next; at != &loop->waiters; at = at->next) {
        sem_post(&evg_container(at, follower_t, in_loop)->sem);
    }
}

void seat_forget(loop_t *loop)
{
    seat_give(loop, Qnil, Qnil);
    evg_list_clear(&loop->waiters);
    evg_list_clear(&loop->lost);
}

/* -- a driver that stands still ----------------------------------------------------------------------------------- */

/* A block that waits in a nested drive is no such case: that drive may be in libev. */
bool seat_stuck_p(const loop_t *loop, uint64_t seen)
{
    const volatile seat_t *seat = &loop->seat;
    return seat->in_block == seat->depth && seat->seq == seen;
}

bool seat_long_stuck_p(loop_t *loop)
{
    seat_t *seat = &loop->seat;
    double now = evg_monotonic();
    if (seat->seen != seat->seq) {
        seat->seen = seat->seq;
        seat->seen_at = now;
    }
    return now - seat->seen_at >= SEAT_TICK && seat_stuck_p(loop, seat->seen);
}

bool seat_take_over(loop_t *loop, uint64_t seen)
{
    if (!seat_stuck_p(loop, seen)) return false;
    lost_note(loop, lost_new());
    seat_give(loop, rb_thread_current(), rb_fiber_current());
    seat_wake_all(loop);
    return true;
}

/* Who runs on the driver's thread beside it, under a Fiber scheduler, does so in its block. */
bool seat_leave_if_stuck(loop_t *loop)
{
    bool inside = loop->seat.thread == rb_thread_current();
    bool stuck = !inside && !seat_free_p(loop) && evg_list_empty_p(&loop->waiters) && seat_long_stuck_p(loop);
    if (!inside && !stuck) return false;
    lost_note(loop, lost_new());
    seat_release(loop);
    seat_wake_all(loop);
    return stuck;
}
