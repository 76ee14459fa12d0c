/* What a job server knows: functions, their queued jobs in three priorities, who can do them, who does, and who waits for
 * the result. No sockets, no clock, no packets: bytes come in as views, and what others have to be told goes out through
 * two functions of the caller's.
 *
 *     evg_queue_init(&q, &ops, "H:host", seed0, seed1);
 *     evg_queue_clock(&q, now, wall);                before anything else, whenever time has passed
 *     evg_queue_submit(&q, &client, &order, &job);   jobqueue_client.h: what a client asks for
 *     evg_queue_grab(&q, &worker, &job);             jobqueue_worker.h: what a worker does
 *     evg_queue_tick(&q);                            at evg_queue_deadline at the latest
 *
 * Its users are structs that lie in the caller's, one for each role of a connection.
 *
 * What it costs does not depend on how much there is. Jobs are found through hash indexes that grow by one place at a time.
 * A worker's abilities stand in a list of those that may have a job, one for each priority; one that is found to have
 * none is parked with its function, whose next job brings it back. So who asks never looks twice in vain, whatever it can
 * do; likewise sleepers. Where several can do a job of several functions they take turns. */
#ifndef EVG_SESSION_JOBQUEUE_H
#define EVG_SESSION_JOBQUEUE_H

#include "protocol/command.h"
#include "session/epochs.h"

typedef enum { EVG_QUEUE_HIGH, EVG_QUEUE_NORMAL, EVG_QUEUE_LOW, EVG_QUEUE_PRIORITIES } evg_queue_priority_t;

enum {
    EVG_QUEUE_HANDLE_CAP = 64, /* bytes that a handle fits in */
    EVG_QUEUE_PREFIX_MAX = 42, /* what the largest number and the colon leave of them */
    EVG_QUEUE_UNLIMITED = -1
};

typedef struct {
    size_t max_jobs;      /* queued and running */
    size_t max_bytes;     /* that they take, with who waits for them, and what workers can do */
    size_t max_functions; /* when there are so many, one that nobody uses makes room for a new one */
    int job_retries;      /* a job that went back so often fails; EVG_QUEUE_UNLIMITED */
    size_t worker_wakeup; /* sleepers that one job wakes; 0 is all of them */
    bool round_robin;     /* false: a function is drained before the next one of the worker's has its turn */
    /* habits of other servers */
    bool sleep_through_epoch; /* a job whose time has come wakes nobody */
    bool function_first;      /* the function that a worker named last comes first, whatever the priorities */
    bool client_takes_all;    /* a client that leaves takes a background job with it, if nobody else waits for that */
} evg_queue_options_t;

/* gearmand's habits and the caps of the API. */
extern const evg_queue_options_t evg_queue_defaults;

/* Who submits. The jobs' events are told to it. */
typedef struct {
    /* private */
    evg_list_t waiters;
} evg_queue_client_t;

/* Who does jobs. */
typedef struct {
    /* private */
    uint64_t number;
    evg_list_t abilities;                   /* the newest first */
    evg_list_t ready[EVG_QUEUE_PRIORITIES]; /* places of those that may have a job */
    evg_list_t unlisted;                    /* of those that are no sleepers of their function */
    bool asleep;
} evg_queue_worker_t;

typedef struct {
    size_t name_len;
    size_t queued[EVG_QUEUE_PRIORITIES]; /* also those that wait for their time */
    size_t running;
    size_t workers;                      /* that can do it */
    size_t limits[EVG_QUEUE_PRIORITIES]; /* maxqueue; 0: none */
    /* private */
    bool kept; /* stays though nobody uses it */
    evg_index_node_t by_name;
    evg_list_t link, idle;
    evg_list_t jobs[EVG_QUEUE_PRIORITIES];   /* those that may run */
    evg_list_t parked[EVG_QUEUE_PRIORITIES]; /* places of abilities that found none */
    evg_list_t sleepers;                     /* of abilities whose worker may be asleep */
    uint8_t name[];
} evg_queue_function_t;

/* That a worker can do a function. */
typedef struct {
    evg_queue_worker_t *worker;
    evg_queue_function_t *function;
    double timeout; /* seconds a job may take before it goes back; 0 is for ever */
    /* private */
    evg_index_node_t node;
    evg_list_t link;                         /* in the worker's */
    evg_list_t places[EVG_QUEUE_PRIORITIES]; /* ready, or parked */
    evg_list_t sleeper;
    evg_list_t running; /* jobs */
} evg_queue_ability_t;

