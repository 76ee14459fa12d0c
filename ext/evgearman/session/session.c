#include "session/session.h"

#include "base/alloc.h"
#include "session/internal.h"

#include <math.h>
#include <stdio.h>

enum { MIB = 1024 * 1024, READ_SIZE = 64 * 1024 };
static const double again_after = 0.1; /* seconds, when there was no memory */

static evg_bytes_t client_id_of(const evg_session_t *s)
{
    return evg_bytes_of(s->client_id);
}

void evg_session_init(evg_session_t *s, uint64_t seed0, uint64_t seed1, double now)
{
    memset(s, 0, sizeof *s);
    s->options = (evg_session_options_t){
        .command_timeout = 30,
        .heartbeat = 20,
        .lost_check = 10,
        .reconnect = true,
        .exceptions = true,
        .max_packet = 256 * (size_t)MIB,
        .max_text = 64 * (size_t)MIB,
        .max_unsent = 64 * (size_t)MIB,
    };
    evg_backoff_init(&s->backoff, seed0 ^ (seed1 << 1));
    evg_buffer_init(&s->in);
    evg_buffer_init(&s->out);
    evg_list_init(&s->owed);
    evg_list_init(&s->put_off);
    evg_list_init(&s->ended);
    evg_list_init(&s->spare);
    evg_list_init(&s->extras);
    evg_deadlines_init(&s->replies);
    evg_client_init(s, seed0, seed1);
    evg_worker_init(s, seed0, seed1);
    s->now = now;
    s->again_at = INFINITY;
    s->fresh = true;
}

static void free_own_requests(evg_list_t *list)
{
    evg_list_t *next;
    for (evg_list_t *at = list->next; at != list; at = next) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        next = at->next;
        evg_list_unlink(at);
        if (request->purpose != EVG_FOR_CALLER) evg_free(request);
    }
}

void evg_session_deinit(evg_session_t *s)
{
    free_own_requests(&s->owed);
    free_own_requests(&s->spare);
    evg_session_forget_options(s);
    evg_client_deinit(s);
    evg_worker_deinit(s);
    evg_deadlines_deinit(&s->replies);
    evg_buffer_deinit(&s->in);
    evg_buffer_deinit(&s->out);
}

void evg_session_clock(evg_session_t *s, double now)
{
    if (now > s->now) s->now = now;
}

/* -- connection ---------------------------------------------------------------------------------------------------- */

int evg_session_want(evg_session_t *s)
{
    if (s->state == EVG_SHUT) return EVG_ECLOSED;
    s->wanted = true;
    return 0;
}

void evg_session_loop_runs(evg_session_t *s)
{
    if (s->fresh && s->state == EVG_DOWN) s->wanted = true;
}

bool evg_session_wants_open(const evg_session_t *s)
{
    return s->state == EVG_DOWN && s->wanted && s->now >= s->retry_at;
}

void evg_session_opening(evg_session_t *s)
{
    s->state = EVG_OPENING;
}

/* What every connection begins with, before the requests that waited. */
static int queue_prologue(evg_session_t *s, const evg_list_t *waiting)
{
    evg_bytes_t id = client_id_of(s);
    evg_request_t *version = evg_session_own(s, EVG_FOR_DIALECT);
    if (!version) return EVG_ENOMEM;
    int r = evg_session_ask_text(s, version, evg_bytes_of("version"), EVG_LINE);
    if (r < 0) {
        evg_session_drop(s, version);
        return r;
    }
    if (id.len) r = evg_session_send(s, EVG_SET_CLIENT_ID, &id, 1);
    if (r == 0) r = evg_session_replay_options(s, waiting);
    return r < 0 ? r : evg_worker_opened(s);
}

/* Puts `kept` (the packets of the requests in `waiting`) behind the prologue. */
static int requeue(evg_session_t *s, const evg_buffer_t *kept, evg_list_t *waiting)
{
    uint64_t shift = evg_buffer_position(&s->out) - kept->consumed;
    int r = evg_buffer_append(&s->out, evg_buffer_bytes(kept));
    if (r < 0) return r;
    for (evg_list_t *at = waiting->next; at != waiting; at = at->next) {
        evg_container(at, evg_request_t, link)->start += shift;
    }
    evg_list_join(&s->owed, waiting);
    return 0;
}

