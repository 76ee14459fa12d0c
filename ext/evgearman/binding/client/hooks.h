/* The hooks of an agent. */
#ifndef EVG_CLIENT_HOOKS_H
#define EVG_CLIENT_HOOKS_H

#include <ruby.h>

#include "binding/client/agent.h"

/* The same of one that takes a server, if it takes arguments. */
void hook_call_at(const link_t *link, int hook);

/* Queues a call of a hook, if it is set. */
void hook_call(agent_t *agent, int hook, int argc, VALUE a);

/* Queues a call of on_callback_error, or of what is done without that. From any thread. */
void hook_report(agent_t *agent, VALUE error, VALUE where);

#endif
