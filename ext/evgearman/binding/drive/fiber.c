/* Waiting under a Fiber scheduler. A thread of ours drives the loop (see attend.h); the fiber is suspended by its
 * scheduler, and other fibers of its thread go on. Its waiter lies on the heap, kept by the loop: a fiber may be
 * dropped without its stack being unwound. */
#include "binding/drive/fiber.h"

#include <math.h>
#include <ruby/fiber/scheduler.h>

#include "binding/drive/attend.h"
#include "binding/drive/calls.h"
#include "binding/drive/seat.h"

/* Seconds after which a waiter makes sure that somebody drives who gets on. There may be thousands of them, so of those
 * that have waited for longer than a tick only the first looks that often. */
static const double look_again = 1;

typedef struct {
    goal_waiter_t common; /* first */
    evg_list_t in_loop;   /* loop->fibers */
    loop_t *loop;
    VALUE self, scheduler, fiber, thread;
    uint64_t seen; /* seat.number when it last looked */
} fiber_waiter_t;

static void waiter_mark(void *ptr)
{
    fiber_waiter_t *waiter = ptr;
    rb_gc_mark(waiter->scheduler);
    rb_gc_mark(waiter->fiber);
    rb_gc_mark(waiter->thread);
}

static void forget(fiber_waiter_t *waiter)
{
    evg_list_unlink(&waiter->common.in_goal);
    evg_list_unlink(&waiter->in_loop);
}

static void waiter_free(void *ptr)
{
    forget(ptr);
    ruby_xfree(ptr);
}

static const rb_data_type_t waiter_type = {
    .wrap_struct_name = "EVGearman::Loop::FiberWaiter",
    .function = {.dmark = waiter_mark, .dfree = waiter_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

void fibers_mark(const loop_t *loop)
{
    for (evg_list_t *at = loop->fibers.next; at != &loop->fibers; at = at->next) {
        rb_gc_mark(evg_container(at, fiber_waiter_t, in_loop)->self);
    }
}

void fibers_forget(loop_t *loop)
{
    for (evg_list_t *at; (at = evg_list_first(&loop->fibers));) forget(evg_container(at, fiber_waiter_t, in_loop));
}

/* Those of a thread that has ended wait no more, but nobody has said so: their stacks were dropped. */
bool fibers_wait_p(loop_t *loop)
{
    for (evg_list_t *at; (at = evg_list_first(&loop->fibers));) {
        fiber_waiter_t *waiter = evg_container(at, fiber_waiter_t, in_loop);
        VALUE self = waiter->self;
        if (RTEST(rb_funcall(waiter->thread, rb_intern("alive?"), 0))) return true;
        forget(waiter);
        RB_GC_GUARD(self);
    }
    return false;
}

static VALUE unblock(const call_t *call)
{
    fiber_waiter_t *waiter = RTYPEDDATA_DATA(call->subject);
    if (!evg_list_linked_p(&waiter->in_loop)) return Qnil; /* it waits no more */
    return rb_fiber_scheduler_unblock(waiter->scheduler, call->subject, waiter->fiber);
}

/* `unblock` is Ruby code of the scheduler: it goes through the gate like any block. */
static void wake_fiber(goal_waiter_t *common)
{
    static const call_kind_t unblocking = {.run = unblock, .always = true};
    fiber_waiter_t *waiter = (fiber_waiter_t *)common;
    call_t call = {.kind = &unblocking,
                   .callable = Qnil,
                   .subject = waiter->self,
                   .agent = Qnil,
                   .args = {Qnil, Qnil},
                   .where = "unblock"};
    calls_push(&waiter->loop->done, &call);
    if (waiter->loop->net->polling) evg_loop_wake(waiter->loop->net);
}

static fiber_waiter_t *waiter_new(loop_t *loop, const goal_t *goal)
{
    fiber_waiter_t *waiter;
    VALUE self = TypedData_Make_Struct(0, fiber_waiter_t, &waiter_type, waiter);
    waiter->common.wake = wake_fiber;
    waiter->common.goal = *goal;
    waiter->loop = loop;
    waiter->self = self;
    waiter->scheduler = rb_fiber_scheduler_current();
    waiter->fiber = rb_fiber_current();
    waiter->thread = rb_thread_current();
    waiter->seen = loop->seat.number - 1;
    evg_list_init(&waiter->common.in_goal);
    evg_list_append(&loop->fibers, &waiter->in_loop);
    if (goal->waiters) evg_list_append(goal->waiters, &waiter->common.in_goal);
    return waiter;
}

typedef struct {
    fiber_waiter_t *waiter;
    const goal_t *goal;
    double deadline;
} fiber_wait_t;

/* Somebody is to drive who gets on: not who stands still in a block, nor a thread of ours that did when another took
 * the seat from it and left. */
static void make_sure(loop_t *loop, fiber_waiter_t *waiter)
{
    bool nobody = seat_free_p(loop) && loop->seat.number == waiter->seen;
    bool stuck = seat_leave_if_stuck(loop);
    attend(loop, nobody || stuck);
    waiter->seen = loop->seat.number;
}

static VALUE wait_body(VALUE arg)
{
    const fiber_wait_t *wait = (const fiber_wait_t *)arg;
    fiber_waiter_t *waiter = wait->waiter;
    loop_t *loop = waiter->loop;
    for (double look = SEAT_TICK;; look = evg_list_first(&loop->fibers) == &waiter->in_loop ? SEAT_TICK : look_again) {
        double left = wait->deadline - evg_monotonic();
        if (wait->goal->reached(wait->goal) || loop->closed || left <= 0) return Qnil;
        make_sure(loop, waiter);
        if (wait->goal->reached(wait->goal)) return Qnil;
        rb_fiber_scheduler_block(waiter->scheduler, waiter->self, DBL2NUM(fmin(left, look)));
    }
}

static VALUE wait_end(VALUE arg)
{
    forget(((fiber_wait_t *)arg)->waiter);
    return Qnil;
}

bool fiber_wait(loop_t *loop, const goal_t *goal, double deadline)
{
    loop_follow_fork(loop);
    if (goal->reached(goal)) return true;
    fiber_wait_t wait = {waiter_new(loop, goal), goal, deadline};
    VALUE self = wait.waiter->self;
    rb_ensure(wait_body, (VALUE)&wait, wait_end, (VALUE)&wait);
    RB_GC_GUARD(self);
    return goal->reached(goal);
}
