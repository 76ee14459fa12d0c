#include "base/buffer.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"

static void drop(evg_buffer_t *buf)
{
    evg_free(buf->base);
    buf->base = NULL;
    buf->at = buf->end = buf->cap = buf->peak = 0;
}

static bool fits_p(const evg_buffer_t *buf, size_t len)
{
    return buf->base && len <= evg_buffer_room(buf);
}

static void slide(evg_buffer_t *buf)
{
    size_t live = evg_buffer_len(buf);
    if (live) memmove(buf->base, buf->base + buf->at, live);
    buf->at = 0;
    buf->end = live;
}

/* `cap` doubled until it holds `need`; 0 when no size_t does. */
static size_t doubled(size_t cap, size_t need)
{
    while (cap < need) {
        if (cap > SIZE_MAX / 2) return 0;
        cap *= 2;
    }
    return cap;
}

/* Keeps the consumed bytes in front: realloc moves the pages of a large block, where a copy of the
 * live bytes would touch each of them and hold both blocks at once. */
static bool grow(evg_buffer_t *buf, size_t len)
{
    if (len > SIZE_MAX - buf->end) return false;
    size_t cap = doubled(buf->cap ? buf->cap : EVG_BUFFER_FIRST, buf->end + len);
    uint8_t *base = cap ? evg_realloc(buf->base, cap) : NULL;
    if (!base) return false;
    buf->base = base;
    buf->cap = cap;
    return true;
}

void evg_buffer_init(evg_buffer_t *buf)
{
    *buf = (evg_buffer_t){0};
}

void evg_buffer_deinit(evg_buffer_t *buf)
{
    drop(buf);
}

uint8_t *evg_buffer_make_room(evg_buffer_t *buf, size_t len)
{
    /* To slide for any gain would move a long backlog again and again for a few bytes. */
    if (!fits_p(buf, len) && buf->at >= evg_buffer_len(buf)) slide(buf);
    if (!fits_p(buf, len) && !grow(buf, len)) return NULL;
    return buf->base + buf->end;
}

int evg_buffer_append(evg_buffer_t *buf, evg_bytes_t bytes)
{
    if (!bytes.len) return EVG_OK;
    uint8_t *room = evg_buffer_reserve(buf, bytes.len);
    if (!room) return EVG_ENOMEM;
    memcpy(room, bytes.at, bytes.len);
    evg_buffer_commit(buf, bytes.len);
    return EVG_OK;
}

void evg_buffer_truncate(evg_buffer_t *buf, size_t len)
{
    evg_assert(len <= evg_buffer_len(buf));
    buf->end = buf->at + len;
}

void evg_buffer_clear(evg_buffer_t *buf)
{
    buf->consumed += evg_buffer_len(buf);
    drop(buf);
}

void evg_buffer_release(evg_buffer_t *buf)
{
    if (!evg_buffer_len(buf)) drop(buf);
}

/* A little more than was needed is kept: what comes and goes is not to be fetched and given back each time. */
void evg_buffer_trim(evg_buffer_t *buf)
{
    size_t cap = doubled(EVG_BUFFER_FIRST, buf->peak);
    bool quiet = buf->peak == 0;
    buf->peak = evg_buffer_len(buf);
    if (quiet) drop(buf);
    if (cap >= buf->cap / 2) return;
    slide(buf);
    uint8_t *base = evg_realloc(buf->base, cap);
    if (!base) return;
    buf->base = base;
    buf->cap = cap;
}
