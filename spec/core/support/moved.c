#include "support/moved.h"

#include <stdint.h>

size_t moved;

void *memmove(void *to, const void *from, size_t len);

/* In place of the C library's. A loop of its own, lest the compiler make a call to itself of it. */
void *memmove(void *to, const void *from, size_t len)
{
    volatile uint8_t *t = to;
    const volatile uint8_t *f = from;
    moved += len;
    if ((uintptr_t)t < (uintptr_t)f) {
        for (size_t i = 0; i < len; i++) t[i] = f[i];
    } else {
        for (size_t i = len; i > 0; i--) t[i - 1] = f[i - 1];
    }
    return to;
}
