#include "net/parts.h"

#include "base/assert.h"

void evg_connection_touch(evg_connection_t *c)
{
    evg_loop_t *loop = c->source.loop;
    evg_source_dirty(&c->source);
    if (loop->polling) evg_loop_wake(loop);
}

/* With EV_ERROR libev has stopped the watcher: the system would not watch the descriptor. */
static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    evg_connection_t *c = evg_container(io, evg_connection_t, io);
    (void)ev;
    if (revents & EV_ERROR) {
        c->watched = 0;
        c->source.fd = -1;
    }
    evg_source_ready(&c->source, revents);
}

void evg_connection_forget_watcher(evg_connection_t *c)
{
    ev_io_init(&c->io, on_io, -1, 0);
    c->watched = 0;
    c->source.fd = -1;
}

static void stop_watching(evg_connection_t *c)
{
    struct ev_loop *ev = c->source.loop->ev;
    evg_assert(!c->source.loop->polling);
    if (c->watched && ev) evg_libev.io_stop(ev, &c->io);
    c->watched = 0;
    c->source.fd = -1;
}

void evg_connection_retire(evg_connection_t *c)
{
    if (c->transport.fd < 0) return;
    evg_assert(c->retired.fd < 0); /* a transport is opened in `reconcile` only, behind `bury` */
    c->retired = c->transport;
    evg_transport_init(&c->transport);
    evg_connection_touch(c);
}

void evg_connection_bury(evg_connection_t *c)
{
    if (c->retired.fd < 0) return;
    stop_watching(c);
    evg_transport_drain(&c->retired);
    evg_transport_close(&c->retired);
}

static int wanted_events(const evg_connection_t *c)
{
    if (c->phase == EVG_PHASE_CONNECTING) return c->transport.wants;
    if (c->phase != EVG_PHASE_OPEN) return 0;
    return (c->session.paused ? 0 : EV_READ) | (c->blocked ? EV_WRITE : 0);
}

void evg_connection_watch(evg_connection_t *c)
{
    int wanted = wanted_events(c);
    evg_assert(c->source.loop->turning && !c->source.loop->polling);
    if (wanted == c->watched && (!wanted || ev_priority(&c->io) == c->priority)) return;
    stop_watching(c);
    if (!wanted) return;
    ev_io_set(&c->io, c->transport.fd, wanted);
    ev_set_priority(&c->io, c->priority);
    evg_libev.io_start(c->source.loop->ev, &c->io);
    c->watched = wanted;
    c->source.fd = wanted & EV_READ ? c->transport.fd : -1;
}

void evg_connection_close_all(evg_connection_t *c)
{
    stop_watching(c);
    evg_transport_close(&c->retired);
    evg_transport_close(&c->transport);
}
