/* Connections of the models: what they may say, and what they are answered. It breaks off at anything that a good
 * worker or client does not do, even where gearmand would put up with it. */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAPS_MAX = 40 };

conn_t conns[PEERS];

static void begin(void)
{
    memset(conns, 0, sizeof conns);
    jobs_begin();
    world.polls = world.delays;
}

static void restart(int server)
{
    jobs_drop(server); /* first, so that nothing is re-queued */
    for (int at = 0; at < PEERS; at++) {
        if (conns[at].open && wires[at].server == server) wire_drop(at);
    }
    jobs_drop(server);
}

static void end(void)
{
    for (int server = 0; server < server_count; server++) jobs_drop(server);
}

static void open(int at)
{
    memset(&conns[at], 0, sizeof conns[at]);
    evg_buffer_init(&conns[at].in);
    conns[at].open = true;
}

static void close(int at)
{
    conns[at].open = false;
    evg_buffer_deinit(&conns[at].in);
    jobs_client_left(at);
    jobs_worker_left(at);
}

void model_say(int at, evg_command_t type, const evg_bytes_t *args, int argc)
{
    if (!conns[at].open) broken("the model writes to a connection that is closed");
    if (evg_packet_encode(&wires[at].to_peer, EVG_RES, type, args, argc, SIZE_MAX) < 0) broken("bad packet");
}

/* -- abilities ----------------------------------------------------------------------------------------------------- */

bool model_serves_p(int at, int function)
{
    for (int i = 0; i < conns[at].ability_count; i++) {
        if (conns[at].abilities[i] == function) return true;
    }
    return false;
}

static void can_do(int at, int function, double timeout)
{
    conn_t *conn = &conns[at];
    if (model_serves_p(at, function)) broken("%d registers f%d twice", at, function);
    conn->abilities[conn->ability_count++] = function;
    conn->timeouts[function] = timeout;
    note("%d can do f%d %g", at, function, timeout);
}

static void cant_do(int at, int function)
{
    conn_t *conn = &conns[at];
    int kept = 0;
    if (jobs_held_p(at, function, false)) broken("%d takes f%d back while it holds a job of it", at, function);
    for (int i = 0; i < conn->ability_count; i++) {
        if (conn->abilities[i] != function) conn->abilities[kept++] = conn->abilities[i];
    }
    conn->ability_count = kept;
    conn->timeouts[function] = 0;
    note("%d can't do f%d", at, function);
}

static void reset(int at)
{
    if (jobs_held_p(at, -1, false)) broken("%d resets its abilities while it holds a job", at);
    conns[at].ability_count = 0;
    memset(conns[at].timeouts, 0, sizeof conns[at].timeouts);
    note("%d resets", at);
}

static void pre_sleep(int at)
{
    conn_t *conn = &conns[at];
    if (conn->nap_second != floor(world.now) || !world.calm) conn->naps = 0; /* wishes wake it, too */
    conn->nap_second = floor(world.now);
    if (++conn->naps > NAPS_MAX && world.calm) broken("%d asks in vain without rest", at);
    if (jobs_held_p(at, -1, true)) broken("%d sleeps beside a job that the server times", at);
    if (jobs_runnable_p(at)) {
        model_say(at, EVG_NOOP, NULL, 0);
        return;
    }
    conn->sleeping = true;
    conn->timer_at = 0;
}

static void grab(int at, evg_command_t type)
{
    conns[at].sleeping = conns[at].noop_sent = false;
    if (jobs_grab(at, type))
        conns[at].naps = 0;
    else
        model_say(at, EVG_NO_JOB, NULL, 0);
}

/* -- questions ----------------------------------------------------------------------------------------------------- */

static evg_bytes_t number(char *room, unsigned n)
{
    return evg_number_encode(room, n);
}

/* known, running, numerator, denominator */
static void describe(const model_job_t *job, evg_bytes_t *args, char rooms[4][EVG_NUMBER_CAP])
{
    args[0] = number(rooms[0], job != NULL);
    args[1] = number(rooms[1], job && job->worker >= 0);
    args[2] = number(rooms[2], job ? job->done : 0);
    args[3] = number(rooms[3], job ? job->of : 0);
}

static void status(int at, evg_bytes_t handle)
{
    char rooms[4][EVG_NUMBER_CAP];
    evg_bytes_t args[5] = {handle};
    describe(jobs_find(at, handle), args + 1, rooms);
    model_say(at, EVG_STATUS_RES, args, 5);
}

static void status_unique(int at, evg_bytes_t key)
{
    char rooms[4][EVG_NUMBER_CAP], clients[EVG_NUMBER_CAP];
    evg_bytes_t args[6] = {key};
    model_job_t *job = jobs_find_key(at, -1, key);
    describe(job, args + 1, rooms);
    args[5] = number(clients, job ? (unsigned)job->client_count : 0);
    model_say(at, EVG_STATUS_RES_UNIQUE, args, 6);
}

