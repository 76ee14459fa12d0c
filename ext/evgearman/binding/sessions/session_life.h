/* Protocol::ClientSession and Protocol::WorkerSession: a session whose bytes and time its user carries.
 *
 * There is no loop here, no gate and no block that is called from C: each method does its part at once and answers. */
#ifndef EVG_SESSIONS_SESSION_LIFE_H
#define EVG_SESSIONS_SESSION_LIFE_H

#include <ruby.h>

#include "session/session.h"

/* Requests and jobs point at it, and the GC frees all of them in any order: the last one frees the memory. */
typedef struct {
    evg_session_t s;
    VALUE *pending; /* Requests whose outcome was not told, in no order; their struct knows its place */
    size_t pending_count, pending_cap;
    size_t users;     /* objects that point at it, its own included */
    size_t told;      /* see memory_tell */
    int broken;       /* why it closed the connection, until that was raised */
    bool dead;        /* it was collected, or something that was pending on it */
    bool initialized; /* initialize was called */
} rb_session_t;

rb_session_t *session_of(VALUE self); /* raises for one that was not initialised */

rb_session_t *session_use(VALUE self);
void session_leave(rb_session_t *session);

/* All that is pending on it is forgotten: it dies with this GC. */
void session_dispose(rb_session_t *session);

/* Its buffers may have changed. */
void session_grew(rb_session_t *session);

#endif
