/* Runs a scenario with its 1st, 2nd, ... nth allocation failing, until one passes without failure.
 *
 *     static int scenario(void *context)
 *     {
 *         evg_buffer_t buf;
 *         evg_buffer_init(&buf);
 *         int rc = evg_buffer_append(&buf, evg_bytes_of("x"));
 *         evg_buffer_deinit(&buf);
 *         return rc;
 *     }
 *     failing_alloc(scenario, NULL);
 *
 * Nothing may be alive in the core when it begins. Include cmocka.h (and what it wants) before. */
#ifndef EVG_SPEC_FAILING_ALLOC_H
#define EVG_SPEC_FAILING_ALLOC_H

#include "base/alloc.h"
#include "base/error.h"

/* One whole life: builds, uses and frees all it needs. 0 (or a positive count) when all went well,
 * EVG_ENOMEM when memory lacked; it frees in either case. */
typedef int (*failing_alloc_scenario_t)(void *context);

enum { FAILING_ALLOC_MAX = 100000 };

/* Whether the nth allocation was reached, which is then the one that failed. */
static inline int failing_alloc_once(failing_alloc_scenario_t scenario, void *context, size_t nth)
{
    evg_alloc_fail_at(nth);
    int rc = scenario(context);
    int reached = evg_alloc_count() >= nth;
    evg_alloc_fail_at(0);
    if (reached && rc != EVG_ENOMEM) fail_msg("allocation %zu failed, but the scenario answered %d", nth, rc);
    if (!reached && rc < 0) fail_msg("nothing failed, but the scenario answered %d", rc);
    if (evg_alloc_live()) fail_msg("%zu blocks leaked in run %zu", evg_alloc_live(), nth);
    return reached;
}

/* Answers how many allocations the clean run made. None fails the test: it tested nothing. */
static inline size_t failing_alloc(failing_alloc_scenario_t scenario, void *context)
{
    assert_int_equal(evg_alloc_live(), 0);
    size_t nth = 1;
    while (failing_alloc_once(scenario, context, nth)) {
        if (++nth > FAILING_ALLOC_MAX) fail_msg("the scenario never ends");
    }
    assert_true(nth > 1);
    return nth - 1;
}

#endif
