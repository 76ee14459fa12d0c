#include "binding/client/events.h"

#include "binding/client/agent.h"
#include "binding/client/batch.h"
#include "binding/client/batch_end.h"
#include "binding/client/conversion.h"
#include "binding/client/grab_one.h"
#include "binding/client/hooks.h"
#include "binding/client/job.h"
#include "binding/client/perform.h"
#include "binding/client/task.h"
#include "binding/drive/loop.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/strings.h"

static bool server_error_p(const evg_event_t *event)
{
    return event->error && evg_error_fault(event->error) == EVG_SERVER && event->argc == 2;
}

static task_t *task_of_event(const evg_event_t *event)
{
    return event->request->owner;
}

static VALUE function_of(const evg_event_t *event)
{
    if (!event->request) return Qnil;
    const task_t *task = task_of_event(event);
    return task->batch ? batch_function(task->batch, event->request) : task->function;
}

static VALUE error_of(const link_t *link, const evg_event_t *event, VALUE data)
{
    failure_t error = {.code = event->error,
                       .text = event->text,
                       .delivery = event->delivery,
                       .request = event->request,
                       .function = function_of(event),
                       .handle = event->type == EVG_EVENT_REFUSED ? event->args[0] : evg_bytes(NULL, 0),
                       .server = server_of(link),
                       .data = data};
    if (server_error_p(event)) error.server_code = event->args[0];
    return error_new(&error);
}

static VALUE payload_of(const evg_event_t *event)
{
    return coding_string(event->args[0], task_of_event(event)->encoding);
}

/* A background job: JOB_CREATED is all that is ever heard of it. */
static bool background_p(const evg_event_t *event)
{
    evg_command_t type = (evg_command_t)event->request->type;
    return evg_command_submit_p(type) && !evg_command_foreground_p(type);
}

static VALUE value_of(const evg_event_t *event)
{
    evg_command_t type = (evg_command_t)event->request->type;
    if (evg_command_grab_p(type)) return task_of_event(event)->value;
    if (type == EVG_OPTION_REQ) return Qtrue;
    return background_p(event) ? name_string(event->args[0]) : payload_of(event);
}

/* A String, or several. */
static VALUE reply_of(const evg_event_t *event)
{
    if (event->argc == 1) return payload_of(event);
    VALUE reply = rb_ary_new_capa(event->argc);
    for (int i = 0; i < event->argc; i++) rb_ary_push(reply, name_string(event->args[i]));
    return reply;
}

static void created(link_t *link, const evg_event_t *event)
{
    task_t *task = task_of_event(event);
    if (!task_listens_p(task, ON_CREATED)) return;
    task_tell(link->agent, task, ON_CREATED, 1, name_string(evg_request_handle(event->request)), Qnil);
}

/* Of one of many. */
static VALUE result_of(const evg_event_t *event)
{
    return task_of_event(event)->each ? reply_of(event) : value_of(event);
}

static void done(link_t *link, const evg_event_t *event)
{
    agent_t *agent = link->agent;
    task_t *task = task_of_event(event);
    if (task->batch) {
        batch_end_one(agent, task, event->request, event->error ? error_of(link, event, Qnil) : result_of(event));
        return;
    }
    if (task->unasked && grab_elsewhere(task, event)) return;
    if (event->error == 0 && !NIL_P(task->converter)) {
        task_queue_conversion(agent, task, reply_of(event));
        return;
    }
    VALUE value = event->error == 0 ? value_of(event) : Qnil;
    if (!NIL_P(value)) {
        if (background_p(event)) created(link, event);
        task_end(agent, task, value, Qnil);
        return;
    }
    VALUE data = task->exception;
    evg_event_t told = *event;
    if (event->error == 0) told.error = EVG_EDISCONNECTED; /* there was no memory for the job of a grab_job */
    if (event->error == EVG_EJOB_EXCEPTION) {
        data = payload_of(event);
        task_tell(agent, task, ON_EXCEPTION, 1, data, Qnil);
    } else if (event->error == EVG_EJOB_FAILED && !NIL_P(data)) {
        told.error = EVG_EJOB_EXCEPTION; /* told before, by a server where it does not end the job */
    } else {
        data = Qnil;
    }
    task_end(agent, task, Qnil, error_of(link, &told, data));
}

static void bytes(agent_t *agent, const evg_event_t *event, callback_t kind)
{
    task_t *task = task_of_event(event);
    task->running = true;
    if (task_listens_p(task, kind)) task_tell(agent, task, kind, 1, payload_of(event), Qnil);
}

static void exception(agent_t *agent, const evg_event_t *event)
{
    task_t *task = task_of_event(event);
    VALUE data = payload_of(event);
    RB_OBJ_WRITE(task_object(agent, task), &task->exception, data);
    task->running = true;
    task_tell(agent, task, ON_EXCEPTION, 1, data, Qnil);
}

static VALUE number_of(evg_bytes_t text)
{
    uint64_t number = 0;
    return evg_number_decode(text, &number) ? ULL2NUM(number) : Qnil;
}

