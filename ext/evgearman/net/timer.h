/* A timer of the caller: once, or every so many seconds. Fires by a plain C function that must only mark. */
#ifndef EVG_NET_TIMER_H
#define EVG_NET_TIMER_H

#include "net/source.h"

typedef struct evg_timer {
    evg_source_t source;
    double at;                             /* next time; INFINITY when stopped */
    double every;                          /* 0: once */
    void (*fire)(struct evg_timer *timer); /* no Ruby code; the timer is already stopped or set anew */
    void *owner;
} evg_timer_t;

void evg_timer_init(evg_timer_t *timer, void (*fire)(evg_timer_t *), void *owner);

/* First after `after` seconds from the present clock, then every `every` seconds without drift (missed ones are
 * skipped). Attaches to the loop. Wakes the poll if it would come too late. */
void evg_timer_start(evg_timer_t *timer, evg_loop_t *loop, double after, double every);

/* Idempotent; leaves the loop at once (the node is only in our lists). */
void evg_timer_stop(evg_timer_t *timer);

static inline bool evg_timer_active_p(const evg_timer_t *timer)
{
    return timer->source.loop != NULL;
}

#endif
