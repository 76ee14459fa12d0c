#include "binding/attend.h"

#include "binding/rb_loop.h"
#include "binding/runs.h"
#include "binding/seat.h"

static const double linger = 0.1; /* seconds without a fiber that waits */

static VALUE make(VALUE loop)
{
    return rb_funcall(loop, rb_intern("start_attendant"), 0);
}

/* Many fibers find at once that there is none, or that it is of no help: one of them makes another. It may take its time
 * to begin (Qtrue until then), where threads are busy. */
static bool needed_p(const loop_t *loop, bool anew)
{
    if (NIL_P(loop->attendant)) return true;
    return anew && evg_monotonic() - loop->attended_at >= linger;
}

void attend(loop_t *loop, bool anew)
{
    int state = 0;
    if (!needed_p(loop, anew)) return;
    loop->attendant = Qtrue;
    loop->attended_at = evg_monotonic();
    rb_protect(make, loop->self, &state);
    if (!state) return;
    loop->attendant = Qnil;
    rb_jump_tag(state);
}

typedef struct {
    loop_t *loop;
    frame_t *frame;
} attending_t;

static bool relieved_p(const goal_t *goal)
{
    const loop_t *loop = goal->subject;
    return loop->closed || loop->attendant != rb_thread_current();
}

static VALUE attend_body(VALUE arg)
{
    loop_t *loop = ((attending_t *)arg)->loop;
    const goal_t relieved = {.reached = relieved_p, .subject = loop};
    loop_open_fresh_clients(loop);
    do {
        seat_wait(loop, &relieved, evg_monotonic() + linger);
    } while (fibers_wait_p(loop) && !relieved_p(&relieved));
    return Qnil;
}

static VALUE attend_end(VALUE arg)
{
    const attending_t *attending = (const attending_t *)arg;
    run_leave(attending->frame);
    if (attending->loop->attendant == rb_thread_current()) attending->loop->attendant = Qnil;
    return Qnil;
}

/* On its thread. Another may have been made meanwhile: one is enough. */
static VALUE loop_attend(VALUE self)
{
    attending_t attending = {.loop = loop_of(self)};
    loop_t *loop = attending.loop;
    if (NIL_P(loop->attendant) || loop->attendant == Qtrue) loop->attendant = rb_thread_current();
    if (loop->attendant != rb_thread_current()) return Qnil;
    VALUE owner = run_enter(loop, Qnil, &attending.frame);
    rb_ensure(attend_body, (VALUE)&attending, attend_end, (VALUE)&attending);
    RB_GC_GUARD(owner);
    return Qnil;
}

void Init_evg_attend(VALUE loop_class)
{
    rb_define_private_method(loop_class, "_attend", loop_attend, 0);
}
