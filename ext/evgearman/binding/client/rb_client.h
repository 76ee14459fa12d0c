#ifndef EVG_CLIENT_RB_CLIENT_H
#define EVG_CLIENT_RB_CLIENT_H

#include <ruby.h>

#include "binding/client/client.h"

/* A Task of it has ended. */
void window_left(VALUE window);

/* For options such as on_data: of a submission. */
void task_listen(VALUE self, callback_t kind, VALUE callable);

/* Room for one more Task, and a look at what has come meanwhile: before a request is made. */
void agent_prepare(agent_t *agent);

/* Makes the request of a new Task by `ask`; answers the Task, or raises what that says. */
typedef int ask_t(agent_t *agent, evg_request_t *request, void *arg);
VALUE agent_ask(agent_t *agent, VALUE function, VALUE unique, VALUE block, ask_t *ask, void *arg);

/* Queues a call of a hook, if it is set. */
void agent_hook(agent_t *agent, int hook, int argc, VALUE a);

/* Queues a call of on_callback_error, or of what is done without that. From any thread. */
void agent_report(agent_t *agent, VALUE error, VALUE where);

/* Its `run` looks around, or will before it next turns the loop. Takes no lock and makes no object, so that a trap handler
 * may call it. */
void agent_rouse(agent_t *agent);

#endif
