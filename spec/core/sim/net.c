#include "sim/sim.h"

wire_t wires[PEERS];

/* All of it, or a piece; seldom a single byte. */
size_t some_of(size_t len)
{
    if (len <= 1 || world.calm || pick(3) == 0) return len;
    return pick(4) == 0 ? 1 : 1 + (size_t)draw() % len;
}

static void append(evg_buffer_t *to, evg_bytes_t bytes)
{
    if (evg_buffer_append(to, bytes) < 0) broken("no memory");
}

void wire_open(int at)
{
    wire_t *wire = &wires[at];
    wire->up = true;
    wire->stalled = wire->was_stalled = false;
    evg_buffer_init(&wire->to_server);
    evg_buffer_init(&wire->to_peer);
    model_open(at);
    note("%d connected", at);
}

static bool arrive(int at, size_t len)
{
    wire_t *wire = &wires[at];
    if (len == 0) return false;
    append(&conns[at].in, evg_bytes(evg_buffer_data(&wire->to_server), len));
    evg_buffer_consume(&wire->to_server, len);
    model_read(at);
    return true;
}

bool wire_to_server(int at)
{
    wire_t *wire = &wires[at];
    return wire->up && !wire->stalled && arrive(at, some_of(evg_buffer_len(&wire->to_server)));
}

bool wire_to_peer(int at)
{
    wire_t *wire = &wires[at];
    size_t len = wire->up && !wire->stalled ? some_of(evg_buffer_len(&wire->to_peer)) : 0;
    if (len == 0) return false;
    if (evg_session_feed(&peers[at].s, evg_bytes(evg_buffer_data(&wire->to_peer), len)) < 0) broken("no memory");
    evg_buffer_consume(&wire->to_peer, len);
    return true;
}

bool wire_write(int at)
{
    wire_t *wire = &wires[at];
    evg_session_t *s = &peers[at].s;
    if (s->state != EVG_OPEN || !wire->up) return false;
    evg_bytes_t out = evg_session_output(s);
    size_t len = wire->stalled ? 0 : some_of(out.len);
    if (len == 0) return false;
    append(&wire->to_server, evg_bytes(out.at, len));
    evg_session_written(s, len);
    return true;
}

void wire_drop(int at)
{
    wire_t *wire = &wires[at];
    if (!wire->up) return;
    wire->up = false;
    evg_buffer_deinit(&wire->to_server);
    evg_buffer_deinit(&wire->to_peer);
    model_close(at);
    note("%d cut", at);
}

void wire_cut(int at)
{
    wire_t *wire = &wires[at];
    if (!wire->up) return;
    if (!wire->stalled && !world.calm) arrive(at, pick((unsigned)evg_buffer_len(&wire->to_server) + 1));
    wire_drop(at);
}
