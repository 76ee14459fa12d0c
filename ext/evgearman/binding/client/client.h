#ifndef EVG_CLIENT_CLIENT_H
#define EVG_CLIENT_CLIENT_H

#include <ruby.h>

#include "base/list.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/loop/loop_life.h"
#include "binding/values/coding.h"
#include "net/connection.h"

enum {
    HOOK_ERROR,
    HOOK_CONNECT,
    HOOK_DISCONNECT,
    HOOK_DRAIN,
    HOOK_CALLBACK_ERROR,
    HOOK_IDLE,
    HOOK_STOPPED,
    HOOK_PACKET,
    HOOK_TRACE, /* the same, for the environment's EVGEARMAN_TRACE */
    HOOKS
};

typedef struct trace trace_t;

/* What acts for the program at a server: a Client or a Worker, with its connection. */
typedef struct {
    VALUE self;
    evg_connection_t *c;
    loop_t *loop;
    VALUE loop_value;
    VALUE hooks[HOOKS];
    trace_t *trace;  /* while somebody listens to packets */
    coding_t coding; /* unless a call has its own */
    VALUE unique;    /* of background jobs, unless a call has its own: :auto or nil */
    VALUE *pending;  /* Tasks that are not resolved, in no order; their struct knows its place */
    size_t pending_count, pending_cap;
    VALUE handlers;      /* Array of Handler, alive as long as an ability or a job may need them */
    VALUE pool;          /* threads for synchronous handlers, or nil: they run where the loop does */
    uint64_t pool_forks; /* evg_forks when its threads were there */
    VALUE shared;        /* the Worker whose connection this Client is, or nil: nothing else here counts then */
    VALUE on_lost;       /* Hash: job number => Array of blocks */
    uint64_t jobs_finished;
    VALUE last_error;   /* that on_error was told, or nil */
    bool roused;        /* its `run` was told to look around while it did not turn the loop */
    bool asked;         /* `connect` was called since the last `disconnect` */
    size_t marked_in;   /* see lifetime.h */
    size_t told;        /* see memory_tell */
    member_t member;    /* on its loop */
    evg_list_t waiters; /* who waits in flush and close */
} agent_t;

/* Its loop is collected, or it is about to be itself: there is nobody to be told. */
bool agent_gone_p(const agent_t *agent);

/* The server that it talks to, for what an error says of it. */
static inline const evg_address_t *server_of(const agent_t *agent)
{
    return &agent->c->address;
}

/* It is a worker that works, has no connection, and makes none any more. */
bool agent_hopeless_p(const agent_t *agent);

/* Something is pending on it: its loop keeps it alive. */
bool agent_kept_p(const agent_t *agent);

agent_t *agent_of(VALUE self);      /* raises for one that was not initialised; follows a fork */
agent_t *open_agent_of(VALUE self); /* raises ConnectionError "closed" */

/* It is collected, alone or with what is pending on it: in any order, so whoever is freed first says it. */
void agent_dispose(agent_t *agent);

/* The sink of its connection. */
void agent_event(void *agent, const evg_event_t *event);

/* What it wants has changed; a loop that slept takes a look at its sockets first. */
void agent_changed(agent_t *agent);
void agent_before_request(agent_t *agent);

/* -- task ---------------------------------------------------------------------------------------------------------- */

typedef enum { TASK_PENDING, TASK_SUCCEEDED, TASK_FAILED } task_state_t;

