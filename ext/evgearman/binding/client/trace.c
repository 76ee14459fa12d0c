#include "binding/client/trace.h"

#include "binding/values/packets.h"

typedef struct {
    packet_parser_t parser;
    const char *name;
} direction_t;

struct trace {
    evg_connection_t *c;
    trace_told_t *told;
    direction_t in, out;
    uint64_t generation; /* of the connection that it follows */
};

/* Lost: it is not known where a packet begins. */
static void reset(direction_t *way, bool lost)
{
    evg_buffer_clear(&way->parser.buffer);
    way->parser.scan = (evg_scan_t){0};
    way->parser.broken = lost;
}

/* [direction, name, args] */
static VALUE packet_of(const direction_t *way, evg_packet_t *packet)
{
    VALUE args = packet_array(packet);
    VALUE name = rb_ary_shift(args);
    return rb_ary_new_from_args(3, ID2SYM(rb_intern(way->name)), name, args);
}

typedef struct {
    trace_t *trace;
    direction_t *way;
} telling_t;

static VALUE tell(VALUE arg)
{
    const telling_t *telling = (const telling_t *)arg;
    packet_parser_t *parser = &telling->way->parser;
    evg_packet_t packet;
    ptrdiff_t len;
    while ((len = packet_decode(parser, evg_buffer_bytes(&parser->buffer), &packet)) > 0) {
        telling->trace->told(telling->trace->c->owner, packet_of(telling->way, &packet));
        evg_buffer_consume(&parser->buffer, (size_t)len);
    }
    if (len < 0) reset(telling->way, true); /* the session sees that too, and closes */
    evg_buffer_release(&parser->buffer);
    return Qnil;
}

/* A trace for which there is no memory is given up: nothing else may suffer from it. */
static void take(trace_t *trace, direction_t *way, evg_bytes_t bytes)
{
    telling_t telling = {trace, way};
    int state = 0;
    if (way->parser.broken) return;
    bool taken = evg_buffer_append(&way->parser.buffer, bytes) == 0;
    if (taken) rb_protect(tell, (VALUE)&telling, &state);
    if (state) rb_set_errinfo(Qnil);
    if (!taken || state) reset(way, true);
}

void trace_bytes(trace_t *trace, bool out, evg_bytes_t bytes)
{
    const evg_session_t *session = &trace->c->session;
    if (trace->generation != session->generation) {
        trace->generation = session->generation;
        reset(&trace->in, false);
        reset(&trace->out, false);
    }
    bool all_written = out && evg_session_unsent(session) == bytes.len;
    take(trace, out ? &trace->out : &trace->in, bytes);
    if (all_written && evg_buffer_len(&trace->out.parser.buffer) == 0) trace->out.parser.broken = false;
}

trace_t *trace_new(evg_connection_t *c, trace_told_t *told)
{
    trace_t *trace = ruby_xcalloc(1, sizeof *trace);
    trace->c = c;
    trace->told = told;
    trace->in = (direction_t){.parser = {.magic = EVG_RES, .text = true, .max = SIZE_MAX}, .name = "in"};
    trace->out = (direction_t){.parser = {.magic = EVG_REQ, .text = true, .max = SIZE_MAX}, .name = "out"};
    evg_buffer_init(&trace->in.parser.buffer);
    evg_buffer_init(&trace->out.parser.buffer);
    trace->generation = c->session.generation;
    trace->out.parser.broken = !evg_connection_between_packets_p(c);
    take(trace, &trace->in, evg_buffer_bytes(&c->session.wire.in)); /* the beginning of what is half read */
    return trace;
}

void trace_free(trace_t *trace)
{
    if (!trace) return;
    evg_buffer_deinit(&trace->in.parser.buffer);
    evg_buffer_deinit(&trace->out.parser.buffer);
    ruby_xfree(trace);
}

size_t trace_memsize(const trace_t *trace)
{
    return trace ? sizeof *trace + trace->in.parser.buffer.cap + trace->out.parser.buffer.cap : 0;
}
