/* The second thread of a worker's `run`. While a handler is long, the loop's thread cannot keep heartbeats, deadlines
 * and the end of a shutdown: then the deputy takes the seat, until no handler runs any more. It starts none itself.
 *
 * It looks at the clock only while a handler runs. */
#ifndef EVG_LOOP_DEPUTY_H
#define EVG_LOOP_DEPUTY_H

#include "binding/drive/loop.h"

/* A handler begins. */
void deputies_wake(loop_t *loop);

/* The last handler ended. */
void deputies_relieve(loop_t *loop);

/* In a forked child: their threads are gone. */
void deputies_forget(loop_t *loop);

#endif
