#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/conversion.h"
#include "binding/client/routing.h"
#include "binding/client/task.h"
#include "binding/drive/calls.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"
#include "binding/values/packets.h"
#include "binding/values/unique.h"

/* The options on_data: … of a submission: nil, or an Array in the order of callback_t from ON_DATA on. */
static void check_callable(VALUE listeners)
{
    for (long i = 0; !NIL_P(listeners) && i < RARRAY_LEN(listeners); i++) {
        VALUE callable = RARRAY_AREF(listeners, i);
        if (NIL_P(callable) || rb_respond_to(callable, rb_intern("call"))) continue;
        blame_caller(rb_eArgError, "%s needs something that answers `call`", callback_names[ON_DATA + i]);
    }
}

static void listen_all(VALUE task, VALUE listeners)
{
    for (long i = 0; !NIL_P(listeners) && i < RARRAY_LEN(listeners); i++) {
        VALUE callable = RARRAY_AREF(listeners, i);
        if (!NIL_P(callable)) task_listen(task, task_of(task), (callback_t)(ON_DATA + i), callable);
    }
}

static VALUE submit(VALUE self, submit_t *what)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    what->function = rb_str_new_frozen(string_of(what->function, "function"));
    bool made = unique_auto_p(what->unique);
    what->unique = unique_of(what->unique);
    VALUE key = made ? Qnil : what->unique;
    const view_t *view = open_view_of(self);
    link_t *link = routing_choose(view, what->function, key);
    VALUE task = link_ask(link, what->function, what->unique, block, ask_submit, what);
    routing_take(view, &((task_t *)RTYPEDDATA_DATA(task))->request, !NIL_P(key));
    RB_GC_GUARD(what->function);
    RB_GC_GUARD(what->unique);
    RB_GC_GUARD(what->workload);
    return task;
}

/* Foreground; the block becomes the Task's. Between the request and its listeners no other thread may come, or it
 * tells nobody what the server says. */
static VALUE client_submit(VALUE self, VALUE function, VALUE workload, VALUE unique, VALUE command, VALUE timeout,
                           VALUE listeners, VALUE coder, VALUE encoding)
{
    const coding_t *usual = &agent_of(self)->coding;
    coding_t coding = {coder_of(coder, usual->coder), encoding_of(encoding, usual->encoding)};
    submit_t what = {.command = submission_type(command),
                     .function = function,
                     .unique = unique,
                     .workload = coding_dump(coding.coder, workload, "workload"),
                     .timeout = limit_of(timeout, "timeout")};
    check_callable(listeners);
    VALUE task = submit(self, &what);
    task_decode_by(task, &coding);
    listen_all(task, listeners);
    return task;
}

/* What jobs have in common is looked at before there is any. */
static VALUE client_check_submit(VALUE self, VALUE function, VALUE unique, VALUE timeout, VALUE listeners, VALUE coder,
                                 VALUE encoding)
{
    const link_t *link = view_of(self)->links;
    const agent_t *agent = link->agent;
    const submit_t common = {.command = EVG_SUBMIT_JOB,
                             .function = string_of(function, "function"),
                             .unique = unique_of(unique),
                             .workload = rb_str_new(NULL, 0),
                             .timeout = limit_of(timeout, "timeout")};
    coder_of(coder, agent->coding.coder);
    encoding_of(encoding, agent->coding.encoding);
    check_callable(listeners);
    const evg_submission_t packet = submission_of(&common);
    const failure_t about = {.function = common.function, .server = server_of(link), .data = Qnil};
    error_check_about(&about, evg_client_check(link_session(link), &packet));
    return self;
}

/* Background; `run_at` nil: at once. */
static VALUE client_submit_bg(VALUE self, VALUE function, VALUE workload, VALUE unique, VALUE command, VALUE run_at,
                              VALUE coder)
{
    const agent_t *agent = agent_of(self);
    submit_t what = {.command = submission_type(command),
                     .function = function,
                     .unique = unique_option(unique, agent->unique),
                     .workload = coding_dump(coder_of(coder, agent->coding.coder), workload, "workload"),
                     .run_at = NIL_P(run_at) ? 0 : NUM2LL(run_at)};
    return submit(self, &what);
}

void Init_evg_client(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE klass = rb_define_class_under(module, "Client", connection_class);
    rb_define_private_method(klass, "_submit", client_submit, 8);
    rb_define_private_method(klass, "_check_submit", client_check_submit, 6);
    rb_define_private_method(klass, "_submit_bg", client_submit_bg, 6);
}
