/* A native thread that turns a loop, and what others have to do to come in between: no Ruby, no GVL.
 *
 *     evg_runner_init(r, goes_on, owner);
 *     evg_runner_enter(r);
 *     ... error = evg_runner_start(r, loop, end_fd); ...
 *     evg_runner_leave(r);
 *     evg_runner_enter(r); ...; evg_runner_leave(r);     from any thread: the loop stands still meanwhile
 *
 * Who enters wakes the poll and waits for the end of the turn. Then he is alone: the thread is neither in a turn nor in a
 * poll, so he may do anything to the loop and to what is on it, also what is only for a turn. Those who come at a time are
 * let in in the order in which they came, and between two turns no more than came before: nobody starves. It is to be short,
 * and may not wait for a thread that wants to enter, nor for the GVL.
 *
 * A fork enters all of them, so that a child finds everything in order: but the thread is not there, and the child has no
 * runner that runs. Its sources are told `forked`. */
#ifndef EVG_NET_RUNNER_H
#define EVG_NET_RUNNER_H

#include "base/list.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
    evg_loop_t *loop;             /* from start to end */
    bool (*goes_on)(void *owner); /* asked before each turn, as if it had entered; false: the thread ends */
    void *owner;
    bool paused; /* it takes no turn. To be changed by who has entered */
    /* private */
    atomic_bool runs; /* the thread has been made and has not ended by itself */
    bool made;        /* and it has not been joined */
    bool turning;     /* it is in a turn, its poll included */
    bool quits, ended;
    int end_fd;
    uint64_t asked, let_in; /* of those who enter, so far */
    uint64_t admitted;      /* so many of them before the next turn; UINT64_MAX: there is none */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* any of these */
    evg_list_t link;      /* in all that there are */
} evg_runner_t;

void evg_runner_init(evg_runner_t *r, bool (*goes_on)(void *owner), void *owner);

/* Its thread has been ended; nobody is about to enter. */
void evg_runner_deinit(evg_runner_t *r);

/* Alone with it, from here … to there. */
void evg_runner_enter(evg_runner_t *r);
void evg_runner_leave(evg_runner_t *r);

/* The thread begins, in the next turn. It closes `end_fd` when it ends, for who waits for that; -1: nobody does. 0, or errno:
 * then it is closed already. By who has entered; not twice without an `end` between. */
int evg_runner_start(evg_runner_t *r, evg_loop_t *loop, int end_fd);

/* It takes no more turn, and is gone when this returns. By who has entered. Idempotent. */
void evg_runner_end(evg_runner_t *r);

/* From any thread, at any time. false also in a forked child. */
static inline bool evg_runner_runs_p(const evg_runner_t *r)
{
    return atomic_load(&r->runs);
}

#endif
