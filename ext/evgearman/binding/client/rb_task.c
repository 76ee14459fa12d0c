/* Waiting for a Task, and listening to it. */
#include <math.h>

#include "binding/client/agent.h"
#include "binding/client/batch.h"
#include "binding/client/task.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/drive/seat.h"
#include "binding/drive/wait.h"
#include "binding/values/errors.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

/* -- waiting ------------------------------------------------------------------------------------------------------- */

/* Its blocks come before `value` returns, except to a block: that may be one of them. */
static bool over_p(const task_t *task)
{
    const loop_t *loop = task->agent->loop;
    if (task->state == TASK_PENDING) return task->abandoned;
    return task_told_p(task) || task->abandoned || seat_in_block_p(loop);
}

static bool over_goal(const goal_t *goal)
{
    return over_p(goal->subject);
}

static bool await(task_t *task, VALUE timeout)
{
    double deadline = deadline_of(timeout);
    if (over_p(task)) return true;
    goal_t goal = {.reached = over_goal, .subject = task, .waiters = &task->waiters, .about = task->link->c};
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
                       .server = server_of(task->link),
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

/* What is past is told in the next turn; data and progress are not told again. */
static void tell_past(VALUE self, task_t *task, callback_t kind, VALUE callable)
{
    loop_t *loop = task->agent->loop;
    bool good = task->state == TASK_SUCCEEDED, bad = task->state == TASK_FAILED;
    VALUE handle = task_handle(self);
    if (kind == ON_CREATED && !NIL_P(handle)) task_queue(loop, self, callable, "on_created", 1, handle, Qnil);
    if (kind == ON_COMPLETE && good) task_queue(loop, self, callable, "on_complete", 1, task->value, Qnil);
    if (kind == ON_FAIL && bad) task_queue(loop, self, callable, "on_fail", 1, task->error, Qnil);
    if (kind == ON_FINISH && (good || bad)) task_queue(loop, self, callable, "on_finish", 2, task->value, task->error);
    evg_loop_wake(loop->net);
}

static VALUE listen_for(VALUE self, callback_t kind)
{
    task_t *task = task_of(self);
    VALUE block = block_of(rb_id2name(rb_frame_this_func()));
    if (task->state == TASK_PENDING) task_listen(self, task, kind, block);
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

/* What is not written need not be. Without memory for that it goes its way. */
static void take_back(task_t *task)
{
    if (task->state != TASK_PENDING) return;
    if (task->batch) {
        batch_take_back(task->batch);
        return;
    }
    (void)evg_session_take_back(link_session(task->link), &task->request);
    evg_connection_changed(task->link->c);
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
    VALUE task_class = rb_define_class_under(module, "Task", rb_cObject);
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
