#include "session/session.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/least.h"
#include "session/exchange.h"
#include "session/introduction.h"
#include "session/silence.h"

enum { MIB = 1024 * 1024 };
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
    evg_wire_init(&s->wire, now);
    evg_list_init(&s->owed);
    evg_list_init(&s->put_off);
    evg_list_init(&s->ended);
    evg_list_init(&s->spare);
    evg_list_init(&s->extras);
    s->last_written = s->last_ours = s->last_landed = &s->owed;
    s->clear_to = UINT64_MAX;
    evg_deadlines_init(&s->waits);
    evg_deadlines_init(&s->bounds);
    evg_deadlines_init(&s->finishes);
    evg_client_init(s, seed0, seed1);
    evg_worker_init(s, seed0, seed1);
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
    evg_deadlines_deinit(&s->waits);
    evg_deadlines_deinit(&s->bounds);
    evg_deadlines_deinit(&s->finishes);
    evg_wire_deinit(&s->wire);
}

/* -- connection ---------------------------------------------------------------------------------------------------- */

void evg_session_loop_runs(evg_session_t *s)
{
    if (s->fresh && s->state == EVG_DOWN) s->wanted = true;
}

bool evg_session_wants_open(const evg_session_t *s)
{
    return s->state == EVG_DOWN && s->wanted && s->wire.now >= s->retry_at;
}

bool evg_session_idle_p(const evg_session_t *s)
{
    return s->state == EVG_DOWN && !s->wanted;
}

bool evg_session_connecting_p(const evg_session_t *s)
{
    return s->state == EVG_OPENING || (s->state == EVG_DOWN && s->wanted && s->retry_at == 0);
}

void evg_session_retry_now(evg_session_t *s)
{
    if (s->state == EVG_DOWN) s->retry_at = 0;
}

void evg_session_opening(evg_session_t *s)
{
    s->state = EVG_OPENING;
}

/* What every connection begins with, before the requests that waited. */
static int queue_prologue(evg_session_t *s, const evg_list_t *waiting)
{
    evg_bytes_t id = client_id_of(s);
    int r = evg_session_introduce(s);
    if (r == 0 && id.len) r = evg_session_send(s, EVG_SET_CLIENT_ID, &id, 1);
    if (r == 0) r = evg_session_replay_options(s, waiting);
    return r < 0 ? r : evg_worker_announce(s);
}

/* Puts `kept` (the packets of the requests in `waiting`) behind the prologue. */
static int requeue(evg_session_t *s, const evg_buffer_t *kept, evg_list_t *waiting)
{
    uint64_t shift = evg_buffer_position(&s->wire.out) - kept->consumed;
    int r = evg_buffer_append(&s->wire.out, evg_buffer_bytes(kept));
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
    if (s->dead) evg_session_keep_unwritten(s, EVG_EDISCONNECTED); /* all of them */
    evg_buffer_t kept = s->wire.out;
    evg_list_init(&waiting);
    evg_list_join(&waiting, &s->owed);
    evg_buffer_init(&s->wire.out);
    s->wire.out.consumed = kept.consumed;
    s->state = EVG_OPEN;
    s->fresh = false;
    s->generation++;
    s->heard = s->answered = false;
    evg_wire_opened(&s->wire);
    s->opened_at = s->reply_at = s->wire.now;
    s->open_error = 0;
    s->tell_connected = true;
    int r = queue_prologue(s, &waiting);
    if (r == 0) r = requeue(s, &kept, &waiting);
    if (r < 0) { /* as it was, for the caller to close */
        evg_session_keep_unwritten(s, EVG_ENOMEM);
        evg_buffer_deinit(&s->wire.out);
        s->wire.out = kept;
        evg_list_join(&s->owed, &waiting);
        return r;
    }
    evg_buffer_deinit(&kept);
    s->away &= evg_session_held_back_p(s);
    s->stats.connects++;
    return 0;
}

