/* What the thread does that drives for fibers: see attend.h. */
#include "binding/drive/fiber.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/drive/runs.h"
#include "binding/drive/seat.h"
#include "binding/drive/wait.h"
#include "binding/loop/loop_life.h"

static bool relieved_p(const goal_t *goal)
{
    const loop_t *loop = goal->subject;
    return loop->closed || loop->attendant != rb_thread_current();
}

static VALUE drive(frame_t *frame, void *arg)
{
    (void)frame;
    loop_t *loop = arg;
    const goal_t relieved = {.reached = relieved_p, .subject = loop};
    loop_runs(loop);
    do {
        loop_wait(loop, &relieved, evg_monotonic() + SEAT_TICK);
    } while (fibers_wait_p(loop) && !relieved_p(&relieved));
    return Qnil;
}

static VALUE attend_body(VALUE loop)
{
    return run_in((loop_t *)loop, Qnil, drive, (loop_t *)loop);
}

static VALUE attend_end(VALUE arg)
{
    loop_t *loop = (loop_t *)arg;
    if (loop->attendant == rb_thread_current()) loop->attendant = Qnil;
    return Qnil;
}

/* On its thread. Another may have been made meanwhile: one is enough. */
static VALUE loop_attend(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (NIL_P(loop->attendant) || loop->attendant == Qtrue) loop->attendant = rb_thread_current();
    if (loop->attendant != rb_thread_current()) return Qnil;
    return rb_ensure(attend_body, (VALUE)loop, attend_end, (VALUE)loop);
}

void Init_evg_attendant(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE loop_class = rb_define_class_under(module, "Loop", rb_cObject);
    rb_define_private_method(loop_class, "_attend", loop_attend, 0);
}
