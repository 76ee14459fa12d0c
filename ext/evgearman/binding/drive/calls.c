#include "binding/drive/calls.h"

VALUE calls_block(const call_t *call)
{
    return rb_funcallv(call->callable, rb_intern("call"), call->argc, call->args);
}

static const call_kind_t block = {.run = calls_block};

static call_t *item(const calls_t *calls, size_t index)
{
    return &calls->items[(calls->head + index) & (calls->cap - 1)];
}

static void grow(calls_t *calls)
{
    size_t cap = calls->cap ? calls->cap * 2 : 64;
    call_t *items = ruby_xmalloc2(cap, sizeof *items);
    for (size_t i = 0; i < calls->count; i++) items[i] = *item(calls, i);
    ruby_xfree(calls->items);
    calls->items = items;
    calls->head = 0;
    calls->cap = cap;
}

void calls_push(calls_t *calls, const call_t *call)
{
    if (calls->count == calls->cap) grow(calls);
    calls->count++;
    call_t *last = item(calls, calls->count - 1);
    *last = *call;
    if (!last->kind) last->kind = &block;
    calls->always += last->kind->always;
}

void calls_hurry(calls_t *calls, size_t count)
{
    while (count-- > 0) {
        call_t last = *item(calls, calls->count - 1);
        calls->head = (calls->head - 1) & (calls->cap - 1);
        *item(calls, 0) = last;
    }
}

void calls_put_back(calls_t *calls, const call_t *call)
{
    calls_push(calls, call);
    calls_hurry(calls, 1);
}

bool calls_shift(calls_t *calls, call_t *out)
{
    if (calls->count == 0) return false;
    *out = *item(calls, 0);
    calls->head = (calls->head + 1) & (calls->cap - 1);
    calls->count--;
    calls->always -= out->kind->always;
    return true;
}

bool calls_shift_always(calls_t *calls, call_t *out)
{
    size_t at = 0;
    if (calls->always == 0) return false;
    while (!item(calls, at)->kind->always) at++;
    call_t found = *item(calls, at);
    for (; at > 0; at--) *item(calls, at) = *item(calls, at - 1);
    *item(calls, 0) = found;
    return calls_shift(calls, out);
}

void calls_clear(calls_t *calls)
{
    calls->head = calls->count = calls->always = 0;
}

void calls_free(calls_t *calls)
{
    ruby_xfree(calls->items);
    *calls = (calls_t){0};
}

void calls_mark(const calls_t *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        const call_t *call = item(calls, i);
        rb_gc_mark(call->callable);
        rb_gc_mark(call->subject);
        rb_gc_mark(call->agent);
        rb_gc_mark(call->args[0]);
        rb_gc_mark(call->args[1]);
    }
}

size_t calls_memsize(const calls_t *calls)
{
    return calls->cap * sizeof *calls->items;
}
