/* Running the handler of a job: what its value, its exception or its jump means for the job.
 *
 * The handler of a worker with a pool runs on a thread of that, beside the loop; else, and always when it is
 * asynchronous, on the thread that drives. */
#ifndef EVG_CLIENT_PERFORM_H
#define EVG_CLIENT_PERFORM_H

#include <ruby.h>

#include "binding/client/agent.h"

/* The handler of that job is to be run, when no block is under way. */
void job_queue(agent_t *agent, VALUE job);

/* An Array of the threads on which handlers of it run where the loop does. */
VALUE jobs_threads(const agent_t *agent);

#endif
