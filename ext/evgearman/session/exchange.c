/* Packets that go out, and the replies owed for them.
 *
 * Everything is encoded straight into the output buffer, connected or not. A request remembers where in the
 * stream its packet begins; comparing that with what was consumed tells whether a byte of it was written. So
 * "was it sent?" is never a flag that could be wrong, and what waits for a connection lies in one place. */
#include "session/internal.h"

#include "base/alloc.h"

enum { SPARES_MAX = 128 };
static const uint64_t nowhere = UINT64_MAX; /* the place of a packet that is in no stream yet */

int evg_session_send(evg_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc)
{
    int r = evg_packet_encode(&s->out, EVG_REQ, type, args, argc, s->options.max_packet);
    if (r == 0) s->stats.packets_out++;
    return r;
}

static bool caller_p(const evg_request_t *request)
{
    return request->purpose == EVG_FOR_CALLER;
}

/* The GRABs outstanding, by whose they are; NULL for any other request, and for one that was put off. */
static size_t *grabs_of(evg_session_t *s, const evg_request_t *request)
{
    if (!evg_command_grab_p((evg_command_t)request->type) || request->start == nowhere) return NULL;
    return caller_p(request) ? &s->worker.asked : &s->worker.grabs;
}

/* May the caller add a request? One of any legal size is taken while less than max_unsent waits. */
static int admit(evg_session_t *s, const evg_request_t *request)
{
    if (s->state == EVG_SHUT) return EVG_ECLOSED;
    if (caller_p(request) && evg_buffer_len(&s->out) >= s->options.max_unsent) {
        s->refused = true;
        return EVG_EBACKPRESSURE;
    }
    return 0;
}

static double earliest(double a, double b)
{
    if (a == 0) return b;
    if (b == 0) return a;
    return a < b ? a : b;
}

int evg_session_expect(evg_session_t *s, evg_request_t *request)
{
    request->reply_by = s->options.command_timeout > 0 ? s->now + s->options.command_timeout : 0;
    double due = earliest(request->reply_by, request->finish_by);
    return due > 0 ? evg_deadlines_add(&s->replies, &request->due, due) : 0;
}

/* It is taken, and its outcome will be told. */
static void take(evg_session_t *s, evg_request_t *request, evg_list_t *list)
{
    request->state = EVG_REQUEST_OWED;
    evg_list_append(list, &request->link);
    size_t *grabs = grabs_of(s, request);
    if (grabs) ++*grabs;
    if (!caller_p(request)) return;
    s->owed_count++;
    s->stats.submitted++;
    s->wanted = true;
}

/* Owes a reply to the packet that was appended behind `start`. */
static int owe(evg_session_t *s, evg_request_t *request, evg_command_t type, uint64_t start)
{
    request->type = (uint8_t)type;
    request->start = start;
    request->length = (size_t)(evg_buffer_position(&s->out) - start);
    if (evg_session_expect(s, request) < 0) {
        evg_buffer_truncate(&s->out, (size_t)(start - s->out.consumed));
        return EVG_ENOMEM;
    }
    s->stats.packets_out++;
    take(s, request, &s->owed);
    return 0;
}

int evg_session_ask(evg_session_t *s, evg_request_t *request, evg_command_t type, const evg_bytes_t *args, int argc)
{
    uint64_t start = evg_buffer_position(&s->out);
    int r = admit(s, request);
    if (r == 0) r = evg_packet_encode(&s->out, EVG_REQ, type, args, argc, s->options.max_packet);
    return r < 0 ? r : owe(s, request, type, start);
}

int evg_session_ask_text(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape)
{
    uint64_t start = evg_buffer_position(&s->out);
    int r = admit(s, request);
    if (r == 0) r = evg_admin_encode(&s->out, line);
    if (r < 0) return r;
    request->shape = (uint8_t)shape;
    return owe(s, request, EVG_TEXT, start);
}

int evg_session_put_off(evg_session_t *s, evg_request_t *request, evg_command_t type)
{
    int r = admit(s, request);
    if (r < 0) return r;
    request->type = (uint8_t)type;
    request->start = nowhere;
    request->length = 0;
    r = evg_session_expect(s, request);
    if (r == 0) take(s, request, &s->put_off);
    return r;
}

int evg_session_ask_again(evg_session_t *s, evg_request_t *request, evg_command_t type)
{
    uint64_t start = evg_buffer_position(&s->out);
    bool counted = grabs_of(s, request) != NULL;
    int r = evg_session_send(s, type, NULL, 0);
    if (r < 0) return r;
    request->type = (uint8_t)type;
    request->start = start;
    request->length = (size_t)(evg_buffer_position(&s->out) - start);
    evg_list_unlink(&request->link);
    evg_list_append(&s->owed, &request->link);
    if (!counted) ++*grabs_of(s, request);
    return 0;
}

evg_request_t *evg_session_own(evg_session_t *s, evg_purpose_t purpose)
{
    evg_list_t *spare = evg_list_shift(&s->spare);
    evg_request_t *request = spare ? evg_container(spare, evg_request_t, link) : evg_alloc(sizeof *request);
    if (!request) return NULL;
    if (spare) s->spare_count--;
    evg_request_init(request, NULL);
    request->purpose = (uint8_t)purpose;
    return request;
}

