#include "binding/client/agent.h"

#include "binding/drive/runs.h"
#include "binding/values/errors.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/unique.h"

/* -- life ---------------------------------------------------------------------------------------------------------- */

/* Its own: of another's it has none. */
static bool whole_p(const agent_t *agent)
{
    return agent->view.agent == agent;
}

static void rest(const agent_t *agent)
{
    if (!whole_p(agent) || agent->loop->net->turning) return;
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) link_rest(at);
}

static void agent_mark(void *ptr)
{
    agent_t *agent = ptr;
    rest(agent);
    agent->marked_in = lifetime_marked();
    rb_gc_mark(agent->self); /* it must not be moved */
    pending_mark(&agent->pending);
    for (int i = 0; i < HOOKS; i++) rb_gc_mark(agent->hooks[i]);
    rb_gc_mark(agent->coding.coder);
    rb_gc_mark(agent->unique);
    rb_gc_mark(agent->loop_value);
    rb_gc_mark(agent->handlers);
    rb_gc_mark(agent->pool);
    rb_gc_mark(agent->whole);
    rb_gc_mark(agent->route);
    rb_gc_mark(agent->on_lost);
    rb_gc_mark(agent->last_error);
}

static bool busy_p(const evg_session_t *s)
{
    return s->worker.held_count > 0 || evg_worker_working_p(s);
}

bool agent_kept_p(const agent_t *agent)
{
    if (agent->pending.count > 0) return true;
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        if (busy_p(link_session(at))) return true;
    }
    return false;
}

bool agent_over_p(const agent_t *agent)
{
    return !agent_kept_p(agent) && lifetime_over_p(agent->marked_in);
}

void agent_dispose(agent_t *agent)
{
    if (!whole_p(agent)) return;
    pending_clear(&agent->pending);
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) link_dispose(at);
    agent->view.count = 0;
}

static void agent_free(void *ptr)
{
    agent_t *agent = ptr;
    evg_list_unlink(&agent->member.link);
    evg_list_clear(&agent->waiters);
    agent_dispose(agent);
    if (whole_p(agent)) ruby_xfree(agent->view.links);
    ruby_xfree(agent->pending.tasks);
    ruby_xfree(agent);
}

static size_t agent_size(const void *ptr)
{
    const agent_t *agent = ptr;
    size_t size = sizeof *agent + pending_memsize(&agent->pending);
    if (!whole_p(agent)) return size;
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) size += sizeof *at + link_memsize(at);
    return size;
}

static const rb_data_type_t agent_type = {
    .wrap_struct_name = "EVGearman::Connection",
    .function = {.dmark = agent_mark, .dfree = agent_free, .dsize = agent_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE agent_allocate(VALUE klass)
{
    agent_t *agent;
    VALUE self = TypedData_Make_Struct(klass, agent_t, &agent_type, agent);
    evg_list_init(&agent->member.link);
    evg_list_init(&agent->waiters);
    agent->self = self;
    agent->marked_in = lifetime_new();
    agent->loop_value = agent->coding.coder = agent->last_error = Qnil;
    agent->unique = unique_auto();
    agent->handlers = agent->on_lost = agent->pool = agent->whole = agent->route = Qnil;
    for (int i = 0; i < HOOKS; i++) agent->hooks[i] = Qnil;
    return self;
}

/* -- use ----------------------------------------------------------------------------------------------------------- */

VALUE view_new(VALUE klass, agent_t *agent, link_t *links, size_t count)
{
    VALUE self = rb_obj_alloc(klass);
    agent_t *other = RTYPEDDATA_DATA(self);
    other->view = (view_t){agent, links, count};
    other->whole = agent->self;
    return self;
}

view_t *view_of(VALUE self)
{
    agent_t *object;
    TypedData_Get_Struct(self, agent_t, &agent_type, object);
    view_t *view = &object->view;
    if (!view->count) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    loop_used(view->agent->loop);
    return view;
}

view_t *open_view_of(VALUE self)
{
    view_t *view = view_of(self);
    if (view_shut_p(view) || view->agent->loop->closed) error_raise(only_server_of(view), "ConnectionError", "closed");
    return view;
}

agent_t *agent_of(VALUE self)
{
    return view_of(self)->agent;
}

bool agent_working_p(const agent_t *agent)
{
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        if (evg_worker_working_p(link_session(at))) return true;
    }
    return false;
}

bool agent_hopeless_p(const agent_t *agent)
{
    bool hopeless = agent_working_p(agent);
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        hopeless &= evg_session_idle_p(link_session(at));
    }
    return hopeless;
}

void agent_rouse(agent_t *agent)
{
    agent->roused = true;
    runs_rouse(agent->loop, agent->self);
}

void Init_evg_agent(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_alloc_func(connection_class, agent_allocate);
    refuse_copies(connection_class);
}
