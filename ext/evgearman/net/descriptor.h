/* Watches a descriptor that is the caller's, for reading, writing or both.
 *
 * The caller may close it at any time, in any thread, without a word; libev aborts the process when a descriptor that
 * it watches is gone. So libev never sees it. It goes into a small epoll set (kqueue elsewhere) that is ours alone, and
 * libev watches the set: it becomes readable when there is something to tell. The kernel takes a closed descriptor out
 * of the set by itself; a file that gets its number later was never in it. (A dup would do for libev too. But it keeps
 * a closed socket open, so that the peer waits for its FIN until the next turn, and the kernel goes on telling of a dup
 * that was closed as long as the original is open.)
 *
 * Level-triggered: told in each turn in which there is something to do, but not again before evg_descriptor_resume. So
 * who is told may wait in a nested turn: it is neither told a second time there, nor does the poll spin. */
#ifndef EVG_NET_DESCRIPTOR_H
#define EVG_NET_DESCRIPTOR_H

#include "net/loop.h"

typedef struct evg_descriptor evg_descriptor_t;

/* EV_READ | EV_WRITE. An error or a hang-up is EV_READ, or EV_WRITE where only that is watched. Called in the middle of
 * a turn: it only marks. It may free the descriptor's watch. */
typedef void evg_descriptor_told_t(void *owner, int events);

/* -1: not watched for that; both may be the same. Wakes a poll under way. NULL: errno tells why. What cannot be waited
 * for (a regular file) is always ready. */
evg_descriptor_t *evg_descriptor_new(evg_loop_t *loop, int read_fd, int write_fd, evg_descriptor_told_t *told,
                                     void *owner);

/* Told, done with it: watches again. */
void evg_descriptor_resume(evg_descriptor_t *d);

/* Nothing is told from now on, also if a poll under way has seen something. Leaves the caller's descriptor alone. The
 * memory is given back as soon as no turn is under way. NULL is fine. After the loop was closed, or in a forked child,
 * this is all that may still be done with it. */
void evg_descriptor_free(evg_descriptor_t *d);

#endif
