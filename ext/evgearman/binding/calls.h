/* A FIFO of blocks that are to be called.
 *
 * What the network brings is resolved in C, at once; the Ruby blocks it leads to wait here, in order, and are
 * taken out one by one before they are called. So a block may run the loop, submit, disconnect, raise or throw:
 * nothing is half done when it does. */
#ifndef EVG_BINDING_CALLS_H
#define EVG_BINDING_CALLS_H

#include <ruby.h>
#include <stdbool.h>

typedef enum {
    CALL_BLOCK,   /* callable.call(*args) */
    CALL_SPLAT,   /* callable.call(*args[0]) */
    CALL_JOB,     /* subject is a Job: run its handler */
    CALL_REPORT,  /* subject.send(:_report_error, args[0]): the default of on_error */
    CALL_UNBLOCK, /* wake the fiber of the waiter `subject` */
    CALL_MARK,    /* subject is a mark: what was queued before it has been called */
    CALL_CONVERT  /* subject is a Task: callable makes its value of args[0] */
} call_kind_t;

typedef struct {
    call_kind_t kind;
    int argc;
    VALUE callable;
    VALUE subject; /* the Task, Job or Client it is about, or nil */
    VALUE args[2];
    const char *where; /* "on_data": for on_callback_error */
} call_t;

typedef struct {
    call_t *items;
    size_t head, count, cap; /* a ring; cap is a power of two */
} calls_t;

/* May run GC; raises NoMemoryError. */
void calls_push(calls_t *calls, const call_t *call);

/* The last `count` become the first, in the order they have. */
void calls_hurry(calls_t *calls, size_t count);

/* false when empty. */
bool calls_shift(calls_t *calls, call_t *out);

void calls_clear(calls_t *calls);
void calls_free(calls_t *calls);
void calls_mark(const calls_t *calls);
size_t calls_memsize(const calls_t *calls);

#endif
