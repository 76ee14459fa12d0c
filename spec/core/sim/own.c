/* Our servers, and what a listener does with their sessions. */
#include "session/jobqueue.h"
#include "sim/watch.h"

#include "base/least.h"

#include <math.h>
#include <stdio.h>

/* What lies between a server and a peer at most. */
enum { WINDOW = 1 << 16 };

static evg_server_t servers[SERVERS];
static evg_server_session_t sessions[PEERS];
static bool open_p[PEERS], writes[PEERS]; /* it has been touched, and not written all */
static bool stopped[PEERS];               /* it did not go on reading, lest there be too much to write */
static size_t window;

static evg_server_t *server_of(int at)
{
    return &servers[wires[at].server];
}

static bool here_p(int at, const evg_server_t *server)
{
    return open_p[at] && sessions[at].server == server;
}

static void tell_time(evg_server_t *server)
{
    evg_server_clock(server, world.now, world.now + world.wall_ahead);
}

/* -- what they have to say ----------------------------------------------------------------------------------------- */

/* Whole packets and lines, as many as there is room for. */
static size_t to_be_written(int at, evg_bytes_t out)
{
    size_t len = 0, there = evg_buffer_len(&wires[at].to_peer);
    while (len < out.len && there + len < window) len += evg_packet_span(evg_bytes(out.at + len, out.len - len));
    return len;
}

static void write_some(int at)
{
    evg_wire_t *wire = &sessions[at].wire;
    evg_bytes_t out = evg_wire_output(wire);
    size_t len = to_be_written(at, out);
    if (len && evg_buffer_append(&wires[at].to_peer, evg_bytes(out.at, len)) < 0) broken("no memory");
    evg_wire_written(wire, len);
    writes[at] = len < out.len;
}

/* Only who does not read, or says nothing, or half of something. */
static void check_ending(int at)
{
    int reason = sessions[at].ending;
    bool excused = reason == EVG_ECOMMAND_TIMEOUT && wires[at].was_stalled;
    excused |=
        reason == EVG_EBACKPRESSURE && (sessions[at].server->settings.max_buffer < 4096 || wires[at].was_stalled);
    note("%d is told to go: %s", at, evg_error_text(reason));
    if (!excused) broken("an honest connection is ended: %s", evg_error_text(reason));
}

/* What a listener does at the end of its turn. Nobody has something to say that is not known. */
static void settle(evg_server_t *server)
{
    for (evg_server_session_t *s; (s = evg_server_touched(server));) writes[s - sessions] = true;
    for (int at = 0; at < peer_count; at++) {
        if (!here_p(at, server)) continue;
        if (!writes[at] && (sessions[at].ending || evg_wire_output(&sessions[at].wire).len))
            broken("%d has something to say, and nobody knows", at);
        write_some(at);
    }
    for (int at = 0; at < peer_count; at++) {
        if (!here_p(at, server) || !sessions[at].ending) continue;
        check_ending(at);
        wire_drop(at);
    }
}

/* -- what comes ---------------------------------------------------------------------------------------------------- */

static void run(int at);

/* Those that may, and had to stop. */
static void go_on(const evg_server_t *server)
{
    for (int at = 0; at < peer_count; at++) {
        if (here_p(at, server) && stopped[at] && evg_server_session_reads_p(&sessions[at])) run(at);
    }
}

static bool reads_p(int at)
{
    return evg_server_session_reads_p(&sessions[at]);
}

static void run(int at)
{
    evg_server_session_t *s = &sessions[at];
    uint64_t before = s->server->counts.packets_in;
    evg_server_session_run(s);
    stopped[at] = !reads_p(at);
    watch_ran(at, s->server->counts.packets_in - before);
    settle(s->server);
    go_on(s->server);
}

static void hear(int at, evg_bytes_t bytes)
{
    tell_time(server_of(at));
    evg_wire_clock(&sessions[at].wire, world.now);
    if (evg_wire_feed(&sessions[at].wire, bytes) < 0) broken("no memory");
    watch_heard(at, bytes);
    run(at);
}

