/* The thread that drives for fibers: it is made when one waits, and ends when none does, so that a loop on which
 * fibers waited may be collected. */
#ifndef EVG_DRIVE_ATTEND_H
#define EVG_DRIVE_ATTEND_H

#include "binding/drive/loop.h"

/* Makes it unless there is one. `anew`: the one that is there is of no help, because a block keeps it; it ends when that
 * has returned. May raise ThreadError. */
void attend(loop_t *loop, bool anew);

#endif
