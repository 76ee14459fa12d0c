/* Protocol::ClientSession and Protocol::WorkerSession: a session whose bytes and time its user carries.
 *
 * There is no loop here, no gate and no block that is called from C: each method does its part at once and answers. */
#ifndef EVG_SESSIONS_RB_SESSION_H
#define EVG_SESSIONS_RB_SESSION_H

#include <ruby.h>

#include "session/session.h"

/* Requests and jobs point at it, and the GC frees all of them in any order: the last one frees the memory. */
typedef struct {
    evg_session_t s;
    VALUE *pending; /* Requests whose outcome was not told, in no order; their struct knows its place */
    size_t pending_count, pending_cap;
    size_t users; /* objects that point at it, its own included */
    size_t told;  /* see memory_tell */
    int broken;   /* why it closed the connection, until that was raised */
    bool dead;    /* it was collected, or something that was pending on it */
    bool ready;   /* initialize was called */
} rb_session_t;

typedef struct {
    evg_request_t request;
    rb_session_t *session;
    VALUE session_value;
    VALUE function, unique, block;
    VALUE converter; /* makes the value of what the server sent, in Ruby; nil: that is the value */
    VALUE reply, error;
    VALUE exception; /* what a worker reported before its WORK_FAIL */
    size_t slot;     /* in session->pending */
    bool pending, done;
} rb_request_t;

rb_session_t *session_of(VALUE self); /* raises for one that was not initialised */

rb_session_t *session_use(VALUE self);
void session_leave(rb_session_t *session);

/* All that is pending on it is forgotten: it dies with this GC. */
void session_dispose(rb_session_t *session);

/* Its buffers may have changed. */
void session_grew(rb_session_t *session);

/* -- requests (rb_session_request.c) ------------------------------------------------------------------------------- */

/* A new Request by `ask`, or raises what that says. */
typedef int session_ask_t(evg_session_t *s, evg_request_t *request, const void *arg);
VALUE session_ask(VALUE self, session_ask_t *ask, const void *arg, VALUE converter);

/* The outcome is known, and the session keeps it no longer. Answers the Request. */
VALUE request_done(const evg_event_t *event);

/* Another event of it: the Request it is about. */
VALUE request_of(const evg_event_t *event);

/* An EVG_EVENT_EXCEPTION. */
void request_reported(const evg_event_t *event, VALUE data);

/* grab_job: what its value is. */
void request_assigned(const evg_event_t *event, VALUE job);

/* -- jobs (rb_session_job.c) --------------------------------------------------------------------------------------- */

/* A Job for an EVG_EVENT_ASSIGNED; takes it. */
VALUE session_job_new(VALUE session, const evg_event_t *event);

/* Its object, or nil when that is about to be freed. */
VALUE session_job_of(const evg_job_t *job);

#endif
