#include "session/backoff.h"

enum { MOST_DOUBLINGS = 60 };

void evg_backoff_init(evg_backoff_t *backoff, uint64_t seed)
{
    *backoff = (evg_backoff_t){.first = 0.1, .most = 2, .random = seed | 1};
}

void evg_backoff_stir(evg_backoff_t *backoff, uint64_t entropy)
{
    backoff->random ^= entropy * UINT64_C(0x9E3779B97F4A7C15);
    if (!backoff->random) backoff->random = 1;
}

void evg_backoff_failed(evg_backoff_t *backoff)
{
    if (backoff->failures < UINT32_MAX) backoff->failures++;
}

void evg_backoff_succeeded(evg_backoff_t *backoff)
{
    backoff->failures = 0;
}

bool evg_backoff_exhausted_p(const evg_backoff_t *backoff)
{
    return backoff->attempts != 0 && backoff->failures >= backoff->attempts;
}

/* xorshift64*: good enough for jitter, and the same on every machine for a seed. */
double evg_backoff_random(evg_backoff_t *backoff)
{
    uint64_t x = backoff->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    backoff->random = x;
    return (double)((x * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

double evg_backoff_delay(evg_backoff_t *backoff)
{
    return evg_backoff_delay_after(backoff, backoff->failures);
}

double evg_backoff_delay_after(evg_backoff_t *backoff, uint32_t n)
{
    uint32_t doublings = n ? n - 1 : 0;
    if (doublings > MOST_DOUBLINGS) doublings = MOST_DOUBLINGS;
    double limit = backoff->first * (double)(UINT64_C(1) << doublings);
    if (backoff->most > 0 && limit > backoff->most) limit = backoff->most;
    return limit * evg_backoff_random(backoff);
}
