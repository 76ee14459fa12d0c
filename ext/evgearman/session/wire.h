/* The bytes of one connection: what came and was not taken, what is to be written, and when any of them moved. It knows
 * packets by where they begin and end and nothing of what they say, so a client, a worker and a server stand on the same.
 *
 *     evg_wire_clock(w, now);                       before anything else, whenever time has passed
 *     room = evg_wire_reserve(w, n);                read into it; then _commit
 *     evg_wire_consume(w);                          what was taken last goes
 *     r = evg_wire_take_packet(w, &packet, ...);    views of the next one, until the next consume or reserve
 *     evg_wire_send(w, ...);                        goes behind what is to be written
 *     bytes = evg_wire_output(w);                   write some of it; then _written
 *
 * What a buffer keeps once it is drained is decided here alone: room for the most it held of late, that is within the last
 * second or two; nothing when no byte has moved for so long. `consume` sees to it, to be called at trim_at at the latest;
 * where nobody does, `rest`. */
#ifndef EVG_SESSION_WIRE_H
#define EVG_SESSION_WIRE_H

#include "protocol/admin.h"
#include "protocol/packet.h"

#include <math.h>

#define EVG_QUIET 1.0 /* seconds between two looks at what the buffers need, and at what is in flight */

typedef struct {
    evg_buffer_t in, out;
    uint64_t bytes_in, bytes_out; /* ever */
    double now;                   /* monotonic seconds, as was told last */
    double read_at;               /* when bytes last came; at first when it was opened */
    double wrote_at;              /* when bytes last went; ditto */
    double trim_at;               /* when the buffers are looked at; INFINITY: they hold nothing */
    size_t in_flight;             /* of what was written: not in the peer's kernel yet; to be set before a look, or 0 */
    uint64_t landed, looked_to;   /* bytes_out of what was, and of what was written, at the last look */
    double landed_at;             /* the last look at which more had landed than before; at first when it was opened */
    double look_at;               /* when to look again; INFINITY: all had landed */
    /* private */
    size_t decoded;       /* bytes of `in` that were taken last */
    size_t skip;          /* bytes behind those, read or to come, that nobody wants: their packet is too large */
    evg_scan_t scan;      /* of the text being read */
    uint64_t arriving;    /* stream position of the packet that `in` has the beginning of; if it has one */
    double arrives_since; /* when that began */
    uint64_t edge;        /* stream position behind the packet at the front of `out`, if that is begun */
    double leaves_since;  /* when that began */
} evg_wire_t;

/* Allocates nothing. */
void evg_wire_init(evg_wire_t *w, double now);
void evg_wire_deinit(evg_wire_t *w);

/* Time that goes backwards is ignored. */
static inline void evg_wire_clock(evg_wire_t *w, double now)
{
    if (now > w->now) w->now = now;
}

/* A connection begins: with no byte read, at a packet's beginning in `out`. */
void evg_wire_opened(evg_wire_t *w);

/* It ended: what came is forgotten. What was not written stays; it is the caller's to keep or to clear. */
void evg_wire_closed(evg_wire_t *w);

/* -- in ------------------------------------------------------------------------------------------------------------ */

/* Bytes worth reserving: what the packet at hand lacks, bounded, or a default. */
size_t evg_wire_appetite(const evg_wire_t *w);

/* Room for `len` bytes; NULL: no memory. Views of what was taken end here. */
uint8_t *evg_wire_reserve(evg_wire_t *w, size_t len);

/* So many bytes were read into it. Never more than was reserved. */
void evg_wire_commit(evg_wire_t *w, size_t len);

/* Reserve, copy, commit. 0, or EVG_ENOMEM. */
int evg_wire_feed(evg_wire_t *w, evg_bytes_t bytes);

/* A packet at the front of `in`, as evg_packet_decode: what it answers, and > 0 takes it. */
static inline ptrdiff_t evg_wire_take_packet(evg_wire_t *w, evg_packet_t *packet, evg_magic_t magic, size_t max_body)
{
    ptrdiff_t len = evg_packet_decode(packet, magic, evg_buffer_bytes(&w->in), max_body);
    if (len > 0) w->decoded = (size_t)len;
    return len;
}

/* A reply in text, as evg_admin_decode: ditto. */
ptrdiff_t evg_wire_take_text(evg_wire_t *w, evg_shape_t shape, size_t max, evg_bytes_t *text);

/* A request in text, as evg_admin_split: ditto. */
ptrdiff_t evg_wire_take_line(evg_wire_t *w, evg_bytes_t words[EVG_ADMIN_WORDS], int *count);

/* Takes a packet of `len` bytes, not all of which have come: the rest is passed over as it comes. */
void evg_wire_take_beginning(evg_wire_t *w, size_t len);

/* What is in `in` is the beginning of something: it arrives from when its first bytes came. */
static inline void evg_wire_await(evg_wire_t *w)
{
    if (w->arriving == w->in.consumed) return;
    w->arriving = w->in.consumed;
    w->arrives_since = w->read_at;
}

/* Is that so, and has it not come to its end? */
static inline bool evg_wire_arriving_p(const evg_wire_t *w)
{
    return w->skip || w->arriving == w->in.consumed + w->decoded;
}

void evg_wire_skip(evg_wire_t *w);
void evg_wire_trim(evg_wire_t *w);

/* What was taken goes, and what is passed over; when it is time, the room that nobody needs. */
static inline void evg_wire_consume(evg_wire_t *w)
{
    if (w->decoded) evg_buffer_consume(&w->in, w->decoded);
    w->decoded = 0;
    if (w->skip) evg_wire_skip(w);
    if (w->now >= w->trim_at) evg_wire_trim(w);
}

/* -- out ----------------------------------------------------------------------------------------------------------- */

/* The buffers may hold memory from now on. */
static inline void evg_wire_hold(evg_wire_t *w)
{
    if (w->trim_at == INFINITY) w->trim_at = w->now + EVG_QUIET;
}

/* Appends a packet. 0, or the codes of evg_packet_encode. */
static inline int evg_wire_send(evg_wire_t *w, evg_magic_t magic, evg_command_t type, const evg_bytes_t *args, int argc,
                                size_t max_body)
{
    int r = evg_packet_encode(&w->out, magic, type, args, argc, max_body);
    if (r == 0) evg_wire_hold(w);
    return r;
}

static inline evg_bytes_t evg_wire_output(const evg_wire_t *w)
{
    return evg_buffer_bytes(&w->out);
}

/* The first `len` bytes of it were written. */
void evg_wire_written(evg_wire_t *w, size_t len);

/* The first `len` bytes of it are not to be: whole packets, in front of which all was written. */
void evg_wire_pass_over(evg_wire_t *w, size_t len);

/* What has landed, by in_flight? */
void evg_wire_look(evg_wire_t *w);

/* -- time ---------------------------------------------------------------------------------------------------------- */

/* Who waits behind a packet that arrives, or that leaves through a full socket, does not wait for nothing: when a deadline
 * that passes at `due` may be judged, of who has `patience` seconds for a packet that was under way then and does not move. */
double evg_wire_judged_at(const evg_wire_t *w, double due, double patience);

/* Where nobody calls consume: gives back what empty buffers hold if no byte has moved since trim_at, a second ago. Not while
 * reserved room is being filled. */
void evg_wire_rest(evg_wire_t *w, double now);

#endif
