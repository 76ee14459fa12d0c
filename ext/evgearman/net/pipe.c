#include "net/pipe.h"

#include "base/error.h"
#include "net/pipe_watch.h"

#include <errno.h>
#include <string.h>

enum { READ_PER_TURN = 64 * 1024, POSTPONED_MAX = 1000 };

void evg_pipe_init(evg_pipe_t *pipe, const evg_source_ops_t *source_ops, const evg_pipe_ops_t *ops, evg_wire_t *wire)
{
    evg_source_init(&pipe->source, source_ops);
    evg_transport_init(&pipe->transport);
    evg_transport_init(&pipe->retired);
    evg_pipe_forget_watcher(pipe);
    pipe->ops = ops;
    pipe->wire = wire;
}

static void begin_anew(evg_pipe_t *pipe, bool flows)
{
    pipe->flows = flows;
    pipe->blocked = false;
    pipe->broken = pipe->postponed = 0;
}

void evg_pipe_flow(evg_pipe_t *pipe)
{
    begin_anew(pipe, true);
}

void evg_pipe_stop(evg_pipe_t *pipe)
{
    begin_anew(pipe, false);
    evg_pipe_retire(pipe);
}

/* A reset is a peer that went away, whichever call hears of it first. */
static void failed(evg_pipe_t *pipe, int error)
{
    const evg_transport_t *t = &pipe->transport;
    bool gone = error == ECONNRESET || error == EPIPE;
    if (t->error)
        pipe->ops->ended(pipe, t->error, t->text);
    else
        pipe->ops->ended(pipe, gone ? EVG_ESERVER_CLOSED : EVG_EIO, gone ? NULL : strerror(error));
}

static void end_of_input(evg_pipe_t *pipe, ssize_t answer)
{
    if (answer == EVG_IO_EOF)
        pipe->ops->ended(pipe, EVG_ESERVER_CLOSED, NULL);
    else
        failed(pipe, errno);
}

/* One read, told. */
static size_t read_some(evg_pipe_t *pipe)
{
    size_t len = evg_wire_appetite(pipe->wire);
    uint8_t *room = evg_wire_reserve(pipe->wire, len);
    if (!room) {
        pipe->ops->ended(pipe, EVG_ENOMEM, NULL);
        return 0;
    }
    ssize_t got = pipe->transport.ops->read(&pipe->transport, room, len);
    if (got > 0) {
        evg_wire_commit(pipe->wire, (size_t)got);
        pipe->ops->came(pipe, evg_bytes(room, (size_t)got));
        return (size_t)got;
    }
    if (got != EVG_IO_AGAIN) end_of_input(pipe, got);
    return 0;
}

/* A failed write is no reason to lose what lies in the socket, so the end waits until that was read. */
void evg_pipe_read(evg_pipe_t *pipe)
{
    size_t taken = 0;
    do taken += read_some(pipe);
    while (pipe->flows && !pipe->transport.drained && taken < READ_PER_TURN);
    if (!pipe->flows) return;
    if (!pipe->transport.drained)
        evg_source_ready(&pipe->source, EV_READ);
    else if (pipe->broken)
        failed(pipe, pipe->broken);
}

/* Asked of the transport itself, because one poll does not tell of every readable socket (libev takes 64 at first), and
 * because the poll may not have come about. */
bool evg_pipe_read_up(evg_pipe_t *pipe)
{
    if (!evg_list_linked_p(&pipe->source.ready)) evg_pipe_read(pipe);
    bool up = !pipe->flows || pipe->transport.drained || ++pipe->postponed > POSTPONED_MAX;
    if (up) pipe->postponed = 0;
    return up;
}

static void write_failed(evg_pipe_t *pipe, int error)
{
    pipe->broken = error;
    pipe->blocked = false;
    evg_source_ready(&pipe->source, EV_READ);
    evg_pipe_touch(pipe);
}

/* What the transport wants for itself: there need not be anything else to write. */
static void proceed(evg_pipe_t *pipe)
{
    if (pipe->transport.ops->proceed(&pipe->transport) == EVG_IO_FAILED) write_failed(pipe, errno);
}

void evg_pipe_write(evg_pipe_t *pipe)
{
    evg_bytes_t bytes;
    pipe->blocked = false;
    if (pipe->transport.wants && !pipe->broken) proceed(pipe);
    while (!pipe->broken && !pipe->blocked && (bytes = pipe->ops->output(pipe)).len) {
        ssize_t put = pipe->transport.ops->write(&pipe->transport, bytes.at, bytes.len);
        if (put > 0)
            pipe->ops->written(pipe, evg_bytes(bytes.at, (size_t)put));
        else if (put == EVG_IO_AGAIN)
            pipe->blocked = true;
        else
            write_failed(pipe, errno);
    }
}
