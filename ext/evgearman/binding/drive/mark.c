#include "binding/drive/mark.h"

#include "binding/drive/calls.h"
#include "binding/drive/goal.h"
#include "binding/drive/wait.h"

/* On the heap, because the queue may outlive who waits. */
typedef struct {
    evg_list_t waiters;
    bool passed;
} mark_t;

static void mark_free(void *ptr)
{
    mark_t *mark = ptr;
    evg_list_clear(&mark->waiters);
    ruby_xfree(mark);
}

static const rb_data_type_t mark_type = {
    .wrap_struct_name = "EVGearman::Loop::Mark",
    .function = {.dfree = mark_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static bool passed_p(const goal_t *goal)
{
    return ((const mark_t *)goal->subject)->passed;
}

/* It was taken out of the queue. */
static void pass(const call_t *call)
{
    mark_t *mark = RTYPEDDATA_DATA(call->subject);
    mark->passed = true;
    goal_wake(&mark->waiters);
}

static VALUE pass_in_turn(const call_t *call)
{
    pass(call);
    return Qnil;
}

static const call_kind_t mark_call = {.run = pass_in_turn, .drop = pass};

void mark_wait(loop_t *loop, double deadline)
{
    mark_t *mark;
    VALUE self = TypedData_Make_Struct(0, mark_t, &mark_type, mark);
    evg_list_init(&mark->waiters);
    const goal_t passed = {.reached = passed_p, .subject = mark, .waiters = &mark->waiters};
    const call_t call = {
        .kind = &mark_call, .callable = Qnil, .subject = self, .agent = Qnil, .args = {Qnil, Qnil}, .where = "close"};
    calls_push(&loop->done, &call);
    if (loop->net->polling) evg_loop_wake(loop->net);
    loop_wait(loop, &passed, deadline);
    RB_GC_GUARD(self);
}