typedef struct {
    evg_queue_function_t *function;
    evg_queue_ability_t *runs; /* NULL while it is queued */
    uint32_t numerator, denominator;
    uint32_t attempts;     /* times that it went back */
    uint32_t waiter_count; /* submissions that wait for it */
    bool background;       /* somebody was promised that it runs, though nobody waits */
    bool reduced;          /* it has a reducer */
    bool waits;            /* for its time */
    uint8_t priority;      /* evg_queue_priority_t */
    /* private */
    bool keyed; /* found by its key */
    bool first; /* of those that have it */
    uint8_t unique_len;
    uint16_t reducer_len;
    size_t workload_len;
    evg_list_t link;    /* in the jobs of its function or of an ability, or those that wait for its time */
    evg_list_t waiters; /* of clients */
    evg_heap_node_t timer;
    evg_index_node_t by_number; /* whose hash is the number itself */
    evg_index_node_t by_key;    /* in firsts or others */
    evg_list_t namesakes;       /* those with the same key, of other functions */
    uint8_t bytes[];            /* unique, reducer, workload */
} evg_queue_job_t;

/* How others are told. Neither may call the queue. */
typedef struct {
    /* A packet about a job that this client waits for, once for each of its submissions. false: it hears nothing
     * any more, and this submission waits no longer. */
    bool (*tell)(evg_queue_client_t *client, evg_command_t type, const evg_bytes_t *args, int argc);
    /* NOOP: it was asleep, and there is a job. */
    void (*wake)(evg_queue_worker_t *worker);
} evg_queue_ops_t;

typedef struct {
    evg_queue_options_t options; /* may be changed at any time */
    double now, wall;            /* seconds, monotonic and since 1970 */
    size_t bytes;                /* see max_bytes */
    size_t running;
    evg_index_t jobs;      /* by number */
    evg_index_t functions; /* by name */
    evg_list_t all;        /* evg_queue_function_t, in the order of their making */
    evg_epochs_t epochs;   /* jobs that wait for their time */
    /* private */
    const evg_queue_ops_t *ops;
    uint64_t seed[2];
    evg_index_t firsts, others; /* jobs with a key: jobqueue_keys.h */
    evg_index_t abilities;
    evg_list_t idle; /* functions that nobody uses, the longest first */
    evg_heap_t timers;
    uint64_t last_job, last_worker;
    size_t prefix_len;
    char prefix[EVG_QUEUE_PREFIX_MAX + 1];
} evg_queue_t;

/* With evg_queue_defaults; `prefix` is cut at EVG_QUEUE_PREFIX_MAX. Allocates nothing. */
void evg_queue_init(evg_queue_t *q, const evg_queue_ops_t *ops, const char *prefix, uint64_t seed0, uint64_t seed1);

/* All have left. Jobs and functions are freed. */
void evg_queue_deinit(evg_queue_t *q);

/* The wall clock may go anywhere. */
void evg_queue_clock(evg_queue_t *q, double now, double wall);

/* Gives jobs back whose time is over, and lets those run whose time has come: some of them, if they are many. */
void evg_queue_tick(evg_queue_t *q);

/* When tick has something to do; INFINITY for never. */
double evg_queue_deadline(const evg_queue_t *q);

/* -- views, as long as the job lives -------------------------------------------------------------------------------- */

static inline evg_bytes_t evg_queue_name(const evg_queue_function_t *function)
{
    return evg_bytes(function->name, function->name_len);
}

static inline evg_bytes_t evg_queue_unique(const evg_queue_job_t *job)
{
    return evg_bytes(job->bytes, job->unique_len);
}

static inline evg_bytes_t evg_queue_reducer(const evg_queue_job_t *job)
{
    return evg_bytes(job->bytes + job->unique_len, job->reducer_len);
}

static inline evg_bytes_t evg_queue_workload(const evg_queue_job_t *job)
{
    return evg_bytes(job->bytes + job->unique_len + job->reducer_len, job->workload_len);
}

/* Queued and running jobs of a function. */
static inline size_t evg_queue_total(const evg_queue_function_t *function)
{
    const size_t *queued = function->queued;
    return queued[EVG_QUEUE_HIGH] + queued[EVG_QUEUE_NORMAL] + queued[EVG_QUEUE_LOW] + function->running;
}

/* Walks all jobs, in no order: start with NULL, ends with NULL. None may come or go meanwhile. */
static inline evg_queue_job_t *evg_queue_next_job(const evg_queue_t *q, const evg_queue_job_t *job)
{
    evg_index_node_t *node = evg_index_next(&q->jobs, job ? &job->by_number : NULL);
    return node ? evg_container(node, evg_queue_job_t, by_number) : NULL;
}

#endif
