#include "binding/client/hooks.h"

#include "binding/client/trace.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/values/addresses.h"
#include "binding/values/blame.h"

static const char *const hook_names[HOOKS] = {"on_error",   "on_connect",        "on_disconnect",
                                              "on_drain",   "on_callback_error", "on_idle",
                                              "on_stopped", "on_packet",         "_trace"};

/* false: it is not set. */
static bool queue(agent_t *agent, int hook, call_t call)
{
    if (NIL_P(agent->hooks[hook])) return false;
    call.callable = agent->hooks[hook];
    call.subject = Qnil;
    call.agent = agent->self;
    calls_push(&agent->loop->done, &call);
    return true;
}

void hook_call(agent_t *agent, int hook, int argc, VALUE a)
{
    if (agent->loop->muted) return;
    queue(agent, hook, (call_t){.argc = argc, .args = {a, Qnil}, .where = hook_names[hook]});
}

void hook_call_at(const link_t *link, int hook)
{
    agent_t *agent = link->agent;
    if (NIL_P(agent->hooks[hook])) return;
    bool wide = agent->hook_wide[hook];
    hook_call(agent, hook, wide, wide ? address_string(server_of(link)) : Qnil);
}

/* Made here, because a hook that is set later is not meant for it. */
void hook_report(agent_t *agent, VALUE error, VALUE where)
{
    const call_t call = {.argc = 2, .args = {error, where}, .where = hook_names[HOOK_CALLBACK_ERROR]};
    if (queue(agent, HOOK_CALLBACK_ERROR, call)) evg_loop_wake(agent->loop->net);
}

/* -- packets ------------------------------------------------------------------------------------------------------- */

static VALUE call_splat(const call_t *call)
{
    return rb_apply(call->callable, rb_intern("call"), call->args[0]);
}

static void packet_passed(void *owner, VALUE packet)
{
    static const call_kind_t splat = {.run = call_splat};
    call_t call = {.kind = &splat, .args = {packet, Qnil}, .where = hook_names[HOOK_PACKET]};
    const link_t *link = owner;
    agent_t *agent = link->agent;
    if (!agent->hook_wide[HOOK_PACKET]) queue(agent, HOOK_PACKET, call);
    call.args[0] = rb_ary_push(rb_ary_dup(packet), address_string(server_of(link)));
    if (agent->hook_wide[HOOK_PACKET]) queue(agent, HOOK_PACKET, call);
    queue(agent, HOOK_TRACE, call);
}

/* Called in the middle of a turn, or of a method that writes at once beside a poll. */
static void on_bytes(void *owner, bool out, evg_bytes_t bytes)
{
    const link_t *link = owner;
    const agent_t *agent = link->agent;
    if (agent_gone_p(agent) || agent->loop->muted) return;
    VALUE self = agent->self;
    trace_bytes(link->trace, out, bytes);
    if (agent->loop->net->polling) evg_loop_wake(agent->loop->net);
    RB_GC_GUARD(self);
}

static void begin_trace(link_t *link)
{
    link->trace = trace_new(link->c, packet_passed);
    link->c->on_bytes = on_bytes;
}

static void end_trace(link_t *link)
{
    link->c->on_bytes = NULL;
    trace_free(link->trace);
    link->trace = NULL;
}

/* Begins or ends it, as there are hooks. */
static void follow_hooks(agent_t *agent)
{
    bool wanted = !NIL_P(agent->hooks[HOOK_PACKET]) || !NIL_P(agent->hooks[HOOK_TRACE]);
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        if (wanted && !at->trace) begin_trace(at);
        if (!wanted && at->trace) end_trace(at);
    }
}

/* -- setting them -------------------------------------------------------------------------------------------------- */

static int hook_number(VALUE name)
{
    const char *wanted = rb_id2name(SYM2ID(name));
    for (int i = 0; i < HOOKS; i++) {
        if (strcmp(hook_names[i], wanted) == 0) return i;
    }
    blame_caller(rb_eArgError, "no such hook: %s", wanted);
}

static VALUE connection_get_hook(VALUE self, VALUE name)
{
    return agent_of(self)->hooks[hook_number(name)];
}

/* How many arguments it is called with, the server included; 0: it has nothing to do with one. */
static int width_of(int hook)
{
    if (hook == HOOK_PACKET) return 4;
    return hook == HOOK_CONNECT || hook == HOOK_DISCONNECT ? 1 : 0;
}

/* Only to who names it: a lambda is particular about how many there are. */
static bool wide_p(int hook, VALUE callable)
{
    int width = width_of(hook);
    if (NIL_P(callable) || width == 0) return false;
    VALUE module = rb_const_get(rb_cObject, rb_intern("EVGearman"));
    return RTEST(rb_funcall(module, rb_intern("_takes?"), 2, callable, INT2FIX(width)));
}

static VALUE connection_set_hook(VALUE self, VALUE name, VALUE callable)
{
    if (!NIL_P(callable) && !rb_respond_to(callable, rb_intern("call"))) {
        blame_caller(rb_eArgError, "%" PRIsVALUE " needs a block, or something that answers `call`", name);
    }
    agent_t *agent = agent_of(self);
    int hook = hook_number(name);
    agent->hooks[hook] = callable;
    agent->hook_wide[hook] = wide_p(hook, callable);
    follow_hooks(agent);
    return self;
}

void Init_evg_hooks(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_hook", connection_get_hook, 1);
    rb_define_private_method(connection_class, "_set_hook", connection_set_hook, 2);
}
