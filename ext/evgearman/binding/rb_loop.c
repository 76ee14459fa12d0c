#include "binding/rb_loop.h"

#include <errno.h>
#include <math.h>

#include "binding/binding.h"
#include "binding/deputy.h"
#include "binding/lifetime.h"
#include "binding/lost.h"
#include "binding/mark.h"
#include "binding/rb_error.h"
#include "binding/runs.h"
#include "binding/seat.h"
#include "binding/turn.h"

static VALUE loop_class;
static evg_list_t all_loops = {&all_loops, &all_loops};

/* -- life ---------------------------------------------------------------------------------------------------------- */

static void loop_mark(void *ptr)
{
    loop_t *loop = ptr;
    loop->marked_in = lifetime_marked();
    rb_gc_mark(loop->self); /* it must not be moved */
    calls_mark(&loop->done);
    calls_mark(&loop->jobs);
    calls_mark(&loop->posts);
    rb_gc_mark(loop->seat.thread);
    rb_gc_mark(loop->seat.fiber);
    rb_gc_mark(loop->background);
    rb_gc_mark(loop->starter);
    rb_gc_mark(loop->seat.note);
    rb_gc_mark(loop->attendant);
    for (evg_list_t *at = loop->clients.next; at != &loop->clients; at = at->next) {
        client_t *client = evg_container(at, client_t, link);
        if (client_kept_p(client)) rb_gc_mark(client->self);
    }
    timers_mark(loop);
    watchers_mark(loop);
    fibers_mark(loop);
}

static void loop_free(void *ptr)
{
    loop_t *loop = ptr;
    timers_stop(loop);
    watchers_stop(loop);
    fibers_forget(loop);
    for (evg_list_t *at; (at = evg_list_shift(&loop->clients));) evg_container(at, client_t, link)->loop = NULL;
    evg_list_clear(&loop->frames);
    evg_list_clear(&loop->handling);
    evg_list_clear(&loop->deputies);
    evg_list_clear(&loop->lost);
    evg_list_unlink(&loop->all);
    calls_free(&loop->done);
    calls_free(&loop->jobs);
    calls_free(&loop->posts);
    if (loop->net) evg_loop_release(loop->net);
    ruby_xfree(loop);
}

static size_t loop_size(const void *ptr)
{
    const loop_t *loop = ptr;
    size_t queues = calls_memsize(&loop->done) + calls_memsize(&loop->jobs) + calls_memsize(&loop->posts);
    return sizeof *loop + sizeof *loop->net + queues;
}

