/* Bytes that came in, and what they mean: each packet and line is handed to the part that it concerns. */
#include "session/inbox.h"

#include <inttypes.h>
#include <stdio.h>

#include "session/exchange.h"
#include "session/introduction.h"
#include "session/options.h"
#include "session/pairing.h"
#include "session/silence.h"

static void copy_args(evg_event_t *event, const evg_packet_t *packet)
{
    event->argc = packet->argc;
    memcpy(event->args, packet->args, sizeof *packet->args * (size_t)packet->argc);
}

/* The tail of STATUS_RES and STATUS_RES_UNIQUE is numbers. */
static bool numbers_p(const evg_packet_t *packet)
{
    uint64_t ignored;
    for (int i = 1; i < packet->argc; i++) {
        if (!evg_number_decode(packet->args[i], &ignored)) return false;
    }
    return true;
}

/* The Perl server says "server_error" of all that goes wrong, also of what it does not know. */
static int error_of(const evg_session_t *s, const evg_request_t *request, evg_bytes_t code)
{
    bool known = evg_dialect_speaks_p(s->dialect, (evg_command_t)request->type);
    return known ? evg_session_server_error(code) : EVG_EUNSUPPORTED;
}

/* By a packet, whichever it is. */
static int take_introduction(evg_session_t *s, evg_request_t *request)
{
    evg_session_end(s, request, 0, EVG_DELIVERY_NONE);
    evg_session_introduced_by_packet(s);
    return evg_worker_announce(s);
}

static int take_error(evg_session_t *s, evg_event_t *event, evg_request_t *request, const evg_packet_t *packet)
{
    if (request->type == EVG_GRAB_JOB_UNIQ) return evg_worker_grab_refused(s, request);
    if (request->purpose == EVG_FOR_DIALECT) return take_introduction(s, request);
    if (request->type == EVG_OPTION_REQ && request->purpose == EVG_FOR_CALLER) evg_session_option_refused(s, request);
    copy_args(event, packet);
    event->text = packet->args[1];
    return evg_session_tell_done(s, event, request, error_of(s, request, packet->args[0]));
}

static int take_no_job(evg_session_t *s, evg_event_t *event, evg_request_t *request)
{
    bool by_loop = request->purpose == EVG_FOR_GRAB;
    int told = evg_session_tell_done(s, event, request, EVG_ENO_JOB);
    return by_loop ? evg_grab(s, EVG_ON_NO_JOB) : told;
}

/* A packet that answers `request`. */
static int take_reply(evg_session_t *s, evg_event_t *event, evg_request_t *request, const evg_packet_t *packet)
{
    switch (packet->type) {
    case EVG_ERROR: return take_error(s, event, request, packet);
    case EVG_JOB_CREATED: return evg_client_created(s, request, packet->args[0], event);
    case EVG_JOB_ASSIGN:
    case EVG_JOB_ASSIGN_UNIQ:
    case EVG_JOB_ASSIGN_ALL: return evg_worker_assigned(s, request, packet, event);
    case EVG_NO_JOB: return take_no_job(s, event, request);
    case EVG_STATUS_RES:
    case EVG_STATUS_RES_UNIQUE:
        if (!numbers_p(packet)) return EVG_EMALFORMED;
        if (request->purpose == EVG_FOR_LOST_CHECK) return evg_client_lost_checked(s, request, packet);
        break;
    case EVG_ECHO_RES:
        if (request->purpose == EVG_FOR_DIALECT) return take_introduction(s, request);
        if (request->purpose == EVG_FOR_HEARTBEAT) s->beat = NULL;
        break;
    default: break;
    }
    copy_args(event, packet);
    return evg_session_tell_done(s, event, request, 0);
}

/* A packet that answers nothing. */
static int take_event(evg_session_t *s, evg_event_t *event, const evg_packet_t *packet)
{
    if (packet->type == EVG_NOOP) return evg_grab(s, EVG_ON_NOOP);
    if (packet->type != EVG_ERROR) return evg_client_work(s, packet, event);
    s->stats.ignored_packets++;
    return 0;
}

static void heard(evg_session_t *s)
{
    s->stats.packets_in++;
    s->heard = true;
}

