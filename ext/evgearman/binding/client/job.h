/* A job that was assigned, as a Ruby object (rb_job.c), and the handler that runs it (handler.c). */
#ifndef EVG_CLIENT_JOB_H
#define EVG_CLIENT_JOB_H

#include <ruby.h>

#include "binding/client/client.h"

typedef struct {
    evg_job_t job;
    evg_list_t handling; /* in loop->handling, while its handler runs where the loop does … */
    VALUE thread;        /* … on this thread */
    VALUE self;          /* for in_flight only: nobody keeps a job that its user has forgotten */
    agent_t *agent;
    VALUE agent_value;
    VALUE handler; /* Handler, or nil */
    VALUE function, unique, workload;
    uint64_t number;
    double assigned_at;
    size_t marked_in; /* see lifetime.h */
    bool loaded;      /* the coder made a value of the workload */
    bool answered;    /* complete, fail or exception was called */
    bool pooled;      /* a thread of the pool will run it */
} rb_job_t;

rb_job_t *job_of(VALUE self); /* follows a fork */

/* Queues WORK_COMPLETE. true: it will be sent. false: the job is not ours any more. Raises JobFinishedError and what
 * the codes of the core say. Writes nothing. */
bool job_complete(rb_job_t *job, VALUE result);

/* "job reverse H:vm:3": what on_callback_error is told. */
VALUE job_where(const rb_job_t *job);

/* Job#fail and Job#exception: written at once. */
VALUE job_fail(VALUE self);
VALUE job_exception(VALUE self, VALUE data);

/* -- running its handler ------------------------------------------------------------------------------------------- */

extern const rb_data_type_t handler_type;

/* On a thread of the pool: what the handler raises goes to on_callback_error among the blocks. */
VALUE job_perform(VALUE self);

#endif
