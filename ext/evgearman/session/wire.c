#include "session/wire.h"

#include "base/error.h"
#include "base/least.h"

enum { MIB = 1024 * 1024, READ_SIZE = 64 * 1024 };

void evg_wire_init(evg_wire_t *w, double now)
{
    *w = (evg_wire_t){.now = now, .trim_at = INFINITY, .look_at = INFINITY, .arriving = UINT64_MAX};
    evg_buffer_init(&w->in);
    evg_buffer_init(&w->out);
}

void evg_wire_deinit(evg_wire_t *w)
{
    evg_buffer_deinit(&w->in);
    evg_buffer_deinit(&w->out);
}

void evg_wire_opened(evg_wire_t *w)
{
    w->edge = w->out.consumed;
    w->read_at = w->wrote_at = w->landed_at = w->now;
    w->landed = w->looked_to = w->bytes_out;
    w->in_flight = 0;
    w->look_at = INFINITY;
}

void evg_wire_closed(evg_wire_t *w)
{
    evg_buffer_clear(&w->in);
    w->decoded = w->skip = 0;
    w->scan = (evg_scan_t){0};
}

/* -- in ------------------------------------------------------------------------------------------------------------ */

static size_t within(size_t size, size_t least, size_t most)
{
    if (size < least) return least;
    return size > most ? most : size;
}

/* Of a large packet as much as there is already: what it announces costs nothing before it comes. */
size_t evg_wire_appetite(const evg_wire_t *w)
{
    size_t lacks = w->skip ? w->skip : evg_packet_lacks(evg_buffer_bytes(&w->in));
    size_t room = evg_buffer_room(&w->in), len = evg_buffer_len(&w->in);
    if (lacks > READ_SIZE) return within(len > room ? len : room, READ_SIZE, lacks < MIB ? lacks : MIB);
    return room > 4096 && lacks <= room ? (room < READ_SIZE ? room : READ_SIZE) : EVG_BUFFER_FIRST;
}

uint8_t *evg_wire_reserve(evg_wire_t *w, size_t len)
{
    if (w->decoded) evg_buffer_consume(&w->in, w->decoded); /* before there is room for more */
    w->decoded = 0;
    evg_wire_hold(w);
    return evg_buffer_reserve(&w->in, len);
}

void evg_wire_commit(evg_wire_t *w, size_t len)
{
    evg_buffer_commit(&w->in, len);
    w->bytes_in += len;
    w->read_at = w->now;
}

int evg_wire_feed(evg_wire_t *w, evg_bytes_t bytes)
{
    uint8_t *room = evg_wire_reserve(w, bytes.len);
    if (!room) return EVG_ENOMEM;
    if (bytes.len) memcpy(room, bytes.at, bytes.len);
    evg_wire_commit(w, bytes.len);
    return 0;
}

ptrdiff_t evg_wire_take_text(evg_wire_t *w, evg_shape_t shape, size_t max, evg_bytes_t *text)
{
    ptrdiff_t len = evg_admin_decode(&w->scan, shape, evg_buffer_bytes(&w->in), max, text);
    if (len <= 0) return len;
    w->decoded = (size_t)len;
    w->scan = (evg_scan_t){0};
    return len;
}

ptrdiff_t evg_wire_take_line(evg_wire_t *w, evg_bytes_t words[EVG_ADMIN_WORDS], int *count)
{
    ptrdiff_t len = evg_admin_split(evg_buffer_bytes(&w->in), words, count);
    if (len > 0) w->decoded = (size_t)len;
    return len;
}

void evg_wire_take_beginning(evg_wire_t *w, size_t len)
{
    size_t there = evg_buffer_len(&w->in);
    evg_wire_await(w);
    w->decoded = len < there ? len : there;
    w->skip = len - w->decoded;
}

void evg_wire_skip(evg_wire_t *w)
{
    size_t there = evg_buffer_len(&w->in);
    if (there > w->skip) there = w->skip;
    evg_buffer_consume(&w->in, there);
    w->skip -= there;
}

/* -- out ----------------------------------------------------------------------------------------------------------- */

/* Where will the packet end that is at the front when `len` bytes more are gone? */
static void find_edge(evg_wire_t *w, size_t len)
{
    uint64_t to = w->out.consumed + len, before = w->edge;
    evg_bytes_t out = evg_buffer_bytes(&w->out);
    if (len == out.len) w->edge = to;
    while (w->edge < to) {
        size_t at = (size_t)(w->edge - w->out.consumed);
        w->edge += evg_packet_span(evg_bytes(out.at + at, out.len - at));
    }
    if (w->edge != before) w->leaves_since = w->now;
}

void evg_wire_written(evg_wire_t *w, size_t len)
{
    if (len == 0) return;
    find_edge(w, len);
    evg_buffer_consume(&w->out, len);
    w->bytes_out += len;
    w->wrote_at = w->now;
}

void evg_wire_pass_over(evg_wire_t *w, size_t len)
{
    evg_buffer_consume(&w->out, len);
    evg_wire_hold(w);
    w->edge = w->out.consumed;
}

/* A transport that adds to the bytes may count more of them than were written: nothing that landed comes back. */
void evg_wire_look(evg_wire_t *w)
{
    uint64_t unseen = w->bytes_out - w->landed;
    w->looked_to = w->bytes_out;
    if (w->in_flight == 0)
        w->look_at = INFINITY;
    else if (w->look_at <= w->now || w->look_at == INFINITY)
        w->look_at = w->now + EVG_QUIET;
    if (w->in_flight >= unseen) return;
    w->landed += unseen - w->in_flight;
    w->landed_at = w->now;
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

double evg_wire_judged_at(const evg_wire_t *w, double due, double patience)
{
    bool arriving = evg_wire_arriving_p(w) && w->arrives_since < due;
    bool leaving = w->edge > w->out.consumed && w->leaves_since < due;
    if (arriving) due = evg_most(due, w->read_at + patience);
    return leaving ? evg_most(due, w->wrote_at + patience) : due;
}

void evg_wire_trim(evg_wire_t *w)
{
    evg_buffer_trim(&w->in);
    evg_buffer_trim(&w->out);
    w->trim_at = w->in.cap + w->out.cap > 0 ? w->now + EVG_QUIET : INFINITY;
}

void evg_wire_rest(evg_wire_t *w, double now)
{
    if (now < w->trim_at + EVG_QUIET) return;
    evg_buffer_release(&w->in);
    evg_buffer_release(&w->out);
}
