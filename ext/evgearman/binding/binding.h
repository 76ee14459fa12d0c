/* What the files of the binding share: the structs behind the Ruby objects.
 *
 * All of it is read and written with the GVL held. What follows from that is said once, in loop.h of net: only
 * the poll runs without it, and nothing but a turn calls libev. */
#ifndef EVG_BINDING_BINDING_H
#define EVG_BINDING_BINDING_H

#include <ruby.h>

#include "base/list.h"
#include "binding/calls.h"
#include "binding/coding.h"
#include "net/connection.h"
#include "net/loop.h"

#ifndef RBOOL
#define RBOOL(condition) ((condition) ? Qtrue : Qfalse)
#endif

/* -- loop ---------------------------------------------------------------------------------------------------------- */

/* Who turns the loop. The number changes whenever the seat changes hands, so a driver that lost it sees that. */
typedef struct {
    uint64_t number;
    uint64_t seq;      /* changes with every step of the driver: one that stands still is stuck */
    VALUE thread;      /* Qnil when the seat is free */
    VALUE fiber;       /* the driver's; Qnil: nobody */
    VALUE note;        /* see lost.h */
    unsigned depth;    /* drives nested in each other; 0 with a thread: an heir that has not come yet */
    unsigned in_block; /* Ruby blocks that run under it */
    uint64_t seen;     /* seq when a follower last looked, with the GVL, … */
    double seen_at;    /* … and since when it has been that */
} seat_t;

typedef struct {
    evg_loop_t *net;
    seat_t seat;
    calls_t done;                   /* blocks to be called */
    calls_t jobs;                   /* handlers to be called, when no block runs */
    calls_t posts;                  /* blocks of `post` */
    evg_list_t handling;            /* rb_job_t whose handler runs, also one that lost the seat */
    evg_list_t deputies;            /* deputy_t: who takes the seat from a long handler */
    evg_list_t lost;                /* blocks that run without the seat: see lost.h */
    evg_list_t waiters;             /* those who follow, in the order they came */
    evg_list_t frames;              /* frame_t: the `run`s under way, innermost last */
    evg_list_t clients;             /* client_t on this loop */
    evg_list_t timers;              /* active rb_timer_t */
    evg_list_t watched;             /* active watcher_t of `io` */
    evg_list_t each_turn;           /* those of `each_turn` */
    size_t watched_count, sweep_at; /* for IOs that were closed */
    evg_list_t fibers;              /* fiber_waiter_t: fibers that wait */
    VALUE attendant;                /* the thread that drives for them; Qtrue: it is being made; Qnil */
    double attended_at;             /* when it was made */
    evg_list_t all;                 /* every loop of the process, for forks */
    VALUE self;
    size_t marked_in;          /* see lifetime.h */
    uint64_t forks;            /* evg_forks when it was last looked at */
    VALUE background, starter; /* the thread of `start`, and who is about to make it; or nil */
    bool restart;              /* it was started before the fork: see loop_used */
    bool closed;
    bool ending; /* with the process: no handler is started */
    bool muted;  /* no block is to be called for what happens now */
} loop_t;

loop_t *loop_of(VALUE self);      /* raises for one that was not initialised; follows a fork */
loop_t *open_loop_of(VALUE self); /* raises ConnectionError "closed" */

NORETURN(void loop_cannot_open(void)); /* raises what errno says */

/* -- client and worker --------------------------------------------------------------------------------------------- */

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

/* A Client or a Worker: one connection. */
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
    evg_list_t link;    /* in loop->clients */
    evg_list_t waiters; /* who waits in flush and close */
} client_t;

/* Its loop is collected, or it is about to be itself: there is nobody to be told. */
bool client_gone_p(const client_t *client);

/* It is a worker that works, has no connection, and makes none any more. */
bool client_hopeless_p(const client_t *client);

/* Something is pending on it: its loop keeps it alive. */
bool client_kept_p(const client_t *client);

client_t *client_of(VALUE self);      /* raises for one that was not initialised; follows a fork */
client_t *open_client_of(VALUE self); /* raises ConnectionError "closed" */

/* It is collected, alone or with what is pending on it: in any order, so whoever is freed first says it. */
void client_dispose(client_t *client);

/* The sink of its connection. */
void client_event(void *client, const evg_event_t *event);

/* What it wants has changed; a loop that slept takes a look at its sockets first. */
void client_changed(client_t *client);
void client_before_request(client_t *client);

/* -- task ---------------------------------------------------------------------------------------------------------- */

typedef enum { TASK_PENDING, TASK_SUCCEEDED, TASK_FAILED } task_state_t;

typedef struct {
    evg_request_t request;
    client_t *client; /* alive as long as client_value is marked */
    VALUE client_value;
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
    size_t slot;         /* in client->pending */
    size_t calls;        /* blocks of it that are queued */
    size_t under_way;    /* blocks of it that run */
    unsigned converted;  /* times its conversion was interrupted */
    uint64_t ran_by;     /* number of the seat under which they do */
    uint8_t state;       /* task_state_t */
    bool running;        /* a worker reported */
    bool abandoned;
    bool listed;  /* in client->pending */
    bool coded;   /* the converter is a coder: it does so by `load`, not `call` */
    int encoding; /* index of that of the bytes that come back; 0 is BINARY */
} task_t;

