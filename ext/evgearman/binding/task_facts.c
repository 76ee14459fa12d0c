/* What there is to know of a Task, without waiting. */
#include "binding/binding.h"
#include "binding/rb_client.h"

VALUE task_handle(VALUE self)
{
    const evg_request_t *request = &task_of(self)->request; /* a question keeps what it asked for in the same place */
    bool created = request->handle_len && evg_command_submit_p((evg_command_t)request->type);
    return created ? name_string(evg_request_handle(request)) : Qnil;
}

static VALUE task_function(VALUE self)
{
    return name_of(task_of(self)->function);
}

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
    const evg_request_t *request = task->batch ? batch_first(task->batch) : &task->request;
    return evg_session_unwritten_p(&task->client->c->session, request) ? "waiting" : "sent";
}

static VALUE task_state(VALUE self)
{
    return ID2SYM(rb_intern(state_name(task_of(self))));
}

static VALUE task_done_p(VALUE self)
{
    return RBOOL(task_of(self)->state != TASK_PENDING);
}

static VALUE task_success_p(VALUE self)
{
    return RBOOL(task_of(self)->state == TASK_SUCCEEDED);
}

static VALUE task_failed_p(VALUE self)
{
    return RBOOL(task_of(self)->state == TASK_FAILED);
}

static VALUE task_result(VALUE self)
{
    return task_of(self)->value;
}

static VALUE task_error(VALUE self)
{
    return task_of(self)->error;
}

static VALUE task_progress(VALUE self)
{
    return task_of(self)->progress;
}

static VALUE task_client(VALUE self)
{
    return task_of(self)->client_value;
}

void Init_evg_task_facts(VALUE task_class)
{
    rb_define_method(task_class, "client", task_client, 0);
    rb_define_method(task_class, "handle", task_handle, 0);
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