typedef struct {
    evg_request_t request;
    agent_t *agent; /* alive as long as agent_value is marked */
    VALUE agent_value;
    VALUE value, error;
    VALUE block;     /* { |value, error| } */
    VALUE callbacks; /* Array of [kind, block], or nil */
    VALUE function, unique;
    VALUE exception; /* what a worker reported before its WORK_FAIL */
    VALUE progress;  /* [numerator, denominator] or nil */
    VALUE converter; /* makes the value of what the server sent, in Ruby; nil: that is the value */
    evg_list_t waiters;
    VALUE window;        /* that it leaves when it ends, or nil */
    struct batch *batch; /* of a Task for many requests, until its end; else NULL */
    size_t slot;         /* in agent->pending */
    size_t calls;        /* blocks of it that are queued */
    size_t under_way;    /* blocks of it that run */
    unsigned converted;  /* times its conversion was interrupted */
    uint64_t ran_by;     /* number of the seat under which they do */
    uint8_t state;       /* task_state_t */
    bool running;        /* a worker reported */
    bool abandoned;
    bool listed;  /* in agent->pending */
    bool coded;   /* the converter is a coder: it does so by `load`, not `call` */
    int encoding; /* index of that of the bytes that come back; 0 is BINARY */
} task_t;

extern const rb_data_type_t task_type;

task_t *task_of(VALUE self);   /* follows a fork */
VALUE task_handle(VALUE self); /* of the job that was submitted, or nil */

/* A new Task that no request was made for yet. */
VALUE task_new(agent_t *agent, VALUE function, VALUE unique, VALUE block, task_t **out);

/* The request was taken: the agent keeps the Task until its end. */
void task_pending(agent_t *agent, VALUE self, task_t *task);

/* The request came to its end. */
void task_end(agent_t *agent, task_t *task, VALUE value, VALUE error);

/* Of a call_kind_t: for calls that were queued with `calls` counted, and with the Task as subject. */
bool task_call_begins(const call_t *call, uint64_t seat);
void task_call_ends(const call_t *call, uint64_t seat);
void task_call_dropped(const call_t *call);

/* Its value will be what `converter.call(reply)` answers: that is Ruby code, so it waits its turn among the blocks. */
void task_convert_by(VALUE self, VALUE converter);
void task_decode_by(VALUE self, const coding_t *coding); /* what `coder.load(bytes)` answers, if there is a coder */
void task_queue_conversion(agent_t *agent, task_t *task, VALUE reply);
void conversions_after_fork(agent_t *agent); /* those under way on threads that are gone */
/* Many requests of one Task. With the end of the last one it ends itself. */
typedef struct batch batch_t;
void batch_end(agent_t *agent, task_t *task, const evg_request_t *request, VALUE result);
const evg_request_t *batch_first(const batch_t *batch);
void batch_take_back(evg_session_t *s, batch_t *batch); /* what is not written */
void batch_mark(const batch_t *batch);
size_t batch_size(const batch_t *batch);

/* Queues the blocks for an event. */
typedef enum { ON_CREATED, ON_COMPLETE, ON_FAIL, ON_FINISH, ON_DATA, ON_WARNING, ON_EXCEPTION, ON_STATUS } callback_t;
extern const char *const callback_names[];
void task_tell(agent_t *agent, task_t *task, callback_t kind, int argc, VALUE a, VALUE b);

/* Does anybody listen? */
bool task_listens_p(const task_t *task, callback_t kind);

/* -- job ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    VALUE self;
    VALUE name; /* of the function: frozen, and every Job's `function` */
    VALUE callable;
    coding_t coding; /* of its workloads and results */
    bool async;      /* its value says nothing: the job is finished later */
    double longest;  /* seconds that a call of it took, of late; 0: it was not called yet */
} handler_t;

VALUE handler_new(VALUE name, VALUE callable, bool async, const coding_t *coding, handler_t **out);

/* A Job for an EVG_EVENT_ASSIGNED; takes it. */
VALUE job_new(agent_t *agent, const evg_event_t *event);

/* Its handler is to be run, when no block is under way. */
void job_queue(agent_t *agent, VALUE job);

/* An Array of the threads on which handlers of it run where the loop does. */
VALUE jobs_threads(const agent_t *agent);

/* Its connection ended; its time was up, and it failed. */
void job_lost(agent_t *agent, evg_job_t *job);
void job_expired(agent_t *agent, const evg_event_t *event);

/* An Array of the Jobs that are held. */
VALUE jobs_in_flight(const agent_t *agent);

#endif
