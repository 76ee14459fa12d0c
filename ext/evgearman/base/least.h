/* fmin and fmax, which are calls into libm, for numbers that are never NaN. */
#ifndef EVG_BASE_LEAST_H
#define EVG_BASE_LEAST_H

static inline double evg_least(double a, double b)
{
    return a < b ? a : b;
}

static inline double evg_most(double a, double b)
{
    return a > b ? a : b;
}

#endif
