#include "session/server_session.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/least.h"
#include "protocol/check.h"
#include "session/jobqueue_client.h"
#include "session/jobqueue_waiters.h"
#include "session/jobqueue_worker.h"
#include "session/server_admin.h"
#include "session/server_client.h"
#include "session/server_output.h"
#include "session/server_worker.h"

#include <math.h>
#include <stdio.h>

/* -- packets ------------------------------------------------------------------------------------------------------- */

/* What is done with one; NULL: nobody expects it. */
static void (*const handlers[EVG_COMMAND_CEILING])(evg_server_session_t *s, const evg_packet_t *packet) = {
    [EVG_CAN_DO] = evg_server_can_do,
    [EVG_CAN_DO_TIMEOUT] = evg_server_can_do,
    [EVG_CANT_DO] = evg_server_cant_do,
    [EVG_RESET_ABILITIES] = evg_server_reset_abilities,
    [EVG_SET_CLIENT_ID] = evg_server_set_client_id,
    [EVG_PRE_SLEEP] = evg_server_pre_sleep,
    [EVG_GRAB_JOB] = evg_server_grab,
    [EVG_GRAB_JOB_UNIQ] = evg_server_grab,
    [EVG_GRAB_JOB_ALL] = evg_server_grab,
    [EVG_WORK_DATA] = evg_server_progress,
    [EVG_WORK_WARNING] = evg_server_progress,
    [EVG_WORK_STATUS] = evg_server_progress,
    [EVG_WORK_COMPLETE] = evg_server_finish,
    [EVG_WORK_FAIL] = evg_server_finish,
    [EVG_WORK_EXCEPTION] = evg_server_finish,
    [EVG_SUBMIT_JOB] = evg_server_submit,
    [EVG_SUBMIT_JOB_BG] = evg_server_submit,
    [EVG_SUBMIT_JOB_HIGH] = evg_server_submit,
    [EVG_SUBMIT_JOB_HIGH_BG] = evg_server_submit,
    [EVG_SUBMIT_JOB_LOW] = evg_server_submit,
    [EVG_SUBMIT_JOB_LOW_BG] = evg_server_submit,
    [EVG_SUBMIT_JOB_EPOCH] = evg_server_submit,
    [EVG_SUBMIT_REDUCE_JOB] = evg_server_submit,
    [EVG_SUBMIT_REDUCE_JOB_BACKGROUND] = evg_server_submit,
    [EVG_GET_STATUS] = evg_server_get_status,
    [EVG_GET_STATUS_UNIQUE] = evg_server_get_status_unique,
    [EVG_OPTION_REQ] = evg_server_option,
    [EVG_ECHO_REQ] = evg_server_echo,
};

static bool perl_knows_p(evg_command_t type)
{
    switch (type) {
    case EVG_GRAB_JOB_UNIQ:
    case EVG_GRAB_JOB_ALL:
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_SUBMIT_JOB_LOW:
    case EVG_SUBMIT_JOB_LOW_BG:
    case EVG_SUBMIT_JOB_HIGH_BG:
    case EVG_SUBMIT_JOB_EPOCH:
    case EVG_SUBMIT_REDUCE_JOB:
    case EVG_SUBMIT_REDUCE_JOB_BACKGROUND:
    case EVG_GET_STATUS_UNIQUE: return false;
    default: return handlers[type];
    }
}

static void not_expected(evg_server_session_t *s, evg_command_t type)
{
    char text[128];
    if (evg_server_quirk_p(s->server, EVG_QUIRK_PERL)) {
        snprintf(text, sizeof text, "Can't locate object method \"CMD_%s\"", evg_commands[type].name);
        evg_server_refuse(s, "server_error", text);
    } else {
        evg_server_refuse(s, "INVALID_COMMAND", "Command not expected");
    }
}

static void perform(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_server_t *server = s->server;
    evg_bytes_t refusal[2];
    if (evg_faults_lost_p(&server->faults, packet->type)) return;
    bool known =
        evg_server_quirk_p(server, EVG_QUIRK_PERL) ? perl_knows_p(packet->type) : handlers[packet->type] != NULL;
    if (packet->magic == EVG_RES)
        evg_server_refuse(s, "INVALID_MAGIC", "Request magic expected");
    else if (evg_faults_refused_p(&server->faults, packet->type, refusal))
        evg_server_say(s, EVG_ERROR, refusal, 2);
    else if (known)
        handlers[packet->type](s, packet);
    else
        not_expected(s, packet->type);
}

/* A submission is refused, and the result of a job is its failure; what else is so large is nobody's. The rest of it is
 * passed over as it comes. true: so it is. */
static bool pass_over(evg_server_session_t *s, evg_bytes_t in)
{
    evg_packet_t packet;
    evg_command_t type = (evg_command_t)evg_packet_type(in);
    ptrdiff_t len = evg_packet_peek(&packet, in, EVG_FUNCTION_MAX);
    if (len <= 0) {
        if (len < 0) evg_server_end(s, EVG_EPACKET_SIZE);
        return false;
    }
    if (evg_command_submit_p(type))
        evg_server_submission_too_large(s);
    else if (handlers[type] == evg_server_finish || handlers[type] == evg_server_progress)
        evg_server_answer_too_large(s, packet.args[0]);
    else
        evg_server_end(s, EVG_EPACKET_SIZE);
    evg_wire_take_beginning(&s->wire, (size_t)len);
    return !s->ending;
}

