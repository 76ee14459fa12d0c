/* Whoever waits, drives.
 *
 * A loop has one seat. Whoever waits for something takes it if it is free and turns the loop; else follows, asleep
 * on a semaphore, until its own goal is reached or the seat is handed over. Who leaves hands the seat straight to the
 * first who waits unserved. A driver that stays inside Ruby code for 100 ms loses the seat to the first follower. One
 * that may not start a waiting handler hands it to a follower that may.
 *
 * Invariants: the seat is free exactly when it has no thread; a free seat has depth 0; who was promoted drives or
 * releases; between the check of a goal and the linking of its waiter nothing can switch threads. */
#ifndef EVG_BINDING_SEAT_H
#define EVG_BINDING_SEAT_H

#include <semaphore.h>

#include "binding/binding.h"

/* What is waited for. */
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

/* Drives or follows until the goal is reached (true) or the deadline has passed (false; INFINITY for never). With a
 * deadline that is over already it takes one turn, if it may drive, so that who asks again and again gets on.
 * Calls blocks; may raise, throw, end the thread. */
bool seat_wait(loop_t *loop, const goal_t *goal, double deadline);

/* Turns until something happened, at most until the deadline; who follows notices within 100 ms that it did. Answers how
 * many blocks this thread called. */
size_t seat_turn_once(loop_t *loop, double deadline);

/* The same for a fiber that a Fiber scheduler may suspend: a thread of ours drives. */
bool fiber_wait(loop_t *loop, const goal_t *goal, double deadline);

/* By a fiber that cannot drive, and does not: takes the seat from a driver that gets no further. true: that stood still
 * for 100 ms, and nobody follows. */
bool seat_leave_if_stuck(loop_t *loop);

/* Wakes everybody who waits in this list (goal->waiters). */
void seat_wake(evg_list_t *waiters);

/* Those of them whose goal is reached, where each has his own. */
void seat_wake_reached(evg_list_t *waiters);

/* Wakes all who follow: the loop was closed. */
void seat_wake_all(loop_t *loop);

/* Nobody drives. */
bool seat_free_p(const loop_t *loop);

/* The calling thread (under a Fiber scheduler: fiber) drives, or is about to. */
bool seat_mine_p(const loop_t *loop);

/* The calling fiber is inside a block of this loop; it may have lost the seat. */
bool seat_in_block_p(const loop_t *loop);

/* A handler waits to be started, and nothing but the choice of the thread stands in its way. */
static inline bool seat_jobs_ready_p(const loop_t *loop)
{
    return loop->jobs.count > 0 && !loop->ending && loop->seat.in_block == 0 && evg_list_empty_p(&loop->handling);
}

/* For who drives: so many blocks wait inside each other that no more are called, or the stack would end. */
bool seat_deep_p(const loop_t *loop);

/* The driver has been inside Ruby code since the seat's `seq` was that, or the heir does not come (or there is none).
 * May be asked without the GVL, and is to be asked again with it before anything is done. */
bool seat_stuck_p(const loop_t *loop, uint64_t seen);

/* Takes the seat for the calling thread if that is so; it is to wait for something then. */
bool seat_take_over(loop_t *loop, uint64_t seen);

/* false: nothing was posted until then. */
bool sem_wait_until(sem_t *sem, double deadline);

/* In a forked child: nobody drives, nobody waits; those who did are on stacks that are gone. */
void seat_forget(loop_t *loop);

#endif
