/* The hooks of a connection. */
#include "binding/client/client.h"
#include "binding/client/rb_client.h"
#include "binding/client/trace.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/values/blame.h"

static const char *const hook_names[HOOKS] = {"on_error",   "on_connect",        "on_disconnect",
                                              "on_drain",   "on_callback_error", "on_idle",
                                              "on_stopped", "on_packet",         "_trace"};

void agent_hook(agent_t *agent, int hook, int argc, VALUE a)
{
    if (agent->loop->muted || NIL_P(agent->hooks[hook])) return;
    call_t call = {.argc = argc,
                   .callable = agent->hooks[hook],
                   .subject = Qnil,
                   .agent = agent->self,
                   .args = {a, Qnil},
                   .where = hook_names[hook]};
    calls_push(&agent->loop->done, &call);
}

/* Made here, because a hook that is set later is not meant for it. */
void agent_report(agent_t *agent, VALUE error, VALUE where)
{
    if (NIL_P(agent->hooks[HOOK_CALLBACK_ERROR])) return;
    call_t call = {.argc = 2,
                   .callable = agent->hooks[HOOK_CALLBACK_ERROR],
                   .subject = Qnil,
                   .agent = agent->self,
                   .args = {error, where},
                   .where = hook_names[HOOK_CALLBACK_ERROR]};
    calls_push(&agent->loop->done, &call);
    evg_loop_wake(agent->loop->net);
}

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

static VALUE connection_set_hook(VALUE self, VALUE name, VALUE callable)
{
    if (!NIL_P(callable) && !rb_respond_to(callable, rb_intern("call"))) {
        blame_caller(rb_eArgError, "%" PRIsVALUE " needs a block, or something that answers `call`", name);
    }
    agent_t *agent = agent_of(self);
    agent->hooks[hook_number(name)] = callable;
    trace_follow_hooks(agent);
    return self;
}

void Init_evg_hooks(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_hook", connection_get_hook, 1);
    rb_define_private_method(connection_class, "_set_hook", connection_set_hook, 2);
}
