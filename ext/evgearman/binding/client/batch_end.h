/* The end of a Task that is of many requests. */
#ifndef EVG_CLIENT_BATCH_END_H
#define EVG_CLIENT_BATCH_END_H

#include "binding/client/task.h"

/* One of them came to its end, with that: with the last the Task ends, or its conversion is queued. */
void batch_end_one(agent_t *agent, task_t *task, const evg_request_t *request, VALUE result);

/* All did. */
void batch_end(agent_t *agent, task_t *task);

#endif