static void status(agent_t *agent, const evg_event_t *event)
{
    task_t *task = task_of_event(event);
    VALUE numerator = number_of(event->args[0]), denominator = number_of(event->args[1]);
    bool sense = !NIL_P(numerator) && !NIL_P(denominator);
    VALUE progress = sense ? rb_ary_freeze(rb_assoc_new(numerator, denominator)) : Qnil;
    RB_OBJ_WRITE(task_object(agent, task), &task->progress, progress);
    task->running = true;
    if (!task_listens_p(task, ON_STATUS)) return;
    task_tell(agent, task, ON_STATUS, 2, binary_string(event->args[0]), binary_string(event->args[1]));
}

static void assigned(link_t *link, const evg_event_t *event)
{
    agent_t *agent = link->agent;
    VALUE job = job_new(link, event);
    if (event->request) {
        task_t *task = task_of_event(event); /* of grab_job: the job is its value, and its DONE comes next */
        RB_OBJ_WRITE(task_object(agent, task), &task->value, job);
        return;
    }
    job_queue(agent, job);
}

/* A job that was too large to be taken. */
static void refused(link_t *link, const evg_event_t *event)
{
    VALUE where = rb_str_new_cstr("job ");
    rb_str_cat(where, (const char *)event->args[0].at, (long)event->args[0].len);
    hook_report(link->agent, error_of(link, event, Qnil), name_of(where));
}

static void failed(link_t *link, const evg_event_t *event)
{
    agent_t *agent = link->agent;
    agent->last_error = error_of(link, event, Qnil);
    hook_call(agent, HOOK_ERROR, 1, agent->last_error);
}

typedef struct {
    link_t *link;
    const evg_event_t *event;
    VALUE error;
} telling_t;

static VALUE tell(VALUE arg)
{
    const telling_t *telling = (const telling_t *)arg;
    link_t *link = telling->link;
    agent_t *agent = link->agent;
    const evg_event_t *event = telling->event;
    switch (event->type) {
    case EVG_EVENT_DONE: done(link, event); break;
    case EVG_EVENT_CREATED: created(link, event); break;
    case EVG_EVENT_DATA: bytes(agent, event, ON_DATA); break;
    case EVG_EVENT_WARNING: bytes(agent, event, ON_WARNING); break;
    case EVG_EVENT_EXCEPTION: exception(agent, event); break;
    case EVG_EVENT_STATUS: status(agent, event); break;
    case EVG_EVENT_ASSIGNED: assigned(link, event); break;
    case EVG_EVENT_LOST: job_lost(agent, event->job); break;
    case EVG_EVENT_CONNECTED: hook_call_at(link, HOOK_CONNECT); break;
    case EVG_EVENT_DISCONNECTED: hook_call_at(link, HOOK_DISCONNECT); break;
    case EVG_EVENT_ERROR: failed(link, event); break;
    case EVG_EVENT_DRAINED: hook_call(agent, HOOK_DRAIN, 0, Qnil); break;
    case EVG_EVENT_IDLE: hook_call(agent, HOOK_IDLE, 0, Qnil); break;
    case EVG_EVENT_STOPPED: hook_call(agent, HOOK_STOPPED, 0, Qnil); break;
    case EVG_EVENT_EXPIRED: job_expired(link, event); break;
    case EVG_EVENT_REFUSED: refused(link, event); break;
    case EVG_EVENT_NONE: break;
    }
    return Qnil;
}

static VALUE end_untold(VALUE arg)
{
    const telling_t *telling = (const telling_t *)arg;
    task_t *task = task_of_event(telling->event);
    if (task->batch) {
        batch_end_one(telling->link->agent, task, telling->event->request, telling->error);
    } else if (task->state == TASK_PENDING) {
        task_end(telling->link->agent, task, Qnil, telling->error);
    }
    return Qnil;
}

/* Ruby had no memory for it. A Task ends with that; anything else that is missing ends the connection, so that
 * nobody goes on as if it had come. */
static void untold(telling_t *telling)
{
    int state = 0;
    telling->error = rb_errinfo();
    rb_set_errinfo(Qnil);
    if (telling->event->type != EVG_EVENT_DONE) {
        evg_connection_cut(telling->link->c);
        return;
    }
    rb_protect(end_untold, (VALUE)telling, &state);
    if (state) rb_set_errinfo(Qnil);
}

/* No jump may go through a turn: it would leave sources in lists on a stack that is gone. */
void link_event(void *owner, const evg_event_t *event)
{
    telling_t telling = {.link = owner, .event = event, .error = Qnil};
    const agent_t *agent = telling.link->agent;
    int state = 0;
    if (agent_gone_p(agent)) return;
    VALUE self = agent->self;
    rb_protect(tell, (VALUE)&telling, &state);
    if (state) untold(&telling);
    if (agent->loop->net->polling) evg_loop_wake(agent->loop->net); /* for what was queued */
    RB_GC_GUARD(self);
}
