#include <math.h>

#include "binding/client/client.h"
#include "binding/client/rb_client.h"
#include "binding/drive/calls.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/drive/seat.h"
#include "binding/drive/wait.h"
#include "binding/values/errors.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

static VALUE task_class;

/* Written between barriers: a Task is made by the hundred thousand, and an unprotected one would be marked again in
 * every minor GC. */
static void task_mark(void *ptr)
{
    task_t *task = ptr;
    rb_gc_mark(task->agent_value);
    rb_gc_mark(task->value);
    rb_gc_mark(task->error);
    rb_gc_mark(task->block);
    rb_gc_mark(task->callbacks);
    rb_gc_mark(task->function);
    rb_gc_mark(task->unique);
    rb_gc_mark(task->exception);
    rb_gc_mark(task->progress);
    rb_gc_mark(task->converter);
    rb_gc_mark(task->window);
    if (task->batch) batch_mark(task->batch);
}

/* One that is pending is collected only together with its agent. */
static void task_free(void *ptr)
{
    task_t *task = ptr;
    if (task->agent && task->listed) agent_dispose(task->agent);
    evg_list_clear(&task->waiters);
    ruby_xfree(task->batch);
    ruby_xfree(task);
}

static size_t task_size(const void *ptr)
{
    const task_t *task = ptr;
    return sizeof *task + (task->batch ? batch_size(task->batch) : 0);
}