extern const rb_data_type_t task_type;

task_t *task_of(VALUE self);   /* follows a fork */
VALUE task_handle(VALUE self); /* of the job that was submitted, or nil */

/* A new Task that no request was made for yet. */
VALUE task_new(client_t *client, VALUE function, VALUE unique, VALUE block, task_t **out);

/* The request was taken: the client keeps the Task until its end. */
void task_pending(client_t *client, VALUE self, task_t *task);

/* The request came to its end. */
void task_end(client_t *client, task_t *task, VALUE value, VALUE error);

/* Of a call_kind_t: for calls that were queued with `calls` counted, and with the Task as subject. */
bool task_call_begins(const call_t *call, uint64_t seat);
void task_call_ends(const call_t *call, uint64_t seat);
void task_call_dropped(const call_t *call);

/* Its value will be what `converter.call(reply)` answers: that is Ruby code, so it waits its turn among the blocks. */
void task_convert_by(VALUE self, VALUE converter);
void task_decode_by(VALUE self, const coding_t *coding); /* what `coder.load(bytes)` answers, if there is a coder */
void task_queue_conversion(client_t *client, task_t *task, VALUE reply);
void conversions_after_fork(client_t *client); /* those under way on threads that are gone */
void Init_evg_conversion(void);

/* Many requests of one Task. With the end of the last one it ends itself. */
typedef struct batch batch_t;
void batch_end(client_t *client, task_t *task, const evg_request_t *request, VALUE result);
const evg_request_t *batch_first(const batch_t *batch);
void batch_take_back(evg_session_t *s, batch_t *batch); /* what is not written */
void batch_mark(const batch_t *batch);
size_t batch_size(const batch_t *batch);

/* Queues the blocks for an event. */
typedef enum { ON_CREATED, ON_COMPLETE, ON_FAIL, ON_FINISH, ON_DATA, ON_WARNING, ON_EXCEPTION, ON_STATUS } callback_t;
extern const char *const callback_names[];
void task_tell(client_t *client, task_t *task, callback_t kind, int argc, VALUE a, VALUE b);

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
VALUE job_new(client_t *client, const evg_event_t *event);

/* Its handler is to be run, when no block is under way. */
void job_queue(client_t *client, VALUE job);

/* An Array of the threads on which handlers of it run where the loop does. */
VALUE jobs_threads(const client_t *client);

/* Its connection ended; its time was up, and it failed. */
void job_lost(client_t *client, evg_job_t *job);
void job_expired(client_t *client, const evg_event_t *event);

/* An Array of the Jobs that are held. */
VALUE jobs_in_flight(const client_t *client);

/* -- objects ------------------------------------------------------------------------------------------------------- */

/* `dup` and `clone` of its objects raise TypeError: there would be two of one connection. */
void refuse_copies(VALUE klass);

/* Tells the GC how much memory of the core an object holds, or it thinks of it as small; `told` is what it heard last. */
void memory_tell_change(size_t *told, size_t held);

static inline void memory_tell(size_t *told, size_t held)
{
    if (held != *told) memory_tell_change(told, held);
}

/* For what has no class: an Array that ObjectSpace does not show. */
VALUE hidden_array(void);

/* -- strings and numbers ------------------------------------------------------------------------------------------- */

VALUE binary_string(evg_bytes_t bytes);
VALUE name_string(evg_bytes_t bytes);   /* UTF-8 if valid, else BINARY */
VALUE name_of(VALUE string);            /* the same of a String, or nil */
evg_bytes_t bytes_of(VALUE string);     /* of a String; valid while it is not changed */
VALUE block_of(const char *method);     /* the block it was given; raises ArgumentError */
uint32_t progress_of(VALUE number);     /* of WORK_STATUS; raises ArgumentError */
void random_seeds(uint64_t out[2]);     /* that no peer can guess: keys of the handle table */
VALUE stats_of(const evg_session_t *s); /* the Hash of `stats` */

/* -- times --------------------------------------------------------------------------------------------------------- */

/* Seconds, from a Numeric or what answers `to_f` and is no String: 0 or more, also INFINITY; what is shorter than a
 * millisecond is one. Raise ArgumentError that begins with the name of the argument. */
double seconds_of(VALUE value, const char *name);
double instant_of(VALUE value, const char *name); /* on whichever clock: any finite number */
double limit_of(VALUE value, const char *name);   /* of an option: nil and INFINITY are 0, which is off */
double deadline_of(VALUE timeout);                /* of a wait, on the monotonic clock: nil is INFINITY */

void Init_evg_seconds(VALUE module);

/* -- forks --------------------------------------------------------------------------------------------------------- */

extern uint64_t evg_forks; /* how many forks lie between this process and the first */

/* Makes a loop that came through a fork usable, and ends everything that was pending. */
void loop_after_fork(loop_t *loop);

static inline void loop_follow_fork(loop_t *loop)
{
    if (loop->forks != evg_forks) loop_after_fork(loop);
}

/* A method of it, or of something on it, was called. In a forked child a loop that was started is started again now,
 * which is Ruby code. */
void loop_restart(loop_t *loop);

static inline void loop_used(loop_t *loop)
{
    loop_follow_fork(loop);
    if (loop->restart) loop_restart(loop);
}

#endif
