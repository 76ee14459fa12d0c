/* What must hold at a place. Checked in debug builds (-DEVG_DEBUG), where a breach says so and aborts. */
#ifndef EVG_BASE_ASSERT_H
#define EVG_BASE_ASSERT_H

#ifdef EVG_DEBUG

#include <stdio.h>
#include <stdlib.h>

#define evg_assert(condition) evg_assert_that((condition), #condition, __FILE__, __LINE__)

static inline void evg_assert_that(int holds, const char *condition, const char *file, int line)
{
    if (holds) return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

#else
#define evg_assert(condition) ((void)sizeof(!(condition)))
#endif

#endif
