#include "base/alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* Atomic, because a resolver thread allocates too; relaxed, because nothing is ordered by them. */
static atomic_size_t asked, fail_at, live;

/* Counts a call and tells whether it may go on. Pointers into more than PTRDIFF_MAX bytes can't be
 * subtracted, so nothing gets as much. */
static int grant_p(size_t size)
{
    size_t nth = atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) + 1;
    return nth != atomic_load_explicit(&fail_at, memory_order_relaxed) && size <= PTRDIFF_MAX;
}

static void *born(void *ptr)
{
    if (ptr) atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return ptr;
}

void *evg_alloc(size_t size)
{
    return grant_p(size) ? born(malloc(size ? size : 1)) : NULL;
}

void *evg_zalloc(size_t size)
{
    return grant_p(size) ? born(calloc(1, size ? size : 1)) : NULL;
}

void *evg_realloc(void *ptr, size_t size)
{
    if (!ptr) return evg_alloc(size);
    return grant_p(size) ? realloc(ptr, size ? size : 1) : NULL;
}

void evg_free(void *ptr)
{
    if (ptr) atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(ptr);
}

void evg_alloc_fail_at(size_t nth)
{
    atomic_store_explicit(&asked, 0, memory_order_relaxed);
    atomic_store_explicit(&fail_at, nth, memory_order_relaxed);
}

size_t evg_alloc_count(void)
{
    return atomic_load_explicit(&asked, memory_order_relaxed);
}

size_t evg_alloc_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}
