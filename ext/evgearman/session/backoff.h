/* When to try again: full jitter, doubling, and a limit of attempts. Knows no clock: it answers delays.
 *
 * The n-th delay is drawn from 0 .. min(most, first * 2^(n-1)), so that a thousand clients of a restarted
 * server do not come back in step. */
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

/* In a forked child: draws otherwise than its parent and its siblings from now on. */
void evg_backoff_stir(evg_backoff_t *backoff, uint64_t entropy);

/* A connection could not be made, or was good for nothing. */
void evg_backoff_failed(evg_backoff_t *backoff);

/* It was good for something. */
void evg_backoff_succeeded(evg_backoff_t *backoff);

/* Are all attempts used up? */
bool evg_backoff_exhausted_p(const evg_backoff_t *backoff);

/* The next delay in seconds; of the n-th in a row of something else than failures. */
double evg_backoff_delay(evg_backoff_t *backoff);
double evg_backoff_delay_after(evg_backoff_t *backoff, uint32_t n);

/* Uniform in [0, 1); also for other jitter. */
double evg_backoff_random(evg_backoff_t *backoff);

#endif