/* There is room again; perhaps so much that what has come meanwhile is looked at. */
static void taken(int at)
{
    if (!writes[at]) return;
    tell_time(server_of(at));
    write_some(at);
    go_on(server_of(at));
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

static void pass_at(evg_server_t *server)
{
    tell_time(server);
    if (evg_server_deadline(server) <= world.now) {
        evg_server_tick(server);
        watch_time_passed(&ledgers[server - servers]);
    }
    for (int at = 0; at < peer_count; at++) {
        if (here_p(at, server) && evg_server_session_deadline(&sessions[at]) <= world.now)
            evg_server_session_tick(&sessions[at]);
    }
    settle(server);
    go_on(server);
}

static void pass(void)
{
    for (int i = 0; i < server_count; i++) pass_at(&servers[i]);
}

static double deadline(void)
{
    double first = INFINITY;
    for (int i = 0; i < server_count; i++) first = fmin(first, evg_server_deadline(&servers[i]));
    for (int at = 0; at < peer_count; at++) {
        if (open_p[at]) first = fmin(first, evg_server_session_deadline(&sessions[at]));
    }
    return first;
}

/* -- coming and going ---------------------------------------------------------------------------------------------- */

static void open(int at)
{
    tell_time(server_of(at));
    evg_server_session_open(&sessions[at], server_of(at), "127.0.0.1", at);
    open_p[at] = true;
    writes[at] = stopped[at] = false;
    watch_opened(at, &sessions[at], &ledgers[wires[at].server]);
}

static void close(int at)
{
    tell_time(server_of(at));
    open_p[at] = false;
    evg_server_session_close(&sessions[at]);
    watch_closed(at);
    settle(server_of(at));
}

static void restart(int server)
{
    for (int at = 0; at < peer_count; at++) {
        if (here_p(at, &servers[server])) wire_drop(at);
    }
    evg_server_forget(&servers[server]);
    ledger_forget(&ledgers[server]);
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

static uint32_t random_quirks(void)
{
    switch (pick(8)) {
    case 0: return evg_quirks_of(evg_bytes_of("gearmand_1_1_20"));
    case 1: return evg_quirks_of(evg_bytes_of("gearmand_2_0"));
    case 2: return EVG_QUIRK_STRAY_ERROR | EVG_QUIRK_EARLY_NOOP;
    default: return 0;
    }
}

static evg_server_settings_t random_settings(void)
{
    evg_server_settings_t settings = evg_server_defaults();
    settings.prefix = "H:vm";
    settings.quirks = random_quirks();
    settings.seed[0] = draw();
    settings.seed[1] = draw();
    settings.queue.round_robin = pick(4) > 0;
    if (pick(4) == 0) settings.queue.worker_wakeup = 1 + pick(2);
    if (pick(4) == 0) settings.queue.job_retries = (int)pick(3);
    if (pick(8) == 0) settings.queue.max_jobs = 2 + pick(10);
    if (pick(8) == 0) settings.max_buffer = 400 + pick(2000);
    return settings;
}

static void begin(void)
{
    evg_server_settings_t settings = random_settings();
    window = pick(4) ? WINDOW : 64 + pick(512);
    world.refuses = settings.queue.max_jobs < evg_queue_defaults.max_jobs;
    world.polls = world.delays && settings.quirks & EVG_QUIRK_SLEEP_THROUGH_EPOCH;
    watch_begin();
    for (int i = 0; i < server_count; i++) {
        evg_server_init(&servers[i], &settings);
        tell_time(&servers[i]);
        ledger_begin(i, &servers[i]);
    }
}

static void end(void)
{
    for (int i = 0; i < server_count; i++) {
        const evg_queue_t *q = &servers[i].queue;
        if (q->jobs.count || q->running || q->bytes) broken("server %d keeps %zu bytes", i, q->bytes);
        evg_server_deinit(&servers[i]);
        ledger_forget(&ledgers[i]);
    }
}

/* -- as the far end ------------------------------------------------------------------------------------------------ */

static unsigned held_count(int worker)
{
    unsigned count = 0;
    for (int i = 0; i < server_count; i++) {
        for (evg_list_t *at = ledgers[i].entries.next; at != &ledgers[i].entries; at = at->next)
            count += entry_of(at)->worker == worker;
    }
    return count;
}

static bool owes_job_p(int at)
{
    return views[at].session && !views[at].asleep && rules_job_p(&views[at]);
}

/* Who waits for a job is told what becomes of it. */
static bool vanished_p(int server, evg_bytes_t handle)
{
    (void)server;
    (void)handle;
    return false;
}

static size_t left(void)
{
    size_t count = 0;
    for (int i = 0; i < server_count; i++) count += ledgers[i].count;
    return count;
}

const far_end_t own_end = {
    .name = "own",
    .begin = begin,
    .end = end,
    .restart = restart,
    .open = open,
    .close = close,
    .reads_p = reads_p,
    .hear = hear,
    .taken = taken,
    .pass = pass,
    .deadline = deadline,
    .held_count = held_count,
    .owes_job_p = owes_job_p,
    .vanished_p = vanished_p,
    .left = left,
};
