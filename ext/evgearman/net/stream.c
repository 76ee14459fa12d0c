#include "net/parts.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

enum { READ_PER_TURN = 64 * 1024 };

/* A reset is a server that went away, whichever call hears of it first. */
static void link_failed(evg_connection_t *c, int error)
{
    bool gone = error == ECONNRESET || error == EPIPE;
    evg_connection_finish(c, gone ? EVG_ESERVER_CLOSED : EVG_EIO, gone ? NULL : strerror(error));
}

static void end_of_input(evg_connection_t *c, ssize_t answer)
{
    if (answer == EVG_IO_EOF)
        evg_connection_finish(c, EVG_ESERVER_CLOSED, NULL);
    else
        link_failed(c, errno);
}

/* One read, fed. */
static size_t read_some(evg_connection_t *c)
{
    size_t len = evg_wire_appetite(&c->session.wire);
    uint8_t *room = evg_wire_reserve(&c->session.wire, len);
    if (!room) {
        evg_connection_finish(c, EVG_ENOMEM, NULL);
        return 0;
    }
    ssize_t got = c->transport.ops->read(&c->transport, room, len);
    c->drained = got < (ssize_t)len;
    if (got > 0) {
        if (c->on_bytes) c->on_bytes(c->owner, false, evg_bytes(room, (size_t)got));
        evg_wire_commit(&c->session.wire, (size_t)got);
        evg_connection_emit(c);
        return (size_t)got;
    }
    if (got != EVG_IO_AGAIN) end_of_input(c, got);
    return 0;
}

/* A failed write is no reason to lose what lies in the socket, so the end waits until that was read. */
void evg_connection_read_in(evg_connection_t *c)
{
    size_t taken = 0;
    do taken += read_some(c);
    while (c->phase == EVG_PHASE_OPEN && !c->drained && taken < READ_PER_TURN);
    if (c->phase != EVG_PHASE_OPEN) return;
    if (!c->drained)
        evg_source_ready(&c->source, EV_READ);
    else if (c->broken)
        link_failed(c, c->broken);
}

bool evg_connection_reads_p(const evg_connection_t *c)
{
    return c->phase == EVG_PHASE_OPEN && (!c->session.paused || c->broken);
}

static void write_failed(evg_connection_t *c, int error)
{
    c->broken = error;
    c->blocked = false;
    evg_source_ready(&c->source, EV_READ);
    evg_connection_touch(c);
}

static void written(evg_connection_t *c, const uint8_t *bytes, size_t len)
{
    if (c->on_bytes) c->on_bytes(c->owner, true, evg_bytes(bytes, len));
    evg_session_written(&c->session, len);
}

/* Until nothing is owed or the socket is full. The session is asked again after each write: when its output
 * was taken it may want to say more. */
void evg_connection_write_out(evg_connection_t *c)
{
    evg_bytes_t bytes;
    c->blocked = false;
    while (!c->broken && !c->blocked && (bytes = evg_session_output(&c->session)).len) {
        ssize_t put = c->transport.ops->write(&c->transport, bytes.at, bytes.len);
        if (put > 0)
            written(c, bytes.at, (size_t)put);
        else if (put == EVG_IO_AGAIN)
            c->blocked = true;
        else
            write_failed(c, errno);
    }
}
