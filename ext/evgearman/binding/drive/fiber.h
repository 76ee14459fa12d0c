/* To wait in a fiber that a Fiber scheduler may suspend: a thread of ours drives. */
#ifndef EVG_DRIVE_FIBER_H
#define EVG_DRIVE_FIBER_H

#include "binding/drive/goal.h"
#include "binding/drive/loop.h"

/* As loop_wait. */
bool fiber_wait(loop_t *loop, const goal_t *goal, double deadline);

bool fibers_wait_p(loop_t *loop);
void fibers_mark(const loop_t *loop);
void fibers_forget(loop_t *loop); /* in a forked child, and when the loop is collected */

#endif
