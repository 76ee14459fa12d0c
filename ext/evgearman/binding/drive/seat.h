/* Whoever waits, drives.
 *
 * A loop has one seat. Whoever waits for something takes it if it is free and turns the loop; else follows, asleep
 * on a semaphore, until its own goal is reached or the seat is handed over. Who leaves hands the seat straight to the
 * first who waits unserved. A driver that stays inside Ruby code for 100 ms loses the seat to the first follower. One
 * that may not start a waiting handler hands it to a follower that may.
 *
 * Invariants: the seat is free exactly when it has no thread; a free seat has depth 0; who was promoted drives or
 * releases; between the check of a goal and the linking of its waiter nothing can switch threads. */
#ifndef EVG_DRIVE_SEAT_H
#define EVG_DRIVE_SEAT_H

#include <ruby.h>
#include <semaphore.h>

#include "binding/drive/goal.h"
#include "binding/drive/loop.h"

/* Seconds that a driver may stay inside Ruby code. */
#define SEAT_TICK 0.1

/* A thread that follows. On the heap: a fork leaves the stacks of other threads behind, but not the lists in which
 * their waiters are. */
typedef struct {
    goal_waiter_t common; /* first */
    evg_list_t in_loop;   /* loop->waiters, until it is woken or promoted */
    sem_t sem;
    loop_t *loop;
    VALUE thread, fiber;
    double deadline;
    uint64_t forks; /* evg_forks when it began */
    uint64_t seen;  /* seat.seq at the last tick */
    bool promoted;  /* the seat is ours now */
    bool saw_stuck; /* left the sleep because the driver stands still */
} follower_t;

/* -- who has it ---------------------------------------------------------------------------------------------------- */

/* Nobody drives. */
bool seat_free_p(const loop_t *loop);

/* The calling thread (under a Fiber scheduler: fiber) drives, or is about to. */
bool seat_mine_p(const loop_t *loop);

/* The calling fiber is inside a block of this loop; it may have lost the seat. */
bool seat_in_block_p(const loop_t *loop);

/* For who drives: so many blocks wait inside each other that no more are called, or the stack would end. */
bool seat_deep_p(const loop_t *loop);

/* A handler waits to be started, and nothing but the choice of the thread stands in its way. */
static inline bool seat_jobs_ready_p(const loop_t *loop)
{
    return loop->jobs.count > 0 && !loop->ending && loop->seat.in_block == 0 && evg_list_empty_p(&loop->handling);
}

/* -- giving it away ------------------------------------------------------------------------------------------------ */

/* To a thread and its fiber, or to nobody (Qnil). */
void seat_give(loop_t *loop, VALUE thread, VALUE fiber);

/* To that one, who wakes. */
void seat_promote(loop_t *loop, follower_t *follower);

/* To the first who waits unserved (and may start the handlers that wait, if one of them may), or to nobody. */
void seat_release(loop_t *loop);

/* An heir that does not drive passes the seat on. */
void seat_release_if_heir(loop_t *loop);

/* The driver may not start a handler that waits, and a follower may. */
bool seat_hands_over_p(const loop_t *loop);

/* Wakes all who follow: the loop was closed. */
void seat_wake_all(loop_t *loop);

/* In a forked child: nobody drives, nobody waits; those who did are on stacks that are gone. */
void seat_forget(loop_t *loop);

/* -- a driver that stands still ------------------------------------------------------------------------------------ */

/* The driver has been inside Ruby code since the seat's `seq` was that, or the heir does not come (or there is none).
 * May be asked without the GVL, and is to be asked again with it before anything is done. */
bool seat_stuck_p(const loop_t *loop, uint64_t seen);

/* The same for who never sleeps for a whole tick: by what was seen when somebody last looked. */
bool seat_long_stuck_p(loop_t *loop);

/* Takes the seat for the calling thread if that is so; it is to wait for something then. */
bool seat_take_over(loop_t *loop, uint64_t seen);

/* By a fiber that cannot drive, and does not: takes the seat from a driver that gets no further. true: that stood still
 * for 100 ms, and nobody follows. */
bool seat_leave_if_stuck(loop_t *loop);

#endif
