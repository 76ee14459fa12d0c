/* One turn of a loop: what was left over, the poll, what it brought. Only whoever has the seat turns. */
#ifndef EVG_DRIVE_TURN_H
#define EVG_DRIVE_TURN_H

#include "binding/drive/goal.h"
#include "binding/drive/loop.h"

/* Waits until `deadline` (monotonic; INFINITY for ever) or until something happens, but not when what it wrote has
 * reached the goal (or NULL), and calls the blocks that follow from it. May raise, throw, end the thread: what is not
 * yet called stays queued. Answers how many were called. */
size_t loop_turn(loop_t *loop, const goal_t *goal, double deadline);

/* The part without Ruby blocks and without waiting: reads what lies in the sockets. For a loop that nobody drove. */
void loop_glance(loop_t *loop);

/* Writes what is owed before a driver leaves. */
void loop_leave(loop_t *loop);

/* There is none, and errno says why: raises. */
NORETURN(void loop_cannot_open(void));

/* Nothing is queued that a turn would call. */
bool loop_quiet_p(const loop_t *loop);

#endif
