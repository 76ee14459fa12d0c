/* Packets that go out, and the replies owed for them.
 *
 * Everything is encoded straight into the output buffer, connected or not. A request remembers where in the
 * stream its packet begins; comparing that with what was consumed tells whether a byte of it was written. So
 * "was it sent?" is never a flag that could be wrong, and what waits for a connection lies in one place.
 *
 * What expires there leaves its bytes behind, since to close the gap behind each would cost the square of what waits:
 * down, they go as soon as they are the first; while open, a request of ours marks the hole, and the output ends before
 * it until it is the first, and skipped. */
#include "session/internal.h"

#include "base/alloc.h"

enum { SPARES_MAX = 128 };
static const uint64_t nowhere = UINT64_MAX; /* the place of a packet that is in no stream yet */

int evg_session_send(evg_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc)
{
    int r = evg_wire_send(&s->wire, EVG_REQ, type, args, argc, s->options.max_packet);
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

/* One packet of any legal size is taken while less than max_unsent waits. */
int evg_session_room(evg_session_t *s)
{
    if (evg_session_unsent(s) < s->options.max_unsent) return 0;
    s->refused = true;
    return EVG_EBACKPRESSURE;
}

/* May the caller add a request? */
static int admit(evg_session_t *s, const evg_request_t *request)
{
    if (s->state == EVG_SHUT) return EVG_ECLOSED;
    return caller_p(request) ? evg_session_room(s) : 0;
}

static double earliest(double a, double b)
{
    if (a == 0) return b;
    if (b == 0) return a;
    return a < b ? a : b;
}

/* Where the deadline of a request lies while it is owed. */
static evg_deadlines_t *deadlines_of(evg_session_t *s, const evg_request_t *request)
{
    if (request->finish_by <= 0) return &s->waits;
    return request->begun ? &s->client.finishes : &s->bounds;
}

/* What is ours waits as long as it has to: to lose a GRAB, an option or "version" would be worse than to be late. */
static int wait_from_now(evg_session_t *s, evg_request_t *request)
{
    if (!caller_p(request)) return 0;
    request->write_by = s->options.command_timeout > 0 ? s->wire.now + s->options.command_timeout : 0;
    double due = earliest(request->write_by, request->finish_by);
    int r = request->finish_by > 0 ? evg_client_reserve(s) : 0; /* for when it is begun */
    return r < 0 || due <= 0 ? r : evg_deadlines_add(deadlines_of(s, request), &request->due, due);
}

/* A reconnect that is to come comes sooner for who waits first; and for the others before half their time is over, so that
 * nobody is told of a failure that was before his time. */
static void hasten(evg_session_t *s)
{
    double at = s->owed_count == 1 ? s->wire.now : s->wire.now + s->options.command_timeout / 2;
    if (s->owed_count > 1 && s->options.command_timeout <= 0) return;
    if (at < s->hasten_to) at = s->hasten_to;
    if (at < s->retry_at) s->retry_at = at;
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
    s->unwritten_count++;
    s->stats.submitted++;
    s->wanted = true;
    if (s->state == EVG_DOWN) hasten(s);
}

/* Owes a reply to the packet that was appended behind `start`. */
static int owe(evg_session_t *s, evg_request_t *request, evg_command_t type, uint64_t start)
{
    request->type = (uint8_t)type;
    request->start = start;
    request->length = (size_t)(evg_buffer_position(&s->wire.out) - start);
    if (wait_from_now(s, request) < 0) {
        evg_buffer_truncate(&s->wire.out, (size_t)(start - s->wire.out.consumed));
        return EVG_ENOMEM;
    }
    s->stats.packets_out++;
    take(s, request, &s->owed);
    return 0;
}

int evg_session_ask(evg_session_t *s, evg_request_t *request, evg_command_t type, const evg_bytes_t *args, int argc)
{
    uint64_t start = evg_buffer_position(&s->wire.out);
    int r = admit(s, request);
    if (r == 0) r = evg_packet_encode(&s->wire.out, EVG_REQ, type, args, argc, s->options.max_packet);
    return r < 0 ? r : owe(s, request, type, start);
}

int evg_session_ask_text(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape)
{
    uint64_t start = evg_buffer_position(&s->wire.out);
    int r = admit(s, request);
    if (r == 0) r = evg_admin_encode(&s->wire.out, line);
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
    r = wait_from_now(s, request);
    if (r == 0) take(s, request, &s->put_off);
    return r;
}

/* Out of its list; the marks in the FIFO stay right. */
static void unlink_owed(evg_session_t *s, evg_request_t *request)
{
    evg_list_t *link = &request->link;
    if (s->last_written == link) s->last_written = link->prev;
    if (s->last_ours == link) s->last_ours = link->prev;
    evg_list_unlink(link);
}

int evg_session_ask_again(evg_session_t *s, evg_request_t *request, evg_command_t type)
{
    uint64_t start = evg_buffer_position(&s->wire.out);
    bool counted = grabs_of(s, request) != NULL;
    bool asked = request->written;
    int r = evg_session_send(s, type, NULL, 0);
    if (r == 0 && asked) r = wait_from_now(s, request);
    if (r < 0) return r;
    request->type = (uint8_t)type;
    request->start = start;
    request->length = (size_t)(evg_buffer_position(&s->wire.out) - start);
    request->begun = request->written = false;
    if (asked) s->unwritten_count++;
    unlink_owed(s, request);
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
    return request->start >= s->wire.out.consumed;
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
    if (evg_deadline_set_p(&request->due)) evg_deadlines_remove(deadlines_of(s, request), &request->due);
    unlink_owed(s, request);
    size_t *grabs = grabs_of(s, request);
    if (grabs) --*grabs;
    if (!caller_p(request)) return;
    s->owed_count--;
    if (!request->written) s->unwritten_count--;
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
    s->not_sent += delivery == EVG_NOT_SENT;
    evg_list_append(&s->ended, &request->link);
}

bool evg_session_stand_in(evg_session_t *s, evg_request_t *request)
{
    evg_request_t *other = evg_session_own(s, EVG_FOR_NOBODY);
    if (!other) return false;
    other->type = request->type;
    other->shape = request->shape;
    other->keyed = request->keyed;
    other->handle_len = request->handle_len;
    memcpy(other->handle, request->handle, sizeof other->handle); /* also what an ECHO keeps there */
    other->start = request->start;
    other->length = request->length;
    other->begun = request->begun;
    other->written = request->written;
    other->written_at = request->written_at;
    other->state = EVG_REQUEST_OWED;
    evg_list_insert(&request->link, &other->link);
    return true;
}

/* -- what was written, and what is not to be ----------------------------------------------------------------------- */

/* The bytes of a request that was not written, and how far into the output they begin. */
static size_t offset_of(const evg_session_t *s, const evg_request_t *request)
{
    return (size_t)(request->start - s->wire.out.consumed);
}

static evg_request_t *request_at(evg_list_t *link)
{
    return evg_container(link, evg_request_t, link);
}

/* The first request that was not written to its last byte, or NULL. */
static evg_request_t *first_unwritten(const evg_session_t *s)
{
    return s->last_written->next == &s->owed ? NULL : request_at(s->last_written->next);
}

/* From here on it is silence that counts, not waiting; and a timeout of its own. */
static void begin(evg_session_t *s, evg_request_t *request)
{
    if (request->begun) return;
    if (caller_p(request)) evg_deadlines_remove(deadlines_of(s, request), &request->due);
    request->begun = true;
    /* cannot fail: room was made when it was asked */
    if (request->finish_by > 0) (void)evg_deadlines_add(&s->client.finishes, &request->due, request->finish_by);
}

static void mark_written(evg_session_t *s)
{
    evg_request_t *request;
    while ((request = first_unwritten(s)) && request->start + request->length <= s->wire.out.consumed) {
        begin(s, request);
        request->written = true;
        request->written_at = s->wire.now;
        if (caller_p(request)) s->unwritten_count--;
        s->last_written = &request->link;
    }
    if (request && !evg_session_unwritten_p(s, request)) begin(s, request);
}

void evg_session_written(evg_session_t *s, size_t len)
{
    if (len == 0) return;
    evg_wire_written(&s->wire, len);
    mark_written(s);
}

static void find_hole(evg_session_t *s)
{
    evg_list_t *at = s->last_written->next;
    while (at != &s->owed && request_at(at)->purpose != EVG_FOR_HOLE) at = at->next;
    s->clear_to = at == &s->owed ? UINT64_MAX : request_at(at)->start;
}

static void pass_over(evg_session_t *s, size_t len)
{
    s->dead -= len;
    evg_wire_pass_over(&s->wire, len);
}

/* What lies before a hole was written, so it is the first that was not. */
void evg_session_skip_holes(evg_session_t *s)
{
    while (s->clear_to == s->wire.out.consumed) {
        evg_request_t *hole = first_unwritten(s);
        pass_over(s, hole->length);
        evg_session_end(s, hole, 0, EVG_DELIVERY_NONE);
        find_hole(s);
    }
}

static bool dig_hole(evg_session_t *s, evg_request_t *request)
{
    evg_request_t *hole = evg_session_own(s, EVG_FOR_HOLE);
    if (!hole) return false;
    hole->type = EVG_TEXT; /* it counts as nothing */
    hole->start = request->start;
    hole->length = request->length;
    hole->state = EVG_REQUEST_OWED;
    evg_list_insert(&request->link, &hole->link);
    if (hole->start < s->clear_to) s->clear_to = hole->start;
    return true;
}

/* Down there is nothing in the output but requests. */
static void drop_dead_front(evg_session_t *s)
{
    evg_request_t *first = first_unwritten(s);
    pass_over(s, first ? offset_of(s, first) : evg_buffer_len(&s->wire.out));
}

int evg_session_withdraw(evg_session_t *s, evg_request_t *request, int error)
{
    bool open = s->state == EVG_OPEN;
    if (open && request->length > 0 && !dig_hole(s, request)) return EVG_ENOMEM;
    s->dead += request->length;
    evg_session_end(s, request, error, EVG_NOT_SENT);
    if (!open) drop_dead_front(s);
    return 0;
}

int evg_session_take_back(evg_session_t *s, evg_request_t *request)
{
    if (request->state != EVG_REQUEST_OWED || !evg_session_unwritten_p(s, request)) return 0;
    int r = evg_session_withdraw(s, request, EVG_EABANDONED);
    return r < 0 ? r : 1;
}

void evg_session_keep_unwritten(evg_session_t *s, int error)
{
    uint8_t *data = evg_buffer_data(&s->wire.out);
    size_t kept = 0;
    evg_list_t *next;
    for (evg_list_t *at = s->owed.next; at != &s->owed; at = next) {
        evg_request_t *request = request_at(at);
        next = at->next;
        if (!caller_p(request) || !evg_session_unwritten_p(s, request)) {
            evg_session_end(s, request, error, EVG_UNACKNOWLEDGED);
            continue;
        }
        memmove(data + kept, data + offset_of(s, request), request->length);
        request->start = s->wire.out.consumed + kept;
        kept += request->length;
    }
    evg_buffer_truncate(&s->wire.out, kept);
    s->dead = 0;
    s->clear_to = UINT64_MAX;
}
