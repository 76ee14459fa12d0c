/* What of the output was written, and what is not to be.
 *
 * What expires there leaves its bytes behind, since to close the gap behind each would cost the square of what waits:
 * down, they go as soon as they are the first; while open, a request of ours marks the hole, and the output ends before
 * it until it is the first, and skipped. */
#include "session/output.h"

#include "session/exchange.h"

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

size_t evg_session_ours(const evg_session_t *s)
{
    for (evg_list_t *at = s->last_written->next; at != &s->owed; at = at->next) {
        if (evg_request_callers_p(request_at(at))) return offset_of(s, request_at(at));
    }
    return evg_buffer_len(&s->wire.out);
}

/* From here on it is silence that counts, not waiting; and a timeout of its own. */
static void begin(evg_session_t *s, evg_request_t *request)
{
    if (request->begun) return;
    if (evg_request_callers_p(request)) evg_deadlines_remove(evg_session_deadlines_of(s, request), &request->due);
    request->begun = true;
    /* cannot fail: room was made when it was asked */
    if (request->finish_by > 0) (void)evg_deadlines_add(&s->finishes, &request->due, request->finish_by);
}

static void mark_written(evg_session_t *s)
{
    evg_request_t *request;
    while ((request = first_unwritten(s)) && request->start + request->length <= s->wire.out.consumed) {
        begin(s, request);
        request->written = true;
        request->written_at = s->wire.now;
        request->sent_to = s->wire.bytes_out - (s->wire.out.consumed - request->start - request->length);
        if (evg_request_callers_p(request)) s->unwritten_count--;
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

bool evg_session_next_p(const evg_session_t *s, evg_bytes_t bytes, uint64_t position)
{
    const evg_buffer_t *out = &s->wire.out;
    if (out->consumed != position || bytes.len > evg_buffer_len(out)) return false;
    if (bytes.len > s->clear_to - position) return false;
    return bytes.len == 0 || memcmp(evg_buffer_data(out), bytes.at, bytes.len) == 0;
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
static void skip_dead_front(evg_session_t *s)
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
    if (!open) skip_dead_front(s);
    return 0;
}

int evg_session_hand_over(evg_session_t *s, evg_request_t *request, evg_session_t *to)
{
    bool open = s->state == EVG_OPEN;
    int r = evg_session_make_room(to, request);
    if (r == 0 && open && !dig_hole(s, request)) r = EVG_ENOMEM;
    if (r < 0) return r;
    s->dead += request->length;
    evg_session_adopt(to, s, request);
    if (!open) skip_dead_front(s);
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
        if (!evg_request_callers_p(request) || !evg_session_unwritten_p(s, request)) {
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

void evg_session_end_unwritten(evg_session_t *s, int error)
{
    evg_list_join(&s->owed, &s->put_off);
    for (evg_list_t *at; (at = evg_list_first(&s->owed));) evg_session_end(s, request_at(at), error, EVG_NOT_SENT);
    evg_buffer_clear(&s->wire.out);
    s->dead = 0;
}

void evg_session_end_bound(evg_session_t *s, int error)
{
    evg_list_t *next;
    evg_list_join(&s->owed, &s->put_off);
    for (evg_list_t *at = s->owed.next; at != &s->owed; at = next) {
        next = at->next;
        if (!request_at(at)->movable) evg_session_end(s, request_at(at), error, EVG_NOT_SENT);
    }
    evg_session_keep_unwritten(s, error);
}
