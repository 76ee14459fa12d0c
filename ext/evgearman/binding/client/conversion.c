#include "binding/client/conversion.h"

#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/each.h"
#include "binding/client/pending.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/values/addresses.h"
#include "binding/values/asking.h"
#include "binding/values/errors.h"
#include "binding/values/shapes.h"
#include "binding/values/strings.h"

/* As many may be chance; a coder that always does it would end every thread that drives. */
enum { INTERRUPTS_MAX = 20 };

static VALUE mask; /* { StandardError => :on_blocking } */
static VALUE security_error;

typedef struct {
    VALUE self, converter, reply;
} convert_t;

void task_convert_by(VALUE self, VALUE converter)
{
    RB_OBJ_WRITE(self, &((task_t *)RTYPEDDATA_DATA(self))->converter, converter);
}

void task_decode_by(VALUE self, const coding_t *coding)
{
    task_t *task = RTYPEDDATA_DATA(self);
    task->encoding = coding->encoding;
    if (NIL_P(coding->coder)) return;
    task->coded = true;
    task_convert_by(self, coding->coder);
}

/* What it leads to has waited already: it comes before what the server said later. */
static void end_converted(VALUE self, VALUE value, VALUE error)
{
    task_t *task = RTYPEDDATA_DATA(self);
    if (task->state != TASK_PENDING) return;
    calls_t *done = &task->agent->loop->done;
    size_t behind = done->count;
    task_end(task->agent, task, value, error);
    calls_hurry(done, done->count - behind);
}

static void end_unconverted(VALUE self, int code)
{
    const task_t *task = RTYPEDDATA_DATA(self);
    failure_t error = {.code = code, .function = task->function, .server = server_of(task->link), .data = Qnil};
    if (task->state == TASK_PENDING) end_converted(self, Qnil, error_new(&error));
}

/* The answer leads to another line, an Admin::Next: the Task goes on with that. */
static bool leads_on_p(const task_t *task, VALUE value)
{
    return !task->coded && RB_TYPE_P(value, T_STRUCT) && rb_obj_class(value) == rb_path2class("EVGearman::Admin::Next");
}

static void ask_on(VALUE self, VALUE next)
{
    task_t *task = RTYPEDDATA_DATA(self);
    const question_t question = {rb_struct_aref(next, INT2FIX(0)), admin_shape(rb_struct_aref(next, INT2FIX(0)), Qnil)};
    task_convert_by(self, rb_struct_aref(next, INT2FIX(1)));
    if (task->each) {
        each_ask_on(self, ask_admin, &question);
    } else {
        error_check(server_of(task->link), link_ask_again(task->link, task, ask_admin, &question));
    }
    RB_GC_GUARD(next);
}

/* Of each: all. */
static VALUE server_name(const task_t *task)
{
    return task->each ? each_servers(&task->agent->view) : address_string(server_of(task->link));
}

static VALUE convert(VALUE arg)
{
    const convert_t *how = (const convert_t *)arg;
    const task_t *task = RTYPEDDATA_DATA(how->self);
    VALUE value = task->coded ? coding_load(how->converter, how->reply)
                              : rb_funcall(how->converter, rb_intern("call"), 2, how->reply, server_name(task));
    if (leads_on_p(task, value))
        ask_on(how->self, value);
    else
        end_converted(how->self, value, Qnil);
    return Qnil;
}

static VALUE convert_failed(VALUE arg, VALUE error)
{
    VALUE self = ((const convert_t *)arg)->self;
    const task_t *task = RTYPEDDATA_DATA(self);
    end_converted(self, Qnil, task->coded ? error : error_at(task->each ? NULL : server_of(task->link), error));
    return Qnil;
}

static VALUE convert_masked(RB_BLOCK_CALL_FUNC_ARGLIST(ignored, arg))
{
    (void)ignored, (void)argc, (void)argv, (void)blockarg;
    return rb_rescue2(convert, arg, convert_failed, arg, rb_eStandardError, rb_eScriptError, rb_eNoMemError,
                      security_error, rb_eSysStackError, (VALUE)0);
}

static VALUE conversion_run(const call_t *call)
{
    const task_t *task = RTYPEDDATA_DATA(call->subject);
    convert_t how = {call->subject, call->callable, call->args[0]};
    if (task->converted > INTERRUPTS_MAX) {
        end_unconverted(call->subject, EVG_EINTERRUPTED);
        return Qnil;
    }
    return rb_block_call(rb_cThread, rb_intern("handle_interrupt"), 1, &mask, convert_masked, (VALUE)&how);
}

static void conversion_interrupted(const call_t *call)
{
    task_t *task = RTYPEDDATA_DATA(call->subject);
    if (task->state != TASK_PENDING || call->callable != task->converter) return;
    task->converted++;
    calls_put_back(&task->agent->loop->done, call);
    task->calls++;
}

static void conversion_dropped(const call_t *call)
{
    end_unconverted(call->subject, EVG_EFORKED);
    task_call_dropped(call);
}

void conversions_after_fork(agent_t *agent)
{
    const pending_t *pending = &agent->pending;
    while (pending->count > 0) end_unconverted(pending->tasks[pending->count - 1], EVG_EFORKED);
}

void task_queue_conversion(agent_t *agent, task_t *task, VALUE reply)
{
    static const call_kind_t conversion = {.run = conversion_run,
                                           .begin = task_call_begins,
                                           .end = task_call_ends,
                                           .interrupted = conversion_interrupted,
                                           .drop = conversion_dropped,
                                           .keeps_errors = true,
                                           .always = true};
    call_t call = {.kind = &conversion,
                   .callable = task->converter,
                   .subject = task_object(agent, task),
                   .agent = agent->self,
                   .args = {reply, Qnil},
                   .where = "converter"};
    calls_push(&agent->loop->done, &call);
    task->calls++;
}

void Init_evg_conversion(void)
{
    mask = rb_hash_new();
    rb_gc_register_address(&mask);
    rb_gc_register_address(&security_error);
    security_error = rb_const_get(rb_cObject, rb_intern("SecurityError"));
    rb_hash_aset(mask, rb_eStandardError, ID2SYM(rb_intern("on_blocking")));
    rb_obj_freeze(mask);
}
