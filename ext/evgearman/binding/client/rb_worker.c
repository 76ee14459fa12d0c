#include <ruby/encoding.h>

#include "binding/client/agent.h"
#include "binding/client/handler.h"
#include "binding/client/job.h"
#include "binding/client/perform.h"
#include "binding/loop/loop_life.h"
#include "binding/loop/rb_loop.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/forks.h"
#include "binding/values/function_names.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

static void add_handlers(VALUE kept, evg_session_t *s)
{
    for (evg_function_t *at = NULL; (at = evg_worker_next_any_function(s, at));) {
        const handler_t *handler = at->owner;
        if (handler) rb_ary_push(kept, handler->self);
    }
}

/* Those that no ability points at are dropped; jobs keep theirs alive themselves. */
static void keep_handlers(agent_t *agent)
{
    VALUE kept = hidden_array();
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) add_handlers(kept, link_session(at));
    agent->handlers = kept;
}

/* All links have the same abilities, and do the same. */
static void changed_all(const view_t *view)
{
    for (link_t *at = view->links; at < links_end(view); at++) evg_connection_changed(at->c);
}

static VALUE worker_register(VALUE self, VALUE name, VALUE callable, VALUE timeout, VALUE server_timeout, VALUE async,
                             VALUE coder, VALUE encoding)
{
    name = string_of(name, "function");
    double ours = limit_of(timeout, "timeout"), theirs = limit_of(server_timeout, "server_timeout");
    const view_t *view = open_view_of(self);
    agent_t *agent = view->agent;
    coding_t coding = {coder_of(coder, agent->coding.coder), encoding_of(encoding, agent->coding.encoding)};
    handler_t *handler = NULL;
    if (!NIL_P(callable)) rb_ary_push(agent->handlers, handler_new(name, callable, RTEST(async), &coding, &handler));
    for (link_t *at = view->links; at < links_end(view); at++) {
        evg_connection_clock(at->c);
        error_check(server_of(at), evg_worker_can_do(link_session(at), bytes_of(name), ours, theirs, handler));
    }
    keep_handlers(agent);
    changed_all(view);
    return self;
}

/* call-seq: cant_do(name) -> self
 *
 * Takes an ability back (CANT_DO), before whatever is asked next. If jobs of that function are held, it waits for
 * their end, and no job is asked for before that, nor by `grab_job`. */
static VALUE worker_cant_do(VALUE self, VALUE name)
{
    name = string_of(name, "function");
    const view_t *view = open_view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) {
        error_check(server_of(at), evg_worker_cant_do(link_session(at), bytes_of(name)));
    }
    keep_handlers(view->agent);
    changed_all(view);
    return self;
}

/* call-seq: reset_abilities -> self
 *
 * Takes all abilities back (RESET_ABILITIES), as `cant_do` does one. */
static VALUE worker_reset_abilities(VALUE self)
{
    const view_t *view = open_view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) evg_worker_reset_abilities(link_session(at));
    keep_handlers(view->agent);
    changed_all(view);
    return self;
}

/* call-seq: functions -> array
 *
 * Names that are registered. */
static VALUE worker_functions(VALUE self)
{
    return function_names(link_session(view_of(self)->links));
}

/* What it has for a function: [callable, async, coder, encoding], or nil. */
static VALUE worker_handler(VALUE self, VALUE name)
{
    const evg_function_t *function = evg_worker_function(link_session(view_of(self)->links), bytes_of(name));
    if (!function || !function->owner) return Qnil;
    const handler_t *handler = function->owner;
    VALUE encoding = rb_enc_from_encoding(rb_enc_from_index(handler->coding.encoding));
    return rb_ary_new_from_args(4, handler->callable, RBOOL(handler->async), handler->coding.coder, encoding);
}

static VALUE worker_work(VALUE self)
{
    const view_t *view = open_view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) {
        evg_connection_clock(at->c);
        error_check(server_of(at), evg_worker_work(link_session(at)));
    }
    changed_all(view);
    return self;
}

/* call-seq: work_stop -> self
 *
 * Asks for no more jobs; what is held, or comes for what was asked, is still run. */
static VALUE worker_work_stop(VALUE self)
{
    /* A trap handler may call it. */
    const view_t *view = view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) evg_worker_stop(link_session(at));
    changed_all(view);
    return self;
}

/* One job of the work loop, and no more. */
static VALUE worker_work_one(VALUE self)
{
    const view_t *view = open_view_of(self);
    if (agent_working_p(view->agent)) error_check(only_server_of(view), EVG_EWORKING);
    for (link_t *at = view->links; at < links_end(view); at++) {
        evg_connection_clock(at->c);
        error_check(server_of(at), evg_worker_work_one(link_session(at)));
    }
    changed_all(view);
    return self;
}

