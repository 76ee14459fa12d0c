/* The `run`s of a loop that are under way. While there are any, handlers of workers start on their threads only: a
 * thread that waits in `call` or `value` is not to be kept by somebody's job. */
#ifndef EVG_DRIVE_RUNS_H
#define EVG_DRIVE_RUNS_H

#include <ruby.h>

#include "binding/drive/loop.h"

/* It lies on the heap, because a fiber that runs a loop may be dropped without unwinding. */
typedef struct {
    evg_list_t link;    /* in loop->frames */
    evg_list_t waiters; /* who follows in it */
    VALUE thread;
    VALUE fiber;  /* that a Fiber scheduler suspends in it, or nil */
    VALUE worker; /* whose `run` it is; nil: the loop's own */
    bool stopped; /* by Loop#stop */
    bool roused;  /* its worker is to look around */
} frame_t;

/* Answers what `body` does, which the calling thread calls in a `run` of its own. */
VALUE run_in(loop_t *loop, VALUE worker, VALUE (*body)(frame_t *frame, void *arg), void *arg);

/* The `run` of that worker looks around. One that is between two turns does not hear it: see Worker's. Takes no lock and
 * makes no object, so that a trap handler may call it. */
void runs_rouse(loop_t *loop, VALUE worker);

/* Handlers may start on that thread: it is in a `run`, or none is. */
bool run_allows_p(const loop_t *loop, VALUE thread);

#endif
