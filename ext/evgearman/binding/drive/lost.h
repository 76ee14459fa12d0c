/* Blocks that run on although their driver lost the seat while it was in them. They still count as running when it
 * gets the seat back: it may, for what such a block waits for. */
#ifndef EVG_DRIVE_LOST_H
#define EVG_DRIVE_LOST_H

#include <ruby.h>

#include "binding/drive/loop.h"

/* What to note them in: whoever drives keeps it on its stack, and the loop for the next. So what is noted ends with a
 * fiber that is dropped in such a block. May raise NoMemoryError. */
VALUE lost_new(void);

/* The driver is about to lose the seat: notes its blocks in seat.note, and keeps `next` for the next one. */
void lost_note(loop_t *loop, VALUE next);

/* One of them has returned. */
void lost_block_ends(loop_t *loop, uint64_t seat);

/* How many of them run on the calling fiber. */
unsigned lost_blocks_here(const loop_t *loop);

static inline unsigned lost_blocks(const loop_t *loop)
{
    return evg_list_empty_p(&loop->lost) ? 0 : lost_blocks_here(loop);
}

#endif
