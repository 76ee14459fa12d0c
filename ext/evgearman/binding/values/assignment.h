/* A job that was assigned, as an object of Ruby: what the Job of a Worker and that of a Protocol::WorkerSession have in
 * common, and first in both. What is said about it is checked and made bytes of here, and what the core answers judged. */
#ifndef EVG_VALUES_ASSIGNMENT_H
#define EVG_VALUES_ASSIGNMENT_H

#include <ruby.h>

#include "net/address.h"
#include "session/session.h"

typedef struct assignment assignment_t;

/* Whose it is. All but `session` may be NULL. */
typedef struct {
    /* One of the methods below was called: before all else. */
    void (*used)(assignment_t *job);
    /* Its session, which is told the time; with room for what max_unsent bounds, if that can be made. */
    evg_session_t *(*session)(assignment_t *job, bool room);
    /* Something was said that is to leave at once. */
    void (*said)(assignment_t *job);
    /* It has its answer; `sent`: which will be sent. */
    void (*answered)(assignment_t *job, bool sent);
} assignment_ops_t;

struct assignment {
    evg_job_t job;
    const assignment_ops_t *ops;
    const evg_address_t *server; /* that its errors name, or NULL */
    VALUE self;                  /* nobody keeps a job that its user has forgotten */
    VALUE function, unique, workload;
    size_t marked_in; /* see lifetime.h */
    bool answered;    /* complete, fail or exception was called */
};

/* The parent of both types. */
extern const rb_data_type_t assignment_type;

/* For an EVG_EVENT_ASSIGNED. Its `function` is left to the caller, who may have that String. */
void assignment_init(assignment_t *job, VALUE self, const assignment_ops_t *ops, const evg_event_t *event);

/* Of dmark and dcompact. */
void assignment_mark(assignment_t *job);
void assignment_moved(assignment_t *job);

/* Queues WORK_COMPLETE, and no more. true: it will be sent. false: the job is not ours any more. Raises JobFinishedError and
 * what the codes of the core say. */
bool assignment_complete(assignment_t *job, VALUE result);

/* -- methods: true, or false for a job that is not ours any more. All raise JobFinishedError when it has its answer. ---- */

VALUE assignment_complete_now(VALUE self, VALUE result); /* a String */
VALUE assignment_fail(VALUE self);
VALUE assignment_exception(VALUE self, VALUE error); /* an Exception, or what it says */
VALUE assignment_send_data(VALUE self, VALUE data);
VALUE assignment_warning(VALUE self, VALUE data);
VALUE assignment_status(VALUE self, VALUE numerator, VALUE denominator);

/* -- methods that tell of it ------------------------------------------------------------------------------------------- */

VALUE assignment_handle(VALUE self);
VALUE assignment_function(VALUE self);
VALUE assignment_unique(VALUE self);
VALUE assignment_finished_p(VALUE self);
VALUE assignment_lost_p(VALUE self);

#endif