/* Several servers: one set of slots for all. */
static VALUE worker_share_slots(VALUE self)
{
    agent_t *agent = agent_of(self);
    if (agent->view.count == 1) return self;
    evg_crew_init(&agent->crew);
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        evg_crew_add(&agent->crew, link_session(at));
    }
    return self;
}

static VALUE worker_set_pool(VALUE self, VALUE pool)
{
    agent_t *agent = agent_of(self);
    agent->pool = pool;
    agent->pool_forks = evg_forks;
    return self;
}

static VALUE worker_rouse_run(VALUE self)
{
    agent_rouse(agent_of(self));
    return self;
}

/* Until it is roused (false), or its loop stopped (true). A word to it that comes between two turns ends the next one. */
static VALUE worker_turn(VALUE self)
{
    agent_t *agent = agent_of(self);
    return loop_run_by(open_loop_of(agent->loop_value), self, &agent->roused, INFINITY);
}

/* The last error, when there is no hope; else nil. */
static VALUE worker_hopeless(VALUE self)
{
    agent_t *agent = agent_of(self);
    return agent_hopeless_p(agent) ? agent->last_error : Qnil;
}

/* call-seq: in_flight -> array
 *
 * Jobs that are held: running, waiting for a thread, or asynchronous and not finished. */
static VALUE worker_in_flight(VALUE self)
{
    return jobs_in_flight(agent_of(self));
}

static VALUE worker_handler_threads(VALUE self)
{
    return jobs_threads(agent_of(self));
}

/* call-seq: working? -> true or false
 *
 * Does it ask for jobs? */
static VALUE worker_working_p(VALUE self)
{
    return RBOOL(agent_working_p(agent_of(self)));
}

static size_t held_count(const view_t *view)
{
    size_t held = 0;
    for (link_t *at = view->links; at < links_end(view); at++) held += link_session(at)->worker.held_count;
    return held;
}

/* call-seq: idle? -> true or false
 *
 * Are all jobs finished that were assigned? */
static VALUE worker_idle_p(VALUE self)
{
    return RBOOL(held_count(view_of(self)) == 0);
}

static VALUE worker_drained_p(VALUE self)
{
    const view_t *view = view_of(self);
    bool drained = true;
    for (link_t *at = view->links; at < links_end(view); at++) drained &= evg_worker_drained_p(link_session(at));
    return RBOOL(drained);
}

/* call-seq: busy_count -> integer
 *
 * Jobs that were assigned and are not finished; lost ones and those past their deadline do not count. */
static VALUE worker_busy_count(VALUE self)
{
    return SIZET2NUM(held_count(view_of(self)));
}

static VALUE worker_jobs_finished(VALUE self)
{
    return ULL2NUM(agent_of(self)->jobs_finished);
}

/* A Client that is another view of its connections. */
static VALUE worker_new_client(VALUE self)
{
    const view_t *view = view_of(self);
    VALUE module = rb_const_get(rb_cObject, rb_intern("EVGearman"));
    return view_new(rb_const_get(module, rb_intern("Client")), view->agent, view->links, view->count);
}

void Init_evg_worker(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE klass = rb_define_class_under(module, "Worker", connection_class);
    rb_define_private_method(klass, "_register", worker_register, 7);
    rb_define_private_method(klass, "_new_client", worker_new_client, 0);
    rb_define_private_method(klass, "_handler", worker_handler, 1);
    rb_define_private_method(klass, "_work", worker_work, 0);
    rb_define_private_method(klass, "_work_one", worker_work_one, 0);
    rb_define_private_method(klass, "_share_slots", worker_share_slots, 0);
    rb_define_private_method(klass, "_set_pool", worker_set_pool, 1);
    rb_define_private_method(klass, "_jobs_finished", worker_jobs_finished, 0);
    rb_define_private_method(klass, "_handler_threads", worker_handler_threads, 0);
    rb_define_private_method(klass, "_rouse", worker_rouse_run, 0);
    rb_define_private_method(klass, "_turn", worker_turn, 0);
    rb_define_private_method(klass, "_hopeless", worker_hopeless, 0);
    rb_define_private_method(klass, "_drained?", worker_drained_p, 0);
    rb_define_method(klass, "cant_do", worker_cant_do, 1);
    rb_define_method(klass, "reset_abilities", worker_reset_abilities, 0);
    rb_define_method(klass, "in_flight", worker_in_flight, 0);
    rb_define_method(klass, "functions", worker_functions, 0);
    rb_define_method(klass, "work_stop", worker_work_stop, 0);
    rb_define_method(klass, "working?", worker_working_p, 0);
    rb_define_method(klass, "idle?", worker_idle_p, 0);
    rb_define_method(klass, "busy_count", worker_busy_count, 0);
}
