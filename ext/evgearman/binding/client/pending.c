#include "binding/client/pending.h"

static pending_place_t *place_of(VALUE task)
{
    return RTYPEDDATA_DATA(task);
}

void pending_reserve(pending_t *pending)
{
    if (pending->count < pending->cap) return;
    size_t cap = pending->cap ? pending->cap * 2 : 16;
    pending->tasks = ruby_xrealloc2(pending->tasks, cap, sizeof *pending->tasks);
    pending->cap = cap;
}

void pending_add(pending_t *pending, VALUE task, pending_place_t *place)
{
    place->listed = true;
    place->slot = pending->count;
    pending->tasks[pending->count++] = task;
}

/* The last one takes its place: the order does not matter, only that the GC sees them all. */
void pending_remove(pending_t *pending, pending_place_t *place)
{
    place->listed = false;
    VALUE last = pending->tasks[--pending->count];
    pending->tasks[place->slot] = last;
    place_of(last)->slot = place->slot;
}

void pending_clear(pending_t *pending)
{
    for (size_t i = 0; i < pending->count; i++) place_of(pending->tasks[i])->listed = false;
    pending->count = 0;
}

void pending_mark(const pending_t *pending)
{
    for (size_t i = 0; i < pending->count; i++) rb_gc_mark(pending->tasks[i]);
}

size_t pending_memsize(const pending_t *pending)
{
    return pending->cap * sizeof *pending->tasks;
}
