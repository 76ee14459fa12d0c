#include "sim/sim.h"

#include <math.h>

enum { SEGMENT = 1460 };

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

void wire_open(int at, int server)
{
    wire_t *wire = &wires[at];
    wire->up = true;
    wire->server = server;
    wire->answered = false;
    wire->stalled = wire->was_stalled = server_mute[server];
    wire->slow = chance(200);
    wire->deep = wire->slow && pick(2);
    wire->write_at = wire->read_at = 0;
    wire->heard_at = wire->said_at = world.now;
    wire->arriving = wire->leaving = (way_t){0};
    wire->grabs = wire->last_place = 0;
    evg_buffer_init(&wire->kernel);
    evg_buffer_init(&wire->to_server);
    evg_buffer_init(&wire->to_peer);
    far_end->open(at);
    note("%d connected to %d", at, server);
}

static bool arrive(int at, size_t len)
{
    uint8_t bytes[SEGMENT];
    evg_buffer_t *to_server = &wires[at].to_server;
    if (len > SEGMENT) len = SEGMENT;
    if (len == 0 || !far_end->reads_p(at)) return false;
    memcpy(bytes, evg_buffer_data(to_server), len);
    evg_buffer_consume(to_server, len);
    far_end->hear(at, evg_bytes(bytes, len)); /* which may cut it */
    return true;
}

/* So many of `len` bytes may move now. On a slow wire that is few; and then none until `*next`. */
static size_t moving(int at, size_t len, double *next)
{
    if (wires[at].stalled || len == 0) return 0;
    if (!wires[at].slow) return some_of(len);
    if (*next > world.now) return 0;
    *next = world.now + 0.9 * peer_patience(&peers[at]) * uniform();
    size_t few = 1 + pick(3);
    return few < len ? few : len;
}

static bool leave_kernel(int at)
{
    wire_t *wire = &wires[at];
    size_t len = moving(at, evg_buffer_len(&wire->kernel), &wire->write_at);
    append(&wire->to_server, evg_bytes(evg_buffer_data(&wire->kernel), len));
    evg_buffer_consume(&wire->kernel, len);
    return len > 0;
}

bool wire_to_server(int at)
{
    wire_t *wire = &wires[at];
    if (!wire->up || wire->stalled) return false;
    return leave_kernel(at) | arrive(at, some_of(evg_buffer_len(&wire->to_server)));
}

/* What a packet was the first byte of which is through, or the last. */
typedef void step_t(int at, way_t *way, evg_bytes_t packet);

static evg_command_t type_of(evg_bytes_t packet)
{
    return *packet.at ? EVG_TEXT : (evg_command_t)evg_packet_type(packet);
}

/* `len` bytes of these are through, of `*way` or of packets behind it. */
static void pass(int peer, way_t *way, evg_bytes_t bytes, size_t len, step_t *begins, step_t *ends)
{
    for (size_t at = 0; at < len;) {
        evg_bytes_t packet = evg_bytes(bytes.at + at, bytes.len - at);
        if (way->left == 0) {
            packet.len = evg_packet_span(packet);
            *way = (way_t){packet.len, world.now, way->number + 1, type_of(packet)};
            if (begins) begins(peer, way, packet);
        }
        size_t part = way->left < len - at ? way->left : len - at;
        way->left -= part;
        at += part;
        if (way->left == 0 && ends) ends(peer, way, packet);
    }
}

static void leaves(int at, way_t *way, evg_bytes_t packet)
{
    if (evg_command_grab_p(way->type)) turns_asked(at);
    if (evg_command_submit_p(way->type)) routes_leaves(at, packet);
}

static void arrived(int at, way_t *way, evg_bytes_t packet)
{
    (void)packet;
    wires[at].answered = true;
    client_free(&peers[at], way->number);
    turns_answered(at, way->type);
}

static double next_of(const wire_t *wire, double next, size_t len)
{
    return wire->up && wire->slow && !wire->stalled && len > 0 ? next : INFINITY;
}

double wire_deadline(int at)
{
    const wire_t *wire = &wires[at];
    double to_peer = next_of(wire, wire->read_at, evg_buffer_len(&wire->to_peer));
    size_t leaving = wire->deep ? evg_buffer_len(&wire->kernel) : evg_session_unsent(&peers[at].s);
    return fmin(to_peer, next_of(wire, wire->write_at, leaving));
}

bool wire_to_peer(int at)
{
    wire_t *wire = &wires[at];
    size_t len = wire->up ? moving(at, evg_buffer_len(&wire->to_peer), &wire->read_at) : 0;
    if (len == 0) return false;
    wire->heard_at = world.now;
    pass(at, &wire->arriving, evg_buffer_bytes(&wire->to_peer), len, NULL, arrived);
    if (evg_wire_feed(&peers[at].s.wire, evg_bytes(evg_buffer_data(&wire->to_peer), len)) < 0) broken("no memory");
    evg_buffer_consume(&wire->to_peer, len);
    far_end->taken(at);
    return true;
}

bool wire_write(int at)
{
    wire_t *wire = &wires[at];
    evg_session_t *s = &peers[at].s;
    if (s->state != EVG_OPEN || !wire->up) return false;
    evg_bytes_t out = evg_session_output(s);
    turns_look(&peers[at]);
    size_t len = wire->deep ? some_of(out.len) : moving(at, out.len, &wire->write_at);
    if (len == 0) return false;
    uint64_t before = s->wire.out.consumed;
    bool fresh = wire->leaving.left == 0 && wire->arriving.left == 0; /* nothing puts anything off */
    append(wire->deep ? &wire->kernel : &wire->to_server, evg_bytes(out.at, len));
    pass(at, &wire->leaving, out, len, leaves, NULL);
    wire->said_at = world.now;
    evg_session_written(s, len);
    if (fresh) client_check_written(&peers[at], before);
    return true;
}

void wire_drop(int at)
{
    wire_t *wire = &wires[at];
    if (!wire->up) return;
    wire->up = false;
    evg_buffer_deinit(&wire->kernel);
    evg_buffer_deinit(&wire->to_server);
    evg_buffer_deinit(&wire->to_peer);
    far_end->close(at);
    note("%d cut", at);
}

void wire_cut(int at)
{
    wire_t *wire = &wires[at];
    if (!wire->up) return;
    if (!wire->stalled && !world.calm) arrive(at, pick((unsigned)evg_buffer_len(&wire->to_server) + 1));
    wire_drop(at);
}
