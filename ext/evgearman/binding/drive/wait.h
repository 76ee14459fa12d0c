/* Whoever waits, drives: the ways into a turn.
 *
 * Both call blocks; they may raise, throw, end the thread. */
#ifndef EVG_DRIVE_WAIT_H
#define EVG_DRIVE_WAIT_H

#include "binding/drive/goal.h"
#include "binding/drive/loop.h"

/* Drives or follows until the goal is reached (true) or the deadline has passed (false; INFINITY for never). With a
 * deadline that is over already it takes one turn, if it may drive, so that who asks again and again gets on. */
bool loop_wait(loop_t *loop, const goal_t *goal, double deadline);

/* Turns until something happened, at most until the deadline; who follows notices within 100 ms that it did. Answers how
 * many blocks this thread called. */
size_t loop_wait_once(loop_t *loop, double deadline);

#endif
