/* What happens next, and what must be true at the end. */
#include "sim/sim.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 700, REST = 120 };

const far_end_t *far_end;
static double server_back_at[SERVERS];

/* -- moving on ----------------------------------------------------------------------------------------------------- */

static bool io(int at)
{
    peer_turn(&peers[at]);
    const wire_t *wire = &wires[at];
    bool to_come = wire->up && !wire->stalled && evg_buffer_len(&wire->to_peer) > 0;
    return wire_to_server(at) | (to_come && (!wire->slow || wire->read_at <= world.now));
}

/* Until nothing moves any more, but for connections that are stalled. */
static void quiesce(void)
{
    bool moved = true;
    for (int rounds = 0; moved; rounds++) {
        moved = false;
        for (int at = 0; at < peer_count; at++) moved |= io(at) || wire_write(at);
        for (int i = 0; i < team_count; i++) moved |= team_stirred(&teams[i]);
        if (rounds == 2000) broken("the same instant goes on for ever");
    }
}

static double next_deadline(void)
{
    double first = far_end->deadline();
    for (int at = 0; at < peer_count; at++) first = fmin(first, fmin(peer_deadline(&peers[at]), wire_deadline(at)));
    for (int i = 0; i < server_count; i++) first = server_up[i] ? first : fmin(first, server_back_at[i]);
    return first;
}

static void pass(double seconds)
{
    world.now += seconds;
    far_end->pass();
    for (int i = 0; i < server_count; i++) {
        if (server_up[i] || server_back_at[i] > world.now) continue;
        server_up[i] = true;
        note("server %d is up", i);
    }
}

/* To the next deadline; nobody may have left one behind. */
static void pass_to_deadline(double most)
{
    quiesce();
    for (int i = 0; i < team_count; i++) turns_check(&teams[i]);
    double seconds = next_deadline() - world.now;
    world.stuck = seconds > 0 ? 0 : world.stuck + 1;
    if (world.stuck > 50) broken("a deadline is never reached");
    pass(fmax(0, fmin(seconds, most)));
}

static void time_goes_by(void)
{
    if (pick(3))
        pass(0.003 * uniform());
    else
        pass_to_deadline(pick(4) ? 0.1 : 3 * uniform());
}

/* -- trouble ------------------------------------------------------------------------------------------------------- */

static void stop_server(int server)
{
    note("server %d restarts", server);
    far_end->restart(server);
    server_up[server] = false;
    server_back_at[server] = world.now + (pick(2) ? 0 : 3 * uniform());
}

static void stall(int at)
{
    if (!wires[at].up) return;
    wires[at].stalled = !wires[at].stalled;
    wires[at].was_stalled = true;
    note("%d %s", at, wires[at].stalled ? "stalls" : "moves again");
}

/* Of our servers: gearmand has that of the model. */
static void set_wall(void)
{
    world.wall_ahead = 6 * uniform() - 3;
    note("the wall clock is set");
}

/* All who are connected to it, or come, hear nothing for a while. */
static void mute(int server)
{
    server_mute[server] = !server_mute[server];
    note("server %d is %s", server, server_mute[server] ? "mute" : "heard again");
    for (int at = 0; at < peer_count; at++) {
        if (wires[at].up && wires[at].server == server && wires[at].stalled != server_mute[server]) stall(at);
    }
}

static void trouble(int at)
{
    int server = (int)pick((unsigned)server_count);
    unsigned what = pick(11 + world.several);
    if (what < 5)
        wire_cut(at);
    else if (what < 7)
        stall(at);
    else if (what < 8)
        stop_server(server);
    else if (what < 9)
        set_wall();
    else if (what < 11)
        server_refuses[server] = !server_refuses[server];
    else
        mute(server);
}

/* -- a seed -------------------------------------------------------------------------------------------------------- */

static void step(void)
{
    int at = (int)pick((unsigned)peer_count);
    peer_t *peer = &peers[at];
    unsigned what = pick(100);
    world.step++;
    evg_wire_clock(&peer->s.wire, world.now);
    if (what < 60)
        (void)io(at);
    else if (what < 80)
        time_goes_by();
    else if (what < 99 && peer->client && (!peer->worker || pick(2)))
        client_acts(peer);
    else if (what < 99 && pick(3))
        (void)io(at);
    else if (what < 99)
        worker_acts(peer);
    else
        trouble(at);
    peer_events(peer);
    team_audit(peer->team);
}

static void begin_servers(int count)
{
    server_count = count;
    for (int i = 0; i < server_count; i++) {
        server_refuses[i] = server_mute[i] = false;
        server_up[i] = pick(8) > 0;
        server_back_at[i] = world.now + uniform();
    }
    far_end->begin();
}

/* Sessions that have nothing to do with each other, and move between the servers. */
static void begin_alone(void)
{
    int clients = 1 + (int)pick(3), workers = 1 + (int)pick(3), both = (int)pick(2);
    begin_servers(workers + both > 1 ? 1 + (int)pick(2) : 1);
    for (int i = 0; i < clients + workers + both; i++) {
        int home = i % server_count;
        team_begin(i < clients || i == clients + workers, i >= clients, false, &home, 1);
    }
}

