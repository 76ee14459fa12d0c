/* What is said about a job: its answer, and what comes before that. */
#ifndef EVG_CLIENT_ANSWERS_H
#define EVG_CLIENT_ANSWERS_H

#include <ruby.h>
#include <stdbool.h>

#include "binding/client/job.h"

/* Queues WORK_COMPLETE. true: it will be sent. false: the job is not ours any more. Raises JobFinishedError and what
 * the codes of the core say. Writes nothing. */
bool job_complete(rb_job_t *job, VALUE result);

/* Job#fail and Job#exception: written at once. */
VALUE job_fail(VALUE self);
VALUE job_exception(VALUE self, VALUE data);

#endif
