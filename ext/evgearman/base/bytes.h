/* A view of bytes: where they are and how many. It owns nothing. */
#ifndef EVG_BASE_BYTES_H
#define EVG_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at;
    size_t len;
} evg_bytes_t;

static inline evg_bytes_t evg_bytes(const void *at, size_t len)
{
    return (evg_bytes_t){(const uint8_t *)at, len};
}

/* The bytes of a C string, without its NUL. */
static inline evg_bytes_t evg_bytes_of(const char *string)
{
    return evg_bytes(string, strlen(string));
}

static inline bool evg_bytes_equal_p(evg_bytes_t a, evg_bytes_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* What stands in front of the first NUL; all, if there is none. */
static inline evg_bytes_t evg_bytes_cut(evg_bytes_t bytes)
{
    const uint8_t *nul = bytes.len ? memchr(bytes.at, 0, bytes.len) : NULL;
    return nul ? evg_bytes(bytes.at, (size_t)(nul - bytes.at)) : bytes;
}

#endif
