#include "net/listener.h"

#include <errno.h>
#include <math.h>

enum { MANY = 64 /* that are let in in one turn */ };

static const double moment = 0.1; /* seconds before the system is asked again */

static evg_listener_t *listener_of(evg_source_t *source)
{
    return evg_container(source, evg_listener_t, source);
}

/* With EV_ERROR libev has stopped the watcher: the system would not watch the descriptor. */
static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    evg_listener_t *l = evg_container(io, evg_listener_t, io);
    (void)ev;
    if (revents & EV_ERROR) l->watched = false;
    evg_source_ready(&l->source, revents);
}

static void watch(evg_listener_t *l, bool on)
{
    struct ev_loop *ev = l->source.loop->ev;
    if (l->watched == on || !ev) return;
    l->watched = on;
    if (on)
        evg_libev.io_start(ev, &l->io);
    else
        evg_libev.io_stop(ev, &l->io);
}

static void hold_off(evg_listener_t *l, bool on)
{
    l->holds_off = on;
    evg_source_due_at(&l->source, on ? l->source.loop->now + moment : INFINITY);
    evg_source_dirty(&l->source);
}

static void listener_reconcile(evg_source_t *source)
{
    evg_listener_t *l = listener_of(source);
    watch(l, !l->holds_off);
}

/* One who has gone meanwhile; others wait behind him. Anything else is likely to come again at once. */
static bool gone_p(int error)
{
    return error == ECONNABORTED || error == EPROTO;
}

/* false: there is no more to be had. */
static bool let_in(evg_listener_t *l)
{
    evg_transport_t transport;
    evg_sockaddr_t peer;
    int rc = evg_transport_accept(&transport, l->listening.fd, &peer);
    if (rc == 0) l->on_accept(l->owner, &transport, &peer);
    if (rc == EVG_IO_FAILED && !gone_p(errno)) hold_off(l, true);
    return rc != EVG_IO_AGAIN && !l->holds_off;
}

static void listener_serve(evg_source_t *source)
{
    evg_listener_t *l = listener_of(source);
    int count = 0;
    if (source->revents & EV_ERROR) hold_off(l, true);
    while (!l->holds_off && count < MANY && let_in(l)) count++;
    if (count == MANY) evg_source_ready(source, EV_READ);
}

static void listener_judge(evg_source_t *source)
{
    hold_off(listener_of(source), false);
}

/* libev's side of the watcher went with the parent's loop. */
static void listener_forked(evg_source_t *source)
{
    evg_listener_t *l = listener_of(source);
    l->watched = false;
    evg_listening_forked(&l->listening);
}

static void listener_closed(evg_source_t *source)
{
    evg_listener_close(listener_of(source));
}

static const evg_source_ops_t listener_ops = {
    .reconcile = listener_reconcile,
    .serve = listener_serve,
    .judge = listener_judge,
    .forked = listener_forked,
    .closed = listener_closed,
};

void evg_listener_init(evg_listener_t *l, void (*on_accept)(void *, const evg_transport_t *, const evg_sockaddr_t *),
                       void *owner)
{
    *l = (evg_listener_t){.on_accept = on_accept, .owner = owner};
    evg_listening_init(&l->listening);
    evg_source_init(&l->source, &listener_ops);
}

int evg_listener_open(evg_listener_t *l, evg_loop_t *loop, const evg_address_t *address)
{
    int error = evg_listening_open(&l->listening, address);
    if (error) return error;
    ev_io_init(&l->io, on_io, l->listening.fd, EV_READ);
    l->watched = l->holds_off = false;
    evg_source_attach(&l->source, loop);
    evg_source_dirty(&l->source);
    return 0;
}

void evg_listener_close(evg_listener_t *l)
{
    if (!l->source.loop) return;
    watch(l, false);
    evg_listening_close(&l->listening);
    evg_source_detach(&l->source);
}
