#ifndef EVG_BINDING_RB_CLIENT_H
#define EVG_BINDING_RB_CLIENT_H

#include "binding/binding.h"

void Init_evg_connection(VALUE module);
void Init_evg_options(VALUE connection_class);
void Init_evg_hooks(VALUE connection_class);
void Init_evg_client(VALUE module, VALUE connection_class);
void Init_evg_batch(VALUE client_class);
void Init_evg_window(VALUE client_class);
void Init_evg_requests(VALUE module, VALUE connection_class);
void Init_evg_worker(VALUE module, VALUE connection_class);
void Init_evg_task(VALUE module);
void Init_evg_connection_facts(VALUE connection_class);
void Init_evg_task_facts(VALUE task_class);
void Init_evg_job(VALUE module);

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

/* on_callback_error of this client, or what is called without one; NULL: nobody's. */
VALUE callback_error_hook(const client_t *client);

/* Queues a call of on_callback_error, or of what is done without that. From any thread. */
void client_report(client_t *client, VALUE error, VALUE where);

#endif
