/* A place in the queue of blocks, for those who wait until what was queued before it has been called. */
#ifndef EVG_DRIVE_MARK_H
#define EVG_DRIVE_MARK_H

#include "binding/drive/loop.h"

/* Waits until all blocks that are queued now have returned (as far as they are called in order), or until the
 * deadline. Not in a block: it may be one of them. */
void mark_wait(loop_t *loop, double deadline);

#endif
