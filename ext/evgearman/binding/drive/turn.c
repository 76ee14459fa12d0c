#include "binding/drive/turn.h"

#include <errno.h>
#include <math.h>
#include <ruby/thread.h>

#include "binding/drive/calls.h"
#include "binding/drive/gate.h"
#include "binding/drive/lost.h"
#include "binding/drive/runs.h"
#include "binding/drive/seat.h"

static const double gvl_is_slow = 0.001, patience = 0.0002, jobs_between_polls = 0.001;

/* A handler may start on this thread unless a block of this loop is under way here, waiting in a nested turn, or another
 * handler is anywhere: either may have lost the seat. */
static bool jobs_may_start_p(const loop_t *loop)
{
    return seat_jobs_ready_p(loop) && run_allows_p(loop, loop->seat.thread) && lost_blocks(loop) == 0;
}

bool loop_quiet_p(const loop_t *loop)
{
    return loop->done.count == 0 && loop->posts.count == 0 && !jobs_may_start_p(loop);
}

static bool call_first(turn_t *turn, size_t count, size_t *called)
{
    calls_t *done = &turn->loop->done;
    call_t call;
    for (; count > 0 && calls_shift(done, &call); count--) {
        size_t rest = done->count;
        ++*called;
        if (!gate_call(turn, &call)) return false;
        if (call.kind->always && done->count > rest) count += done->count - rest;
    }
    return true;
}

/* As many as are there now, with what conversions among them lead to. What blocks lead to comes in the next turn: one
 * that leads to itself must not keep sockets and timers waiting. */
static bool drain_done(turn_t *turn, size_t *called)
{
    size_t count = turn->loop->done.count;
    return count == 0 || call_first(turn, count, called);
}

/* What is waited for, and no block. */
static bool drain_always(turn_t *turn, size_t *called)
{
    call_t call;
    while (calls_shift_always(&turn->loop->done, &call)) {
        ++*called;
        if (!gate_call(turn, &call)) return false;
    }
    return true;
}

/* Replies first; then jobs, but not for so long that the sockets starve. */
static bool drain(turn_t *turn, size_t *called)
{
    loop_t *loop = turn->loop;
    call_t call;
    double until = 0;
    for (;;) {
        if (!drain_done(turn, called)) return false;
        if (!jobs_may_start_p(loop)) return true;
        double now = evg_monotonic();
        if (until > 0 && now > until) return true;
        if (until == 0) until = now + jobs_between_polls;
        calls_shift(&loop->jobs, &call);
        ++*called;
        if (!gate_call(turn, &call)) return false;
    }
}

/* As many as are there now: a block that posts itself again must not keep the rest waiting. */
static bool run_posts(turn_t *turn, size_t *called)
{
    call_t call;
    for (size_t n = turn->loop->posts.count; n > 0 && calls_shift(&turn->loop->posts, &call); n--) {
        ++*called;
        if (!gate_call(turn, &call)) return false;
    }
    return true;
}

/* Behind all of this turn, but before those of the next that are there already. */
static bool run_each_turn(turn_t *turn, size_t *called)
{
    calls_t *done = &turn->loop->done;
    size_t rest = done->count;
    turn->loop->ops->turn_ends(turn->loop);
    size_t count = done->count - rest;
    if (count == 0) return true;
    calls_hurry(done, count);
    return call_first(turn, count, called);
}

void loop_cannot_open(void)
{
    if (errno == 0 || errno == ENOMEM) rb_raise(rb_eNoMemError, "cannot make an event loop");
    rb_sys_fail("cannot make an event loop");
}

static void *poll_without_gvl(void *net)
{
    evg_loop_poll(net);
    return NULL;
}

static void wake(void *net)
{
    evg_loop_wake(net);
}

/* Beside a busy Ruby thread each release of the GVL costs up to 100 ms: then wait a little with it held. */
static bool linger(loop_t *loop)
{
    evg_loop_t *net = loop->net;
    if (net->late < gvl_is_slow) return false;
    return !evg_loop_would_block_p(net) || evg_loop_linger(net, patience);
}

