#ifndef EVG_CLIENT_RB_CLIENT_H
#define EVG_CLIENT_RB_CLIENT_H

#include <ruby.h>

#include "binding/client/client.h"

/* A Task of it has ended. */
void window_left(VALUE window);

/* For options such as on_data: of a submission. */
void task_listen(VALUE self, callback_t kind, VALUE callable);

/* Room for one more Task, and a look at what has come meanwhile: before a request is made. */
void client_prepare(client_t *client);

/* Makes the request of a new Task by `ask`; answers the Task, or raises what that says. */
typedef int ask_t(client_t *client, evg_request_t *request, void *arg);
VALUE client_ask(client_t *client, VALUE function, VALUE unique, VALUE block, ask_t *ask, void *arg);

/* Queues a call of a hook, if it is set. */
void client_hook(client_t *client, int hook, int argc, VALUE a);

/* Queues a call of on_callback_error, or of what is done without that. From any thread. */
void client_report(client_t *client, VALUE error, VALUE where);

/* Its `run` looks around, or will before it next turns the loop. Takes no lock and makes no object, so that a trap handler
 * may call it. */
void worker_rouse(client_t *client);

#endif