void evg_session_drop(evg_session_t *s, evg_request_t *request)
{
    if (s->spare_count == SPARES_MAX) {
        evg_free(request);
        return;
    }
    evg_list_append(&s->spare, &request->link);
    s->spare_count++;
}

int evg_session_ask_own(evg_session_t *s, evg_purpose_t purpose, evg_command_t type, const evg_bytes_t *args, int argc)
{
    evg_request_t *request = evg_session_own(s, purpose);
    if (!request) return EVG_ENOMEM;
    int r = evg_session_ask(s, request, type, args, argc);
    if (r < 0) evg_session_drop(s, request);
    return r;
}

bool evg_session_unwritten_p(const evg_session_t *s, const evg_request_t *request)
{
    return request->start >= s->out.consumed;
}

/* A lost-check and its job know each other: whoever goes first says so. */
static void part(evg_request_t *request)
{
    if (request->check) request->check->subject = NULL;
    if (request->subject) request->subject->check = NULL;
    request->check = request->subject = NULL;
}

static void leave_created(evg_session_t *s, evg_request_t *request)
{
    evg_deadlines_remove(&s->client.finishes, &request->due);
    evg_list_unlink(&request->order);
    if (caller_p(request)) s->created_count--;
}

static void leave_owed(evg_session_t *s, evg_request_t *request)
{
    evg_deadlines_remove(&s->replies, &request->due);
    evg_list_unlink(&request->link);
    size_t *grabs = grabs_of(s, request);
    if (grabs) --*grabs;
    if (caller_p(request)) s->owed_count--;
}

void evg_session_answered(evg_session_t *s, evg_request_t *request)
{
    leave_owed(s, request);
}

void evg_session_resolve(evg_session_t *s, evg_request_t *request)
{
    if (request->state == EVG_REQUEST_CREATED) leave_created(s, request);
    if (request->state == EVG_REQUEST_OWED) leave_owed(s, request);
    part(request);
    request->state = EVG_REQUEST_DONE;
    if (caller_p(request)) s->stats.resolved++;
}

void evg_session_end(evg_session_t *s, evg_request_t *request, int error, evg_delivery_t delivery)
{
    evg_session_resolve(s, request);
    if (!caller_p(request)) {
        evg_session_drop(s, request);
        return;
    }
    request->error = error;
    request->delivery = (uint8_t)delivery;
    evg_list_append(&s->ended, &request->link);
}

bool evg_session_stand_in(evg_session_t *s, evg_request_t *request)
{
    evg_request_t *other = evg_session_own(s, EVG_FOR_NOBODY);
    if (!other) return false;
    other->type = request->type;
    other->keyed = request->keyed;
    other->start = request->start;
    other->length = request->length;
    other->reply_by = request->reply_by;
    if (other->reply_by > 0 && evg_deadlines_add(&s->replies, &other->due, other->reply_by) < 0) {
        evg_session_drop(s, other);
        return false;
    }
    other->state = EVG_REQUEST_OWED;
    evg_list_insert(&request->link, &other->link);
    return true;
}

/* The bytes of a request that was not written, and how far into the output they begin. */
static size_t offset_of(const evg_session_t *s, const evg_request_t *request)
{
    return (size_t)(request->start - s->out.consumed);
}

void evg_session_keep_unwritten(evg_session_t *s, int error)
{
    uint8_t *data = evg_buffer_data(&s->out);
    size_t kept = 0;
    evg_list_t *next;
    for (evg_list_t *at = s->owed.next; at != &s->owed; at = next) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        next = at->next;
        if (!caller_p(request) || !evg_session_unwritten_p(s, request)) {
            evg_session_end(s, request, error, EVG_UNACKNOWLEDGED);
            continue;
        }
        memmove(data + kept, data + offset_of(s, request), request->length);
        request->start = s->out.consumed + kept;
        kept += request->length;
    }
    evg_buffer_truncate(&s->out, kept);
}

/* Those that were put off have no bytes. */
static void sweep_put_off(evg_session_t *s, int error)
{
    evg_list_t *next;
    for (evg_list_t *at = s->put_off.next; at != &s->put_off; at = next) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        next = at->next;
        if (request->cut) evg_session_end(s, request, request->error ? request->error : error, EVG_NOT_SENT);
    }
}

void evg_session_sweep(evg_session_t *s, int error)
{
    if (s->cuts == 0) return;
    sweep_put_off(s, error);
    uint8_t *data = evg_buffer_data(&s->out);
    size_t to = 0, from = 0; /* the bytes before `from` are at 0..to */
    evg_list_t *next;
    for (evg_list_t *at = s->owed.next; at != &s->owed; at = next) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        next = at->next;
        if (!request->cut) {
            if (evg_session_unwritten_p(s, request)) request->start -= from - to;
            continue;
        }
        size_t hole = offset_of(s, request);
        memmove(data + to, data + from, hole - from);
        to += hole - from;
        from = hole + request->length;
        evg_session_end(s, request, request->error ? request->error : error, EVG_NOT_SENT);
    }
    s->cuts = 0;
    size_t rest = evg_buffer_len(&s->out) - from;
    if (from > to) memmove(data + to, data + from, rest);
    evg_buffer_truncate(&s->out, to + rest);
}
