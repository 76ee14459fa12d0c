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

/* Enters the calling thread. The frame lives as long as the value that is answered, but counts until it is left. */
VALUE run_enter(loop_t *loop, VALUE worker, frame_t **out);
void run_leave(frame_t *frame);

/* The `run` of that worker looks around. One that is between two turns does not hear it: see Worker's. Takes no lock and
 * makes no object, so that a trap handler may call it. */
void runs_rouse(loop_t *loop, VALUE worker);

/* Handlers may start on that thread: it is in a `run`, or none is. */
bool run_allows_p(const loop_t *loop, VALUE thread);

#endif
