/* A `map` goes on when any of its Tasks has ended, and there is room to write. */
#include <math.h>

#include "binding/client/agent.h"
#include "binding/client/task.h"
#include "binding/client/window.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/drive/wait.h"

/* For so many Tasks of that client. */
static VALUE window_initialize(VALUE self, VALUE client, VALUE most)
{
    window_t *window = RTYPEDDATA_DATA(self);
    window->view = view_of(client);
    window->view_value = client;
    window->agent = window->view->agent;
    window->agent_value = window->agent->self;
    window->most = FIXNUM_P(most) ? (size_t)FIX2LONG(most) : SIZE_MAX;
    return self;
}

/* Somewhere there is no room. */
static bool full_p(const view_t *view)
{
    for (link_t *at = view->links; at < links_end(view); at++) {
        if (evg_session_full_p(link_session(at))) return true;
    }
    return false;
}

static bool room_p(const goal_t *goal)
{
    const window_t *window = goal->subject;
    return window->under_way < window->most && !full_p(window->view);
}

/* For another Task. */
static VALUE window_wait(VALUE self)
{
    window_t *window = RTYPEDDATA_DATA(self);
    agent_t *agent = window->agent;
    const goal_t room = {
        .reached = room_p, .subject = window, .waiters = &agent->waiters, .about = window->view->links->c};
    if (!room_p(&room)) loop_wait(agent->loop, &room, INFINITY);
    RB_GC_GUARD(self);
    return self;
}

static VALUE window_enter(VALUE self, VALUE task_value)
{
    task_t *task = rb_check_typeddata(task_value, &task_type);
    if (task->state != TASK_PENDING) return task_value;
    RB_OBJ_WRITE(task_value, &task->window, self);
    ((window_t *)RTYPEDDATA_DATA(self))->under_way++;
    return task_value;
}

void Init_evg_window(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE client_class = rb_define_class_under(module, "Client", connection_class);
    VALUE klass = rb_define_class_under(client_class, "Window", rb_cObject);
    rb_define_method(klass, "initialize", window_initialize, 2);
    rb_define_method(klass, "enter", window_enter, 1);
    rb_define_method(klass, "wait", window_wait, 0);
}
