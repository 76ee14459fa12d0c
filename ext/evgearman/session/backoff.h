/* When to try again: full jitter, doubling, and a limit of attempts. Knows no clock: it answers delays.
 *
 * The n-th delay is drawn from 0 .. min(most, first * 2^(n-1)), so that a thousand clients of a restarted
 * server do not come back in step. Only a reply of a server counts as success: one that accepts and closes
 * does not reset anything. */
#ifndef EVG_SESSION_BACKOFF_H
#define EVG_SESSION_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double first;      /* seconds */
    double most;       /* seconds; 0 is no limit */
    uint32_t attempts; /* failures until it gives up; 0 is never */
    /* private */
    uint32_t failures;
    uint64_t random;
} evg_backoff_t;

void evg_backoff_init(evg_backoff_t *backoff, uint64_t seed);

/* A connection could not be made, or ended before any reply. */
void evg_backoff_failed(evg_backoff_t *backoff);

/* A reply was read. */
void evg_backoff_succeeded(evg_backoff_t *backoff);

/* Are all attempts used up? */
bool evg_backoff_exhausted_p(const evg_backoff_t *backoff);

/* The next delay in seconds. */
double evg_backoff_delay(evg_backoff_t *backoff);

/* Uniform in [0, 1); also for other jitter. */
double evg_backoff_random(evg_backoff_t *backoff);

#endif
