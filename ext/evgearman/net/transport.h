/* A stream socket as a table of functions: TCP, unix, TLS over one of them (net/tls.h), and "closed", whose functions say so. Nobody above
 * asks which it is. Never blocks, never raises SIGPIPE; descriptors are close-on-exec. */
#ifndef EVG_NET_TRANSPORT_H
#define EVG_NET_TRANSPORT_H

#include "net/address.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct evg_transport evg_transport_t;

/* What read and write answer besides a count. */
enum { EVG_IO_AGAIN = -1, EVG_IO_EOF = -2, EVG_IO_FAILED = -3 /* errno tells, or transport->error and text */ };

typedef struct {
    const char *name;
    /* Goes on with what transport->wants waits for. 0: the connection is established, and nothing that was taken is still to
     * be sent. EVG_IO_AGAIN: not yet. EVG_IO_FAILED. */
    int (*proceed)(evg_transport_t *t);
    ssize_t (*read)(evg_transport_t *t, void *room, size_t len);         /* > 0, or one of the above */
    ssize_t (*write)(evg_transport_t *t, const void *bytes, size_t len); /* > 0, taken for good; ditto, but for EOF */
    void (*farewell)(evg_transport_t *t); /* the word that this is the end; what is read from then on is for nobody */
    void (*close)(evg_transport_t *t);
    void (*keepalive)(evg_transport_t *t, double idle);
    size_t (*in_flight)(const evg_transport_t *t);
} evg_transport_ops_t;

struct evg_transport {
    const evg_transport_ops_t *ops;
    int fd;    /* -1 when closed */
    int wants; /* EV_READ / EV_WRITE that `proceed` waits for: to be established, or to send what it holds; 0: nothing */
    bool drained;        /* by its last read: nothing more can be read before the descriptor is ready again */
    int error;           /* an evg_error_t: of a failure that errno does not tell; 0 */
    const char *text;    /* what there is to say of that, or of what it waits for; its own until it is closed; NULL */
    struct evg_tls *tls; /* of TLS over it */
};

void evg_transport_init(evg_transport_t *t); /* closed */

/* Begins to connect. 0: under way, or already there (ask `proceed`). EVG_IO_FAILED: errno tells. */
int evg_transport_connect(evg_transport_t *t, const evg_sockaddr_t *address);

/* The next of those who wait at a descriptor that listens, and its address, is established. 0; EVG_IO_AGAIN: nobody waits;
 * EVG_IO_FAILED: errno tells, of that one or of all. */
int evg_transport_accept(evg_transport_t *t, int listening, evg_sockaddr_t *peer);

/* TCP only, elsewhere nothing: SO_KEEPALIVE after `idle` seconds (interval a quarter of it, 4 probes) and
 * TCP_USER_TIMEOUT (twice it); 0 turns it off. */
void evg_transport_keepalive(evg_transport_t *t, double idle);

/* How many bytes of what was written are not in the peer's kernel yet. Nothing tells when that changes; it has to be asked
 * again. 0 where the system does not say. */
size_t evg_transport_in_flight(const evg_transport_t *t);

/* Takes out what the peer has said, a few MiB at most, for nobody. A kernel that closes over unread bytes resets the
 * connection, and what it had still to send is lost. Not in a forked child: they are its parent's. */
void evg_transport_drain(evg_transport_t *t);

/* The descriptor is closed; then "closed". Idempotent. The peer is told that this is the end, where there is a word for it and
 * the socket takes that at once (not in a forked child); or it is cut without a word. */
void evg_transport_close(evg_transport_t *t);
void evg_transport_cut(evg_transport_t *t);

#endif
