/* Asking each server of an agent the same, for one Task. Who is away costs nothing while another is there. */
#ifndef EVG_CLIENT_EACH_H
#define EVG_CLIENT_EACH_H

#include <ruby.h>

#include "binding/client/task.h"
#include "binding/values/asking.h"

/* A new Task of all of them. Its converter, which is to be set, makes the value of two Arrays: what each said, a reply or an
 * Error, and the names of the servers. Raises when none could be asked. */
VALUE each_ask(const view_t *view, VALUE block, ask_t *ask, const void *arg);

/* The same again, for such a Task whose answers lead on to another question. */
void each_ask_on(VALUE self, ask_t *ask, const void *arg);

/* Names of the servers, in order. */
VALUE each_servers(const view_t *view);

#endif