const rb_data_type_t task_type = {
    .wrap_struct_name = "EVGearman::Task",
    .function = {.dmark = task_mark, .dfree = task_free, .dsize = task_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

task_t *task_of(VALUE self)
{
    task_t *task;
    TypedData_Get_Struct(self, task_t, &task_type, task);
    loop_follow_fork(task->agent->loop);
    return task;
}

VALUE task_new(agent_t *agent, VALUE function, VALUE unique, VALUE block, task_t **out)
{
    task_t *task;
    VALUE self = TypedData_Make_Struct(task_class, task_t, &task_type, task);
    evg_request_init(&task->request, task);
    evg_list_init(&task->waiters);
    task->value = task->error = task->callbacks = task->exception = task->progress = task->converter = Qnil;
    task->window = Qnil;
    task->agent = agent;
    RB_OBJ_WRITE(self, &task->agent_value, agent->self);
    RB_OBJ_WRITE(self, &task->function, function);
    RB_OBJ_WRITE(self, &task->unique, unique);
    RB_OBJ_WRITE(self, &task->block, block);
    *out = task;
    return self;
}

void task_pending(agent_t *agent, VALUE self, task_t *task)
{
    task->listed = true;
    task->slot = agent->pending_count;
    agent->pending[agent->pending_count++] = self;
}

/* The last one takes its place: the order does not matter, only that the GC sees them all. */
static void no_longer_pending(agent_t *agent, task_t *task)
{
    task->listed = false;
    VALUE last = agent->pending[--agent->pending_count];
    agent->pending[task->slot] = last;
    ((task_t *)RTYPEDDATA_DATA(last))->slot = task->slot;
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

const char *const callback_names[] = {"on_created", "on_complete", "on_fail",      "on_finish",
                                      "on_data",    "on_warning",  "on_exception", "on_status"};

/* Its blocks have been called. One that lost the seat does not count: it may wait for who waits for the Task. */
static bool told_p(const task_t *task)
{
    return task->calls == 0 && (task->under_way == 0 || task->ran_by != task->agent->loop->seat.number);
}

static void wake_if_over(task_t *task)
{
    if (task->state != TASK_PENDING && told_p(task)) goal_wake(&task->waiters);
}

static task_t *task_of_call(const call_t *call)
{
    return RTYPEDDATA_DATA(call->subject);
}

bool task_call_begins(const call_t *call, uint64_t seat)
{
    task_t *task = task_of_call(call);
    task->calls--;
    if (task->ran_by != seat) task->under_way = 0;
    task->ran_by = seat;
    task->under_way++;
    return true;
}

static bool block_begins(const call_t *call, uint64_t seat)
{
    return task_call_begins(call, seat) && !task_of_call(call)->abandoned;
}

void task_call_ends(const call_t *call, uint64_t seat)
{
    task_t *task = task_of_call(call);
    if (task->ran_by == seat) task->under_way--;
    wake_if_over(task);
}

void task_call_dropped(const call_t *call)
{
    task_of_call(call)->calls--;
    wake_if_over(task_of_call(call));
}

static const call_kind_t task_block = {
    .run = calls_block, .begin = block_begins, .end = task_call_ends, .drop = task_call_dropped};

static void queue(loop_t *loop, VALUE self, VALUE callable, const char *where, int argc, VALUE a, VALUE b)
{
    task_t *task = RTYPEDDATA_DATA(self);
    call_t call = {.kind = &task_block,
                   .argc = argc,
                   .callable = callable,
                   .subject = self,
                   .agent = task->agent_value,
                   .args = {a, b},
                   .where = where};
    calls_push(&loop->done, &call);
    task->calls++;
}

bool task_listens_p(const task_t *task, callback_t kind)
{
    if (NIL_P(task->callbacks)) return false;
    for (long i = 0; i < RARRAY_LEN(task->callbacks); i += 2) {
        if (RARRAY_AREF(task->callbacks, i) == INT2FIX(kind)) return true;
    }
    return false;
}

static void tell(loop_t *loop, VALUE self, const task_t *task, callback_t kind, int argc, VALUE a, VALUE b)
{
    if (loop->muted || NIL_P(task->callbacks)) return;
    for (long i = 0; i < RARRAY_LEN(task->callbacks); i += 2) {
        if (RARRAY_AREF(task->callbacks, i) != INT2FIX(kind)) continue;
        queue(loop, self, RARRAY_AREF(task->callbacks, i + 1), callback_names[kind], argc, a, b);
    }
}

void task_tell(agent_t *agent, task_t *task, callback_t kind, int argc, VALUE a, VALUE b)
{
    tell(agent->loop, agent->pending[task->slot], task, kind, argc, a, b);
}

void task_end(agent_t *agent, task_t *task, VALUE value, VALUE error)
{
    loop_t *loop = agent->loop;
    VALUE self = agent->pending[task->slot];
    bool good = NIL_P(error);
    RB_OBJ_WRITE(self, &task->value, value);
    RB_OBJ_WRITE(self, &task->error, error);
    task->state = good ? TASK_SUCCEEDED : TASK_FAILED;
    no_longer_pending(agent, task);
    if (!NIL_P(task->window)) window_left(task->window);
    if (!loop->muted && !NIL_P(task->block)) queue(loop, self, task->block, "block", 2, value, error);
    tell(loop, self, task, good ? ON_COMPLETE : ON_FAIL, 1, good ? value : error, Qnil);
    tell(loop, self, task, ON_FINISH, 2, value, error);
    wake_if_over(task);
    RB_GC_GUARD(self);
}

/* -- waiting ------------------------------------------------------------------------------------------------------- */

/* Its blocks come before `value` returns, except to a block: that may be one of them. */
static bool over_p(const task_t *task)
{
    const loop_t *loop = task->agent->loop;
    if (task->state == TASK_PENDING) return task->abandoned;
    return told_p(task) || task->abandoned || seat_in_block_p(loop);
}

static bool over_goal(const goal_t *goal)
{
    return over_p(goal->subject);
}

static bool await(task_t *task, VALUE timeout)
{
    double deadline = deadline_of(timeout);
    if (over_p(task)) return true;
    goal_t goal = {.reached = over_goal, .subject = task, .waiters = &task->waiters, .about = task->agent->c};
    return loop_wait(task->agent->loop, &goal, deadline) || task->state != TASK_PENDING;
}

/* What no server says: it has no code. */
NORETURN(static void fail(const task_t *task, const char *class_name, const char *words));

static void fail(const task_t *task, const char *class_name, const char *words)
{
    failure_t error = {.klass = error_class(class_name),
                       .words = evg_bytes_of(words),
                       .handle = evg_request_handle(&task->request),
                       .function = task->function,
                       .server = server_of(task->agent),
                       .data = Qnil};
    rb_exc_raise(error_new(&error));
}

static VALUE outcome(task_t *task)
{
    if (task->abandoned) fail(task, "Error", "abandoned");
    if (!NIL_P(task->error)) rb_exc_raise(error_own(task->error));
    return task->value;
}

/* Of `Task.all`. */
static VALUE task_late(VALUE self)
{
    fail(task_of(self), "TimeoutError", "timeout");
}

/* call-seq: value(timeout = nil) -> object
 *
 * Waits for the result, so many seconds or for ever; TimeoutError "timeout" when the time passes first, and raises why
 * it failed. Blocks of this Task have been called when it returns (but to a block, which may be one of them). */
static VALUE task_value(int argc, VALUE *argv, VALUE self)
{
    task_t *task = task_of(self);
    rb_check_arity(argc, 0, 1);
    if (!await(task, argc ? argv[0] : Qnil)) fail(task, "TimeoutError", "timeout");
    VALUE value = outcome(task);
    RB_GC_GUARD(self);
    return value;
}

/* call-seq: wait(timeout = nil) -> self or nil
 *
 * Waits for the end, good or bad, as `value` does; nil when the time passed first. */
static VALUE task_wait(int argc, VALUE *argv, VALUE self)
{
    rb_check_arity(argc, 0, 1);
    return await(task_of(self), argc ? argv[0] : Qnil) ? self : Qnil;
}

/* -- listening ----------------------------------------------------------------------------------------------------- */

static void add_callback(VALUE self, task_t *task, callback_t kind, VALUE callable)
{
    if (NIL_P(task->callbacks)) RB_OBJ_WRITE(self, &task->callbacks, rb_ary_new());
    rb_ary_push(task->callbacks, INT2FIX(kind));
    rb_ary_push(task->callbacks, callable);
}

/* What is past is told in the next turn; data and progress are not told again. */
static void tell_past(VALUE self, task_t *task, callback_t kind, VALUE callable)
{
    loop_t *loop = task->agent->loop;
    bool good = task->state == TASK_SUCCEEDED, bad = task->state == TASK_FAILED;
    VALUE handle = task_handle(self);
    if (kind == ON_CREATED && !NIL_P(handle)) queue(loop, self, callable, "on_created", 1, handle, Qnil);
    if (kind == ON_COMPLETE && good) queue(loop, self, callable, "on_complete", 1, task->value, Qnil);
    if (kind == ON_FAIL && bad) queue(loop, self, callable, "on_fail", 1, task->error, Qnil);
    if (kind == ON_FINISH && (good || bad)) queue(loop, self, callable, "on_finish", 2, task->value, task->error);
    evg_loop_wake(loop->net);
}

static VALUE listen_for(VALUE self, callback_t kind)
{
    task_t *task = task_of(self);
    VALUE block = block_of(rb_id2name(rb_frame_this_func()));
    if (task->state == TASK_PENDING) add_callback(self, task, kind, block);
    if (task->state != TASK_PENDING || kind == ON_CREATED) tell_past(self, task, kind, block);
    return self;
}

/* Document-method: EVGearman::Task#on_created
 *
 * call-seq: on_created { |handle| ... } -> self
 *
 * Called with the handle, when the server has the job (JOB_CREATED). */

/* Document-method: EVGearman::Task#on_complete
 *
 * call-seq: on_complete { |result| ... } -> self
 *
 * Called with the value, when it ends well. */

/* Document-method: EVGearman::Task#on_fail
 *
 * call-seq: on_fail { |error| ... } -> self
 *
 * Called with the `error`, when it ends badly. */

/* Document-method: EVGearman::Task#on_finish
 *
 * call-seq: on_finish { |result, error| ... } -> self
 *
 * Called when it ends, well or badly; one of the two is nil. */

/* Document-method: EVGearman::Task#on_data
 *
 * call-seq: on_data { |bytes| ... } -> self
 *
 * Called with each WORK_DATA. */

/* Document-method: EVGearman::Task#on_warning
 *
 * call-seq: on_warning { |bytes| ... } -> self
 *
 * Called with each WORK_WARNING. */

/* Document-method: EVGearman::Task#on_exception
 *
 * call-seq: on_exception { |bytes| ... } -> self
 *
 * Called with what WORK_EXCEPTION says, before the Task fails. */

/* Document-method: EVGearman::Task#on_status
 *
 * call-seq: on_status { |numerator, denominator| ... } -> self
 *
 * Called with each WORK_STATUS. */

#define LISTEN(name, kind)               \
    static VALUE task_##name(VALUE self) \
    {                                    \
        return listen_for(self, kind);   \
    }
LISTEN(on_created, ON_CREATED)
LISTEN(on_complete, ON_COMPLETE)
LISTEN(on_fail, ON_FAIL)
LISTEN(on_finish, ON_FINISH)
LISTEN(on_data, ON_DATA)
LISTEN(on_warning, ON_WARNING)
LISTEN(on_exception, ON_EXCEPTION)
LISTEN(on_status, ON_STATUS)
#undef LISTEN

/* For options such as on_data: of a submission. */
void task_listen(VALUE self, callback_t kind, VALUE callable)
{
    add_callback(self, task_of(self), kind, callable);
}

/* What is not written need not be. Without memory for that it goes its way. */
static void take_back(task_t *task)
{
    evg_session_t *s = &task->agent->c->session;
    if (task->state != TASK_PENDING) return;
    if (task->batch)
        batch_take_back(s, task->batch);
    else
        (void)evg_session_take_back(s, &task->request);
    agent_changed(task->agent);
}

/* call-seq: abandon -> self
 *
 * No block is called any more, and `value` raises Error "abandoned". What is not written yet is taken back: the server
 * never hears of it. A job that it has goes on. Changes nothing once the Task has ended and its blocks were called. */
static VALUE task_abandon(VALUE self)
{
    task_t *task = task_of(self);
    if (task->state != TASK_PENDING && task->calls == 0) return self;
    task->abandoned = true;
    take_back(task);
    goal_wake(&task->waiters);
    evg_loop_wake(task->agent->loop->net); /* who drives may be the one who waits for it */
    return self;
}

void Init_evg_task(void)
{
    VALUE module = rb_define_module("EVGearman");
    task_class = rb_define_class_under(module, "Task", rb_cObject);
    rb_undef_alloc_func(task_class);
    rb_gc_register_mark_object(task_class);
    rb_define_method(task_class, "value", task_value, -1);
    rb_define_method(task_class, "wait", task_wait, -1);
    rb_define_private_method(task_class, "_late", task_late, 0);
    rb_define_method(task_class, "on_created", task_on_created, 0);
    rb_define_method(task_class, "on_complete", task_on_complete, 0);
    rb_define_method(task_class, "on_fail", task_on_fail, 0);
    rb_define_method(task_class, "on_finish", task_on_finish, 0);
    rb_define_method(task_class, "on_data", task_on_data, 0);
    rb_define_method(task_class, "on_warning", task_on_warning, 0);
    rb_define_method(task_class, "on_exception", task_on_exception, 0);
    rb_define_method(task_class, "on_status", task_on_status, 0);
    rb_define_method(task_class, "abandon", task_abandon, 0);
}
