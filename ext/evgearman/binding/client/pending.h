/* The Tasks of an agent that are not resolved: one flat array, which the GC goes through faster than through a list. */
#ifndef EVG_CLIENT_PENDING_H
#define EVG_CLIENT_PENDING_H

#include <ruby.h>
#include <stdbool.h>

/* What the struct of a Task begins with. */
typedef struct {
    size_t slot; /* in `tasks` */
    bool listed;
} pending_place_t;

typedef struct {
    VALUE *tasks; /* in no order */
    size_t count, cap;
} pending_t;

void pending_grow(pending_t *pending);

/* For one more. May run GC; raises NoMemoryError. */
static inline void pending_reserve(pending_t *pending)
{
    if (pending->count == pending->cap) pending_grow(pending);
}

static inline void pending_add(pending_t *pending, VALUE task, pending_place_t *place)
{
    place->listed = true;
    place->slot = pending->count;
    pending->tasks[pending->count++] = task;
}

/* The last one takes its place: the order does not matter, only that the GC sees them all. */
static inline void pending_remove(pending_t *pending, pending_place_t *place)
{
    place->listed = false;
    VALUE last = pending->tasks[--pending->count];
    pending->tasks[place->slot] = last;
    ((pending_place_t *)RTYPEDDATA_DATA(last))->slot = place->slot;
}

/* None is pending any more. */
void pending_clear(pending_t *pending);

void pending_mark(const pending_t *pending);
size_t pending_memsize(const pending_t *pending);

#endif
