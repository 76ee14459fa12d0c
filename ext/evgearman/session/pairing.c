/* Which request a packet answers, and what the code of an ERROR means.
 *
 * The server sends two kinds of packets. Replies answer the oldest owed request, in order, and each request says
 * which types it may draw. Events (NOOP, WORK_*) belong to nobody in that order. An ERROR may be either, and its
 * code tells: JOB_NOT_FOUND is a report about a WORK_* of ours. A reply that nobody can own breaks the connection;
 * it is never handed to whoever happens to be next. */
#include "session/pairing.h"

#include "protocol/words.h"
#include "session/echo.h"

static bool code_p(evg_bytes_t code, const char *name)
{
    return evg_word_equal_p(code, evg_bytes_of(name));
}

int evg_session_server_error(evg_bytes_t code)
{
    static const struct {
        const char *name;
        int error;
    } known[] = {
        {"QUEUE_ERROR", EVG_EQUEUE_FULL},      {"ARGUMENT_TOO_LARGE", EVG_EARGUMENT_TOO_LARGE},
        {"INVALID_COMMAND", EVG_EUNSUPPORTED}, {"UNKNOWN_COMMAND", EVG_EUNSUPPORTED},
        {"JOB_NOT_FOUND", EVG_EJOB_NOT_FOUND}, {"UNKNOWN_JOB", EVG_EJOB_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (code_p(code, known[i].name)) return known[i].error;
    }
    return EVG_ESERVER;
}

/* To the last byte: nobody answers half a question. */
static bool written_p(const evg_session_t *s, const evg_request_t *request)
{
    return request->start + request->length <= s->wire.out.consumed;
}

evg_request_t *evg_session_head(const evg_session_t *s)
{
    evg_list_t *first = evg_list_first(&s->owed);
    if (!first) return NULL;
    evg_request_t *head = evg_container(first, evg_request_t, link);
    return written_p(s, head) ? head : NULL;
}

bool evg_session_accepts_p(const evg_request_t *head, evg_command_t reply)
{
    if (!head || head->type == EVG_TEXT) return false;
    return (evg_command_info(head->type)->draws >> reply) & 1;
}

/* May an ERROR of that code be the answer to this request? */
static bool takes_error_p(const evg_request_t *request, evg_bytes_t code)
{
    if (code_p(code, "ARGUMENT_TOO_LARGE") || code_p(code, "QUEUE_ERROR"))
        return evg_command_submit_p((evg_command_t)request->type);
    if (code_p(code, "UNKNOWN_OPTION")) return request->type == EVG_OPTION_REQ;
    return evg_session_accepts_p(request, EVG_ERROR) || request->purpose == EVG_FOR_DIALECT;
}

/* A status is about the key that was asked for, an echo of the bytes that were sent. */
static bool about_p(const evg_request_t *head, const evg_packet_t *packet)
{
    if (packet->type == EVG_ECHO_RES) return evg_session_echo_of_p(head, packet->args[0]);
    bool keyed =
        packet->type == EVG_STATUS_RES || packet->type == EVG_STATUS_RES_UNIQUE || packet->type == EVG_OPTION_RES;
    return !keyed || evg_bytes_equal_p(packet->args[0], evg_request_handle(head));
}

static bool takes_p(const evg_request_t *request, const evg_packet_t *packet)
{
    if (packet->type == EVG_ERROR) return takes_error_p(request, packet->args[0]);
    return evg_session_accepts_p(request, packet->type) && about_p(request, packet);
}

/* The oldest that was written to the last byte; but what a connection begins with may have been passed over by a server
 * that does not know it. NULL: nobody. */
static evg_request_t *owner_of(const evg_session_t *s, const evg_packet_t *packet)
{
    for (evg_list_t *at = s->owed.next; at != &s->owed; at = at->next) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        if (!written_p(s, request)) return NULL;
        if (takes_p(request, packet)) return request;
        if (request->purpose != EVG_FOR_DIALECT && request->purpose != EVG_FOR_OPTION) return NULL;
    }
    return NULL;
}

/* An ERROR that is a report about a WORK_* of ours. */
static bool report_p(const evg_packet_t *packet)
{
    return code_p(packet->args[0], "JOB_NOT_FOUND") || code_p(packet->args[0], "NOT_WORKER");
}

int evg_session_match(evg_session_t *s, const evg_packet_t *packet, evg_request_t **request)
{
    switch (packet->type) {
    case EVG_NOOP:
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_WORK_STATUS:
    case EVG_WORK_COMPLETE:
    case EVG_WORK_FAIL:
    case EVG_WORK_EXCEPTION: return 0;
    case EVG_ERROR:
        if (report_p(packet)) return 0;
        break;
    default: break;
    }
    *request = owner_of(s, packet);
    if (*request) return 1;
    bool late = packet->type == EVG_ERROR && code_p(packet->args[0], "ARGUMENT_TOO_LARGE");
    return late ? 0 : EVG_EUNEXPECTED;
}
