/* A FIFO of blocks that are to be called.
 *
 * What the network brings is resolved in C, at once; the Ruby blocks it leads to wait here, in order, and are
 * taken out one by one before they are called. So a block may run the loop, submit, disconnect, raise or throw:
 * nothing is half done when it does. */
#ifndef EVG_DRIVE_CALLS_H
#define EVG_DRIVE_CALLS_H

#include <ruby.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct call call_t;

/* What is special about a call. Each stands where such calls are queued; all but `run` may be NULL. `seat` is the
 * number of the seat under which it runs. */
typedef struct {
    VALUE (*run)(const call_t *call);                 /* Ruby code; only the gate may call it */
    bool (*begin)(const call_t *call, uint64_t seat); /* it is out of the queue. false: it is not to be run */
    void (*end)(const call_t *call, uint64_t seat);   /* it has run, whatever came of it, or was not to be run */
    void (*interrupted)(const call_t *call);          /* after that: a jump left it, which is not about it but about
                                                       * the thread that happened to run it */
    void (*drop)(const call_t *call);                 /* nobody will run it: a fork's parent does */
    bool keeps_errors; /* its own go nowhere else: a StandardError that leaves it came from outside */
    bool always;       /* also where blocks are not called: somebody waits for it */
} call_kind_t;

struct call {
    const call_kind_t *kind; /* NULL: calls_block and nothing else */
    int argc;
    VALUE callable;
    VALUE subject; /* what it is about: for its kind */
    VALUE agent;   /* the Client or Worker that it is about, or nil: for on_callback_error */
    VALUE args[2];
    const char *where; /* "on_data": for on_callback_error */
};

VALUE calls_block(const call_t *call); /* callable.call(*args) */

typedef struct {
    call_t *items;
    size_t head, count, cap; /* a ring; cap is a power of two */
    size_t always;           /* how many are to be run always */
} calls_t;

/* May run GC; raises NoMemoryError. */
void calls_push(calls_t *calls, const call_t *call);

/* The last `count` become the first, in the order they have. */
void calls_hurry(calls_t *calls, size_t count);

/* It comes next, again. */
void calls_put_back(calls_t *calls, const call_t *call);

/* false when empty. */
bool calls_shift(calls_t *calls, call_t *out);

/* The first of those that are to be run always. false: there is none. */
bool calls_shift_always(calls_t *calls, call_t *out);

void calls_clear(calls_t *calls);
void calls_free(calls_t *calls);
void calls_mark(const calls_t *calls);
size_t calls_memsize(const calls_t *calls);

#endif