/* Nothing of the old connection is left but requests that were not written. */
static void end_connection(evg_session_t *s, int error, bool stop)
{
    if (s->state == EVG_OPEN && !s->tell_connected) s->tell_disconnected = true;
    evg_client_closed(s, error);
    evg_session_keep_unwritten(s, error);
    evg_worker_closed(s, stop);
    evg_wire_closed(&s->wire);
    s->tell_connected = false;
    s->introduced = false;
    s->beat = NULL;
}

void evg_session_end_waiting(evg_session_t *s)
{
    evg_session_end_unwritten(s, s->open_error ? s->open_error : EVG_EDISCONNECTED);
}

static void remember(evg_session_t *s, int error, const char *text)
{
    s->tell_error = error;
    snprintf(s->text, sizeof s->text, "%s", text ? text : s->unexpected);
    *s->unexpected = 0;
}

static bool hope_p(const evg_session_t *s)
{
    return s->options.reconnect && !evg_backoff_exhausted_p(&s->backoff);
}

/* What there is to say of that is why the last attempt failed. */
static int exhaust(evg_session_t *s, int error)
{
    if (!*s->text) snprintf(s->text, sizeof s->text, "%s", evg_error_text(s->tell_error ? s->tell_error : error));
    return s->tell_error = EVG_EEXHAUSTED;
}

static void give_up(evg_session_t *s, int error)
{
    bool exhausted = evg_backoff_exhausted_p(&s->backoff);
    s->wanted = false;
    s->retry_at = s->wire.now;
    if (exhausted && s->options.reconnect) error = exhaust(s, error);
    if (exhausted) evg_backoff_succeeded(&s->backoff); /* the next request may try afresh */
    if (s->in_fleet)
        evg_session_end_bound(s, error);
    else
        evg_session_end_unwritten(s, error);
}

/* A server that greets and closes is none to come back to at once. */
static void judge_connection(evg_session_t *s, int reason)
{
    bool open = s->state == EVG_OPEN;
    bool lasted = open && s->heard && s->wire.now - s->opened_at >= fmax(s->backoff.most, 1);
    bool good = lasted || (open && s->answered);
    if (lasted) evg_backoff_succeeded(&s->backoff);
    if (!good || evg_error_fault(reason) == EVG_PEER) evg_backoff_failed(&s->backoff);
}

/* Try again, or give up on what waits? */
static void plan(evg_session_t *s, int error)
{
    if (!hope_p(s)) {
        give_up(s, error);
        return;
    }
    double delay = evg_backoff_delay(&s->backoff);
    s->retry_at = s->wire.now + delay;
    s->hasten_to = s->wire.now + (delay < s->backoff.first ? delay : s->backoff.first);
    s->wanted = true;
}

void evg_session_reconsider(evg_session_t *s)
{
    bool waits = s->state == EVG_DOWN && s->wanted && s->retry_at > s->wire.now;
    if (waits && !hope_p(s)) give_up(s, s->open_error ? s->open_error : EVG_EDISCONNECTED);
}

void evg_session_closed(evg_session_t *s, int reason, const char *text)
{
    bool was_open = s->state == EVG_OPEN;
    if (!was_open && s->state != EVG_OPENING) return;
    judge_connection(s, reason);
    if (was_open) evg_session_hung_up(s, reason);
    if (was_open) end_connection(s, EVG_EDISCONNECTED, false);
    s->state = EVG_DOWN;
    s->away = true;
    s->fresh = false;
    remember(s, reason, text);
    if (!was_open) s->open_error = reason;
    plan(s, was_open ? EVG_EDISCONNECTED : reason);
}

const char *evg_session_closed_text(const evg_session_t *s)
{
    return s->text;
}

static void end_all(evg_session_t *s, int error)
{
    end_connection(s, error, true);
    evg_session_end_unwritten(s, error);
    s->state = EVG_DOWN;
    s->wanted = s->fresh = s->away = false;
    s->open_error = 0;
    s->retry_at = 0;
}

