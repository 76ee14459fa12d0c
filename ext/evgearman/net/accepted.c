#include "net/accepted.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/error.h"
#include "base/least.h"
#include "net/pipe_watch.h"

static const double keepalive = 60; /* seconds, as our own ends of a connection have */

static evg_accepted_t *accepted_of(evg_source_t *source)
{
    return evg_container(source, evg_accepted_t, pipe.source);
}

static void arrive(evg_accepted_t *a)
{
    evg_service_clock(a->service);
    evg_wire_clock(&a->session.wire, a->service->server.queue.now);
}

void evg_accepted_spread(evg_service_t *service)
{
    for (evg_server_session_t *s; (s = evg_server_touched(&service->server));) {
        evg_source_dirty(&evg_container(s, evg_accepted_t, session)->pipe.source);
    }
    evg_source_due_at(&service->source, evg_least(evg_server_deadline(&service->server), service->cut_at));
}

/* Its jobs go to others. */
static void destroy(evg_accepted_t *a)
{
    evg_service_t *service = a->service;
    evg_server_session_close(&a->session);
    evg_pipe_close(&a->pipe);
    evg_source_detach(&a->pipe.source);
    evg_list_unlink(&a->link);
    if (--service->connection_count == 0) evg_source_ready(&service->source, 0); /* it may wait for that to end */
    evg_lag_deinit(&a->lag);
    evg_free(a);
    evg_accepted_spread(service);
}

void evg_accepted_cut(evg_accepted_t *a)
{
    evg_assert(!a->pipe.source.loop->polling && !a->pipe.source.loop->turning);
    evg_pipe_cut(&a->pipe);
    destroy(a);
}

/* -- what it has to say -------------------------------------------------------------------------------------------- */

static size_t unwritten(const evg_accepted_t *a)
{
    return evg_wire_output(&a->session.wire).len;
}

static void say(evg_accepted_t *a)
{
    double now = a->service->loop->now, delay = a->service->delay;
    const evg_buffer_t *out = &a->session.wire.out;
    if (delay > 0 || evg_lag_due(&a->lag) < INFINITY) evg_lag_note(&a->lag, evg_buffer_position(out), now + delay);
    evg_lag_release(&a->lag, now);
    if (a->pipe.flows) evg_pipe_write(&a->pipe);
}

static bool said_p(const evg_accepted_t *a)
{
    return a->pipe.broken || (!unwritten(a) && !(a->pipe.transport.wants & EV_WRITE));
}

/* Who ends for what he did gets what he can be given at once, and nobody waits for him. */
static bool ends_p(const evg_accepted_t *a)
{
    if (a->over || (a->session.ending && a->pipe.blocked)) return true;
    return (a->session.ending || a->service->draining) && said_p(a);
}

static void finish(evg_accepted_t *a)
{
    evg_pipe_stop(&a->pipe);
    evg_pipe_bury(&a->pipe);
    destroy(a);
}

/* -- what it says -------------------------------------------------------------------------------------------------- */

/* One whose way is broken is read up, for the sake of what it said before. */
static bool reads_p(const evg_accepted_t *a)
{
    if (!a->pipe.flows || a->over || a->session.ending || a->service->draining) return false;
    return a->pipe.broken || evg_server_session_reads_p(&a->session);
}

/* What it has said meanwhile lies in the wire, and in the transport. */
static void listen_again(evg_accepted_t *a)
{
    if (!a->stalled || !reads_p(a)) return;
    evg_server_session_run(&a->session);
    a->stalled = !reads_p(a);
    evg_source_ready(&a->pipe.source, EV_READ);
}

static void settle(evg_accepted_t *a)
{
    a->stalled |= !reads_p(a);
    evg_accepted_spread(a->service);
    evg_source_dirty(&a->pipe.source);
}

/* -- told by the loop ---------------------------------------------------------------------------------------------- */

