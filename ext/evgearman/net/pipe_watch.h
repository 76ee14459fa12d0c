/* The watcher of a pipe, and the end of its descriptor. */
#ifndef EVG_NET_PIPE_WATCH_H
#define EVG_NET_PIPE_WATCH_H

#include "net/pipe.h"

/* To be reconciled soon: marks dirty and wakes a poll under way. */
void evg_pipe_touch(evg_pipe_t *pipe);

/* Takes the transport out of use; anywhere. */
void evg_pipe_retire(evg_pipe_t *pipe);

/* The end of the retired transport; only in a turn. So do these: */
void evg_pipe_bury(evg_pipe_t *pipe);
void evg_pipe_watch(evg_pipe_t *pipe,
                    bool reads);       /* for what it waits for; false: not for what comes, nor for what it holds */
void evg_pipe_close(evg_pipe_t *pipe); /* both transports */
void evg_pipe_cut(evg_pipe_t *pipe);   /* the same, without a word: in a forked child, they are its parent's */

/* The watcher as new: its loop is gone, or it never had one. */
void evg_pipe_forget_watcher(evg_pipe_t *pipe);

#endif
