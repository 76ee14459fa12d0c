#include "net/connection.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/least.h"
#include "net/connection_internal.h"

#include <unistd.h>

enum { AT_ONCE = 16 * 1024 };

static evg_connection_t *connection_of(evg_source_t *source)
{
    return evg_container(source, evg_connection_t, pipe.source);
}

static void destroy(evg_connection_t *c)
{
    evg_pipe_close(&c->pipe);
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_source_detach(&c->pipe.source);
    evg_connection_set_tls(c, NULL);
    evg_free(c);
}

static void arrive(evg_connection_t *c)
{
    evg_connection_clock(c);
    evg_connection_follow(c);
}

static bool reads_p(const evg_connection_t *c)
{
    return c->pipe.flows && (!c->session.paused || c->pipe.broken);
}

static void connection_reconcile(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    if (c->dying) {
        destroy(c);
        return;
    }
    arrive(c);
    evg_connection_emit_news(c);
    evg_pipe_bury(&c->pipe);
    if (c->phase == EVG_PHASE_DOWN && evg_session_wants_open(&c->session)) evg_connection_begin(c);
    if (c->phase == EVG_PHASE_CONNECTING && c->pipe.transport.fd < 0) evg_connection_try_next_way(c);
    if (c->phase == EVG_PHASE_OPEN) evg_pipe_write(&c->pipe);
    evg_connection_emit(c);
    evg_pipe_bury(&c->pipe);
    evg_pipe_watch(&c->pipe, !c->session.paused);
    evg_source_due_at(source,
                      evg_least(evg_session_deadline(&c->session), evg_least(c->give_up_at, c->session.wire.trim_at)));
}

/* Nobody would tell what comes on it: what has come was read. */
static void unwatched(evg_connection_t *c)
{
    bool open = c->phase == EVG_PHASE_OPEN;
    if (open || c->phase == EVG_PHASE_CONNECTING)
        evg_connection_finish(c, open ? EVG_EIO : EVG_ECONNECT, "the system does not watch its descriptor");
}

static void connection_serve(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    if (c->dying) return;
    bool deaf = source->revents & EV_ERROR;
    arrive(c);
    if (c->phase == EVG_PHASE_RESOLVING)
        evg_connection_resolved(c);
    else if (c->phase == EVG_PHASE_CONNECTING && !deaf)
        evg_connection_check_way(c);
    else if (reads_p(c) && source->revents & EV_READ)
        evg_pipe_read(&c->pipe);
    if (deaf) unwatched(c);
    evg_connection_emit_news(c);
    evg_source_dirty(source);
}

static void judge_session(evg_connection_t *c)
{
    c->session.wire.in_flight = evg_transport_in_flight(&c->pipe.transport);
    int rc = evg_session_tick(&c->session);
    if (rc < 0) evg_connection_finish(c, rc, NULL);
}

static void connection_judge(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    if (c->dying) return;
    arrive(c);
    if (c->phase == EVG_PHASE_RESOLVING) evg_connection_resolved(c);
    if (c->phase == EVG_PHASE_CONNECTING) evg_connection_check_way(c);
    if (!reads_p(c) || evg_pipe_read_up(&c->pipe)) judge_session(c);
    evg_connection_emit(c);
    evg_source_dirty(source);
}

/* libev's side of the watcher went with the parent's loop. */
static void connection_forked(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    evg_pipe_forget_watcher(&c->pipe);
    evg_pipe_cut(&c->pipe);
    if (c->dying) {
        destroy(c);
        return;
    }
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_session_forked(&c->session);
    evg_backoff_stir(&c->session.backoff, (uint64_t)getpid());
    evg_source_dirty(source);
}

static void connection_closed(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    if (c->dying) { /* the turn that would have freed it does not come */
        destroy(c);
        return;
    }
    evg_connection_shut(c);
    evg_pipe_bury(&c->pipe);
    evg_pipe_close(&c->pipe);
}

/* -- its pipe ------------------------------------------------------------------------------------------------------ */

static evg_connection_t *connection_above(evg_pipe_t *pipe)
{
    return evg_container(pipe, evg_connection_t, pipe);
}

static evg_bytes_t pipe_output(evg_pipe_t *pipe)
{
    return evg_session_output(&connection_above(pipe)->session);
}

static void pipe_written(evg_pipe_t *pipe, evg_bytes_t out)
{
    evg_connection_t *c = connection_above(pipe);
    if (c->on_bytes) c->on_bytes(c->owner, true, out);
    evg_session_written(&c->session, out.len);
}

static void pipe_came(evg_pipe_t *pipe, evg_bytes_t in)
{
    evg_connection_t *c = connection_above(pipe);
    if (c->on_bytes) c->on_bytes(c->owner, false, in);
    evg_connection_emit(c);
}

/* Who expects TLS closes when he hears something else, and never says anything. */
static bool turned_away_p(const evg_connection_t *c, int reason)
{
    return reason == EVG_ESERVER_CLOSED && !c->session.wire.bytes_in && !c->tls && !*c->address.path;
}