void evg_session_disconnect(evg_session_t *s)
{
    if (s->state != EVG_SHUT) end_all(s, EVG_EDISCONNECTED);
}

void evg_session_leave(evg_session_t *s)
{
    if (s->state == EVG_OPEN) end_connection(s, EVG_EDISCONNECTED, false);
    if (s->state != EVG_SHUT) s->state = EVG_DOWN;
    evg_session_forget_server(s);
    s->away = false;
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
    evg_jobs_forget_stuck(s);
    s->worker.tell_idle = s->worker.tell_stopped = false;
    hush(s);
}

void evg_session_forked(evg_session_t *s)
{
    bool shut = s->state == EVG_SHUT;
    end_all(s, EVG_EFORKED);
    evg_jobs_forget_stuck(s);
    hush(s);
    evg_backoff_succeeded(&s->backoff);
    if (shut) s->state = EVG_SHUT;
}

/* -- bytes --------------------------------------------------------------------------------------------------------- */

static size_t at_most(size_t len, uint64_t most)
{
    return most < len ? (size_t)most : len;
}

evg_bytes_t evg_session_output(evg_session_t *s)
{
    if (s->state != EVG_OPEN || evg_session_expire_waiting(s) < 0) return evg_bytes(NULL, 0);
    s->again_at = evg_worker_prepare(s) < 0 ? s->wire.now + again_after : INFINITY;
    if (s->clear_to == s->wire.out.consumed) evg_session_skip_holes(s);
    evg_bytes_t out = evg_wire_output(&s->wire);
    out.len = at_most(out.len, s->clear_to - s->wire.out.consumed);
    if (evg_session_held_back_p(s)) out.len = at_most(out.len, evg_session_ours(s));
    return out;
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

int evg_session_tick(evg_session_t *s)
{
    evg_session_look(s);
    int r = evg_session_expire_waiting(s);
    if (r == 0) r = evg_session_judge_answers(s);
    if (s->again_at <= s->wire.now) s->again_at = INFINITY; /* output is looked at next */
    if (r == 0) r = evg_client_tick(s);
    if (r == 0) r = evg_worker_tick(s);
    if (r == 0) r = evg_session_probe(s);
    if (r == 0) r = evg_session_beat(s);
    return r;
}

double evg_session_deadline(const evg_session_t *s)
{
    double at =
        evg_least(evg_deadlines_at(&s->bounds), evg_least(evg_session_waits_until(s), evg_session_answer_due(s)));
    at = evg_least(at, evg_deadlines_at(&s->finishes));
    at = evg_least(at, evg_worker_deadline(s));
    at = evg_least(at, evg_session_probe_at(s));
    at = evg_least(at, evg_session_beat_due(s));
    at = evg_least(at, evg_session_look_due(s));
    if (s->state == EVG_OPEN) at = evg_least(at, s->again_at);
    if (s->state == EVG_DOWN && s->wanted) at = evg_least(at, s->retry_at);
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
    if (r == 0 && id.len > s->options.max_packet) r = EVG_ENAME;
    if (r < 0) return r;
    if (s->state == EVG_OPEN) r = evg_session_send(s, EVG_SET_CLIENT_ID, &id, 1);
    if (r < 0) return r;
    memcpy(s->client_id, id.at, id.len);
    s->client_id[id.len] = 0;
    return 0;
}

/* -- counts -------------------------------------------------------------------------------------------------------- */

size_t evg_session_waiting_count(const evg_session_t *s)
{
    evg_list_t *first = s->last_written->next;
    evg_request_t *request = first == &s->owed ? NULL : evg_container(first, evg_request_t, link);
    bool begun = request && request->purpose == EVG_FOR_CALLER && !evg_session_unwritten_p(s, request);
    return s->unwritten_count - begun;
}

size_t evg_session_pending_count(const evg_session_t *s)
{
    return s->owed_count - evg_session_waiting_count(s);
}