static void accepted_reconcile(evg_source_t *source)
{
    evg_accepted_t *a = accepted_of(source);
    arrive(a);
    say(a);
    if (ends_p(a)) {
        finish(a);
        return;
    }
    listen_again(a);
    evg_accepted_spread(a->service);
    evg_pipe_watch(&a->pipe, reads_p(a));
    evg_source_due_at(source, evg_least(evg_server_session_deadline(&a->session), evg_lag_due(&a->lag)));
}

static void accepted_serve(evg_source_t *source)
{
    evg_accepted_t *a = accepted_of(source);
    arrive(a);
    if (source->revents & EV_READ && reads_p(a)) evg_pipe_read(&a->pipe);
    if (source->revents & EV_ERROR) a->over = true; /* nobody would tell what comes on it */
    settle(a);
}

static void accepted_judge(evg_source_t *source)
{
    evg_accepted_t *a = accepted_of(source);
    arrive(a);
    if (!reads_p(a) || evg_pipe_read_up(&a->pipe)) evg_server_session_tick(&a->session);
    settle(a);
}

/* libev's side of the watcher went with the parent's loop. */
static void accepted_forked(evg_source_t *source)
{
    evg_accepted_t *a = accepted_of(source);
    evg_pipe_forget_watcher(&a->pipe);
    evg_pipe_cut(&a->pipe);
}

static void accepted_closed(evg_source_t *source)
{
    evg_pipe_stop(&accepted_of(source)->pipe);
    evg_pipe_close(&accepted_of(source)->pipe);
}

static const evg_source_ops_t accepted_ops = {
    .reconcile = accepted_reconcile,
    .serve = accepted_serve,
    .judge = accepted_judge,
    .forked = accepted_forked,
    .closed = accepted_closed,
};

/* -- told by its pipe ---------------------------------------------------------------------------------------------- */

static evg_accepted_t *accepted_above(evg_pipe_t *pipe)
{
    return evg_container(pipe, evg_accepted_t, pipe);
}

static evg_bytes_t pipe_output(evg_pipe_t *pipe)
{
    evg_accepted_t *a = accepted_above(pipe);
    evg_bytes_t out = evg_wire_output(&a->session.wire);
    return evg_bytes(out.at, evg_lag_let(&a->lag, a->session.wire.out.consumed, out.len));
}

static void pipe_written(evg_pipe_t *pipe, evg_bytes_t out)
{
    evg_wire_written(&accepted_above(pipe)->session.wire, out.len);
}

static void pipe_came(evg_pipe_t *pipe, evg_bytes_t in)
{
    (void)in;
    evg_server_session_run(&accepted_above(pipe)->session);
}

/* Who has closed his side may still listen: what is owed is written before ours is. */
static void pipe_ended(evg_pipe_t *pipe, int reason, const char *text)
{
    (void)text;
    accepted_above(pipe)->over = true;
    if (reason != EVG_ESERVER_CLOSED) evg_pipe_stop(pipe);
}

static const evg_pipe_ops_t pipe_ops = {
    .output = pipe_output, .written = pipe_written, .came = pipe_came, .ended = pipe_ended};

/* -- life ---------------------------------------------------------------------------------------------------------- */

bool evg_accepted_new(evg_service_t *service, const evg_transport_t *transport, const evg_sockaddr_t *peer)
{
    char host[EVG_PEER_CAP];
    evg_accepted_t *a = evg_zalloc(sizeof *a);
    if (!a) return false;
    evg_service_clock(service);
    evg_server_session_open(&a->session, &service->server, evg_sockaddr_text(peer, host, sizeof host), transport->fd);
    evg_pipe_init(&a->pipe, &accepted_ops, &pipe_ops, &a->session.wire);
    evg_lag_init(&a->lag);
    evg_list_init(&a->link);
    a->service = service;
    a->pipe.transport = *transport;
    evg_transport_keepalive(&a->pipe.transport, keepalive);
    evg_pipe_flow(&a->pipe);
    evg_list_append(&service->connections, &a->link);
    service->connection_count++;
    evg_source_attach(&a->pipe.source, service->loop);
    evg_source_dirty(&a->pipe.source);
    return true;
}
