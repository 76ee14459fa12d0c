#include "binding/client/task.h"

#include "binding/client/pending.h"
#include "binding/client/window.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
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
    if (task->place.listed) agent_dispose(task->agent);
    evg_list_clear(&task->waiters);
    ruby_xfree(task->batch);
    ruby_xfree(task);
}

static size_t task_size(const void *ptr)
{
    const task_t *task = ptr;
    return sizeof *task + batch_memsize(task->batch);
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

VALUE task_new(link_t *link, VALUE function, VALUE unique, VALUE block, task_t **out)
{
    task_t *task;
    VALUE self = TypedData_Make_Struct(task_class, task_t, &task_type, task);
    evg_request_init(&task->request, task);
    evg_list_init(&task->waiters);
    task->value = task->error = task->callbacks = task->exception = task->progress = task->converter = Qnil;
    task->window = Qnil;
    task->link = link;
    task->agent = link->agent;
    RB_OBJ_WRITE(self, &task->agent_value, link->agent->self);
    RB_OBJ_WRITE(self, &task->function, function);
    RB_OBJ_WRITE(self, &task->unique, unique);
    RB_OBJ_WRITE(self, &task->block, block);
    *out = task;
    return self;
}

/* call-seq: handle -> string or nil
 *
 * The handle of the job that was submitted, from JOB_CREATED on. */
VALUE task_handle(VALUE self)
{
    const evg_request_t *request = &task_of(self)->request; /* a question keeps what it asked for in the same place */
    bool created = request->handle_len && evg_command_submit_p((evg_command_t)request->type);
    return created ? name_string(evg_request_handle(request)) : Qnil;
}

/* -- telling ------------------------------------------------------------------------------------------------------- */

const char *const callback_names[] = {"on_created", "on_complete", "on_fail",      "on_finish",
                                      "on_data",    "on_warning",  "on_exception", "on_status"};

/* A block that lost the seat does not count: it may wait for who waits for the Task. */
bool task_told_p(const task_t *task)
{
    return task->calls == 0 && (task->under_way == 0 || task->ran_by != task->agent->loop->seat.number);
}

static void wake_if_over(task_t *task)
{
    if (task->state != TASK_PENDING && task_told_p(task)) goal_wake(&task->waiters);
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

void task_queue(loop_t *loop, VALUE self, VALUE callable, const char *where, int argc, VALUE a, VALUE b)
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

void task_listen(VALUE self, task_t *task, callback_t kind, VALUE callable)
{
    if (NIL_P(task->callbacks)) RB_OBJ_WRITE(self, &task->callbacks, rb_ary_new());
    rb_ary_push(task->callbacks, INT2FIX(kind));
    rb_ary_push(task->callbacks, callable);
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
        task_queue(loop, self, RARRAY_AREF(task->callbacks, i + 1), callback_names[kind], argc, a, b);
    }
}

void task_tell(agent_t *agent, task_t *task, callback_t kind, int argc, VALUE a, VALUE b)
{
    tell(agent->loop, task_object(agent, task), task, kind, argc, a, b);
}

void task_end(agent_t *agent, task_t *task, VALUE value, VALUE error)
{
    loop_t *loop = agent->loop;
    VALUE self = task_object(agent, task);
    bool good = NIL_P(error);
    RB_OBJ_WRITE(self, &task->value, value);
    RB_OBJ_WRITE(self, &task->error, error);
    task->state = good ? TASK_SUCCEEDED : TASK_FAILED;
    pending_remove(&agent->pending, &task->place);
    if (!NIL_P(task->window)) window_left(task->window);
    if (!loop->muted && !NIL_P(task->block)) task_queue(loop, self, task->block, "block", 2, value, error);
    tell(loop, self, task, good ? ON_COMPLETE : ON_FAIL, 1, good ? value : error, Qnil);
    tell(loop, self, task, ON_FINISH, 2, value, error);
    wake_if_over(task);
    RB_GC_GUARD(self);
}

void task_drop_batch(task_t *task)
{
    ruby_xfree(task->batch);
    task->batch = NULL;
}

void Init_evg_task_class(void)
{
    VALUE module = rb_define_module("EVGearman");
    task_class = rb_define_class_under(module, "Task", rb_cObject);
    rb_undef_alloc_func(task_class);
    rb_gc_register_mark_object(task_class);
}
