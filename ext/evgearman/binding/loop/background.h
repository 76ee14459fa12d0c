/* The thread that turns a loop in the background, from `start` on; in a forked child it is made anew at the first use. */
#ifndef EVG_LOOP_BACKGROUND_H
#define EVG_LOOP_BACKGROUND_H

#include "binding/drive/loop.h"

void background_after_fork(loop_t *loop);    /* if it was started it will be again */
bool background_known_p(const loop_t *loop); /* it was started, in this process or before a fork */

#endif
