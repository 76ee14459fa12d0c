/* A read-only copy of some bytes that ends exactly at an unreadable page.
 *
 *     evg_bytes_t copy = guard_page_copy(evg_bytes("\0REQ", 4));
 *     evg_packet_decode(&packet, EVG_REQ, copy, 1024);   one byte too far, or a write, dies
 *     guard_page_free(copy);
 *
 * Works without sanitizers, and also where they are blind: libc, hand-made pointer arithmetic. */
#ifndef EVG_SPEC_GUARD_PAGE_H
#define EVG_SPEC_GUARD_PAGE_H

#include "base/bytes.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static inline size_t guard_page_len(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Readable bytes of the mapping: whole pages, none for an empty copy. */
static inline size_t guard_page_readable(size_t len)
{
    size_t page = guard_page_len();
    return (len + page - 1) / page * page;
}

/* The caller frees it, with the very view that is answered. Aborts when the system refuses. */
static inline evg_bytes_t guard_page_copy(evg_bytes_t bytes)
{
    size_t readable = guard_page_readable(bytes.len);
    uint8_t *map = mmap(NULL, readable + guard_page_len(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) abort();
    uint8_t *at = map + (readable - bytes.len);
    if (bytes.len) memcpy(at, bytes.at, bytes.len);
    if (readable && mprotect(map, readable, PROT_READ) != 0) abort();
    if (mprotect(map + readable, guard_page_len(), PROT_NONE) != 0) abort();
    return evg_bytes(at, bytes.len);
}

static inline void guard_page_free(evg_bytes_t copy)
{
    size_t readable = guard_page_readable(copy.len);
    uintptr_t map = (uintptr_t)copy.at + copy.len - readable;
    if (munmap((void *)map, readable + guard_page_len()) != 0) abort();
}

#endif