/* Some of the servers, in any order. */
static int some_servers(int homes[SERVERS], bool all)
{
    for (int i = 0; i < server_count; i++) homes[i] = i;
    for (int i = server_count - 1; i > 0; i--) {
        int other = (int)pick((unsigned)i + 1), home = homes[i];
        homes[i] = homes[other];
        homes[other] = home;
    }
    return all ? server_count : 1 + (int)pick((unsigned)server_count);
}

/* Clients with a fleet, workers with a crew; no server is without one of these. */
static void begin_several(void)
{
    int homes[SERVERS], clients = 1 + (int)pick(2), workers = 1 + (int)pick(2);
    begin_servers(1 + (int)(1 + pick(5)) / 2);
    for (int i = 0; i < clients + workers; i++) {
        int count = some_servers(homes, i == 0 || i == clients);
        team_begin(i < clients || pick(4) == 0, i >= clients, true, homes, count);
    }
}

static void begin(uint64_t seed)
{
    world_begin(seed);
    peer_count = team_count = 0;
    world.several = pick(2);
    routes_begin();
    if (world.several)
        begin_several();
    else
        begin_alone();
    for (int i = 0; i < team_count; i++) {
        if (teams[i].worker) worker_serves_all(&teams[i]);
    }
}

static void calm_down(void)
{
    world.calm = true;
    for (int i = 0; i < server_count; i++) {
        server_refuses[i] = server_mute[i] = false;
        server_back_at[i] = world.now;
    }
    pass(0);
    for (int at = 0; at < peer_count; at++) {
        wires[at].stalled = wires[at].slow = false;
        evg_wire_clock(&peers[at].s.wire, world.now);
        if (wires[at].up && wires[at].server != peers[at].home) peer_moves(&peers[at]);
    }
    for (int i = 0; i < team_count; i++) {
        if (teams[i].worker) worker_serves_all(&teams[i]);
    }
    note("calm");
}

static bool rests_p(void)
{
    for (int at = 0; at < peer_count; at++) {
        if (!client_rests_p(&peers[at])) return false;
    }
    return far_end->left() == 0;
}

/* Those that do not reconnect by themselves are told to. */
static void want_all(void)
{
    for (int at = 0; at < peer_count; at++) {
        if (evg_session_want(&peers[at].s) < 0) broken("%d wants no connection", at);
    }
}

static void come_to_rest(void)
{
    double end = world.now + REST;
    while (!rests_p()) {
        world.step++;
        want_all();
        pass_to_deadline(1);
        for (int i = 0; i < team_count; i++) team_audit(&teams[i]);
        if (world.now < end) continue;
        for (int at = 0; at < peer_count; at++) note("%d: %zu unresolved", at, evg_session_unresolved(&peers[at].s));
        broken("no rest after %d seconds: %zu jobs", REST, far_end->left());
    }
    quiesce();
}

static void finish(void)
{
    for (int at = 0; at < peer_count; at++) {
        peer_disconnect(&peers[at]);
        peer_events(&peers[at]);
        team_audit(peers[at].team);
    }
    for (int at = 0; at < peer_count; at++) peer_end(&peers[at]);
    far_end->end();
    if (evg_alloc_live()) broken("%zu blocks leaked", evg_alloc_live());
}

static void run(uint64_t seed)
{
    begin(seed);
    for (int i = 0; i < STEPS; i++) step();
    calm_down();
    come_to_rest();
    finish();
}

/* Which servers: those of one kind, if one was named, or of either. */
static const far_end_t *only;

static void run_with_each(uint64_t seed)
{
    static const far_end_t *const ends[] = {&model_end, &own_end};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        far_end = ends[i];
        if (!only || only == far_end) run(seed);
    }
}

static int run_all(uint64_t first, uint64_t count)
{
    for (uint64_t seed = first; seed < first + count; seed++) run_with_each(seed);
    printf("%llu seeds passed\n", (unsigned long long)count);
    return 0;
}

/* It was broken, with others before it. */
static int run_again(uint64_t seed)
{
    world.recording = true;
    run_with_each(seed);
    printf("seed %llu passes alone\n", (unsigned long long)seed);
    return 1;
}

static int run_aloud(uint64_t seed)
{
    world.recording = world.verbose = true;
    return run_all(seed, 1);
}

int main(int argc, char **argv)
{
    uint64_t first = 1, seeds = 100;
    world.program = argv[0];
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--server") == 0) only = strcmp(argv[i + 1], "own") == 0 ? &own_end : &model_end;
        if (strcmp(argv[i], "--seeds") == 0) seeds = value;
        if (strcmp(argv[i], "--first") == 0) first = value;
        if (strcmp(argv[i], "--again") == 0) return run_again(value);
        if (strcmp(argv[i], "--verbose") == 0) return run_aloud(value);
    }
    return run_all(first, seeds);
}
