#include "binding/drive/runs.h"

#include <ruby/fiber/scheduler.h>

#include "binding/drive/goal.h"

static void frame_mark(void *ptr)
{
    const frame_t *frame = ptr;
    rb_gc_mark(frame->thread);
    rb_gc_mark(frame->fiber);
    rb_gc_mark(frame->worker);
}

static void frame_free(void *ptr)
{
    frame_t *frame = ptr;
    evg_list_clear(&frame->waiters);
    evg_list_unlink(&frame->link);
    ruby_xfree(frame);
}

static const rb_data_type_t frame_type = {
    .wrap_struct_name = "EVGearman::Loop::Frame",
    .function = {.dmark = frame_mark, .dfree = frame_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE enter(loop_t *loop, VALUE worker, frame_t **out)
{
    VALUE owner = TypedData_Make_Struct(0, frame_t, &frame_type, *out);
    evg_list_init(&(*out)->waiters);
    (*out)->thread = rb_thread_current();
    (*out)->fiber = NIL_P(rb_fiber_scheduler_current()) ? Qnil : rb_fiber_current();
    (*out)->worker = worker;
    evg_list_append(&loop->frames, &(*out)->link);
    return owner;
}

typedef struct {
    frame_t *frame;
    VALUE (*body)(frame_t *frame, void *arg);
    void *arg;
} run_t;

static VALUE run_body(VALUE arg)
{
    const run_t *run = (const run_t *)arg;
    return run->body(run->frame, run->arg);
}

static VALUE run_end(VALUE arg)
{
    evg_list_unlink(&((run_t *)arg)->frame->link);
    return Qnil;
}

VALUE run_in(loop_t *loop, VALUE worker, VALUE (*body)(frame_t *frame, void *arg), void *arg)
{
    run_t run = {.body = body, .arg = arg};
    VALUE owner = enter(loop, worker, &run.frame);
    VALUE answer = rb_ensure(run_body, (VALUE)&run, run_end, (VALUE)&run);
    RB_GC_GUARD(owner);
    return answer;
}

void runs_rouse(loop_t *loop, VALUE worker)
{
    for (evg_list_t *at = loop->frames.next; at != &loop->frames; at = at->next) {
        frame_t *frame = evg_container(at, frame_t, link);
        if (frame->worker != worker) continue;
        frame->roused = true;
        goal_wake(&frame->waiters);
    }
    evg_loop_wake(loop->net);
}

bool run_allows_p(const loop_t *loop, VALUE thread)
{
    if (evg_list_empty_p(&loop->frames)) return true;
    for (const evg_list_t *at = loop->frames.next; at != &loop->frames; at = at->next) {
        if (evg_container(at, frame_t, link)->thread == thread) return true;
    }
    return false;
}
