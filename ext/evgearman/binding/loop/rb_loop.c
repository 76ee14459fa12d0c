#include "binding/loop/rb_loop.h"

#include "binding/drive/calls.h"
#include "binding/drive/goal.h"
#include "binding/drive/runs.h"
#include "binding/drive/seat.h"
#include "binding/drive/turn.h"
#include "binding/drive/wait.h"
#include "binding/loop/background.h"
#include "binding/loop/fork.h"
#include "binding/loop/loop_life.h"
#include "binding/loop/rb_watcher.h"
#include "binding/values/forks.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

static VALUE loop_class;

/* -- the default --------------------------------------------------------------------------------------------------- */

static VALUE default_loop = Qnil;
static uint64_t default_forks; /* evg_forks when it was made */

static bool default_usable_p(void)
{
    return !NIL_P(default_loop) && default_forks == evg_forks && !loop_of(default_loop)->closed;
}

/* It came through a fork, and turned by itself before that. */
static bool default_started_p(void)
{
    if (NIL_P(default_loop)) return false;
    const loop_t *loop = RTYPEDDATA_DATA(default_loop);
    return !loop->closed && background_known_p(loop);
}

/* call-seq: Loop.default -> loop
 *
 * The loop of the process; a forked child has its own, started if its parent's was. Another one after that was
 * closed. */
static VALUE loop_default(VALUE klass)
{
    /* The process has one, whichever subclass is asked. Threads may make one at once: all answer the first. No Mutex,
     * because trap handlers ask too. */
    if (default_usable_p()) return default_loop;
    VALUE made = rb_class_new_instance(0, NULL, loop_class);
    if (default_usable_p()) return default_loop;
    bool start = default_started_p();
    default_loop = made;
    default_forks = evg_forks;
    return start ? rb_funcall(made, rb_intern("start"), 0) : made;
}

/* -- run and stop -------------------------------------------------------------------------------------------------- */

typedef struct {
    loop_t *loop;
    bool *roused;
    double deadline;
} run_t;

static bool stopped_p(const goal_t *goal)
{
    const frame_t *frame = goal->subject;
    return frame->stopped || frame->roused;
}

/* A worker's `run` turns the loop again and again: no word to it may get lost between two times. */
static bool taken(bool *flag)
{
    bool was = flag && *flag;
    if (flag) *flag = false;
    return was;
}

static VALUE drive(frame_t *frame, void *arg)
{
    const run_t *run = arg;
    const goal_t goal = {.reached = stopped_p, .subject = frame, .waiters = &frame->waiters};
    frame->roused = taken(run->roused);
    loop_runs(run->loop);
    loop_wait(run->loop, &goal, run->deadline);
    return RBOOL(frame->stopped || run->loop->closed);
}

VALUE loop_run_by(loop_t *loop, VALUE worker, bool *roused, double deadline)
{
    run_t run = {loop, roused, deadline};
    return run_in(loop, worker, drive, &run);
}

/* call-seq: run(timeout = nil) -> true or false
 *
 * Turns the loop until `stop` (true), also when nothing is watched, or for so many seconds (false). Clients on it that
 * never connected do so. */
static VALUE loop_run(int argc, VALUE *argv, VALUE self)
{
    rb_check_arity(argc, 0, 1);
    return loop_run_by(open_loop_of(self), Qnil, NULL, deadline_of(argc ? argv[0] : Qnil));
}

/* call-seq: run_once(timeout = nil) -> true or false
 *
 * Polls and dispatches once, waiting for so many seconds, or until something happens: was a block called? While
 * another thread turns the loop it waits for 100 ms at most, and calls nothing. */
static VALUE loop_run_once(int argc, VALUE *argv, VALUE self)
{
    loop_t *loop = open_loop_of(self);
    rb_check_arity(argc, 0, 1);
    double deadline = deadline_of(argc ? argv[0] : Qnil);
    loop_runs(loop);
    return RBOOL(loop_wait_once(loop, deadline) > 0);
}

/* A fiber that is suspended in its `run` has the `run`s of other fibers beside it, not inside. */
static bool innermost_p(const loop_t *loop, const frame_t *frame)
{
    for (evg_list_t *at = frame->link.next; at != &loop->frames; at = at->next) {
        const frame_t *later = evg_container(at, frame_t, link);
        if (later->thread != frame->thread) continue;
        if (NIL_P(frame->fiber) || later->fiber == frame->fiber) return false;
    }
    return true;
}

/* call-seq: stop -> self
 *
 * Ends the innermost `run` of each thread that is in one. While nothing runs it is forgotten. */
static VALUE loop_stop(VALUE self)
{
    /* Takes no lock and makes no object, so that a trap handler may call it. */
    loop_t *loop = loop_of(self);
    for (evg_list_t *at = loop->frames.next; at != &loop->frames; at = at->next) {
        frame_t *frame = evg_container(at, frame_t, link);
        if (!innermost_p(loop, frame)) continue;
        frame->stopped = true;
        goal_wake(&frame->waiters);
    }
    evg_loop_wake(loop->net);
    return self;
}