static void pipe_ended(evg_pipe_t *pipe, int reason, const char *text)
{
    evg_connection_t *c = connection_above(pipe);
    if (!text && turned_away_p(c, reason)) text = "before it said anything: does it want TLS?";
    evg_connection_finish(c, reason, text);
}

static const evg_pipe_ops_t pipe_ops = {
    .output = pipe_output, .written = pipe_written, .came = pipe_came, .ended = pipe_ended};

/* -- for its owner ------------------------------------------------------------------------------------------------- */

static const evg_source_ops_t connection_ops = {
    .reconcile = connection_reconcile,
    .serve = connection_serve,
    .judge = connection_judge,
    .forked = connection_forked,
    .closed = connection_closed,
};

evg_connection_t *evg_connection_new(evg_loop_t *loop, const evg_address_t *address, uint64_t seed0, uint64_t seed1)
{
    evg_connection_t *c = evg_zalloc(sizeof *c);
    if (!c) return NULL;
    evg_session_init(&c->session, seed0, seed1, evg_loop_now(loop));
    evg_pipe_init(&c->pipe, &connection_ops, &pipe_ops, &c->session.wire);
    c->address = *address;
    c->connect_timeout = 5;
    c->keepalive = 60;
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_source_attach(&c->pipe.source, loop);
    return c;
}

/* The session goes at once, since the caller's requests in it may not outlive this call; only the
 * descriptor has to wait for the turn. */
void evg_connection_free(evg_connection_t *c)
{
    if (!c) return;
    evg_loop_t *loop = c->pipe.source.loop;
    evg_session_deinit(&c->session);
    c->dying = true;
    c->on_event = NULL;
    c->on_bytes = NULL;
    c->on_step = NULL;
    if (!loop->polling && !loop->turning) {
        destroy(c);
        return;
    }
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_pipe_touch(&c->pipe);
}

void evg_connection_changed(evg_connection_t *c)
{
    evg_pipe_touch(&c->pipe);
}

void evg_connection_asked(evg_connection_t *c)
{
    bool much = evg_session_unsent(&c->session) >= AT_ONCE;
    if (much && c->phase == EVG_PHASE_OPEN && !c->pipe.blocked) evg_pipe_write(&c->pipe);
    evg_pipe_touch(&c->pipe);
}

/* A poll under way is left alone when it ends early enough anyway. */
void evg_connection_flush(evg_connection_t *c)
{
    arrive(c);
    if (c->phase == EVG_PHASE_OPEN) evg_pipe_write(&c->pipe);
    evg_connection_emit(c);
    if (evg_pipe_settled_p(&c->pipe) && evg_session_deadline(&c->session) >= c->pipe.source.loop->aimed_at)
        evg_source_dirty(&c->pipe.source);
    else
        evg_pipe_touch(&c->pipe);
}

void evg_connection_clock(evg_connection_t *c)
{
    evg_wire_clock(&c->session.wire, evg_loop_now(c->pipe.source.loop));
}

void evg_connection_pump(evg_connection_t *c)
{
    evg_connection_follow(c);
    evg_connection_emit(c);
}

void evg_connection_disconnect(evg_connection_t *c)
{
    evg_session_disconnect(&c->session);
    evg_connection_pump(c);
    evg_pipe_touch(&c->pipe);
}

void evg_connection_move(evg_connection_t *c, const evg_address_t *address)
{
    evg_session_leave(&c->session);
    evg_tls_ticket_drop(&c->ticket);
    c->address = *address;
    evg_connection_pump(c);
    evg_pipe_touch(&c->pipe);
}

void evg_connection_set_tls(evg_connection_t *c, evg_tls_context_t *context)
{
    evg_tls_context_hold(context);
    evg_tls_context_release(c->tls);
    evg_tls_ticket_drop(&c->ticket);
    c->tls = context;
}

void evg_connection_shut(evg_connection_t *c)
{
    evg_session_shut(&c->session);
    evg_connection_pump(c);
    evg_pipe_touch(&c->pipe);
}

void evg_connection_cut(evg_connection_t *c)
{
    if (c->phase != EVG_PHASE_OPEN) return;
    evg_connection_finish(c, EVG_EDISCONNECTED, NULL);
    evg_connection_emit(c);
    evg_pipe_touch(&c->pipe);
}

void evg_connection_hand_back(evg_connection_t *c)
{
    if (c->phase != EVG_PHASE_OPEN) return;
    evg_connection_finish(c, EVG_EDISCONNECTED, "jobs are handed back");
    evg_worker_handed_back(&c->session);
    evg_connection_emit(c);
    evg_pipe_touch(&c->pipe);
}

/* Whatever the socket takes is written to the end: only a full one leaves something behind. */
bool evg_connection_between_packets_p(const evg_connection_t *c)
{
    return c->phase != EVG_PHASE_OPEN || (!c->pipe.blocked && !c->pipe.broken);
}

void evg_connection_set_keepalive(evg_connection_t *c, double idle)
{
    c->keepalive = idle;
    if (c->phase == EVG_PHASE_OPEN) evg_transport_keepalive(&c->pipe.transport, idle);
}