/* Among the numbers of packets there is one that is none's: as a packet that nobody expects. */
static bool unused_p(uint32_t type)
{
    return type != EVG_TEXT && type < EVG_COMMAND_CEILING;
}

static bool pass_over_unused(evg_server_session_t *s, evg_bytes_t in)
{
    uint32_t type = evg_packet_type(in);
    bool whole = in.len >= EVG_HEADER_LEN;
    if (unused_p(type) && !whole) return false;
    if (!unused_p(type) || evg_packet_span(in) > s->server->settings.max_packet) {
        evg_server_end(s, EVG_EUNEXPECTED);
        return false;
    }
    evg_server_refuse(s, "INVALID_COMMAND", "Command not expected");
    evg_wire_take_beginning(&s->wire, evg_packet_span(in));
    return true;
}

static bool take_packet(evg_server_session_t *s)
{
    evg_packet_t packet;
    ptrdiff_t len = evg_wire_take_packet(&s->wire, &packet, EVG_REQ_OR_RES, s->server->settings.max_packet);
    if (len == EVG_EPACKET_SIZE) return pass_over(s, evg_buffer_bytes(&s->wire.in));
    if (len == EVG_EUNEXPECTED) return pass_over_unused(s, evg_buffer_bytes(&s->wire.in));
    if (len < 0) evg_server_end(s, (int)len);
    if (len <= 0) return false;
    s->server->counts.packets_in++;
    perform(s, &packet);
    return true;
}

static bool take_line(evg_server_session_t *s)
{
    evg_bytes_t words[EVG_ADMIN_WORDS];
    int count;
    ptrdiff_t len = evg_wire_take_line(&s->wire, words, &count);
    if (len < 0) evg_server_end(s, (int)len);
    if (len <= 0) return false;
    const uint8_t *end = evg_buffer_data(&s->wire.in) + len;
    s->server->counts.packets_in++;
    evg_server_answer(s, words, count, len >= 2 && end[-2] == '\r');
    return true;
}

static bool take_one(evg_server_session_t *s)
{
    evg_wire_consume(&s->wire);
    evg_bytes_t in = evg_buffer_bytes(&s->wire.in);
    if (!in.len) return false;
    return *in.at ? take_line(s) : take_packet(s);
}

void evg_server_session_run(evg_server_session_t *s)
{
    evg_wire_clock(&s->wire, s->server->queue.now);
    while (!s->ending && evg_server_session_reads_p(s)) {
        if (take_one(s)) continue;
        if (evg_buffer_len(&s->wire.in)) evg_wire_await(&s->wire);
        return;
    }
}

bool evg_server_session_reads_p(const evg_server_session_t *s)
{
    return evg_buffer_len(&s->wire.out) < s->server->settings.max_buffer / 4;
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

void evg_server_session_open(evg_server_session_t *s, evg_server_t *server, const char *peer, int number)
{
    double now = server->queue.now;
    *s = (evg_server_session_t){.server = server, .number = number, .open_since = now};
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    evg_wire_init(&s->wire, now);
    evg_wire_opened(&s->wire);
    evg_queue_client_init(&s->client);
    evg_queue_worker_init(&server->queue, &s->worker);
    evg_list_init(&s->touched);
    evg_list_init(&s->link);
    evg_list_append(&server->sessions, &s->link);
    server->session_count++;
}

void evg_server_session_close(evg_server_session_t *s)
{
    evg_server_t *server = s->server;
    s->ending = s->ending ? s->ending : EVG_ECLOSED; /* it is told nothing any more */
    evg_queue_client_leave(&server->queue, &s->client);
    evg_queue_worker_leave(&server->queue, &s->worker);
    evg_list_unlink(&s->touched);
    evg_list_unlink(&s->link);
    server->session_count--;
    server->counts.bytes_in += s->wire.bytes_in;
    server->counts.bytes_out += s->wire.bytes_out;
    evg_wire_deinit(&s->wire);
    evg_free(s->id);
}

/* Until when the peer has to go on with what it has begun, if it has begun something. */
static double patience_ends_at(const evg_server_session_t *s)
{
    const evg_wire_t *w = &s->wire;
    if (!w->bytes_in) return s->open_since + EVG_SERVER_PATIENCE;
    bool arriving = evg_wire_arriving_p(w) && evg_server_session_reads_p(s);
    return arriving ? w->read_at + EVG_SERVER_PATIENCE : INFINITY;
}

void evg_server_session_tick(evg_server_session_t *s)
{
    evg_wire_clock(&s->wire, s->server->queue.now);
    evg_wire_consume(&s->wire);
    if (s->wire.now >= patience_ends_at(s)) evg_server_end(s, EVG_ECOMMAND_TIMEOUT);
}

double evg_server_session_deadline(const evg_server_session_t *s)
{
    return s->ending ? INFINITY : evg_least(patience_ends_at(s), s->wire.trim_at);
}
