#include "binding/drive/wait.h"

#include <math.h>
#include <ruby/fiber/scheduler.h>

#include "base/assert.h"
#include "binding/drive/fiber.h"
#include "binding/drive/follow.h"
#include "binding/drive/seat.h"
#include "binding/drive/turn.h"

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
             !(drive->once && drive->called) && !seat_hands_over_p(loop) && evg_monotonic() < drive->deadline);
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
    seat_release(loop);
    return Qnil;
}

static size_t drive(loop_t *loop, const goal_t *goal, double deadline, bool once)
{
    if (seat_free_p(loop)) {
        evg_assert(loop->seat.depth == 0 && loop->seat.in_block == 0);
        seat_give(loop, rb_thread_current(), rb_fiber_current());
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

/* -- waiting ------------------------------------------------------------------------------------------------------- */

bool loop_wait(loop_t *loop, const goal_t *goal, double deadline)
{
    if (!NIL_P(rb_fiber_scheduler_current()) && !seat_mine_p(loop)) return fiber_wait(loop, goal, deadline);
    for (bool turned = false;;) {
        loop_follow_fork(loop);
        bool reached = goal->reached(goal), may_drive = seat_free_p(loop) || seat_mine_p(loop);
        bool late = evg_monotonic() >= deadline && (turned || !may_drive);
        if (reached || loop->closed || late) {
            seat_release_if_heir(loop);
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
size_t loop_wait_once(loop_t *loop, double deadline)
{
    loop_follow_fork(loop);
    moment_t moment = {loop->net, loop->net->events};
    const goal_t something = {.reached = passed_p, .subject = &moment};
    size_t called = 0;
    do {
        if (seat_free_p(loop) || seat_mine_p(loop))
            called = drive(loop, &something, deadline, true);
        else
            follow(loop, &something, fmin(deadline, evg_monotonic() + SEAT_TICK));
    } while (!called && !passed_p(&something) && !loop->closed && evg_monotonic() < deadline);
    seat_release_if_heir(loop);
    return called;
}
