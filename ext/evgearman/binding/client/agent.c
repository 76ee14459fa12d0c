#include "binding/client/agent.h"

#include <math.h>

#include "binding/drive/runs.h"
#include "binding/values/errors.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/unique.h"

/* -- life ---------------------------------------------------------------------------------------------------------- */

/* On a loop that nobody turns the GC is who gives large buffers back. */
static void rest(const agent_t *agent)
{
    if (agent->c && !isinf(agent->c->session.wire.trim_at) && !agent->loop->net->turning) {
        evg_wire_rest(&agent->c->session.wire, evg_monotonic());
    }
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
    rb_gc_mark(agent->shared);
    rb_gc_mark(agent->on_lost);
    rb_gc_mark(agent->last_error);
}

bool agent_kept_p(const agent_t *agent)
{
    const evg_session_t *s = &agent->c->session;
    return agent->pending.count > 0 || s->worker.held_count > 0 || evg_worker_working_p(s);
}

bool agent_over_p(const agent_t *agent)
{
    return !agent_kept_p(agent) && lifetime_over_p(agent->marked_in);
}

void agent_dispose(agent_t *agent)
{
    if (!agent->c) return;
    pending_clear(&agent->pending);
    evg_session_abandon(&agent->c->session);
    evg_connection_free(agent->c);
    agent->c = NULL;
    memory_tell(&agent->told, 0);
}

static void agent_free(void *ptr)
{
    agent_t *agent = ptr;
    evg_list_unlink(&agent->member.link);
    evg_list_clear(&agent->waiters);
    agent_dispose(agent);
    trace_free(agent->trace);
    ruby_xfree(agent->pending.tasks);
    ruby_xfree(agent);
}

void agent_weigh(agent_t *agent)
{
    memory_tell(&agent->told, evg_session_memsize(&agent->c->session));
}

static size_t agent_size(const void *ptr)
{
    const agent_t *agent = ptr;
    size_t size = sizeof *agent + pending_memsize(&agent->pending) + trace_memsize(agent->trace);
    if (agent->c) size += sizeof *agent->c + evg_session_memsize(&agent->c->session);
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
    agent->handlers = agent->on_lost = agent->pool = agent->shared = Qnil;
    for (int i = 0; i < HOOKS; i++) agent->hooks[i] = Qnil;
    return self;
}

/* -- use ----------------------------------------------------------------------------------------------------------- */

agent_t *agent_of(VALUE self)
{
    agent_t *agent;
    TypedData_Get_Struct(self, agent_t, &agent_type, agent);
    if (!NIL_P(agent->shared)) return agent_of(agent->shared);
    if (!agent->c) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    loop_used(agent->loop);
    return agent;
}

agent_t *open_agent_of(VALUE self)
{
    agent_t *agent = agent_of(self);
    if (agent->c->session.state == EVG_SHUT || agent->loop->closed)
        error_raise(server_of(agent), "ConnectionError", "closed");
    return agent;
}

bool agent_hopeless_p(const agent_t *agent)
{
    const evg_session_t *s = &agent->c->session;
    return evg_session_idle_p(s) && evg_worker_working_p(s);
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
