/* What is waited for. */
#ifndef EVG_DRIVE_GOAL_H
#define EVG_DRIVE_GOAL_H

#include "base/list.h"
#include "net/connection.h"

typedef struct goal {
    bool (*reached)(const struct goal *goal);
    void *subject;
    evg_list_t *waiters;     /* those who are to be woken when it is reached; NULL: nobody can */
    evg_connection_t *about; /* a follower writes what this one owes before it sleeps, or NULL */
} goal_t;

/* Somebody who waits for a goal: a thread on its semaphore, or a fiber in its scheduler. */
typedef struct goal_waiter {
    evg_list_t in_goal; /* goal->waiters */
    goal_t goal;        /* a copy: a fiber may be dropped with its stack */
    bool woken;         /* the goal was reached */
    void (*wake)(struct goal_waiter *waiter);
} goal_waiter_t;

/* Wakes everybody who waits in this list (goal->waiters). */
void goal_wake(evg_list_t *waiters);

/* Those of them whose goal is reached, where each has his own. */
void goal_wake_reached(evg_list_t *waiters);

#endif
