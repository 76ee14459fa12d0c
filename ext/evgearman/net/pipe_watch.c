#include "net/pipe_watch.h"

#include "base/assert.h"

void evg_pipe_touch(evg_pipe_t *pipe)
{
    evg_loop_t *loop = pipe->source.loop;
    evg_source_dirty(&pipe->source);
    if (loop->polling) evg_loop_wake(loop);
}

/* With EV_ERROR libev has stopped the watcher: the system would not watch the descriptor. */
static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    evg_pipe_t *pipe = evg_container(io, evg_pipe_t, io);
    (void)ev;
    if (revents & EV_ERROR) {
        pipe->watched = 0;
        pipe->source.fd = -1;
    }
    evg_source_ready(&pipe->source, revents);
}

void evg_pipe_forget_watcher(evg_pipe_t *pipe)
{
    ev_io_init(&pipe->io, on_io, -1, 0);
    pipe->watched = 0;
    pipe->source.fd = -1;
}

static void stop_watching(evg_pipe_t *pipe)
{
    struct ev_loop *ev = pipe->source.loop->ev;
    evg_assert(!pipe->source.loop->polling);
    if (pipe->watched && ev) evg_libev.io_stop(ev, &pipe->io);
    pipe->watched = 0;
    pipe->source.fd = -1;
}

void evg_pipe_retire(evg_pipe_t *pipe)
{
    if (pipe->transport.fd < 0) return;
    evg_assert(pipe->retired.fd < 0); /* a transport is opened in `reconcile` only, behind `bury` */
    pipe->retired = pipe->transport;
    evg_transport_init(&pipe->transport);
    evg_pipe_touch(pipe);
}

void evg_pipe_bury(evg_pipe_t *pipe)
{
    if (pipe->retired.fd < 0) return;
    stop_watching(pipe);
    pipe->retired.ops->farewell(&pipe->retired);
    evg_transport_drain(&pipe->retired);
    evg_transport_cut(&pipe->retired);
}

/* A transport that takes no more because of what it waits for itself is not to be asked before. */
static int wanted_events(const evg_pipe_t *pipe, bool reads)
{
    int wanted = pipe->transport.wants;
    if (pipe->flows && pipe->blocked && !wanted) wanted = EV_WRITE;
    return pipe->flows && reads ? wanted | EV_READ : wanted;
}

void evg_pipe_watch(evg_pipe_t *pipe, bool reads)
{
    int wanted = wanted_events(pipe, reads);
    evg_assert(pipe->source.loop->turning && !pipe->source.loop->polling);
    if (pipe->flows && reads && !pipe->transport.drained) evg_source_ready(&pipe->source, EV_READ);
    if (wanted == pipe->watched && (!wanted || ev_priority(&pipe->io) == pipe->priority)) return;
    stop_watching(pipe);
    if (!wanted) return;
    ev_io_set(&pipe->io, pipe->transport.fd, wanted);
    ev_set_priority(&pipe->io, pipe->priority);
    evg_libev.io_start(pipe->source.loop->ev, &pipe->io);
    pipe->watched = wanted;
    pipe->source.fd = wanted & EV_READ ? pipe->transport.fd : -1;
}

void evg_pipe_cut(evg_pipe_t *pipe)
{
    stop_watching(pipe);
    evg_transport_cut(&pipe->retired);
    evg_transport_cut(&pipe->transport);
}

void evg_pipe_close(evg_pipe_t *pipe)
{
    stop_watching(pipe);
    evg_transport_close(&pipe->retired);
    evg_transport_close(&pipe->transport);
}
