/* A Request of a session. */
#ifndef EVG_SESSIONS_RB_SESSION_REQUEST_H
#define EVG_SESSIONS_RB_SESSION_REQUEST_H

#include <ruby.h>

#include "binding/values/asking.h"

/* A new Request by `ask`, or raises what that says. */
VALUE session_ask(VALUE self, ask_t *ask, const void *arg, VALUE converter);

/* The outcome is known, and the session keeps it no longer. Answers the Request. */
VALUE request_done(const evg_event_t *event);

/* Another event of it: the Request it is about. */
VALUE request_of(const evg_event_t *event);

/* An EVG_EVENT_EXCEPTION. */
void request_reported(const evg_event_t *event, VALUE data);

/* grab_job: what its value is. */
void request_assigned(const evg_event_t *event, VALUE job);

#endif
