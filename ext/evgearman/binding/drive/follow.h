/* To sleep while another thread drives. */
#ifndef EVG_DRIVE_FOLLOW_H
#define EVG_DRIVE_FOLLOW_H

#include <semaphore.h>

#include "binding/drive/goal.h"
#include "binding/drive/loop.h"

/* Until the goal is reached, the seat is ours, the loop is closed, or the deadline has passed. The goal is not reached
 * yet, and somebody has the seat: nothing may switch threads between that check and this call. May raise, throw, end the
 * thread. */
void follow(loop_t *loop, const goal_t *goal, double deadline);

/* false: nothing was posted until then. */
bool sem_wait_until(sem_t *sem, double deadline);

#endif
