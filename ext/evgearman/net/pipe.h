/* A stream of bytes between a socket and a wire: a transport, its watcher, and a source of the loop. What the bytes mean,
 * when there is to be a connection and why one ends is for what sits on top: a connection that dials, or one that was
 * accepted. TCP or TLS is for the transport.
 *
 * libev aborts when a watched descriptor is closed, and another thread may be inside libev: so a transport retires first,
 * and is buried in a turn.
 *
 * All is for the thread that has the GVL; what is only for a turn says so. */
#ifndef EVG_NET_PIPE_H
#define EVG_NET_PIPE_H

#include "net/source.h"
#include "net/transport.h"
#include "session/wire.h"

typedef struct evg_pipe evg_pipe_t;

/* What sits on top. While it is told it may stop the pipe where that is said, and only there. */
typedef struct {
    evg_bytes_t (*output)(evg_pipe_t *pipe);            /* what is to be written next; empty: nothing */
    void (*written)(evg_pipe_t *pipe, evg_bytes_t out); /* the first of that were; still to be taken out of the wire */
    void (*came)(evg_pipe_t *pipe, evg_bytes_t in);     /* these were read, and are in the wire; may stop it */
    /* It is over: EVG_ESERVER_CLOSED, EVG_EIO, EVG_ENOMEM, and what the system says, or NULL. What came was told.
     * May stop it. */
    void (*ended)(evg_pipe_t *pipe, int reason, const char *text);
} evg_pipe_ops_t;

struct evg_pipe {
    evg_source_t source;
    evg_transport_t transport;
    evg_wire_t *wire;
    const evg_pipe_ops_t *ops;
    int priority; /* -2..2, of the watcher */
    /* private, but to be read */
    bool flows;              /* bytes do: between evg_pipe_flow and evg_pipe_stop */
    bool blocked;            /* the transport takes no more */
    int broken;              /* errno of a write that failed: what the peer sent is still read, then it ends */
    evg_transport_t retired; /* to be closed as soon as its watcher may be stopped */
    ev_io io;
    int watched;   /* EV_READ | EV_WRITE that `io` is started for */
    int postponed; /* turns for which it was to be read up and was not */
};

/* Closed, and attached to nothing. The wire belongs to what sits on top, and lives as long. */
void evg_pipe_init(evg_pipe_t *pipe, const evg_source_ops_t *source_ops, const evg_pipe_ops_t *ops, evg_wire_t *wire);

/* The transport is established: bytes flow. */
void evg_pipe_flow(evg_pipe_t *pipe);

/* They flow no more; the transport retires. Nothing is told. Idempotent. */
void evg_pipe_stop(evg_pipe_t *pipe);

/* A turn's worth is read in; ready again when there may be more. */
void evg_pipe_read(evg_pipe_t *pipe);

/* Before a deadline is judged. true: all that the transport had is read in, or it is over. false: there is more, and it will
 * be read; the judgement is put off, but not for ever. */
bool evg_pipe_read_up(evg_pipe_t *pipe);

/* Writes until nothing is owed or the transport takes no more, behind what the transport holds. `output` is asked again after each
 * write: when what it had was taken it may want to say more. */
void evg_pipe_write(evg_pipe_t *pipe);

/* All was written, and its watcher has nothing to do but wait for the peer. */
static inline bool evg_pipe_settled_p(const evg_pipe_t *pipe)
{
    return pipe->flows && !pipe->blocked && !pipe->broken && !pipe->transport.wants;
}

#endif