/* call-seq: post { ... } -> self
 *
 * The block is called in the next turn, on the thread that drives then. */
static VALUE loop_post(VALUE self)
{
    loop_t *loop = open_loop_of(self);
    call_t call = {.callable = block_of("post"), .subject = Qnil, .agent = Qnil, .args = {Qnil, Qnil}, .where = "post"};
    calls_push(&loop->posts, &call);
    evg_loop_wake(loop->net);
    return self;
}

/* The seat is taken: by a thread that drives, or by one that is about to. */
static VALUE loop_driven_p(VALUE self)
{
    return RBOOL(!seat_free_p(loop_of(self)));
}

static void shut(member_t *member)
{
    if (member->ops->shut) member->ops->shut(member);
}

/* Ends what Ruby's `close` has not ended: clients are closed by then. */
static VALUE loop_close(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (loop->closed) return self;
    loop_tell_members(loop, shut);
    loop->closed = true;
    seat_wake_all(loop);
    if (loop->net->polling)
        evg_loop_wake(loop->net); /* who drives closes it on leaving */
    else
        evg_loop_close(loop->net);
    return self;
}

/* call-seq: closed? -> true or false
 *
 * Was it closed, for good? */
static VALUE loop_closed_p(VALUE self)
{
    return RBOOL(loop_of(self)->closed);
}

/* call-seq: now -> float
 *
 * Seconds on the monotonic clock. */
static VALUE loop_now(VALUE self)
{
    return DBL2NUM(evg_loop_now(loop_of(self)->net));
}

/* call-seq: backend -> symbol
 *
 * What libev polls with: `:epoll`, `:kqueue`, `:poll`, `:select` ... */
static VALUE loop_backend(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (!evg_loop_open(loop->net)) loop_cannot_open();
    return ID2SYM(rb_intern(evg_loop_backend(loop->net)));
}

/* -- all of the process -------------------------------------------------------------------------------------------- */

static bool open_here_p(const rb_loop_t *loop)
{
    return loop->drive.forks == evg_forks && !loop->drive.closed;
}

/* Those of this process that are open. */
static VALUE loops_open(VALUE klass)
{
    (void)klass;
    VALUE loops = rb_ary_new();
    for (rb_loop_t *loop = NULL; (loop = loops_next(loop));) {
        if (open_here_p(loop)) rb_ary_push(loops, loop->drive.self);
    }
    return loops;
}

/* For its end: no job is begun any more, nor a thread. */
static VALUE loops_ending(VALUE klass)
{
    for (rb_loop_t *loop = NULL; (loop = loops_next(loop));) {
        if (!open_here_p(loop)) continue;
        loop->drive.ending = true;
        loop->restart = false;
    }
    return loops_open(klass);
}

static VALUE loops_after_fork(VALUE klass)
{
    for (rb_loop_t *loop = loops_next(NULL), *next; loop; loop = next) {
        next = loops_next(loop);
        loop_follow_fork(&loop->drive);
    }
    return klass;
}

/* Of the Client or Worker that a call is about, or what is done without one. */
static VALUE error_hook(VALUE agent)
{
    if (!NIL_P(agent)) return rb_funcall(agent, rb_intern("_hook"), 1, ID2SYM(rb_intern("on_callback_error")));
    VALUE module = rb_const_get(rb_cObject, rb_intern("EVGearman"));
    return rb_funcall(module, rb_intern("method"), 1, ID2SYM(rb_intern("_warn_callback_error")));
}

void Init_evg_loop(void)
{
    static const loop_ops_t ops = {
        .turn_ends = watchers_turn_end, .after_fork = loop_after_fork, .error_hook = error_hook};
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Loop", rb_cObject);
    loops_use(&ops);
    rb_gc_register_address(&default_loop);
    loop_class = klass;
    rb_gc_register_mark_object(loop_class);
    rb_define_singleton_method(klass, "default", loop_default, 0);
    rb_define_singleton_method(klass, "_after_fork", loops_after_fork, 0);
    rb_define_singleton_method(klass, "_open", loops_open, 0);
    rb_define_singleton_method(klass, "_ending", loops_ending, 0);
    rb_define_method(klass, "run", loop_run, -1);
    rb_define_method(klass, "run_once", loop_run_once, -1);
    rb_define_method(klass, "stop", loop_stop, 0);
    rb_define_method(klass, "post", loop_post, 0);
    rb_define_private_method(klass, "_driven?", loop_driven_p, 0);
    rb_define_method(klass, "closed?", loop_closed_p, 0);
    rb_define_method(klass, "now", loop_now, 0);
    rb_define_method(klass, "backend", loop_backend, 0);
    rb_define_private_method(klass, "_close", loop_close, 0);
}
