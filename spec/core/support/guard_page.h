/* A copy of some bytes that ends exactly at an unreadable page.
 *
 *     evg_bytes_t copy = guard_page_copy(evg_bytes("\0REQ", 4));
 *     evg_packet_decode(&packet, EVG_REQ, copy, 1024);   one byte too far dies
 *     guard_page_free(copy);                             so does what was written to
 *
 * Works without sanitizers, and also where they are blind: libc, hand-made pointer arithmetic. Tests copy by the ten
 * thousand, so one copy of up to a page uses the same mapping again; others, while that is out, have one of their own. */
#ifndef EVG_SPEC_GUARD_PAGE_H
#define EVG_SPEC_GUARD_PAGE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    uint8_t *original; /* what is to stand there still when it is freed */
    uint8_t *end;      /* of the page behind that, where the copy is */
    bool out;
} guard_page_kept;

static inline size_t guard_page_len(void)
{
    static size_t len;
    if (!len) len = (size_t)sysconf(_SC_PAGESIZE);
    return len;
}

/* Readable bytes of a mapping: whole pages, none for an empty copy. */
static inline size_t guard_page_readable(size_t len)
{
    size_t page = guard_page_len();
    return (len + page - 1) / page * page;
}

/* So many bytes, and the page behind them. Aborts when the system refuses. */
static inline uint8_t *guard_page_map(size_t readable)
{
    uint8_t *map = mmap(NULL, readable + guard_page_len(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + readable, guard_page_len(), PROT_NONE) != 0) abort();
    return map;
}

static inline evg_bytes_t guard_page_copy_kept(evg_bytes_t bytes)
{
    if (!guard_page_kept.original) {
        guard_page_kept.original = guard_page_map(2 * guard_page_len());
        guard_page_kept.end = guard_page_kept.original + 2 * guard_page_len();
    }
    guard_page_kept.out = true;
    memcpy(guard_page_kept.original, bytes.at, bytes.len);
    return evg_bytes(memcpy(guard_page_kept.end - bytes.len, bytes.at, bytes.len), bytes.len);
}

/* The caller frees it, with the very view that is answered. */
static inline evg_bytes_t guard_page_copy(evg_bytes_t bytes)
{
    size_t readable = guard_page_readable(bytes.len);
    if (readable == guard_page_len() && !guard_page_kept.out) return guard_page_copy_kept(bytes);
    uint8_t *map = guard_page_map(readable), *at = map + (readable - bytes.len);
    if (bytes.len) memcpy(at, bytes.at, bytes.len);
    if (readable && mprotect(map, readable, PROT_READ) != 0) abort();
    return evg_bytes(at, bytes.len);
}

static inline void guard_page_free(evg_bytes_t copy)
{
    const uint8_t *end = (const uint8_t *)copy.at + copy.len;
    if (copy.len && end == guard_page_kept.end) {
        if (memcmp(copy.at, guard_page_kept.original, copy.len) != 0) abort();
        guard_page_kept.out = false;
        return;
    }
    size_t readable = guard_page_readable(copy.len);
    if (munmap((void *)((uintptr_t)end - readable), readable + guard_page_len()) != 0) abort();
}

#endif
