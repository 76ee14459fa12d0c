/* What a slow way does to bytes: each leaves so many seconds after it was said, in the order in which they were. By where
 * they are in the stream; it holds none of them. */
#ifndef EVG_NET_LAG_H
#define EVG_NET_LAG_H

#include "base/list.h"

#include <stdint.h>

typedef struct {
    /* private */
    evg_list_t marks; /* of what is held back, the oldest first */
    uint64_t noted;   /* stream position: marks stand for what is in front of it */
    uint64_t released;
} evg_lag_t;

/* Nothing is held back. */
void evg_lag_init(evg_lag_t *lag);
void evg_lag_deinit(evg_lag_t *lag);

/* What was said up to this stream position and was not noted before leaves at that time; not before what was. Without memory
 * for that it leaves with what was, if anything. */
void evg_lag_note(evg_lag_t *lag, uint64_t position, double at);

/* Lets go what is due. */
void evg_lag_release(evg_lag_t *lag, double now);

/* When there is something to be let go; INFINITY: nothing is held back. */
double evg_lag_due(const evg_lag_t *lag);

/* So many of the `len` bytes that begin at this stream position may leave. */
size_t evg_lag_let(const evg_lag_t *lag, uint64_t position, size_t len);

#endif