static void poll(loop_t *loop, const goal_t *goal, double deadline)
{
    evg_loop_t *net = loop->net;
    bool block = (loop_quiet_p(loop) || (seat_deep_p(loop) && loop->done.always == 0)) && deadline > net->now &&
                 !(goal && goal->reached(goal));
    bool in_hand = linger(loop);
    evg_loop_aim(net, deadline, block && !in_hand);
    if (in_hand) {
        evg_loop_poll(net);
        return;
    }
    net->polling = true;
    rb_nogvl(poll_without_gvl, net, wake, net, RB_NOGVL_UBF_ASYNC_SAFE | RB_NOGVL_INTR_FAIL);
    net->polling = false;
}

typedef struct {
    loop_t *loop;
    const goal_t *goal;
    double deadline;
} steps_t;

static VALUE steps(VALUE arg)
{
    const steps_t *how = (const steps_t *)arg;
    evg_loop_t *net = how->loop->net;
    evg_loop_now(net);
    if (!evg_loop_reconcile(net)) loop_cannot_open();
    poll(how->loop, how->goal, how->deadline);
    evg_loop_collect(net);
    evg_loop_dispatch(net);
    if (net->refusal) rb_syserr_fail(net->refusal, "the event loop cannot wait");
    return Qnil;
}

/* Between the first step and the last no source may be freed under our feet. Making a result's String may raise
 * NoMemoryError, and a poll that the system refuses its SystemCallError; nothing else. */
static bool take_steps(turn_t *turn, const goal_t *goal, double deadline)
{
    steps_t how = {turn->loop, goal, deadline};
    turn->loop->net->turning = true;
    rb_protect(steps, (VALUE)&how, &turn->parked);
    turn->loop->net->polling = turn->loop->net->turning = false;
    return turn->parked == 0;
}

/* Blocks that wait are called inside each other, but not until the stack ends. */
static void steps_without_blocks(turn_t *turn, const goal_t *goal, double deadline, size_t *called)
{
    if (!drain_always(turn, called)) return;
    if (turn->loop->closed) return;
    if (!take_steps(turn, goal, *called ? 0 : deadline)) return;
    if (!drain_always(turn, called)) return;
    gate_interrupts(turn);
}

static void interruptible_steps(turn_t *turn, const goal_t *goal, double deadline, size_t *called)
{
    if (!drain(turn, called)) return;
    if (turn->loop->closed) return;
    if (!take_steps(turn, goal, *called ? 0 : deadline)) return;
    if (!drain(turn, called)) return;
    if (!run_posts(turn, called)) return;
    if (!run_each_turn(turn, called)) return;
    gate_interrupts(turn);
}

size_t loop_turn(loop_t *loop, const goal_t *goal, double deadline)
{
    turn_t turn = {.loop = loop, .seat = loop->seat.number};
    size_t called = 0;
    if (seat_deep_p(loop))
        steps_without_blocks(&turn, goal, deadline, &called);
    else
        interruptible_steps(&turn, goal, deadline, &called);
    if (turn.parked) rb_jump_tag(turn.parked);
    return called;
}

static VALUE look(VALUE arg)
{
    evg_loop_t *net = (evg_loop_t *)arg;
    evg_loop_now(net);
    if (!evg_loop_reconcile(net)) loop_cannot_open();
    evg_loop_aim(net, 0, false);
    evg_loop_poll(net);
    evg_loop_collect(net);
    evg_loop_dispatch(net);
    return Qnil;
}

void loop_glance(loop_t *loop)
{
    int state = 0;
    loop->net->turning = true;
    rb_protect(look, (VALUE)loop->net, &state);
    loop->net->turning = false;
    if (state) rb_jump_tag(state);
}

void loop_leave(loop_t *loop)
{
    if (loop->closed) {
        evg_loop_close(loop->net); /* somebody closed it while we drove */
        return;
    }
    loop->net->turning = true;
    evg_loop_now(loop->net);
    evg_loop_reconcile(loop->net);
    loop->net->turning = false;
}
