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

static void push(agent_t *agent, int hook, VALUE told)
{
    static const call_kind_t telling = {.run = call_splat};
    call_t call = {.kind = &telling,
                   .callable = agent->hooks[hook],
                   .subject = Qnil,
                   .agent = agent->self,
                   .args = {told, Qnil},
                   .where = "on_packet"};
    if (!NIL_P(call.callable)) calls_push(&agent->loop->done, &call);
}

/* [direction, name, args] */
static void queue(agent_t *agent, const direction_t *way, evg_packet_t *packet)
{
    VALUE args = packet_array(packet);
    VALUE name = rb_ary_shift(args);
    VALUE told = rb_ary_new_from_args(3, ID2SYM(rb_intern(way->name)), name, args);
    push(agent, HOOK_TRACE, told);
    push(agent, HOOK_PACKET, told);
}

typedef struct {
    agent_t *agent;
    direction_t *way;
} telling_t;

static VALUE tell(VALUE arg)
{
    const telling_t *telling = (const telling_t *)arg;
    packet_parser_t *parser = &telling->way->parser;
    evg_packet_t packet;
    ptrdiff_t len;
    while ((len = packet_decode(parser, evg_buffer_bytes(&parser->buffer), &packet)) > 0) {
        queue(telling->agent, telling->way, &packet);
        evg_buffer_consume(&parser->buffer, (size_t)len);
    }
    if (len < 0) reset(telling->way, true); /* the session sees that too, and closes */
    evg_buffer_release(&parser->buffer);
    return Qnil;
}

/* A trace for which there is no memory is given up: nothing else may suffer from it. */
static void take(agent_t *agent, direction_t *way, evg_bytes_t bytes)
{
    telling_t telling = {agent, way};
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
    agent_t *agent = owner;
    if (agent_gone_p(agent) || agent->loop->muted) return;
    VALUE self = agent->self;
    trace_t *trace = agent->trace;
    const evg_session_t *session = &agent->c->session;
    if (trace->generation != session->generation) {
        trace->generation = session->generation;
        reset(&trace->in, false);
        reset(&trace->out, false);
    }
    bool all_written = out && evg_session_unsent(session) == bytes.len;
    take(agent, out ? &trace->out : &trace->in, bytes);
    if (all_written && evg_buffer_len(&trace->out.parser.buffer) == 0) trace->out.parser.broken = false;
    if (agent->loop->net->polling) evg_loop_wake(agent->loop->net);
    RB_GC_GUARD(self);
}

static void begin(agent_t *agent)
{
    evg_connection_t *c = agent->c;
    trace_t *trace = ruby_xcalloc(1, sizeof *trace);
    trace->in = (direction_t){.parser = {.magic = EVG_RES, .text = true, .max = SIZE_MAX}, .name = "in"};
    trace->out = (direction_t){.parser = {.magic = EVG_REQ, .text = true, .max = SIZE_MAX}, .name = "out"};
    evg_buffer_init(&trace->in.parser.buffer);
    evg_buffer_init(&trace->out.parser.buffer);
    trace->generation = c->session.generation;
    trace->out.parser.broken = !evg_connection_between_packets_p(c);
    agent->trace = trace;
    take(agent, &trace->in, evg_buffer_bytes(&c->session.wire.in)); /* the beginning of what is half read */
    c->on_bytes = on_bytes;
}

void trace_follow_hooks(agent_t *agent)
{
    bool wanted = !NIL_P(agent->hooks[HOOK_PACKET]) || !NIL_P(agent->hooks[HOOK_TRACE]);
    if (wanted == (agent->trace != NULL)) return;
    if (wanted)
        begin(agent);
    else
        trace_free(agent);
}

void trace_free(agent_t *agent)
{
    trace_t *trace = agent->trace;
    if (!trace) return;
    if (agent->c) agent->c->on_bytes = NULL;
    agent->trace = NULL;
    evg_buffer_deinit(&trace->in.parser.buffer);
    evg_buffer_deinit(&trace->out.parser.buffer);
    ruby_xfree(trace);
}

size_t trace_memsize(const agent_t *agent)
{
    const trace_t *trace = agent->trace;
    return trace ? sizeof *trace + trace->in.parser.buffer.cap + trace->out.parser.buffer.cap : 0;
}
