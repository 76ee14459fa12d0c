/* A Task: a request, who listens to it, and what became of it. */
#ifndef EVG_CLIENT_TASK_H
#define EVG_CLIENT_TASK_H

#include <ruby.h>

#include "binding/client/agent.h"
#include "binding/client/batch.h"
#include "binding/client/pending.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"

typedef enum { TASK_PENDING, TASK_SUCCEEDED, TASK_FAILED } task_state_t;

typedef struct {
    pending_place_t place; /* first */
    evg_request_t request;
    link_t *link;   /* where it was asked; of a batch: where its first part was */
    agent_t *agent; /* the link's; both are alive as long as agent_value is marked */
    VALUE agent_value;
    VALUE value, error;
    VALUE block;     /* { |value, error| } */
    VALUE callbacks; /* Array of [kind, block], or nil */
    VALUE function, unique;
    VALUE exception; /* what a worker reported before its WORK_FAIL */
    VALUE progress;  /* [numerator, denominator] or nil */
    VALUE converter; /* makes the value of what the server sent, in Ruby; nil: that is the value */
    evg_list_t waiters;
    VALUE window;       /* that it leaves when it ends, or nil */
    batch_t *batch;     /* of a Task for many requests, until its end; else NULL */
    size_t calls;       /* blocks of it that are queued */
    size_t under_way;   /* blocks of it that run */
    size_t unasked;     /* servers that a grab_job may still ask */
    unsigned converted; /* times its conversion was interrupted */
    uint64_t ran_by;    /* number of the seat under which they do */
    uint8_t state;      /* task_state_t */
    bool running;       /* a worker reported */
    bool abandoned;
    bool several; /* it is of several servers */
    bool each;    /* of each of them: its converter makes one value of all answers */
    bool coded;   /* the converter is a coder: it does so by `load`, not `call` */
    int encoding; /* index of that of the bytes that come back; 0 is BINARY */
} task_t;

extern const rb_data_type_t task_type;

task_t *task_of(VALUE self);   /* follows a fork */
VALUE task_handle(VALUE self); /* of the job that was submitted, or nil */

/* A new Task for which nothing was asked there yet. Once a request is taken, it is pending until its end. */
VALUE task_new(link_t *link, VALUE function, VALUE unique, VALUE block, task_t **out);

/* The object, while it is pending. */
static inline VALUE task_object(const agent_t *agent, const task_t *task)
{
    return agent->pending.tasks[task->place.slot];
}

/* -- its end ------------------------------------------------------------------------------------------------------- */

void task_end(agent_t *agent, task_t *task, VALUE value, VALUE error);

/* Its many requests have ended. */
void task_drop_batch(task_t *task);

/* Its blocks have been called. */
bool task_told_p(const task_t *task);

/* -- who listens --------------------------------------------------------------------------------------------------- */

typedef enum { ON_CREATED, ON_COMPLETE, ON_FAIL, ON_FINISH, ON_DATA, ON_WARNING, ON_EXCEPTION, ON_STATUS } callback_t;
extern const char *const callback_names[];

void task_listen(VALUE self, task_t *task, callback_t kind, VALUE callable);
bool task_listens_p(const task_t *task, callback_t kind); /* does anybody? */

/* Queues the blocks for an event, or one block. */
void task_tell(agent_t *agent, task_t *task, callback_t kind, int argc, VALUE a, VALUE b);
void task_queue(loop_t *loop, VALUE self, VALUE callable, const char *where, int argc, VALUE a, VALUE b);

/* Of a call_kind_t: for calls that were queued with `calls` counted, and with the Task as subject. */
bool task_call_begins(const call_t *call, uint64_t seat);
void task_call_ends(const call_t *call, uint64_t seat);
void task_call_dropped(const call_t *call);

#endif