/* What a connection begins with, and heartbeats, are answered by whoever is about to close it, too. */
static void answered(evg_session_t *s, const evg_request_t *request)
{
    bool formal = request->purpose == EVG_FOR_DIALECT || request->purpose == EVG_FOR_OPTION ||
                  request->purpose == EVG_FOR_HEARTBEAT;
    if (s->answered || formal) return;
    s->answered = true;
    evg_backoff_succeeded(&s->backoff);
}

static const char *name_of(evg_command_t type)
{
    return type == EVG_TEXT ? "a line of text" : evg_command_info((uint32_t)type)->name;
}

/* Says which reply to what: the connection is closed for it. */
static int unexpected(evg_session_t *s, const evg_packet_t *packet)
{
    const evg_request_t *head = evg_session_head(s);
    bool others = head && evg_session_accepts_p(head, packet->type) && packet->type != EVG_ERROR;
    snprintf(s->unexpected, sizeof s->unexpected, "%s%s to %s", name_of(packet->type),
             others ? " about something else" : "", head ? name_of(head->type) : "nothing");
    return EVG_EUNEXPECTED;
}

/* No packet can be made of it. */
static int undecoded(evg_session_t *s, int reason)
{
    if (reason == EVG_EUNEXPECTED)
        snprintf(s->unexpected, sizeof s->unexpected, "unknown packet type %" PRIu32,
                 evg_packet_type(evg_buffer_bytes(&s->wire.in)));
    return reason;
}

static bool about_job_p(evg_command_t type)
{
    unsigned types = 1U << EVG_JOB_ASSIGN | 1U << EVG_WORK_DATA | 1U << EVG_WORK_WARNING | 1U << EVG_WORK_COMPLETE |
                     1U << EVG_WORK_EXCEPTION;
    return type == EVG_JOB_ASSIGN_UNIQ || type == EVG_JOB_ASSIGN_ALL || (type < 32 && types >> type & 1);
}

/* It is larger than max_packet: the job that it is about pays for it, by its handle, and the rest is skipped as it comes. */
static int take_too_large(evg_session_t *s, evg_event_t *event)
{
    evg_packet_t packet;
    ptrdiff_t len = evg_packet_peek(&packet, evg_buffer_bytes(&s->wire.in), EVG_KEY_MAX);
    if (len <= 0) return (int)len;
    if (!about_job_p(packet.type)) return EVG_EPACKET_SIZE;
    evg_wire_take_beginning(&s->wire, (size_t)len);
    heard(s);
    snprintf(s->said, sizeof s->said, "%zu bytes", (size_t)len - EVG_HEADER_LEN);
    event->text = evg_bytes_of(s->said);
    evg_request_t *request = NULL;
    int r = evg_session_match(s, &packet, &request);
    if (r < 0) return unexpected(s, &packet);
    if (r == 0) return evg_client_too_large(s, &packet, event);
    s->reply_at = s->wire.now;
    return evg_worker_too_large(s, request, &packet, event);
}

/* The server has, those that are owed before this one. */
static int pass_over(evg_session_t *s, const evg_request_t *answered)
{
    evg_session_passed_over(s, answered);
    return evg_worker_announce(s);
}

static int take_packet(evg_session_t *s, evg_event_t *event)
{
    evg_packet_t packet;
    ptrdiff_t len = evg_wire_take_packet(&s->wire, &packet, EVG_RES, s->options.max_packet);
    if (len == EVG_EPACKET_SIZE) return take_too_large(s, event);
    if (len <= 0) return undecoded(s, (int)len);
    heard(s);
    evg_request_t *request = NULL;
    int r = evg_session_match(s, &packet, &request);
    if (r < 0) return unexpected(s, &packet);
    if (r == 0) return take_event(s, event, &packet);
    s->reply_at = s->wire.now;
    answered(s, request);
    r = s->owed.next == &request->link ? 0 : pass_over(s, request);
    return r < 0 ? r : take_reply(s, event, request, &packet);
}

/* The answer to a "version" that was taken for passed over. */
static int take_late_text(evg_session_t *s)
{
    evg_bytes_t ignored;
    ptrdiff_t len = evg_wire_take_text(&s->wire, EVG_LINE, s->options.max_text, &ignored);
    if (len <= 0) return (int)len;
    s->late_text = false;
    return 0;
}

