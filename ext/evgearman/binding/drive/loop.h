/* A loop as those see it who turn it and who wait on it. What is on it is kept in loop/.
 *
 * All of it is read and written with the GVL held. What follows from that is said once, in loop.h of net: only
 * the poll runs without it, and nothing but a turn calls libev. */
#ifndef EVG_DRIVE_LOOP_H
#define EVG_DRIVE_LOOP_H

#include <ruby.h>

#include "base/list.h"
#include "binding/drive/calls.h"
#include "binding/values/forks.h"
#include "net/loop.h"

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

typedef struct loop loop_t;

/* What those who turn a loop ask of those who know what is on it. */
typedef struct {
    void (*turn_ends)(loop_t *loop);  /* queues the blocks that end a turn */
    void (*after_fork)(loop_t *loop); /* makes it usable in a child, and ends everything that was pending */
    VALUE (*error_hook)(VALUE agent); /* what is called with a block's error, or nil; runs Ruby code */
} loop_ops_t;

struct loop {
    evg_loop_t *net;
    const loop_ops_t *ops;
    VALUE self;
    seat_t seat;
    calls_t done;        /* blocks to be called */
    calls_t jobs;        /* handlers to be called, when no block runs */
    calls_t posts;       /* blocks of `post` */
    evg_list_t handling; /* jobs whose handler runs, also one that lost the seat */
    evg_list_t deputies; /* who takes the seat from a long handler: see deputy.h */
    evg_list_t lost;     /* blocks that run without the seat: see lost.h */
    evg_list_t waiters;  /* those who follow, in the order they came */
    evg_list_t frames;   /* frame_t: the `run`s under way, innermost last */
    evg_list_t fibers;   /* fiber_waiter_t: fibers that wait */
    VALUE attendant;     /* the thread that drives for them; Qtrue: it is being made; Qnil */
    double attended_at;  /* when it was made */
    uint64_t forks;      /* evg_forks when it was last looked at */
    bool closed;
    bool ending; /* with the process: no handler is started */
    bool muted;  /* no block is to be called for what happens now */
};

static inline void loop_follow_fork(loop_t *loop)
{
    if (loop->forks != evg_forks) loop->ops->after_fork(loop);
}

#endif
