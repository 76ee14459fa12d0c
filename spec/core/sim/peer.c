/* One session and what a loop does with it. */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>

peer_t peers[PEERS];
int peer_count;
int server_count;
bool server_up[SERVERS], server_refuses;

void peer_begin(int at, bool client, bool worker, int home)
{
    peer_t *peer = &peers[at];
    memset(peer, 0, sizeof *peer);
    peer->at = at;
    peer->client = client;
    peer->worker = worker;
    peer->home = home;
    evg_session_init(&peer->s, draw(), draw(), world.now);
    peer->s.options.lost_check = 2 + 8 * uniform();
    peer->s.options.exceptions = pick(2);
    if (pick(3) == 0) peer->s.options.command_timeout = 1 + 10 * uniform();
    if (pick(3) == 0) peer->s.options.heartbeat = 1 + 10 * uniform();
    if (pick(8) == 0) peer->s.options.reconnect = false;
    if (pick(8) == 0) peer->s.backoff.attempts = 1 + pick(4);
    if (pick(8) == 0) peer->s.options.max_unsent = 200;
    if (pick(4) == 0) (void)evg_session_set_client_id(&peer->s, evg_bytes_of("me"));
    static const size_t concurrencies[] = {1, 1, 1, 2, 3, 8, 0};
    static const int prefetches[] = {0, 0, 1, 4, EVG_PREFETCH_AUTO};
    peer->s.worker.concurrency = concurrencies[pick(7)];
    peer->s.worker.prefetch = prefetches[pick(5)];
    peer->s.worker.grab_unique = pick(4) > 0;
    peer->s.worker.poll_interval = world.polls ? 0.2 + uniform() : 0;
    if (client) evg_session_loop_runs(&peer->s);
    note("peer %d: client %d worker %d concurrency %zu prefetch %d", at, client, worker, peer->s.worker.concurrency,
         peer->s.worker.prefetch);
}

void peer_end(peer_t *peer)
{
    evg_session_deinit(&peer->s);
}

double peer_patience(const peer_t *peer)
{
    return fmin(peer->s.options.command_timeout, peer->s.options.heartbeat);
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
    evg_session_closed(&peer->s, reason, NULL);
}

void peer_events(peer_t *peer)
{
    int r;
    evg_event_t event;
    while ((r = evg_session_next(&peer->s, &event)) > 0) {
        if (client_event(peer, &event) || worker_event(peer, &event)) continue;
        if (event.type == EVG_EVENT_ERROR) note("%d error: %s", peer->at, evg_error_text(event.error));
    }
    if (r < 0) close_for(peer, r);
}

static int server_of(const peer_t *peer)
{
    if (server_count == 1) return 0;
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
    if (!server_up[server] || server_refuses) {
        note("%d is refused", peer->at);
        evg_session_closed(&peer->s, EVG_ECONNECT, "Connection refused");
        return;
    }
    if (evg_session_opened(&peer->s) < 0) broken("no memory");
    wire_open(peer->at, server);
}

/* Somebody cut it. */
static void notice(peer_t *peer)
{
    if (peer->s.state == EVG_OPEN && !wires[peer->at].up) evg_session_closed(&peer->s, EVG_ESERVER_CLOSED, NULL);
}

void peer_turn(peer_t *peer)
{
    evg_wire_clock(&peer->s.wire, world.now);
    wire_to_peer(peer->at);
    peer_events(peer);
    notice(peer);
    peer->s.wire.in_flight = evg_buffer_len(&wires[peer->at].kernel);
    int r = evg_session_tick(&peer->s);
    if (r < 0) close_for(peer, r);
    peer_events(peer);
    client_check_waiting(peer);
    worker_runs(peer);
    connect(peer);
    peer_events(peer);
    wire_write(peer->at);
}

void peer_disconnect(peer_t *peer)
{
    note("%d disconnects", peer->at);
    evg_session_disconnect(&peer->s);
    wire_cut(peer->at);
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

size_t peer_limit(const evg_session_t *s)
{
    if (s->worker.concurrency == 0) return SIZE_MAX;
    size_t ahead = s->worker.prefetch == EVG_PREFETCH_AUTO ? EVG_GRABS_MAX : (size_t)s->worker.prefetch;
    return s->worker.concurrency + ahead;
}

void peer_audit(peer_t *peer)
{
    const evg_session_t *s = &peer->s;
    size_t pending = s->owed_count + s->created_count, held = 0, asks = 0, ended = 0;
    if (s->stats.submitted != s->stats.resolved + pending) broken("%d lost count of its requests", peer->at);
    for (int i = 0; i < ASKS; i++) asks += peer->asks[i].used;
    for (const evg_list_t *at = s->ended.next; at != &s->ended; at = at->next) ended++;
    if (asks != pending + ended) broken("%d: %zu requests, but %zu are pending", peer->at, asks, pending);
    for (int i = 0; i < peer->task_top; i++)
        held += peer->tasks[i].state == RUNNING && peer->tasks[i].job.state == EVG_JOB_HELD;
    if (held != s->worker.held_count) broken("%d holds %zu jobs and counts %zu", peer->at, held, s->worker.held_count);
    if (held > peer_limit(s) || far_end->held_count(peer->at) > peer_limit(s))
        broken("%d holds %zu jobs", peer->at, held);
}
