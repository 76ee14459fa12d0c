#include "binding/client/pending.h"

void pending_grow(pending_t *pending)
{
    size_t cap = pending->cap ? pending->cap * 2 : 16;
    pending->tasks = ruby_xrealloc2(pending->tasks, cap, sizeof *pending->tasks);
    pending->cap = cap;
}

void pending_clear(pending_t *pending)
{
    for (size_t i = 0; i < pending->count; i++) ((pending_place_t *)RTYPEDDATA_DATA(pending->tasks[i]))->listed = false;
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