int evg_session_opened(evg_session_t *s)
{
    evg_list_t waiting;
    evg_buffer_t kept = s->out;
    evg_list_init(&waiting);
    evg_list_join(&waiting, &s->owed);
    evg_buffer_init(&s->out);
    s->out.consumed = kept.consumed;
    s->state = EVG_OPEN;
    s->fresh = false;
    s->generation++;
    s->dialect = EVG_UNKNOWN_DIALECT;
    s->heard = s->introduced = s->beating = false;
    s->read_at = s->now;
    s->open_error = 0;
    s->tell_connected = true;
    int r = queue_prologue(s, &waiting);
    if (r == 0) r = requeue(s, &kept, &waiting);
    if (r < 0) { /* as it was, for the caller to close */
        evg_session_keep_unwritten(s, EVG_ENOMEM);
        evg_buffer_deinit(&s->out);
        s->out = kept;
        evg_list_join(&s->owed, &waiting);
        return r;
    }
    evg_buffer_deinit(&kept);
    s->stats.connects++;
    return 0;
}

/* Nothing of the old connection is left but requests that were not written. */
static void drop_connection(evg_session_t *s, int error, bool stop)
{
    if (s->state == EVG_OPEN && !s->tell_connected) s->tell_disconnected = true;
    evg_client_closed(s, error);
    evg_session_keep_unwritten(s, error);
    evg_worker_closed(s, stop);
    evg_buffer_clear(&s->in);
    s->decoded = 0;
    s->scan = (evg_scan_t){0};
    s->tell_connected = false;
    s->introduced = s->beating = false;
}

static void end_waiting(evg_session_t *s, int error)
{
    evg_list_join(&s->owed, &s->put_off);
    for (evg_list_t *at; (at = evg_list_first(&s->owed));) {
        evg_session_end(s, evg_container(at, evg_request_t, link), error, EVG_NOT_SENT);
    }
    evg_buffer_clear(&s->out);
}

static void remember(evg_session_t *s, int error, const char *text)
{
    s->tell_error = error;
    snprintf(s->text, sizeof s->text, "%s", text ? text : s->unexpected);
    *s->unexpected = 0;
}

/* Try again, or give up on what waits? */
static void plan(evg_session_t *s, int error)
{
    bool exhausted = evg_backoff_exhausted_p(&s->backoff);
    if (s->options.reconnect && !exhausted) {
        s->retry_at = s->now + evg_backoff_delay(&s->backoff);
        s->wanted = true;
        return;
    }
    s->wanted = false;
    s->retry_at = s->now;
    if (exhausted && s->options.reconnect) remember(s, error = EVG_EEXHAUSTED, NULL);
    if (exhausted) evg_backoff_succeeded(&s->backoff); /* the next request may try afresh */
    end_waiting(s, error);
}

void evg_session_closed(evg_session_t *s, int reason, const char *text)
{
    bool was_open = s->state == EVG_OPEN;
    if (!was_open && s->state != EVG_OPENING) return;
    if (!was_open || !s->heard) evg_backoff_failed(&s->backoff);
    if (was_open) drop_connection(s, EVG_EDISCONNECTED, false);
    s->state = EVG_DOWN;
    s->fresh = false;
    remember(s, reason, text);
    if (!was_open) s->open_error = reason;
    plan(s, was_open ? EVG_EDISCONNECTED : reason);
}

static void end_all(evg_session_t *s, int error)
{
    drop_connection(s, error, true);
    end_waiting(s, error);
    s->state = EVG_DOWN;
    s->wanted = s->fresh = false;
    s->open_error = 0;
    s->retry_at = 0;
}

void evg_session_disconnect(evg_session_t *s)
{
    if (s->state != EVG_SHUT) end_all(s, EVG_EDISCONNECTED);
}

