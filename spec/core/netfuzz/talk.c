#include "netfuzz/netfuzz.h"
#include "support/packet_header.h"

#include "protocol/admin.h"

#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 300 * 1024 };

static const char LIE[] = "lie";

/* -- packets ------------------------------------------------------------------------------------------------------- */

static void say(peer_t *peer, evg_command_t type, const evg_bytes_t *args, int argc)
{
    uint8_t head[EVG_HEADER_LEN];
    size_t len = argc ? (size_t)argc - 1 : 0;
    for (int at = 0; at < argc; at++) len += args[at].len;
    packet_header(head, "\0RES", (uint32_t)type, (uint32_t)len);
    bytes_add(&peer->out, head, sizeof head);
    for (int at = 0; at < argc; at++) {
        if (at) bytes_add(&peer->out, "", 1);
        bytes_add(&peer->out, args[at].at, args[at].len);
    }
}

#define SAY(peer, type, ...)                            \
    say(peer, type, (const evg_bytes_t[]){__VA_ARGS__}, \
        (int)(sizeof((const evg_bytes_t[]){__VA_ARGS__}) / sizeof(evg_bytes_t)))

static void say_line(peer_t *peer, const char *line)
{
    bytes_add(&peer->out, line, strlen(line));
}

static evg_bytes_t one_of(const char *const *words, unsigned count)
{
    return evg_bytes_of(words[pick(count)]);
}

#define ONE_OF(...) \
    one_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Mostly small. */
