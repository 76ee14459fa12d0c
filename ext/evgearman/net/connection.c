#include "net/connection.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/least.h"
#include "net/parts.h"

#include <unistd.h>

enum { POSTPONED_MAX = 1000, AT_ONCE = 16 * 1024 };

static evg_connection_t *connection_of(evg_source_t *source)
{
    return evg_container(source, evg_connection_t, source);
}

static void destroy(evg_connection_t *c)
{
    evg_connection_close_all(c);
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_source_detach(&c->source);
    evg_free(c);
}

static void arrive(evg_connection_t *c)
{
    evg_connection_clock(c);
    evg_connection_follow(c);
}

static void connection_reconcile(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    if (c->dying) {
        destroy(c);
        return;
    }
    arrive(c);
    evg_connection_emit(c);
    evg_connection_bury(c);
    if (c->phase == EVG_PHASE_DOWN && evg_session_wants_open(&c->session)) evg_connection_begin(c);
    if (c->phase == EVG_PHASE_CONNECTING && c->transport.fd < 0) evg_connection_try_next_way(c);
    if (c->phase == EVG_PHASE_OPEN) evg_connection_write_out(c);
    evg_connection_emit(c);
    evg_connection_bury(c);
    evg_connection_watch(c);
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
    else if (evg_connection_reads_p(c) && source->revents & EV_READ)
        evg_connection_read_in(c);
    if (deaf) unwatched(c);
    evg_connection_emit(c);
    evg_source_dirty(source);
}

/* Was it read to the end? Asked of the socket itself, because one poll does not tell of every readable
 * socket (libev takes 64 at first), and because the poll may not have come about. */
static bool read_up_p(evg_connection_t *c)
{
    bool more = evg_list_linked_p(&c->source.ready);
    if (!evg_connection_reads_p(c)) return true;
    if (!more) evg_connection_read_in(c);
    if (c->phase != EVG_PHASE_OPEN || c->drained || ++c->postponed > POSTPONED_MAX) {
        c->postponed = 0;
        return true;
    }
    return false;
}

static void connection_judge(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    if (c->dying) return;
    arrive(c);
    if (c->phase == EVG_PHASE_RESOLVING) evg_connection_resolved(c);
    if (c->phase == EVG_PHASE_CONNECTING) evg_connection_check_way(c);
    if (read_up_p(c)) {
        int rc = evg_session_tick(&c->session);
        if (rc < 0) evg_connection_finish(c, rc, NULL);
    }
    evg_connection_emit(c);
    evg_source_dirty(source);
}

/* libev's side of the watcher went with the parent's loop. */
static void connection_forked(evg_source_t *source)
{
    evg_connection_t *c = connection_of(source);
    evg_connection_forget_watcher(c);
    if (c->dying) {
        destroy(c);
        return;
    }
    evg_connection_close_all(c);
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
    evg_connection_bury(c);
    evg_connection_close_all(c);
}

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
    evg_source_init(&c->source, &connection_ops);
    evg_session_init(&c->session, seed0, seed1, evg_loop_now(loop));
    evg_transport_init(&c->transport);
    evg_transport_init(&c->retired);
    evg_connection_forget_watcher(c);
    c->address = *address;
    c->connect_timeout = 5;
    c->keepalive = 60;
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_source_attach(&c->source, loop);
    return c;
}

/* The session goes at once, since the caller's requests in it may not outlive this call; only the
 * descriptor has to wait for the turn. */
void evg_connection_free(evg_connection_t *c)
{
    if (!c) return;
    evg_loop_t *loop = c->source.loop;
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
    evg_connection_touch(c);
}

void evg_connection_changed(evg_connection_t *c)
{
    evg_connection_touch(c);
}

void evg_connection_asked(evg_connection_t *c)
{
    bool much = evg_session_unsent(&c->session) >= AT_ONCE;
    if (much && c->phase == EVG_PHASE_OPEN && !c->blocked) evg_connection_write_out(c);
    evg_connection_touch(c);
}

/* A poll under way is left alone when it ends early enough anyway. */
void evg_connection_flush(evg_connection_t *c)
{
    arrive(c);
    if (c->phase == EVG_PHASE_OPEN) evg_connection_write_out(c);
    evg_connection_emit(c);
    bool settled = c->phase == EVG_PHASE_OPEN && !c->blocked && !c->broken;
    if (settled && evg_session_deadline(&c->session) >= c->source.loop->aimed_at)
        evg_source_dirty(&c->source);
    else
        evg_connection_touch(c);
}

void evg_connection_clock(evg_connection_t *c)
{
    evg_wire_clock(&c->session.wire, evg_loop_now(c->source.loop));
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
    evg_connection_touch(c);
}

void evg_connection_move(evg_connection_t *c, const evg_address_t *address)
{
    evg_session_leave(&c->session);
    c->address = *address;
    evg_connection_pump(c);
    evg_connection_touch(c);
}

void evg_connection_shut(evg_connection_t *c)
{
    evg_session_shut(&c->session);
    evg_connection_pump(c);
    evg_connection_touch(c);
}

void evg_connection_drop(evg_connection_t *c)
{
    if (c->phase != EVG_PHASE_OPEN) return;
    evg_connection_finish(c, EVG_EDISCONNECTED, NULL);
    evg_connection_emit(c);
    evg_connection_touch(c);
}

void evg_connection_hand_back(evg_connection_t *c)
{
    if (c->phase != EVG_PHASE_OPEN) return;
    evg_connection_finish(c, EVG_EDISCONNECTED, "jobs are handed back");
    evg_worker_handed_back(&c->session);
    evg_connection_emit(c);
    evg_connection_touch(c);
}

/* Whatever the socket takes is written to the end: only a full one leaves something behind. */
bool evg_connection_between_packets_p(const evg_connection_t *c)
{
    return c->phase != EVG_PHASE_OPEN || (!c->blocked && !c->broken);
}

void evg_connection_set_keepalive(evg_connection_t *c, double idle)
{
    c->keepalive = idle;
    if (c->phase == EVG_PHASE_OPEN) evg_transport_keepalive(&c->transport, idle);
}