void evg_session_leave(evg_session_t *s)
{
    if (s->state == EVG_OPEN) drop_connection(s, EVG_EDISCONNECTED, false);
    if (s->state != EVG_SHUT) s->state = EVG_DOWN;
    s->open_error = 0;
    s->retry_at = 0;
}

void evg_session_shut(evg_session_t *s)
{
    evg_session_disconnect(s);
    s->state = EVG_SHUT;
}

/* What was to be told of the connection is not. */
static void hush(evg_session_t *s)
{
    s->tell_disconnected = s->refused = false;
    s->tell_error = 0;
}

void evg_session_abandon(evg_session_t *s)
{
    evg_session_shut(s);
    evg_list_clear(&s->ended);
    evg_list_clear(&s->worker.lost);
    evg_list_clear(&s->worker.expired);
    s->worker.tell_idle = s->worker.tell_stopped = false;
    hush(s);
}

void evg_session_forked(evg_session_t *s)
{
    bool shut = s->state == EVG_SHUT;
    end_all(s, EVG_EFORKED);
    hush(s);
    evg_backoff_succeeded(&s->backoff);
    if (shut) s->state = EVG_SHUT;
}

/* -- bytes --------------------------------------------------------------------------------------------------------- */

/* Views of the last event end here: its packet goes before there is room for more. */
uint8_t *evg_session_reserve(evg_session_t *s, size_t len)
{
    if (s->decoded) evg_buffer_consume(&s->in, s->decoded);
    s->decoded = 0;
    return evg_buffer_reserve(&s->in, len);
}

void evg_session_commit(evg_session_t *s, size_t len)
{
    evg_buffer_commit(&s->in, len);
    s->stats.bytes_in += len;
    s->read_at = s->now;
}

int evg_session_feed(evg_session_t *s, evg_bytes_t bytes)
{
    uint8_t *room = evg_session_reserve(s, bytes.len);
    if (!room) return EVG_ENOMEM;
    if (bytes.len) memcpy(room, bytes.at, bytes.len);
    evg_session_commit(s, bytes.len);
    return 0;
}

size_t evg_session_appetite(const evg_session_t *s)
{
    size_t lacks = evg_packet_lacks(evg_buffer_bytes(&s->in));
    size_t room = evg_buffer_room(&s->in);
    if (lacks > READ_SIZE) return READ_SIZE;
    return room > 4096 && lacks <= room ? (room < READ_SIZE ? room : READ_SIZE) : EVG_BUFFER_FIRST;
}

evg_bytes_t evg_session_output(evg_session_t *s)
{
    if (s->state != EVG_OPEN) return evg_bytes(NULL, 0);
    s->again_at = evg_worker_prepare(s) < 0 ? s->now + again_after : INFINITY;
    return evg_buffer_bytes(&s->out);
}