static int take_text(evg_session_t *s, evg_event_t *event)
{
    evg_request_t *head = evg_session_head(s);
    if (s->late_text) return take_late_text(s);
    if (!head || head->type != EVG_TEXT) return EVG_EUNEXPECTED_TEXT;
    evg_bytes_t text, code, rest;
    ptrdiff_t len = evg_wire_take_text(&s->wire, (evg_shape_t)head->shape, s->options.max_text, &text);
    if (len <= 0) return (int)len;
    s->reply_at = s->wire.now;
    heard(s);
    answered(s, head);
    if (head->purpose == EVG_FOR_DIALECT) {
        evg_session_introduced_by_text(s, text);
        int r = evg_worker_announce(s);
        if (r < 0) return r;
    }
    event->argc = 1;
    event->args[0] = text;
    if (!evg_admin_error_p(text, &code, &rest)) return evg_session_tell_done(s, event, head, 0);
    event->argc = 2;
    event->args[0] = code;
    event->args[1] = event->text = rest;
    return evg_session_tell_done(s, event, head, evg_session_server_error(code));
}

/* Those who were refused may go on: whether the bytes were written, cut or dropped. */
static bool drained_p(const evg_session_t *s)
{
    return s->refused && evg_session_unsent(s) <= s->options.max_unsent / 4;
}

bool evg_session_news_p(const evg_session_t *s)
{
    return !evg_list_empty_p(&s->ended) || evg_worker_notices_p(&s->worker) || s->tell_disconnected || s->tell_error ||
           s->tell_connected || drained_p(s);
}

static bool of_the_last_end_p(const evg_session_t *s, int error)
{
    return error == s->open_error || error == EVG_EEXHAUSTED;
}

/* What ended without a packet: told before any packet: requests, jobs, the connection itself. */
static bool next_notice(evg_session_t *s, evg_event_t *event)
{
    evg_list_t *ended = evg_list_shift(&s->ended);
    if (ended) {
        event->type = EVG_EVENT_DONE;
        event->request = evg_container(ended, evg_request_t, link);
        event->error = event->request->error;
        event->delivery = (evg_delivery_t)event->request->delivery;
        event->text = evg_bytes_of(of_the_last_end_p(s, event->error) ? s->text : "");
        return true;
    }
    if (evg_worker_notices_p(&s->worker) && evg_worker_next_notice(s, event)) return true;
    if (s->tell_disconnected) {
        s->tell_disconnected = false;
        event->type = EVG_EVENT_DISCONNECTED;
    } else if (s->tell_error) {
        event->type = EVG_EVENT_ERROR;
        event->error = s->tell_error;
        event->text = evg_bytes_of(s->text);
        s->tell_error = 0;
    } else if (s->tell_connected) {
        s->tell_connected = false;
        event->type = EVG_EVENT_CONNECTED;
    } else if (drained_p(s)) {
        s->refused = false;
        event->type = EVG_EVENT_DRAINED;
    }
    return event->type != EVG_EVENT_NONE;
}

static int take_one(evg_session_t *s, evg_event_t *event)
{
    return *evg_buffer_data(&s->wire.in) == 0 ? take_packet(s, event) : take_text(s, event);
}

static void blank(evg_event_t *event)
{
    event->type = EVG_EVENT_NONE;
    event->request = NULL;
    event->job = NULL;
    event->error = 0;
    event->delivery = EVG_DELIVERY_NONE;
    event->text = evg_bytes("", 0);
    event->argc = 0;
}

int evg_session_next(evg_session_t *s, evg_event_t *event)
{
    evg_wire_t *w = &s->wire;
    for (;;) {
        blank(event); /* a reply to us left its arguments */
        if (next_notice(s, event)) return 1;
        if (evg_wire_arriving_p(w)) evg_session_arrives(s);
        evg_wire_consume(w);
        if (s->state != EVG_OPEN || evg_buffer_len(&w->in) == 0) return 0;
        int r = take_one(s, event);
        if (r != 0) return r;
        if (w->decoded == 0) {
            evg_wire_await(w);
            return 0;
        }
    }
}
