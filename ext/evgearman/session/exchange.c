/* Packets that go out, and the replies owed for them.
 *
 * Everything is encoded straight into the output buffer, connected or not. A request remembers where in the
 * stream its packet begins; comparing that with what was consumed tells whether a byte of it was written. So
 * "was it sent?" is never a flag that could be wrong, and what waits for a connection lies in one place. */
#include "session/exchange.h"

#include "base/alloc.h"
#include "session/crew.h"

enum { SPARES_MAX = 128 };
static const uint64_t nowhere = UINT64_MAX; /* the place of a packet that is in no stream yet */

int evg_session_send(evg_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc)
{
    int r = evg_wire_send(&s->wire, EVG_REQ, type, args, argc, s->options.max_packet);
    if (r == 0) s->stats.packets_out++;
    return r;
}

/* The GRABs outstanding, by whose they are; NULL for any other request, and for one that was put off. */
static size_t *grabs_of(evg_session_t *s, const evg_request_t *request)
{
    if (!evg_command_grab_p((evg_command_t)request->type) || request->start == nowhere) return NULL;
    return evg_request_callers_p(request) ? &s->asked_grabs : &s->grabs;
}

/* One packet of any legal size is taken while less than max_unsent waits. */
int evg_session_room(evg_session_t *s)
{
    if (!evg_session_full_p(s)) return 0;
    s->refused = true;
    return EVG_EBACKPRESSURE;
}

/* May the caller add a request? */
static int admit(evg_session_t *s, const evg_request_t *request)
{
    if (s->state == EVG_SHUT) return EVG_ECLOSED;
    return evg_request_callers_p(request) ? evg_session_room(s) : 0;
}

static double earliest(double a, double b)
{
    if (a == 0) return b;
    if (b == 0) return a;
    return a < b ? a : b;
}

int evg_session_reserve_deadlines(evg_session_t *s)
{
    return evg_deadlines_reserve(&s->finishes, s->owed_count + s->created_count + 1);
}

/* What is ours waits as long as it has to: to lose a GRAB, an option or "version" would be worse than to be late. */
static int wait_from_now(evg_session_t *s, evg_request_t *request)
{
    if (!evg_request_callers_p(request)) return 0;
    request->write_by = s->options.command_timeout > 0 ? s->wire.now + s->options.command_timeout : 0;
    double due = earliest(request->write_by, request->finish_by);
    int r = request->finish_by > 0 ? evg_session_reserve_deadlines(s) : 0; /* for when it is begun */
    return r < 0 || due <= 0 ? r : evg_deadlines_add(evg_session_deadlines_of(s, request), &request->due, due);
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
    if (!evg_request_callers_p(request)) return;
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
    if (s->last_landed == link) s->last_landed = link->prev;
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

void evg_session_give_back(evg_session_t *s, evg_request_t *request)
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
    if (r < 0) evg_session_give_back(s, request);
    return r;
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
    evg_deadlines_remove(&s->finishes, &request->due);
    evg_list_unlink(&request->order);
    if (evg_request_callers_p(request)) s->created_count--;
}

static void leave_owed(evg_session_t *s, evg_request_t *request)
{
    if (evg_deadline_set_p(&request->due)) evg_deadlines_remove(evg_session_deadlines_of(s, request), &request->due);
    unlink_owed(s, request);
    size_t *grabs = grabs_of(s, request);
    if (grabs) {
        --*grabs;
        evg_crew_stir(s);
    }
    if (!evg_request_callers_p(request)) return;
    s->owed_count--;
    if (!request->written) s->unwritten_count--;
}

evg_bytes_t evg_session_bytes_of(const evg_session_t *s, const evg_request_t *request)
{
    return evg_bytes(evg_buffer_data(&s->wire.out) + (request->start - s->wire.out.consumed), request->length);
}

/* For its packet and its deadline. */
int evg_session_make_room(evg_session_t *s, const evg_request_t *request)
{
    evg_deadlines_t *deadlines = evg_session_deadlines_of(s, request);
    int r = request->finish_by > 0 ? evg_session_reserve_deadlines(s) : 0;
    if (r == 0) r = evg_deadlines_reserve(deadlines, deadlines->odd.count + 1);
    return r == 0 && !evg_buffer_reserve(&s->wire.out, request->length) ? EVG_ENOMEM : r;
}

void evg_session_adopt(evg_session_t *s, evg_session_t *from, evg_request_t *request)
{
    double due = earliest(request->write_by, request->finish_by);
    evg_bytes_t packet = evg_session_bytes_of(from, request);
    leave_owed(from, request);
    from->stats.submitted--;
    request->start = evg_buffer_position(&s->wire.out);
    (void)evg_buffer_append(&s->wire.out, packet);
    evg_wire_hold(&s->wire);
    if (due > 0) (void)evg_deadlines_add(evg_session_deadlines_of(s, request), &request->due, due);
    take(s, request, &s->owed);
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
    if (evg_request_callers_p(request)) s->stats.resolved++;
}

void evg_session_end(evg_session_t *s, evg_request_t *request, int error, evg_delivery_t delivery)
{
    evg_session_resolve(s, request);
    if (!evg_request_callers_p(request)) {
        evg_session_give_back(s, request);
        return;
    }
    request->error = error;
    request->delivery = (uint8_t)delivery;
    s->not_sent += delivery == EVG_NOT_SENT;
    evg_list_append(&s->ended, &request->link);
}

/* What the server refused it has nothing of, as if it had never been sent. */
static evg_delivery_t delivery_of(const evg_request_t *request, int error)
{
    if (error == 0) return EVG_DELIVERY_NONE;
    return evg_error_fault(error) == EVG_SERVER ? EVG_NOT_SENT : evg_request_delivery(request);
}

int evg_session_tell_done(evg_session_t *s, evg_event_t *event, evg_request_t *request, int error)
{
    if (!evg_request_callers_p(request)) {
        evg_session_end(s, request, error, EVG_DELIVERY_NONE);
        return 0;
    }
    event->type = EVG_EVENT_DONE;
    event->request = request;
    event->error = error;
    event->delivery = delivery_of(request, error);
    evg_session_resolve(s, request);
    return 1;
}

bool evg_session_stand_in(evg_session_t *s, evg_request_t *request)
{
    evg_request_t *other = evg_session_own(s, EVG_FOR_STAND_IN);
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
    other->sent_to = request->sent_to;
    other->state = EVG_REQUEST_OWED;
    evg_list_insert(&request->link, &other->link);
    return true;
}
