/* What there is to know of a Task, without waiting. */
#include "binding/client/task.h"
#include "binding/values/addresses.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

/* call-seq: function -> string or nil
 *
 * The function of a submission. */
static VALUE task_function(VALUE self)
{
    return name_of(task_of(self)->function);
}

/* call-seq: unique -> string or nil
 *
 * The unique key of a submission, also one that was made. */
static VALUE task_unique(VALUE self)
{
    return name_of(task_of(self)->unique);
}

static const char *state_name(const task_t *task)
{
    if (task->abandoned) return "abandoned";
    if (task->state == TASK_SUCCEEDED) return "succeeded";
    if (task->state == TASK_FAILED) return "failed";
    if (task->running) return "running";
    if (task->request.state == EVG_REQUEST_CREATED) return "created";
    const evg_request_t *request = task->batch ? &task->batch->parts->request : &task->request;
    return evg_session_unwritten_p(link_session(task->link), request) ? "waiting" : "sent";
}

/* call-seq: state -> symbol
 *
 * How far it is: `:waiting` (no byte is written), `:sent`, `:created` (JOB_CREATED was read), `:running` (a worker was
 * heard about it), `:succeeded`, `:failed`, `:abandoned`. */
static VALUE task_state(VALUE self)
{
    return ID2SYM(rb_intern(state_name(task_of(self))));
}

/* call-seq: done? -> true or false
 *
 * Has it ended, well or not? Its blocks may be still to come. */
static VALUE task_done_p(VALUE self)
{
    return RBOOL(task_of(self)->state != TASK_PENDING);
}

/* call-seq: success? -> true or false
 *
 * Has it ended well? */
static VALUE task_success_p(VALUE self)
{
    return RBOOL(task_of(self)->state == TASK_SUCCEEDED);
}

/* call-seq: failed? -> true or false
 *
 * Has it ended with an `error`? */
static VALUE task_failed_p(VALUE self)
{
    return RBOOL(task_of(self)->state == TASK_FAILED);
}

/* call-seq: result -> object or nil
 *
 * The value, without waiting; nil while there is none. */
static VALUE task_result(VALUE self)
{
    return task_of(self)->value;
}

/* call-seq: error -> error or exception or nil
 *
 * Why it failed, without waiting: an Error, or what a coder's `load` raised; nil while there is none. */
static VALUE task_error(VALUE self)
{
    return task_of(self)->error;
}

/* call-seq: progress -> array or nil
 *
 * The last WORK_STATUS: numerator and denominator; nil while there was none. */
static VALUE task_progress(VALUE self)
{
    return task_of(self)->progress;
}

/* call-seq: client -> client or worker
 *
 * The Client or Worker that was asked for it. */
static VALUE task_client(VALUE self)
{
    return task_of(self)->agent_value;
}

/* call-seq: server -> string or nil
 *
 * The server that it is with, or was at its end; before anything was written that may change. nil for one of several. */
static VALUE task_server(VALUE self)
{
    const task_t *task = task_of(self);
    return task->several ? Qnil : address_string(server_of(task->link));
}

void Init_evg_task_facts(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE task_class = rb_define_class_under(module, "Task", rb_cObject);
    rb_define_method(task_class, "client", task_client, 0);
    rb_define_method(task_class, "server", task_server, 0);
    rb_define_method(task_class, "handle", task_handle, 0); /* in task.c */
    rb_define_method(task_class, "function", task_function, 0);
    rb_define_method(task_class, "unique", task_unique, 0);
    rb_define_method(task_class, "state", task_state, 0);
    rb_define_method(task_class, "done?", task_done_p, 0);
    rb_define_method(task_class, "success?", task_success_p, 0);
    rb_define_method(task_class, "failed?", task_failed_p, 0);
    rb_define_method(task_class, "result", task_result, 0);
    rb_define_method(task_class, "error", task_error, 0);
    rb_define_method(task_class, "progress", task_progress, 0);
}
