/* One turn of a libev loop, cut into the steps that the binding strings together. Not a word of Ruby here.
 *
 *     evg_loop_reconcile(l);               set watchers to what is wanted, write what is owed
 *     evg_loop_aim(l, deadline, block);    how long the poll may last
 *     evg_loop_poll(l);                    the only step without the GVL
 *     evg_loop_collect(l);                 libev's callbacks run: they only mark
 *     evg_loop_dispatch(l);                ready sources are read and fed, due ones ticked
 *
 * Between these, and outside them, nothing calls libev but evg_loop_wake. Whoever wants something (close, cancel,
 * a new timer, more to write) changes what is *wanted*, marks the source dirty, and wakes the poll. So a driver in
 * evg_loop_poll may be joined by any number of threads that hold the GVL.
 *
 * What it tells, and whom, is in source.h. */
#ifndef EVG_NET_LOOP_H
#define EVG_NET_LOOP_H

#include "base/heap.h"
#include "base/list.h"
#include "net/libev.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct evg_loop evg_loop_t;
typedef struct evg_source evg_source_t; /* source.h */

struct evg_loop {
    struct ev_loop *ev; /* NULL when closed, and after a fork until it is turned */
    double now;         /* monotonic seconds; evg_loop_now refreshes it */
    bool polling;       /* from aim to collect, so a thread may be in libev: it is not to be touched */
    bool turning;       /* in reconcile, and from collect to the end of dispatch: sources are not to be freed */
    int refusal;        /* errno of the last poll; 0 when it was one */
    /* private */
    bool open;            /* not closed */
    bool in_libev;        /* in ev_run */
    atomic_bool in_order; /* not in libev's own code: a child forked now may free its loop */
    unsigned int refs;
    ev_async wake;
    ev_timer alarm;
    double aimed_at; /* when the poll under way ends by itself; INFINITY: when something happens */
    int mode;        /* EVRUN_NOWAIT or EVRUN_ONCE */
    evg_list_t all, ready, dirty;
    /* What a step has still to do: the next turn goes on where one was left. */
    evg_list_t reconciling, serving, judging;
    evg_heap_t alarms;   /* of sources: when to look whether they are due */
    atomic_bool knocked; /* some source was, by another thread */
    double late;         /* moving average of seconds from the end of a poll to having the GVL again */
    double polled_at;    /* when the last poll ended */
    uint64_t events;     /* how often a source was served or judged, ever */
};

/* NULL: errno tells why, 0 for no memory. Holds one reference. evg_libev_load comes first. */
evg_loop_t *evg_loop_new(void);

/* Every source holds one, so does whoever drives. The last one frees the loop. */
evg_loop_t *evg_loop_hold(evg_loop_t *loop);
void evg_loop_release(evg_loop_t *loop);

/* Frees libev's side; sources are told `closed`. Not while polling. Idempotent. */
void evg_loop_close(evg_loop_t *loop);

/* In a forked child, before anything else: closes what was inherited, sources are told `forked`. Nothing is opened yet:
 * a daemon may be about to close all descriptors that there are. */
void evg_loop_forked(evg_loop_t *loop);

/* Makes libev's side after a fork, if that is not done yet. false: there is none (errno, 0 for no memory), to be called
 * again. */
bool evg_loop_open(evg_loop_t *loop);

/* CLOCK_MONOTONIC, and loop->now with it. */
double evg_loop_now(evg_loop_t *loop);
double evg_monotonic(void);

/* CLOCK_REALTIME: seconds since 1970. */
double evg_wall(void);

/* From any thread, without the GVL, from a signal handler: the poll under way ends, or the next one does not block. */
void evg_loop_wake(evg_loop_t *loop);

/* -- steps of a turn ----------------------------------------------------------------------------------------------- */
bool evg_loop_reconcile(evg_loop_t *loop); /* false: as evg_loop_open; nothing was done */
/* block false: do not wait. Else until `deadline` (INFINITY: for ever) or the first deadline of a source, unless
 * something is in hand already. */
void evg_loop_aim(evg_loop_t *loop, double deadline, bool block);
void evg_loop_poll(evg_loop_t *loop);    /* touches libev only; may run without the GVL */
void evg_loop_collect(evg_loop_t *loop); /* with the GVL again */
void evg_loop_dispatch(evg_loop_t *loop);

/* Will the next poll block for `deadline`? false when something is in hand. */
bool evg_loop_would_block_p(const evg_loop_t *loop);

/* For a GVL that is slow to come back (loop->late above a millisecond): waits up to `seconds` for the sockets with
 * the GVL held. true: something is readable, so the poll need not block. */
bool evg_loop_linger(evg_loop_t *loop, double seconds);

const char *evg_loop_backend(const evg_loop_t *loop); /* "epoll", "kqueue", "poll", "select" … */

#endif
