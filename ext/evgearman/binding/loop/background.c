#include "binding/loop/background.h"

#include <math.h>

#include "binding/drive/goal.h"
#include "binding/drive/runs.h"
#include "binding/drive/wait.h"
#include "binding/loop/loop_life.h"
#include "binding/values/objects.h"

static bool alive_p(VALUE thread)
{
    return !NIL_P(thread) && RTEST(rb_funcall(thread, rb_intern("alive?"), 0));
}

static bool started_p(const rb_loop_t *loop)
{
    return alive_p(loop->background) || alive_p(loop->starter);
}

static VALUE make(VALUE self)
{
    VALUE thread = rb_funcall(self, rb_intern("start_thread"), 0);
    rb_loop_t *loop = rb_loop(loop_of(self));
    if (!alive_p(loop->background)) loop->background = thread;
    return Qnil;
}

static VALUE made(VALUE self)
{
    rb_loop(loop_of(self))->starter = Qnil;
    return Qnil;
}

/* call-seq: start -> self
 *
 * Turns it on a background thread from now on; twice is nothing. Fibers that a Fiber scheduler suspends need none: a
 * thread turns it as long as any of them wait. Blocks then run on that thread. In a forked child it is started again
 * at its first use. */
static VALUE loop_start(VALUE self)
{
    /* Threads may start it at once: whoever comes first makes the one. No Mutex, because trap handlers start it too. */
    rb_loop_t *loop = rb_loop(open_loop_of(self));
    if (started_p(loop)) return self;
    loop->starter = rb_thread_current();
    rb_ensure(make, self, made, self);
    return self;
}

/* Whoever made it may have been interrupted before he noted it. */
static bool mine_p(rb_loop_t *loop)
{
    if (!alive_p(loop->background)) loop->background = rb_thread_current();
    return loop->background == rb_thread_current();
}

static bool closed_p(const goal_t *goal)
{
    return ((const loop_t *)goal->subject)->closed;
}

static VALUE drive(frame_t *frame, void *arg)
{
    (void)frame;
    loop_t *loop = arg;
    const goal_t goal = {.reached = closed_p, .subject = loop};
    loop_runs(loop);
    loop_wait(loop, &goal, INFINITY);
    return Qnil;
}

/* Turns the loop until it is closed; `stop` does not end it. */
static VALUE loop_drive(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (!mine_p(rb_loop(loop))) return Qnil; /* two were made; one is enough */
    return run_in(loop, Qnil, drive, loop);
}

static VALUE loop_started_p(VALUE self)
{
    return RBOOL(started_p(rb_loop(loop_of(self))));
}

static VALUE loop_background(VALUE self)
{
    return rb_loop(loop_of(self))->background;
}

/* Also when it is the background thread that has forked: what runs in the child may never come back to the loop. */
void background_after_fork(loop_t *loop)
{
    rb_loop_t *whole = rb_loop(loop);
    whole->restart |= !NIL_P(whole->background);
    whole->background = whole->starter = Qnil;
}

bool background_known_p(const loop_t *loop)
{
    return rb_loop(loop)->restart || !NIL_P(rb_loop(loop)->background);
}

void Init_evg_background(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE loop_class = rb_define_class_under(module, "Loop", rb_cObject);
    rb_define_method(loop_class, "start", loop_start, 0);
    rb_define_private_method(loop_class, "_drive", loop_drive, 0);
    rb_define_private_method(loop_class, "_started?", loop_started_p, 0);
    rb_define_private_method(loop_class, "_background", loop_background, 0);
}
