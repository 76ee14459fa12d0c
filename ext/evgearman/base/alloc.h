/* The only place that calls malloc.
 *
 * Every other file of the core asks here, so that a test can let the n-th allocation fail and see that
 * nothing crashes, leaks or hangs. NULL means "no memory"; callers answer EVG_ENOMEM. */
#ifndef EVG_BASE_ALLOC_H
#define EVG_BASE_ALLOC_H

#include <stddef.h>

/* Uninitialised memory, or NULL. A size of 0 is taken as 1. */
void *evg_alloc(size_t size);

/* Zeroed memory, or NULL. */
void *evg_zalloc(size_t size);

/* As realloc: on failure the old block stays as it was and NULL is answered. */
void *evg_realloc(void *ptr, size_t size);

/* NULL is fine. */
void evg_free(void *ptr);

/* For tests: the nth call from now on fails (1 is the next one), once. 0 turns it off and restarts the count. */
void evg_alloc_fail_at(size_t nth);

/* For tests: allocations asked for since the last evg_alloc_fail_at. */
size_t evg_alloc_count(void);

/* For tests: blocks allocated and not freed. */
size_t evg_alloc_live(void);

#endif
