/* A run of bytes with a read cursor at its front and a write cursor at its end.
 *
 *     uint8_t *room = evg_buffer_reserve(buf, 4096);      room at the end, or NULL
 *     evg_buffer_commit(buf, read(fd, room, 4096));       so many bytes were put there
 *     evg_buffer_consume(buf, used);                      so many at the front are used up
 *
 * It allocates 16 KiB with the first byte, doubles when it must, and keeps what it has: whoever knows the time trims it. It
 * slides live bytes to the front only when at least as many
 * were consumed, so the cost of an append stays constant however long the backlog is. */
#ifndef EVG_BASE_BUFFER_H
#define EVG_BASE_BUFFER_H

#include "base/assert.h"
#include "base/bytes.h"

enum { EVG_BUFFER_FIRST = 16 * 1024 };

typedef struct {
    /* private */
    uint8_t *base;
    size_t at;         /* first live byte */
    size_t end;        /* behind the last live byte */
    size_t cap;        /* bytes allocated */
    size_t peak;       /* most live bytes since it was last trimmed */
    uint64_t consumed; /* bytes ever consumed: the stream position of the first live byte */
} evg_buffer_t;

/* Allocates nothing. */
void evg_buffer_init(evg_buffer_t *buf);

void evg_buffer_deinit(evg_buffer_t *buf);

/* Room for `len` more bytes behind the last one; NULL when there is no memory (the buffer is as before).
 * Moves the live bytes: pointers into the buffer are void afterwards. */
static inline uint8_t *evg_buffer_reserve(evg_buffer_t *buf, size_t len);

/* `len` bytes were written where reserve said. Never more than was reserved. */
static inline void evg_buffer_commit(evg_buffer_t *buf, size_t len);

/* Copies bytes to the end. 0, or EVG_ENOMEM. */
int evg_buffer_append(evg_buffer_t *buf, evg_bytes_t bytes);

/* The first `len` live bytes are used up. */
static inline void evg_buffer_consume(evg_buffer_t *buf, size_t len);

/* Forgets the live bytes behind the first `len`. */
void evg_buffer_truncate(evg_buffer_t *buf, size_t len);

/* Forgets all live bytes (they count as consumed) and gives the memory back. */
void evg_buffer_clear(evg_buffer_t *buf);

/* Gives the memory back if nothing is live. */
void evg_buffer_release(evg_buffer_t *buf);

/* Gives back what was not needed since it was last called; all, if nothing was live since. Moves the live bytes. */
void evg_buffer_trim(evg_buffer_t *buf);

/* The room that a commit may use without a reserve. */
static inline size_t evg_buffer_room(const evg_buffer_t *buf)
{
    return buf->cap - buf->end;
}

static inline size_t evg_buffer_len(const evg_buffer_t *buf)
{
    return buf->end - buf->at;
}

/* The first live byte; writable, because the owner may edit what is not yet sent. NULL before the first byte. */
static inline uint8_t *evg_buffer_data(const evg_buffer_t *buf)
{
    return buf->base ? buf->base + buf->at : NULL;
}

static inline evg_bytes_t evg_buffer_bytes(const evg_buffer_t *buf)
{
    return evg_bytes(evg_buffer_data(buf), evg_buffer_len(buf));
}

/* Makes the room that there is not: as evg_buffer_reserve. */
uint8_t *evg_buffer_make_room(evg_buffer_t *buf, size_t len);

static inline uint8_t *evg_buffer_reserve(evg_buffer_t *buf, size_t len)
{
    return buf->base && len <= evg_buffer_room(buf) ? buf->base + buf->end : evg_buffer_make_room(buf, len);
}

static inline void evg_buffer_commit(evg_buffer_t *buf, size_t len)
{
    evg_assert(len <= evg_buffer_room(buf));
    buf->end += len;
    if (evg_buffer_len(buf) > buf->peak) buf->peak = evg_buffer_len(buf);
}

static inline void evg_buffer_consume(evg_buffer_t *buf, size_t len)
{
    evg_assert(len <= evg_buffer_len(buf));
    buf->at += len;
    buf->consumed += len;
    if (buf->at == buf->end) buf->at = buf->end = 0;
}

/* Stream position of the next byte to be appended. */
static inline uint64_t evg_buffer_position(const evg_buffer_t *buf)
{
    return buf->consumed + evg_buffer_len(buf);
}

#endif
