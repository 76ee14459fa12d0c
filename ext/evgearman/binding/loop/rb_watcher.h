#ifndef EVG_LOOP_RB_WATCHER_H
#define EVG_LOOP_RB_WATCHER_H

#include "binding/drive/loop.h"

/* Queues the blocks of each_turn. */
void watchers_turn_end(loop_t *loop);

#endif
