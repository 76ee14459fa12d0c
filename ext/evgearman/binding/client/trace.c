#include "binding/client/trace.h"

#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/values/packets.h"

typedef struct {
    packet_parser_t parser;
    const char *name;
} direction_t;

struct trace {
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

static VALUE call_splat(const call_t *call)
{
    return rb_apply(call->callable, rb_intern("call"), call->args[0]);
}

static void push(client_t *client, int hook, VALUE told)
{
    static const call_kind_t telling = {.run = call_splat};
    call_t call = {.kind = &telling,
                   .callable = client->hooks[hook],
                   .subject = Qnil,
                   .client = client->self,
                   .args = {told, Qnil},
                   .where = "on_packet"};
    if (!NIL_P(call.callable)) calls_push(&client->loop->done, &call);
}

/* [direction, name, args] */
static void queue(client_t *client, const direction_t *way, evg_packet_t *packet)
{
    VALUE args = packet_array(packet);
    VALUE name = rb_ary_shift(args);
    VALUE told = rb_ary_new_from_args(3, ID2SYM(rb_intern(way->name)), name, args);
    push(client, HOOK_TRACE, told);
    push(client, HOOK_PACKET, told);
}

typedef struct {
    client_t *client;
    direction_t *way;
} telling_t;

static VALUE tell(VALUE arg)
{
    const telling_t *telling = (const telling_t *)arg;
    packet_parser_t *parser = &telling->way->parser;
    evg_packet_t packet;
    ptrdiff_t len;
    while ((len = packet_decode(parser, evg_buffer_bytes(&parser->buffer), &packet)) > 0) {
        queue(telling->client, telling->way, &packet);
        evg_buffer_consume(&parser->buffer, (size_t)len);
    }
    if (len < 0) reset(telling->way, true); /* the session sees that too, and closes */
    evg_buffer_release(&parser->buffer);
    return Qnil;
}

/* A trace for which there is no memory is given up: nothing else may suffer from it. */
static void take(client_t *client, direction_t *way, evg_bytes_t bytes)
{
    telling_t telling = {client, way};
    int state = 0;
    if (way->parser.broken) return;
    bool taken = evg_buffer_append(&way->parser.buffer, bytes) == 0;
    if (taken) rb_protect(tell, (VALUE)&telling, &state);
    if (state) rb_set_errinfo(Qnil);
    if (!taken || state) reset(way, true);
}

/* Called in the middle of a turn, or of a method that writes at once beside a poll. */
static void on_bytes(void *owner, bool out, evg_bytes_t bytes)
{
    client_t *client = owner;
    if (client_gone_p(client) || client->loop->muted) return;
    VALUE self = client->self;
    trace_t *trace = client->trace;
    const evg_session_t *session = &client->c->session;
    if (trace->generation != session->generation) {
        trace->generation = session->generation;
        reset(&trace->in, false);
        reset(&trace->out, false);
    }
    bool all_written = out && evg_session_unsent(session) == bytes.len;
    take(client, out ? &trace->out : &trace->in, bytes);
    if (all_written && evg_buffer_len(&trace->out.parser.buffer) == 0) trace->out.parser.broken = false;
    if (client->loop->net->polling) evg_loop_wake(client->loop->net);
    RB_GC_GUARD(self);
}

static void begin(client_t *client)
{
    evg_connection_t *c = client->c;
    trace_t *trace = ruby_xcalloc(1, sizeof *trace);
    trace->in = (direction_t){.parser = {.magic = EVG_RES, .text = true, .max = SIZE_MAX}, .name = "in"};
    trace->out = (direction_t){.parser = {.magic = EVG_REQ, .text = true, .max = SIZE_MAX}, .name = "out"};
    evg_buffer_init(&trace->in.parser.buffer);
    evg_buffer_init(&trace->out.parser.buffer);
    trace->generation = c->session.generation;
    trace->out.parser.broken = !evg_connection_between_packets_p(c);
    client->trace = trace;
    take(client, &trace->in, evg_buffer_bytes(&c->session.wire.in)); /* the beginning of what is half read */
    c->on_bytes = on_bytes;
}

void trace_follow_hooks(client_t *client)
{
    bool wanted = !NIL_P(client->hooks[HOOK_PACKET]) || !NIL_P(client->hooks[HOOK_TRACE]);
    if (wanted == (client->trace != NULL)) return;
    if (wanted)
        begin(client);
    else
        trace_free(client);
}

void trace_free(client_t *client)
{
    trace_t *trace = client->trace;
    if (!trace) return;
    if (client->c) client->c->on_bytes = NULL;
    client->trace = NULL;
    evg_buffer_deinit(&trace->in.parser.buffer);
    evg_buffer_deinit(&trace->out.parser.buffer);
    ruby_xfree(trace);
}

size_t trace_memsize(const client_t *client)
{
    const trace_t *trace = client->trace;
    return trace ? sizeof *trace + trace->in.parser.buffer.cap + trace->out.parser.buffer.cap : 0;
}
