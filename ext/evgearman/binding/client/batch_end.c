#include "binding/client/batch_end.h"

#include "binding/client/batch.h"
#include "binding/client/conversion.h"

void batch_end(agent_t *agent, task_t *task)
{
    VALUE results = task->batch->results;
    if (task->each)
        task_queue_conversion(agent, task, results);
    else
        task_end(agent, task, results, Qnil);
    task_drop_batch(task);
}

void batch_end_one(agent_t *agent, task_t *task, const evg_request_t *request, VALUE result)
{
    if (batch_ends(task->batch, request, result)) batch_end(agent, task);
}
