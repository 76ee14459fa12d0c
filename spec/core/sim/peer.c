/* One session and what a loop does with it. */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>

peer_t peers[PEERS];
int peer_count;
int server_count;
bool server_up[SERVERS], server_refuses[SERVERS], server_mute[SERVERS];

void peer_begin(team_t *team, bool client, bool worker, int home)
{
    peer_t *peer = &peers[peer_count];
    memset(peer, 0, sizeof *peer);
    memset(&wires[peer_count], 0, sizeof *wires);
    peer->at = peer_count++;
    peer->team = team;
    peer->client = client;
    peer->worker = worker;
    peer->home = home;
    evg_session_init(&peer->s, draw(), draw(), world.now);
    if (client) evg_session_loop_runs(&peer->s);
}

void peer_end(peer_t *peer)
{
    evg_session_deinit(&peer->s);
}

double peer_patience(const peer_t *peer)
{
    const evg_session_options_t *o = &peer->s.options;
    bool first = team_several_p(peer->team) && !wires[peer->at].answered && o->introduce_timeout > 0;
    double usual = fmin(o->command_timeout, o->heartbeat);
    return first ? fmin(usual, o->introduce_timeout) : usual;
}

/* There is no connection, or none any more. */
static void lost(peer_t *peer, int reason, const char *text)
{
    evg_session_closed(&peer->s, reason, text);
    peer->gone = true;
    team_settle(peer->team);
}

/* Only a server that was silent may be given up: one that is slow is not, nor one that was not asked. */
static void close_for(peer_t *peer, int reason)
{
    const wire_t *wire = &wires[peer->at];
    bool excused = wire->was_stalled && reason == EVG_ECOMMAND_TIMEOUT;
    double silence = world.now - wire->heard_at;
    note("%d closes: %s", peer->at, evg_error_text(reason));
    if (!excused) broken("%d breaks an honest connection: %s", peer->at, evg_error_text(reason));
    if (silence < peer_patience(peer) - 1e-9 && !client_grabs_p(peer))
        broken("%d closes after %g s of silence", peer->at, silence);
    wire_cut(peer->at);
    lost(peer, reason, NULL);
}

/* Its server is there, for it has answered. */
static void meet(peer_t *peer)
{
    if (!peer->gone || peer->s.state != EVG_OPEN || !peer->s.introduced) return;
    if (!wires[peer->at].answered) broken("%d was not answered", peer->at);
    peer->gone = false;
    team_settle(peer->team);
}

void peer_events(peer_t *peer)
{
    int r;
    evg_event_t event;
    while ((r = evg_session_next(&peer->s, &event)) > 0) {
        turns_look(peer);
        meet(peer);
        if (client_event(peer, &event) || worker_event(peer, &event)) continue;
        if (event.type == EVG_EVENT_ERROR) note("%d error: %s", peer->at, evg_error_text(event.error));
    }
    turns_look(peer);
    meet(peer);
    if (r < 0) close_for(peer, r);
}

static int server_of(const peer_t *peer)
{
    if (server_count == 1 || peer->team->joined) return peer->home;
    return chance(300) ? (int)pick((unsigned)server_count) : peer->home;
}

static void connect(peer_t *peer)
{
    if (evg_session_wants_open(&peer->s)) {
        evg_session_opening(&peer->s);
        peer->connect_at = world.now + (pick(4) ? 0 : 0.1 * uniform());
    }
    if (peer->s.state != EVG_OPENING || peer->connect_at > world.now) return;
    int server = server_of(peer);
    if (!server_up[server] || server_refuses[server]) {
        note("%d is refused", peer->at);
        lost(peer, EVG_ECONNECT, "Connection refused");
        return;
    }
    if (evg_session_opened(&peer->s) < 0) broken("no memory");
    wire_open(peer->at, server);
    peer->gone &= team_several_p(peer->team);
    peer->said_no = false;
    team_settle(peer->team);
}

/* Somebody cut it. */
static void notice(peer_t *peer)
{
    if (peer->s.state == EVG_OPEN && !wires[peer->at].up) lost(peer, EVG_ESERVER_CLOSED, NULL);
}

void peer_turn(peer_t *peer)
{
    evg_wire_clock(&peer->s.wire, world.now);
    turns_watch(peer);
    wire_to_peer(peer->at);
    peer_events(peer);
    notice(peer);
    peer->s.wire.in_flight = evg_buffer_len(&wires[peer->at].kernel);
    int r = evg_session_tick(&peer->s);
    turns_look(peer);
    if (r < 0) close_for(peer, r);
    peer_events(peer);
    client_check_waiting(peer);
    worker_runs(peer);
    connect(peer);
    peer_events(peer);
    wire_write(peer->at);
    turns_compare(peer);
}

void peer_disconnect(peer_t *peer)
{
    note("%d disconnects", peer->at);
    client_excuse(peer);
    evg_session_disconnect(&peer->s);
    wire_cut(peer->at);
    peer->gone = false;
    team_settle(peer->team);
}

void peer_moves(peer_t *peer)
{
    note("%d moves", peer->at);
    evg_session_leave(&peer->s);
    wire_cut(peer->at);
}

double peer_deadline(const peer_t *peer)
{
    double at = fmin(evg_session_deadline(&peer->s), worker_deadline(peer));
    return peer->s.state == EVG_OPENING ? fmin(at, peer->connect_at) : at;
}
