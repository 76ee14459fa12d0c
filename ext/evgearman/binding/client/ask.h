/* Making requests: each is a new Task. */
#ifndef EVG_CLIENT_ASK_H
#define EVG_CLIENT_ASK_H

#include <ruby.h>

#include "binding/client/agent.h"
#include "binding/client/task.h"
#include "binding/values/asking.h"

/* Before a request is made: room for one more Task, and a look at what has come meanwhile, if its loop slept. */
void agent_prepare(agent_t *agent);

/* Makes the request of a new Task there, by `ask`; answers the Task, or raises what that says. */
VALUE link_ask(link_t *link, VALUE function, VALUE unique, VALUE block, ask_t *ask, const void *arg);

/* Makes another request of a Task whose last one has been answered; answers what `ask` says. */
int link_ask_again(link_t *link, task_t *task, ask_t *ask, const void *arg);

#endif