evg_bytes_t talk_workload(size_t most)
{
    static uint8_t room[LARGEST];
    size_t len = pick(8) ? pick(100) : pick(LARGEST);
    return evg_bytes(room, len < most ? len : most);
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static char *new_handle(peer_t *peer, char *room)
{
    snprintf(room, 32, "H:%u:%u", peer->number, ++peer->handles);
    return room;
}

/* One that was told, or could have been. */
static evg_bytes_t some_handle(const peer_t *peer)
{
    static char room[32];
    snprintf(room, sizeof room, "H:%u:%u", peer->number, 1 + pick(peer->handles + 1));
    return pick(20) ? evg_bytes_of(room)
                    : ONE_OF("", "x", "H:1234567890123456789012345678901234567890123456789012345678901");
}

/* What its submitter will look for in the result: the first bytes of the workload. */
static evg_bytes_t result_of(const peer_t *peer, evg_bytes_t workload)
{
    return peer->honest ? evg_bytes(workload.at, workload.len < 4 ? workload.len : 4) : evg_bytes_of(LIE);
}

static void run(peer_t *peer, evg_bytes_t handle, evg_bytes_t workload)
{
    if (peer->mood == FINE) return SAY(peer, EVG_WORK_COMPLETE, handle, result_of(peer, workload));
    for (unsigned n = pick(4); n > 0; n--)
        SAY(peer, pick(2) ? EVG_WORK_DATA : EVG_WORK_WARNING, handle, talk_workload(SIZE_MAX));
    if (pick(3) == 0) SAY(peer, EVG_WORK_STATUS, handle, evg_bytes_of("1"), evg_bytes_of("2"));
    switch (pick(8)) {
    case 0: SAY(peer, EVG_WORK_FAIL, handle); break;
    case 1: SAY(peer, EVG_WORK_EXCEPTION, handle, evg_bytes_of("no")); break;
    default: SAY(peer, EVG_WORK_COMPLETE, handle, result_of(peer, workload));
    }
}

static void remember(peer_t *peer, const char *handle)
{
    strcpy(peer->jobs[pick(PEER_JOBS)], handle);
}

static void accept_job(peer_t *peer, const evg_packet_t *packet)
{
    char room[32];
    evg_bytes_t handle = evg_bytes_of(new_handle(peer, room));
    SAY(peer, EVG_JOB_CREATED, handle);
    if (!evg_command_foreground_p(packet->type)) return;
    if (peer->mood == FINE || pick(3))
        run(peer, handle, packet->args[packet->argc - 1]);
    else
        remember(peer, room);
}

/* What a worker says of a job says, by its handle, that it was ours; but for an odd one that a liar made up. */
static void job_ended(const peer_t *peer, evg_bytes_t handle)
{
    char own[32];
    if (!peer->honest && (handle.len < 3 || !memchr(handle.at + 2, ':', handle.len - 2))) return;
    size_t len = (size_t)snprintf(own, sizeof own, "H:%u:", peer->number);
    must(handle.len > len && memcmp(handle.at, own, len) == 0);
}

static void assign(peer_t *peer, bool unique)
{
    char room[32];
    if (pick(3) == 0) return say(peer, EVG_NO_JOB, NULL, 0);
    evg_bytes_t handle = evg_bytes_of(new_handle(peer, room)), function = ONE_OF("f", "g", "f", "g", "x");
    if (unique)
        SAY(peer, EVG_JOB_ASSIGN_UNIQ, handle, function, ONE_OF("k", ""), talk_workload(SIZE_MAX));
    else
        SAY(peer, EVG_JOB_ASSIGN, handle, function, talk_workload(SIZE_MAX));
}

/* -- what is right ------------------------------------------------------------------------------------------------- */

static void answer(peer_t *peer, const evg_packet_t *packet)
{
    const evg_bytes_t *args = packet->args, zero = evg_bytes_of("0");
    switch (packet->type) {
    case EVG_ECHO_REQ: return SAY(peer, EVG_ECHO_RES, args[0]);
    case EVG_OPTION_REQ: return SAY(peer, EVG_OPTION_RES, args[0]);
    case EVG_GET_STATUS: return SAY(peer, EVG_STATUS_RES, args[0], ONE_OF("0", "1"), zero, zero, zero);
    case EVG_GET_STATUS_UNIQUE:
        return SAY(peer, EVG_STATUS_RES_UNIQUE, args[0], ONE_OF("0", "1"), zero, zero, zero, zero);
    case EVG_GRAB_JOB:
    case EVG_GRAB_JOB_UNIQ: return assign(peer, packet->type == EVG_GRAB_JOB_UNIQ);
    case EVG_PRE_SLEEP: return peer->mood != FINE && pick(4) ? (void)0 : say(peer, EVG_NOOP, NULL, 0);
    case EVG_WORK_COMPLETE:
    case EVG_WORK_FAIL:
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_WORK_STATUS:
    case EVG_WORK_EXCEPTION: return job_ended(peer, args[0]);
    default:
        if (evg_command_submit_p(packet->type)) accept_job(peer, packet);
    }
}

static void answer_line(peer_t *peer, evg_bytes_t line)
{
    const evg_admin_t *known = evg_admin_find(line);
    must(known);
    if (strcmp(known->words, "version") == 0)
        say_line(peer, peer->number % 4 ? "OK 1.1.22\n" : "v1.130\n");
    else
        say_line(peer, known->shape == EVG_DOTTED ? "f\t1\t0\t1\n.\n" : "OK\n");
}

/* -- what is wrong ------------------------------------------------------------------------------------------------- */

static void say_any_packet(peer_t *peer)
{
    static const evg_command_t types[] = {
        EVG_NOOP,           EVG_JOB_CREATED, EVG_NO_JOB,       EVG_JOB_ASSIGN,      EVG_WORK_DATA,  EVG_WORK_COMPLETE,
        EVG_WORK_EXCEPTION, EVG_WORK_FAIL,   EVG_ECHO_RES,     EVG_ERROR,           EVG_STATUS_RES, EVG_OPTION_RES,
        EVG_GRAB_JOB,       EVG_WORK_STATUS, EVG_WORK_WARNING, EVG_JOB_ASSIGN_UNIQ, EVG_WORK_STATUS};
    evg_command_t type = types[pick(sizeof types / sizeof *types)];
    evg_bytes_t args[EVG_MAX_ARGS];
    for (int at = 0; at < EVG_MAX_ARGS; at++) args[at] = ONE_OF("f", "lie", "0", "QUEUE_ERROR", "exceptions", "");
    args[0] = type == EVG_ERROR ? ONE_OF("QUEUE_ERROR", "UNKNOWN_OPTION", "x") : some_handle(peer);
    int argc = evg_command_info(type)->args;
    if (argc > 1 && type != EVG_ERROR && type != EVG_STATUS_RES)
        args[argc - 1] = pick(4) ? evg_bytes_of(LIE) : talk_workload(SIZE_MAX);
    say(peer, type, args, argc);
}

static void say_garbage(peer_t *peer)
{
    uint8_t bytes[64];
    size_t len = 1 + pick(sizeof bytes);
    for (size_t at = 0; at < len; at++) bytes[at] = (uint8_t)pick(256);
    if (pick(2)) bytes[0] = 0;
    bytes_add(&peer->out, bytes, len);
}

static void say_odd_header(peer_t *peer)
{
    static const uint32_t lengths[] = {0, 3, 100000, 300000, 0x3fffffff, 0x7fffffff, 0xffffffff};
    uint8_t head[EVG_HEADER_LEN];
    packet_header(head, pick(8) ? "\0RES" : "\0REQ", pick(44), lengths[pick(7)]);
    bytes_add(&peer->out, head, 1 + pick(sizeof head));
    if (pick(2)) bytes_add(&peer->out, "H:1\0f\0w", 7);
}

static void say_text(peer_t *peer)
{
    const char *lines[] = {"OK\n", ".\n", "ERR UNKNOWN_COMMAND x\r\n", "f\t1\t1\t1\n", "no end", "\n", "OK 1.1.20\n"};
    say_line(peer, lines[pick(7)]);
}

void talk_of_a_job(peer_t *peer)
{
    unsigned at = pick(PEER_JOBS), tries = PEER_JOBS;
    while (!*peer->jobs[at] && tries-- > 0) at = (at + 1) % PEER_JOBS;
    char *handle = peer->jobs[at];
    if (!*handle) return;
    if (pick(3)) return SAY(peer, EVG_WORK_DATA, evg_bytes_of(handle), evg_bytes_of(LIE));
    run(peer, evg_bytes_of(handle), evg_bytes_of(LIE));
    *handle = 0;
}

void talk_nonsense(peer_t *peer)
{
    if (pick(3) == 0) return talk_of_a_job(peer);
    peer->honest = false;
    unsigned kind = pick(peer->mood == NOISY ? 12 : 30);
    if (kind == 0)
        say_garbage(peer);
    else if (kind == 1)
        say_odd_header(peer);
    else if (kind == 2)
        say_text(peer);
    else if (peer->mood == LIAR || kind < 6)
        say_any_packet(peer);
}

/* -- hearing ------------------------------------------------------------------------------------------------------- */

static bool slip_p(const peer_t *peer)
{
    static const unsigned one_in[MOODS] = {[SLOPPY] = 10, [LIAR] = 6, [NOISY] = 12, [GREETER] = 20};
    return one_in[peer->mood] && pick(one_in[peer->mood]) == 0;
}

/* Not what is right: nothing, something else, or both, or it twice. */
static void slip(peer_t *peer, const evg_packet_t *packet)
{
    peer->honest = false;
    if (pick(2)) say_any_packet(peer);
    for (unsigned times = pick(3); packet && times > 0; times--) answer(peer, packet);
}

/* Whatever else is wrong, what a client says never is. */
static size_t hear_line(peer_t *peer, evg_bytes_t input)
{
    const uint8_t *end = memchr(input.at, '\n', input.len);
    if (!end) return 0;
    evg_bytes_t line = evg_bytes(input.at, (size_t)(end - input.at));
    if (line.len && line.at[line.len - 1] == '\r') line.len--;
    if (peer->mood == MUTE)
        peer->honest = false;
    else if (slip_p(peer))
        slip(peer, NULL);
    else
        answer_line(peer, line);
    return (size_t)(end - input.at) + 1;
}

static void check_sent(const evg_packet_t *packet)
{
    uint32_t number;
    evg_bytes_t data = packet->argc ? packet->args[packet->argc - 1] : evg_bytes(NULL, 0);
    bool numbered = packet->type == EVG_ECHO_REQ || evg_command_submit_p(packet->type);
    if (!numbered || data.len < sizeof number) return;
    memcpy(&number, data.at, sizeof number);
    must(!client_not_sent_p(number));
}

static size_t hear_packet(peer_t *peer, evg_bytes_t input)
{
    evg_packet_t packet;
    ptrdiff_t len = evg_packet_decode(&packet, EVG_REQ, input, SIZE_MAX);
    must(len >= 0);
    if (!len) return 0;
    check_sent(&packet);
    if (peer->mood == MUTE)
        peer->honest = false;
    else if (slip_p(peer))
        slip(peer, &packet);
    else
        answer(peer, &packet);
    return (size_t)len;
}

/* TLS, to one who speaks plain. */
static void mishear(peer_t *peer)
{
    if (peer->in.len) say_line(peer, "ERR UNKNOWN_COMMAND Unknown+server+command\r\n");
    bytes_drop(&peer->in, peer->in.len);
}

void talk_answer(peer_t *peer)
{
    size_t used = 0, len;
    if (peer->misled) return mishear(peer);
    do {
        evg_bytes_t rest = evg_bytes(peer->in.at + used, peer->in.len - used);
        len = !rest.len ? 0 : *rest.at ? hear_line(peer, rest) : hear_packet(peer, rest);
        used += len;
    } while (len);
    bytes_drop(&peer->in, used);
}