void evg_session_written(evg_session_t *s, size_t len)
{
    evg_buffer_consume(&s->out, len);
    s->stats.bytes_out += len;
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* When silence will have lasted too long. */
static double beat_deadline(const evg_session_t *s)
{
    double period = s->options.heartbeat;
    if (s->state != EVG_OPEN || s->paused || period <= 0) return INFINITY;
    return (s->beating && s->beat_at > s->read_at ? s->beat_at : s->read_at) + period;
}

/* Quiet for long: is anybody there? Quiet for as long again: no. */
static int beat(evg_session_t *s)
{
    if (s->now < beat_deadline(s)) return 0;
    if (s->beating) return EVG_ECOMMAND_TIMEOUT;
    evg_request_t *request = evg_session_own(s, EVG_FOR_HEARTBEAT);
    if (!request) return EVG_ENOMEM;
    int r = evg_session_echo(s, request, evg_bytes_of("heartbeat"));
    if (r < 0) {
        evg_session_drop(s, request);
        return r;
    }
    s->beating = true;
    s->beat_at = s->now;
    return 0;
}

/* The caller hears of it when its bytes are cut out; what is ours just goes on waiting, because to lose a
 * GRAB, an option or "version" would be worse than to be late. */
static int overdue_unwritten(evg_session_t *s, evg_request_t *request, int error)
{
    if (request->purpose != EVG_FOR_CALLER) return evg_session_expect(s, request);
    request->error = error;
    request->cut = true;
    s->cuts++;
    return 0;
}

/* A request whose time is up before its first reply. Answers the reason to close, or 0. */
static int overdue(evg_session_t *s, evg_request_t *request)
{
    bool job = request->finish_by > 0 && request->finish_by <= s->now;
    int error = job ? EVG_EJOB_TIMEOUT : EVG_ECOMMAND_TIMEOUT;
    if (s->paused && request->purpose != EVG_FOR_CALLER) return evg_session_expect(s, request);
    if (evg_session_unwritten_p(s, request)) return overdue_unwritten(s, request, job ? error : 0);
    if (job && evg_session_stand_in(s, request)) {
        evg_session_end(s, request, error, EVG_UNACKNOWLEDGED);
        return 0;
    }
    evg_session_end(s, request, error, EVG_UNACKNOWLEDGED);
    return EVG_ECOMMAND_TIMEOUT;
}

static int judge_replies(evg_session_t *s)
{
    evg_deadline_t *due;
    int r = 0;
    while (r == 0 && (due = evg_deadlines_first(&s->replies)) && due->heap.at <= s->now) {
        evg_deadlines_remove(&s->replies, due);
        r = overdue(s, evg_container(due, evg_request_t, due));
    }
    evg_session_sweep(s, s->open_error ? s->open_error : EVG_ECOMMAND_TIMEOUT);
    return r;
}

int evg_session_tick(evg_session_t *s)
{
    int r = judge_replies(s);
    if (s->again_at <= s->now) s->again_at = INFINITY; /* output is looked at next */
    if (r == 0) evg_client_tick(s);
    if (r == 0) r = evg_worker_tick(s);
    if (r == 0) r = beat(s);
    return r;
}

static double due_first(const evg_deadlines_t *deadlines)
{
    evg_deadline_t *due = evg_deadlines_first(deadlines);
    return due ? due->heap.at : INFINITY;
}

double evg_session_deadline(const evg_session_t *s)
{
    double at = smaller(due_first(&s->replies), due_first(&s->client.finishes));
    at = smaller(at, evg_worker_deadline(s));
    at = smaller(at, beat_deadline(s));
    if (s->state == EVG_OPEN) at = smaller(at, s->again_at);
    if (s->state == EVG_DOWN && s->wanted) at = smaller(at, s->retry_at);
    return at;
}

/* -- requests of either role --------------------------------------------------------------------------------------- */

int evg_session_admin(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape)
{
    int r = evg_check_admin(line);
    return r < 0 ? r : evg_session_ask_text(s, request, line, shape);
}

int evg_session_set_client_id(evg_session_t *s, evg_bytes_t id)
{
    int r = evg_check_client_id(id);
    if (r < 0) return r;
    if (s->state == EVG_OPEN) r = evg_session_send(s, EVG_SET_CLIENT_ID, &id, 1);
    if (r < 0) return r;
    memcpy(s->client_id, id.at, id.len);
    s->client_id[id.len] = 0;
    return 0;
}

/* -- counts -------------------------------------------------------------------------------------------------------- */

/* Those at the end of the FIFO; internal ones are written at once or lie among them. */
size_t evg_session_waiting_count(const evg_session_t *s)
{
    size_t count = 0;
    for (const evg_list_t *at = s->put_off.next; at != &s->put_off; at = at->next) count++;
    for (evg_list_t *at = s->owed.prev; at != &s->owed; at = at->prev) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        if (!evg_session_unwritten_p(s, request)) break;
        if (request->purpose == EVG_FOR_CALLER) count++;
    }
    return count;
}

size_t evg_session_pending_count(const evg_session_t *s)
{
    return s->owed_count - evg_session_waiting_count(s);
}