static const rb_data_type_t loop_type = {
    .wrap_struct_name = "EVGearman::Loop",
    .function = {.dmark = loop_mark, .dfree = loop_free, .dsize = loop_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE loop_allocate(VALUE klass)
{
    loop_t *loop;
    VALUE self = TypedData_Make_Struct(klass, loop_t, &loop_type, loop);
    evg_list_init(&loop->waiters);
    evg_list_init(&loop->frames);
    evg_list_init(&loop->handling);
    evg_list_init(&loop->deputies);
    evg_list_init(&loop->lost);
    evg_list_init(&loop->clients);
    evg_list_init(&loop->timers);
    evg_list_init(&loop->watched);
    evg_list_init(&loop->each_turn);
    evg_list_init(&loop->fibers);
    evg_list_init(&loop->all);
    loop->self = self;
    loop->marked_in = lifetime_new();
    loop->seat.thread = loop->seat.fiber = loop->seat.note = Qnil;
    loop->background = loop->starter = loop->attendant = Qnil;
    loop->forks = evg_forks;
    return self;
}

loop_t *loop_of(VALUE self)
{
    loop_t *loop;
    TypedData_Get_Struct(self, loop_t, &loop_type, loop);
    if (!loop->net) rb_raise(rb_eTypeError, "uninitialized EVGearman::Loop");
    loop_used(loop);
    return loop;
}

loop_t *open_loop_of(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (loop->closed) error_raise(NULL, "ConnectionError", "closed");
    return loop;
}

void loop_cannot_open(void)
{
    if (errno == 0 || errno == ENOMEM) rb_raise(rb_eNoMemError, "cannot make an event loop");
    rb_sys_fail("cannot make an event loop");
}

/* call-seq: Loop.new -> loop
 *
 * A loop of its own. Most programs need only Loop.default. */
static VALUE loop_initialize(VALUE self)
{
    loop_t *loop;
    TypedData_Get_Struct(self, loop_t, &loop_type, loop);
    if (loop->net) rb_raise(rb_eTypeError, "already initialized");
    loop->seat.note = lost_new();
    loop->net = evg_loop_new();
    if (!loop->net) loop_cannot_open();
    evg_list_append(&all_loops, &loop->all);
    return self;
}

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
    return !loop->closed && (loop->restart || !NIL_P(loop->background));
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
    frame_t *frame;
    double deadline;
} run_t;

static bool stopped_p(const goal_t *goal)
{
    const frame_t *frame = goal->subject;
    return frame->stopped || frame->roused;
}

static VALUE run_body(VALUE arg)
{
    run_t *run = (run_t *)arg;
    const goal_t goal = {.reached = stopped_p, .subject = run->frame, .waiters = &run->frame->waiters};
    seat_wait(run->loop, &goal, run->deadline);
    return RBOOL(run->frame->stopped || run->loop->closed);
}

static VALUE run_end(VALUE arg)
{
    run_leave(((run_t *)arg)->frame);
    return Qnil;
}

void loop_open_fresh_clients(loop_t *loop)
{
    for (evg_list_t *at = loop->clients.next; at != &loop->clients; at = at->next) {
        client_t *client = evg_container(at, client_t, link);
        evg_session_loop_runs(&client->c->session);
        evg_connection_changed(client->c);
    }
}

/* A worker's `run` turns the loop again and again: no word to it may get lost between two times. */
static bool roused(client_t *worker)
{
    bool was = worker->roused;
    worker->roused = false;
    return was;
}

static VALUE loop_run_for(VALUE self, VALUE worker, VALUE timeout)
{
    loop_t *loop = open_loop_of(self);
    frame_t *frame;
    double deadline = deadline_of(timeout);
    VALUE owner = run_enter(loop, worker, &frame);
    if (!NIL_P(worker)) frame->roused = roused(client_of(worker));
    loop_open_fresh_clients(loop);
    run_t run = {.loop = loop, .frame = frame, .deadline = deadline};
    VALUE stopped = rb_ensure(run_body, (VALUE)&run, run_end, (VALUE)&run);
    RB_GC_GUARD(owner);
    return stopped;
}

/* call-seq: run(timeout = nil) -> true or false
 *
 * Turns the loop until `stop` (true), also when nothing is watched, or for so many seconds (false). Clients on it that
 * never connected do so. */
static VALUE loop_run(int argc, VALUE *argv, VALUE self)
{
    rb_check_arity(argc, 0, 1);
    return loop_run_for(self, Qnil, argc ? argv[0] : Qnil);
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
    loop_open_fresh_clients(loop);
    return RBOOL(seat_turn_once(loop, deadline) > 0);
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
        seat_wake(&frame->waiters);
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
    call_t call = {
        .callable = block_of("post"), .subject = Qnil, .client = Qnil, .args = {Qnil, Qnil}, .where = "post"};
    calls_push(&loop->posts, &call);
    evg_loop_wake(loop->net);
    return self;
}

/* The seat is taken: by a thread that drives, or by one that is about to. */
static VALUE loop_driven_p(VALUE self)
{
    return RBOOL(!seat_free_p(loop_of(self)));
}

/* Ends what Ruby's `close` has not ended: clients are closed by then. */
static VALUE loop_close(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (loop->closed) return self;
    for (evg_list_t *at = loop->clients.next; at != &loop->clients; at = at->next) {
        evg_connection_shut(evg_container(at, client_t, link)->c);
    }
    loop->closed = true;
    timers_stop(loop);
    watchers_stop(loop);
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

/* Those that are nobody's any more are left out, though they may not be swept yet. */
static VALUE loop_clients(VALUE self)
{
    loop_t *loop = loop_of(self);
    VALUE clients = rb_ary_new();
    for (evg_list_t *at = loop->clients.next; at != &loop->clients; at = at->next) {
        client_t *client = evg_container(at, client_t, link);
        if (client_kept_p(client) || !lifetime_over_p(client->marked_in)) rb_ary_push(clients, client->self);
    }
    return clients;
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

/* -- forks --------------------------------------------------------------------------------------------------------- */

static void keep_own_frames(loop_t *loop)
{
    evg_list_t *next;
    for (evg_list_t *at = loop->frames.next; at != &loop->frames; at = next) {
        frame_t *frame = evg_container(at, frame_t, link);
        next = at->next;
        if (frame->thread != rb_thread_current()) evg_list_unlink(at);
    }
}

/* The parent calls them. */
static void drop_calls(loop_t *loop)
{
    call_t call;
    while (calls_shift(&loop->done, &call)) {
        if (call.kind->drop) call.kind->drop(&call);
    }
}

void loop_after_fork(loop_t *loop)
{
    loop->forks = evg_forks;
    seat_forget(loop);
    background_after_fork(loop);
    keep_own_frames(loop);
    loop->muted = true;
    drop_calls(loop);
    calls_clear(&loop->jobs);
    calls_clear(&loop->posts);
    evg_list_clear(&loop->handling); /* their threads may be gone */
    deputies_forget(loop);
    timers_stop(loop);
    fibers_forget(loop);
    loop->attendant = Qnil;
    loop->muted = false;
    if (loop->closed) return;
    evg_loop_forked(loop->net);
    watchers_stop(loop);
    loop->muted = true;
    for (evg_list_t *at = loop->clients.next; at != &loop->clients; at = at->next) {
        client_t *client = evg_container(at, client_t, link);
        evg_list_clear(&client->waiters); /* they are on stacks that are gone */
        evg_connection_pump(client->c);
        conversions_after_fork(client);
    }
    loop->muted = false;
}

/* Connections of this process on which something waits to be written. For its end: no job is begun any more. */
static VALUE loops_unwritten(VALUE klass)
{
    VALUE clients = rb_ary_new();
    for (evg_list_t *at = all_loops.next; at != &all_loops; at = at->next) {
        loop_t *loop = evg_container(at, loop_t, all);
        if (lifetime_over_p(loop->marked_in) || loop->forks != evg_forks || loop->closed) continue;
        loop->ending = true;
        for (evg_list_t *c = loop->clients.next; c != &loop->clients; c = c->next) {
            client_t *client = evg_container(c, client_t, link);
            const evg_session_t *s = &client->c->session;
            if (!evg_session_unsent(s) && !evg_session_waiting_count(s)) continue;
            if (client_kept_p(client) || !lifetime_over_p(client->marked_in)) rb_ary_push(clients, client->self);
        }
    }
    return clients;
}

static VALUE loops_after_fork(VALUE klass)
{
    evg_list_t *next;
    for (evg_list_t *at = all_loops.next; at != &all_loops; at = next) {
        loop_t *loop = evg_container(at, loop_t, all);
        next = at->next;
        if (!lifetime_over_p(loop->marked_in)) loop_follow_fork(loop);
    }
    return klass;
}

#if 0 /* RDoc reads one file at a time */
VALUE module = rb_define_module("EVGearman");
#endif

void Init_evg_loop(VALUE module)
{
    VALUE klass = rb_define_class_under(module, "Loop", rb_cObject);
    rb_define_alloc_func(klass, loop_allocate);
    refuse_copies(klass);
    rb_gc_register_address(&default_loop);
    loop_class = klass;
    rb_gc_register_mark_object(loop_class);
    rb_define_singleton_method(klass, "default", loop_default, 0);
    rb_define_singleton_method(klass, "_after_fork", loops_after_fork, 0);
    rb_define_singleton_method(klass, "_unwritten", loops_unwritten, 0);
    rb_define_method(klass, "initialize", loop_initialize, 0);
    rb_define_method(klass, "run", loop_run, -1);
    rb_define_method(klass, "run_once", loop_run_once, -1);
    rb_define_method(klass, "stop", loop_stop, 0);
    rb_define_private_method(klass, "_run_for", loop_run_for, 2);
    rb_define_method(klass, "post", loop_post, 0);
    rb_define_private_method(klass, "_driven?", loop_driven_p, 0);
    rb_define_method(klass, "closed?", loop_closed_p, 0);
    rb_define_method(klass, "now", loop_now, 0);
    rb_define_method(klass, "backend", loop_backend, 0);
    rb_define_private_method(klass, "_close", loop_close, 0);
    rb_define_private_method(klass, "_clients", loop_clients, 0);
    Init_evg_deputy(module);
    Init_evg_timer(klass);
    Init_evg_watcher(klass);
    Init_evg_fiber(klass);
    Init_evg_background(klass);
    Init_evg_attend(klass);
}