static void option(int at, evg_bytes_t name)
{
    evg_bytes_t error[2] = {evg_bytes_of("UNKNOWN_OPTION"), evg_bytes_of("Server does not recognize given option")};
    if (!text_p(name, "exceptions")) {
        model_say(at, EVG_ERROR, error, 2);
        return;
    }
    conns[at].exceptions = true;
    model_say(at, EVG_OPTION_RES, &name, 1);
}

static const char *cancel(int at, evg_bytes_t handle)
{
    return jobs_cancel(at, handle) ? "OK\r\n" : "ERR UNKNOWN_JOB Unknown+job\r\n";
}

static void text(int at, evg_bytes_t line)
{
    const char *answer = "ERR UNKNOWN_COMMAND Unknown+server+commandbogus\r\n";
    if (line.len > 11 && memcmp(line.at, "cancel job ", 11) == 0)
        answer = cancel(at, evg_bytes(line.at + 11, line.len - 11));
    if (text_p(line, "version")) answer = "OK 1.1.20\n";
    if (text_p(line, "status")) answer = "f0\t0\t0\t1\n\t0\t0\t0\n.\n";
    if (evg_buffer_append(&wires[at].to_peer, evg_bytes_of(answer)) < 0) broken("no memory");
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

static void work(int at, const evg_packet_t *packet)
{
    switch (packet->type) {
    case EVG_CAN_DO: return can_do(at, function_of(packet->args[0]), 0);
    case EVG_CAN_DO_TIMEOUT:
        return can_do(at, function_of(packet->args[0]), atof((const char *)packet->args[1].at) / 1000);
    case EVG_CANT_DO: return cant_do(at, function_of(packet->args[0]));
    case EVG_RESET_ABILITIES: return reset(at);
    case EVG_PRE_SLEEP: return pre_sleep(at);
    case EVG_GRAB_JOB:
    case EVG_GRAB_JOB_UNIQ: return grab(at, packet->type);
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_WORK_STATUS:
    case EVG_WORK_COMPLETE:
    case EVG_WORK_FAIL:
    case EVG_WORK_EXCEPTION: return jobs_report(at, packet);
    default: broken("%d sent %s", at, evg_command_info(packet->type)->name);
    }
}

static void execute(int at, const evg_packet_t *packet)
{
    switch (packet->type) {
    case EVG_ECHO_REQ: return model_say(at, EVG_ECHO_RES, packet->args, 1);
    case EVG_OPTION_REQ: return option(at, packet->args[0]);
    case EVG_GET_STATUS: return status(at, packet->args[0]);
    case EVG_GET_STATUS_UNIQUE: return status_unique(at, packet->args[0]);
    case EVG_SET_CLIENT_ID: return;
    default:
        if (!evg_command_submit_p(packet->type)) return work(at, packet);
        jobs_submit(at, packet);
    }
}

/* Bytes of one line or packet at the front; 0 when it is not whole. */
static size_t read_one(int at, evg_bytes_t in)
{
    evg_packet_t packet;
    if (*in.at) {
        const uint8_t *end = memchr(in.at, '\n', in.len);
        if (end) text(at, evg_bytes(in.at, (size_t)(end - in.at)));
        return end ? (size_t)(end - in.at) + 1 : 0;
    }
    ptrdiff_t len = evg_packet_decode(&packet, EVG_REQ, in, 4096);
    if (len < 0) broken("%d: the stream is out of step: %s", at, evg_error_text((int)len));
    if (len > 0) execute(at, &packet);
    return (size_t)len;
}

static void hear(int at, evg_bytes_t bytes)
{
    evg_buffer_t *in = &conns[at].in;
    if (evg_buffer_append(in, bytes) < 0) broken("no memory");
    while (evg_buffer_len(in)) {
        size_t len = read_one(at, evg_buffer_bytes(in));
        if (len == 0) return;
        evg_buffer_consume(in, len);
    }
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

static void pass(void)
{
    for (int at = 0; at < PEERS; at++) {
        if (conns[at].open && conns[at].timer_at > 0 && conns[at].timer_at <= world.now) jobs_time_out(at);
    }
}

static double deadline(void)
{
    double first = INFINITY;
    for (int at = 0; at < PEERS; at++) {
        if (conns[at].open && conns[at].timer_at > 0) first = fmin(first, conns[at].timer_at);
    }
    return first;
}

/* -- as the far end ------------------------------------------------------------------------------------------------ */

static bool reads_p(int at)
{
    (void)at;
    return true;
}

static void taken(int at)
{
    (void)at;
}

static bool owes_job_p(int at)
{
    return conns[at].open && !conns[at].sleeping && jobs_at_hand_p(at);
}

const far_end_t model_end = {
    .name = "model",
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
    .held_count = jobs_held_count,
    .owes_job_p = owes_job_p,
    .vanished_p = jobs_vanished_p,
    .left = jobs_left,
};
