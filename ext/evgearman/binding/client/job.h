/* A job that was assigned, as a Ruby object. */
#ifndef EVG_CLIENT_JOB_H
#define EVG_CLIENT_JOB_H

#include <ruby.h>

#include "binding/client/agent.h"
#include "binding/client/handler.h"
#include "binding/values/assignment.h"
#include "binding/values/coding.h"

typedef struct {
    assignment_t common; /* first */
    evg_list_t handling; /* in loop->handling, while its handler runs where the loop does … */
    VALUE thread;        /* … on this thread */
    agent_t *agent;
    link_t *link; /* alive, as the agent, as long as agent_value is marked */
    VALUE agent_value;
    VALUE handler; /* Handler, or nil */
    uint64_t number;
    double assigned_at;
    bool loaded; /* the coder made a value of the workload */
    bool pooled; /* a thread of the pool will run it */
} rb_job_t;

/* For an EVG_EVENT_ASSIGNED; takes it. */
VALUE job_new(link_t *link, const evg_event_t *event);

rb_job_t *job_of(VALUE self); /* follows a fork */

static inline rb_job_t *job_at(VALUE self) /* the same, of what is known to be one */
{
    rb_job_t *job = RTYPEDDATA_DATA(self);
    loop_follow_fork(job->agent->loop);
    return job;
}

static inline handler_t *job_handler(const rb_job_t *job) /* it has one */
{
    return RTYPEDDATA_DATA(job->handler);
}

static inline const coding_t *job_coding(const rb_job_t *job)
{
    return NIL_P(job->handler) ? &job->agent->coding : &job_handler(job)->coding;
}

/* "job reverse H:vm:3": what on_callback_error is told. */
VALUE job_where(const rb_job_t *job);

/* Its connection ended; its time was up, and it failed. */
void job_lost(agent_t *agent, evg_job_t *job);
void job_expired(link_t *link, const evg_event_t *event);

/* An Array of the Jobs that are held. */
VALUE jobs_in_flight(const agent_t *agent);

#endif
