/* The thread that turns a loop in the background, from `start` on; in a forked child it is made anew at the first use. */
#include "binding/rb_loop.h"

static bool alive_p(VALUE thread)
{
    return !NIL_P(thread) && RTEST(rb_funcall(thread, rb_intern("alive?"), 0));
}

static bool started_p(const loop_t *loop)
{
    return alive_p(loop->background) || alive_p(loop->starter);
}

static VALUE make(VALUE self)
{
    VALUE thread = rb_funcall(self, rb_intern("start_thread"), 0);
    loop_t *loop = loop_of(self);
    if (!alive_p(loop->background)) loop->background = thread;
    return Qnil;
}

static VALUE made(VALUE self)
{
    loop_of(self)->starter = Qnil;
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
    loop_t *loop = open_loop_of(self);
    if (started_p(loop)) return self;
    loop->starter = rb_thread_current();
    rb_ensure(make, self, made, self);
    return self;
}

bool background_mine_p(loop_t *loop)
{
    if (!alive_p(loop->background)) loop->background = rb_thread_current(); /* whoever made it was interrupted */
    return loop->background == rb_thread_current();
}

static VALUE loop_started_p(VALUE self)
{
    return RBOOL(started_p(loop_of(self)));
}

static VALUE loop_background(VALUE self)
{
    return loop_of(self)->background;
}

/* Also when it is the background thread that has forked: what runs in the child may never come back to the loop. */
void background_after_fork(loop_t *loop)
{
    loop->restart |= !NIL_P(loop->background);
    loop->background = loop->starter = Qnil;
}

void loop_restart(loop_t *loop)
{
    loop->restart = false;
    if (!loop->closed) loop_start(loop->self);
}

#if 0 /* RDoc reads one file at a time */
VALUE module = rb_define_module("EVGearman");
VALUE loop_class = rb_define_class_under(module, "Loop", rb_cObject);
#endif

void Init_evg_background(VALUE loop_class)
{
    rb_define_method(loop_class, "start", loop_start, 0);
    rb_define_private_method(loop_class, "_started?", loop_started_p, 0);
    rb_define_private_method(loop_class, "_background", loop_background, 0);
}
