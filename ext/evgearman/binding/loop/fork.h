/* A loop in a forked child. */
#ifndef EVG_LOOP_FORK_H
#define EVG_LOOP_FORK_H

#include "binding/drive/loop.h"

/* Makes it usable, and ends everything that was pending. Calls no block. */
void loop_after_fork(loop_t *loop);

#endif
