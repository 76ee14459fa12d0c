#include "session/server_client.h"

#include "base/error.h"
#include "protocol/check.h"
#include "protocol/words.h"
#include "session/jobqueue_client.h"
#include "session/jobqueue_functions.h"
#include "session/jobqueue_handles.h"
#include "session/server_output.h"

/* -- submitting ---------------------------------------------------------------------------------------------------- */

static evg_queue_priority_t priority_of(evg_command_t type)
{
    switch (type) {
    case EVG_SUBMIT_JOB_HIGH:
    case EVG_SUBMIT_JOB_HIGH_BG: return EVG_QUEUE_HIGH;
    case EVG_SUBMIT_JOB_LOW:
    case EVG_SUBMIT_JOB_LOW_BG: return EVG_QUEUE_LOW;
    default: return EVG_QUEUE_NORMAL;
    }
}

static bool digit_p(evg_bytes_t text)
{
    return text.len && *text.at >= '0' && *text.at <= '9';
}

/* As strtoll reads it: what begins with no number is 0, so is what is negative. false: above INT64_MAX. */
static bool read_epoch(evg_bytes_t text, int64_t *epoch)
{
    uint64_t number;
    size_t len = 0;
    while (digit_p(evg_bytes(text.at + len, text.len - len))) len++;
    if (!evg_number_decode(evg_bytes(text.at, len), &number) || number > INT64_MAX) return false;
    *epoch = (int64_t)number;
    return true;
}

static evg_queue_order_t order_of(const evg_packet_t *packet)
{
    const evg_bytes_t *args = packet->args;
    return (evg_queue_order_t){
        .function = args[0],
        .unique = args[1],
        .workload = args[packet->argc - 1],
        .priority = priority_of(packet->type),
        .background = !evg_command_foreground_p(packet->type),
    };
}

/* What a packet has besides. false: it is refused. */
static bool read_rest(evg_queue_order_t *order, const evg_packet_t *packet)
{
    if (packet->type == EVG_SUBMIT_JOB_EPOCH) return read_epoch(packet->args[2], &order->epoch);
    order->reduced = packet->type == EVG_SUBMIT_REDUCE_JOB || packet->type == EVG_SUBMIT_REDUCE_JOB_BACKGROUND;
    if (order->reduced) order->reducer = packet->args[2];
    return true;
}

static void too_large(evg_server_session_t *s, const char *text)
{
    evg_server_refuse(s, "ARGUMENT_TOO_LARGE", text);
}

static void refuse(evg_server_session_t *s, int error)
{
    s->server->counts.refused++;
    if (error == EVG_EFUNCTION)
        too_large(s, "Function name too large");
    else if (error == EVG_EUNIQUE)
        too_large(s, "Unique value too large");
    else
        evg_server_refuse(s, "QUEUE_ERROR", error == EVG_ENOMEM ? "Out of memory" : "Job queue is full");
}

/* The Perl server takes the new job, and fails the oldest. */
static int make_room(evg_server_t *server, evg_queue_client_t *client, const evg_queue_order_t *order,
                     evg_queue_job_t **job)
{
    evg_queue_function_t *function = evg_queue_function_find(&server->queue, order->function);
    evg_queue_job_t *oldest = function ? evg_queue_oldest(function) : NULL;
    if (!oldest) return EVG_EQUEUE_FULL;
    evg_queue_cancel(&server->queue, oldest);
    return evg_queue_submit(&server->queue, client, order, job);
}

static void acknowledge(evg_server_session_t *s, const evg_queue_job_t *job)
{
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_bytes_t handle = evg_queue_handle(&s->server->queue, job, room);
    evg_server_say(s, EVG_JOB_CREATED, &handle, 1);
}

static void submit(evg_server_session_t *s, const evg_queue_order_t *order)
{
    evg_server_t *server = s->server;
    evg_queue_t *q = &server->queue;
    evg_queue_job_t *job;
    uint64_t last = q->last_job;
    int r = evg_queue_submit(q, &s->client, order, &job);
    if (r == EVG_EQUEUE_FULL && evg_server_quirk_p(server, EVG_QUIRK_PERL))
        r = make_room(server, &s->client, order, &job);
    if (r < 0) {
        refuse(s, r);
        return;
    }
    if (q->last_job > last)
        server->counts.submitted++;
    else
        server->counts.joined++;
    acknowledge(s, job);
    if (evg_server_quirk_p(server, EVG_QUIRK_LOSE_JOBS)) evg_queue_forget(q, job);
}

void evg_server_submit(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_queue_order_t order = order_of(packet);
    if (read_rest(&order, packet))
        submit(s, &order);
    else if (!evg_server_quirk_p(s->server, EVG_QUIRK_MUTE_LONG))
        too_large(s, "Epoch value too large");
}

void evg_server_submission_too_large(evg_server_session_t *s)
{
    s->server->counts.refused++;
    too_large(s, "Packet too large");
}

/* -- questions ----------------------------------------------------------------------------------------------------- */

enum { KNOWN, RUNNING, NUMERATOR, DENOMINATOR, WAITERS, FACTS };

static void say_status(evg_server_session_t *s, evg_command_t type, evg_bytes_t about, const evg_queue_job_t *job)
{
    char digits[FACTS][EVG_NUMBER_CAP];
    const uint32_t facts[FACTS] = {job != NULL, job && job->runs, job ? job->numerator : 0, job ? job->denominator : 0,
                                   job ? job->waiter_count : 0};
    evg_bytes_t args[1 + FACTS] = {about};
    for (int i = 0; i < FACTS; i++) args[1 + i] = evg_number_encode(digits[i], facts[i]);
    if (!job && evg_server_quirk_p(s->server, EVG_QUIRK_PERL)) args[1 + NUMERATOR].len = args[1 + DENOMINATOR].len = 0;
    evg_server_say(s, type, args, type == EVG_STATUS_RES ? FACTS : 1 + FACTS);
}

/* What is asked about, up to a NUL: of 63 bytes at most. */
static bool read_subject(evg_server_session_t *s, evg_bytes_t arg, const char *complaint, evg_bytes_t *subject)
{
    *subject = evg_bytes_cut(arg);
    if (subject->len <= EVG_KEY_MAX) return true;
    if (!evg_server_quirk_p(s->server, EVG_QUIRK_MUTE_LONG)) too_large(s, complaint);
    return false;
}

void evg_server_get_status(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_bytes_t handle;
    if (evg_server_quirk_p(s->server, EVG_QUIRK_MUTE_STATUS)) return;
    if (!read_subject(s, packet->args[0], "Job handle too large", &handle)) return;
    say_status(s, EVG_STATUS_RES, handle, evg_queue_find(&s->server->queue, handle));
}

void evg_server_get_status_unique(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_bytes_t unique;
    if (!read_subject(s, packet->args[0], "Unique value too large", &unique)) return;
    say_status(s, EVG_STATUS_RES_UNIQUE, unique, evg_queue_find_unique(&s->server->queue, unique));
}

void evg_server_option(evg_server_session_t *s, const evg_packet_t *packet)
{
    if (evg_word_equal_p(evg_bytes_cut(packet->args[0]), evg_bytes_of("exceptions"))) {
        s->exceptions = true;
        evg_server_say(s, EVG_OPTION_RES, packet->args, 1);
    } else if (evg_server_quirk_p(s->server, EVG_QUIRK_PERL)) {
        evg_server_refuse(s, "unknown_option", "");
    } else {
        evg_server_refuse(s, "UNKNOWN_OPTION", "Server does not recognize given option");
    }
}

void evg_server_echo(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_server_say(s, EVG_ECHO_RES, packet->args, 1);
}
