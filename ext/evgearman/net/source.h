/* What a loop tells of: a connection, a timer, a descriptor. It is marked, and told of that once in the turn:
 *
 *     dirty    ->  reconcile    what it wants has changed
 *     ready    ->  serve        a watcher fired, or another thread knocked
 *     due      ->  judge        its time has come, and all that was ready has been served
 *
 * Who may call what. The functions below are for the thread that has the GVL (of a loop without Ruby: the one that turns
 * it), beside a poll too, in the middle of a turn too, and inside of what is told; evg_source_knock alone is for any
 * other. What is told must not call out to Ruby code. It may detach any source, its own too, but the memory of another
 * has to stay until the turn is over (loop->turning). */
#ifndef EVG_NET_SOURCE_H
#define EVG_NET_SOURCE_H

#include "net/loop.h"

typedef struct {
    /* Set watchers and deadline to what is wanted; write what is owed; free yourself if you are dying. */
    void (*reconcile)(evg_source_t *source);
    /* Watchers fired (source->revents), or somebody knocked: read and feed. Comes before any `judge` of the turn. */
    void (*serve)(evg_source_t *source);
    /* The deadline passed and everything that was ready has been served. It is set no more. */
    void (*judge)(evg_source_t *source);
    /* In a forked child, after libev's side was closed: close descriptors, say nothing, start nothing. */
    void (*forked)(evg_source_t *source);
    /* The loop is closed for good: close descriptors, watch nothing more. */
    void (*closed)(evg_source_t *source);
} evg_source_ops_t;

struct evg_source {
    const evg_source_ops_t *ops;
    evg_loop_t *loop; /* NULL: not attached */
    int revents;      /* EV_READ | EV_WRITE | EV_ERROR, gathered until `serve` */
    int fd;           /* where evg_loop_linger looks for input; -1: nowhere */
    /* private */
    double due_at;
    evg_heap_node_t alarm; /* never later than due_at */
    evg_list_t all;        /* sources of the loop */
    evg_list_t dirty;
    evg_list_t ready;
    evg_list_t due;
    atomic_bool knocked;
};

void evg_source_init(evg_source_t *source, const evg_source_ops_t *ops);

void evg_source_attach(evg_source_t *source, evg_loop_t *loop); /* holds the loop */

/* Leaves all lists, releases the loop; nothing is told any more. Idempotent. A watcher of its own has to be stopped
 * before. */
void evg_source_detach(evg_source_t *source);

/* To be reconciled before the next poll. One that is under way is left to end by itself: wake it if that must not wait.
 * Nothing if it is not attached; so the others. */
static inline void evg_source_dirty(evg_source_t *source)
{
    if (source->loop && !evg_list_linked_p(&source->dirty)) evg_list_append(&source->loop->dirty, &source->dirty);
}

/* As if a watcher had fired. Sets revents, not adds, when it begins to gather: so nobody has to clear what the last
 * `serve` was told. */
static inline void evg_source_ready(evg_source_t *source, int revents)
{
    if (!source->loop) return;
    source->revents = evg_list_linked_p(&source->ready) ? source->revents | revents : revents;
    if (!evg_list_linked_p(&source->ready)) evg_list_append(&source->loop->ready, &source->ready);
}

/* Takes the deadline into the heap. Without memory the loop spins through `reconcile` until there is some: late is worse
 * than busy. */
static inline void evg_source_set_alarm(evg_source_t *source)
{
    if (evg_heap_add(&source->loop->alarms, &source->alarm, source->due_at) < 0) evg_source_dirty(source);
}

/* When it is to be judged; INFINITY: not. A poll under way that would last longer is woken. To put it off costs
 * nothing: the loop looks at its first time when that passes, and only then finds the later one. */
void evg_source_due_at(evg_source_t *source, double at);

/* From any thread, without the GVL: the source, which has to be attached as long as this lasts, is ready in this turn or
 * the next, and a poll under way ends. */
void evg_source_knock(evg_source_t *source);

#endif
