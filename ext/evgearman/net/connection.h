/* Pumps bytes between a transport and a session, and makes the connections that the session wants.
 *
 * The phase below is the only state of its own; everything that is decided is decided by the session. Events of the
 * session go to `on_event`, which must not run Ruby code nor free the connection (it is called in the middle of a
 * turn); it records what has to be called later. */
#ifndef EVG_NET_CONNECTION_H
#define EVG_NET_CONNECTION_H

#include "net/address.h"
#include "net/pipe.h"
#include "net/resolver.h"
#include "net/tls.h"
#include "session/session.h"

typedef enum { EVG_PHASE_DOWN, EVG_PHASE_RESOLVING, EVG_PHASE_CONNECTING, EVG_PHASE_OPEN } evg_phase_t;

typedef struct evg_connection {
    evg_pipe_t pipe; /* first; its wire is the session's */
    evg_session_t session;
    evg_address_t address;
    evg_tls_context_t *tls; /* NULL: in the clear */
    double
        connect_timeout; /* seconds for its name, and for one address, SYN to established (by TLS, if so); among several servers for
                            its first answer, too; 0 is never */
    double keepalive; /* seconds */
    void (*on_event)(void *owner, const evg_event_t *event);
    void (*on_bytes)(void *owner, bool out, evg_bytes_t bytes); /* read, or written (out); NULL: nobody looks */
    void (*on_step)(void *owner); /* everything was told; more may be written or answered than before; NULL */
    void *owner;
    /* private */
    evg_phase_t phase;
    evg_resolution_t *resolution;
    evg_sockaddrs_t *ways; /* while resolving or connecting */
    int way;               /* the one that is tried */
    int cause;             /* why the last way failed, or could not be tried, and what there is to say of that */
    char cause_text[160];
    bool wanting; /* it was for want of something of this machine's */
    evg_tls_ticket_t ticket;
    double give_up_at; /* connect_timeout of that one, or of the resolution */
    bool telling;      /* on_event is being called */
    bool dying;        /* to be freed at the next reconciliation; the session is gone already */
} evg_connection_t;

/* Heap; session with its defaults; attached to the loop. NULL: no memory. */
evg_connection_t *evg_connection_new(evg_loop_t *loop, const evg_address_t *address, uint64_t seed0, uint64_t seed1);

/* The owner goes away: closes the socket, calls out no more, and frees itself as soon as no turn
 * is under way. NULL is fine. */
void evg_connection_free(evg_connection_t *c);

/* Something changed that the session or the watchers have to follow (a request was made, an option changed):
 * marks dirty and wakes a poll under way. */
void evg_connection_changed(evg_connection_t *c);

/* The same for something to be said. Once much waits it is written at once, so that the server does its work while the
 * turn goes on with ours. Not from a GC: it may close, and whoever looks at what is written makes objects. */
void evg_connection_asked(evg_connection_t *c);

/* Writes what the session has to say, now, as far as the socket takes it. May end the connection (events are told).
 * Never touches a watcher: the rest is left to the loop, which is marked and woken. */
void evg_connection_flush(evg_connection_t *c);

/* Tells the session the time (clock_gettime), so that a request made now is timed from now. */
void evg_connection_clock(evg_connection_t *c);

/* Passes on what the session has to tell (after evg_session_disconnect and the like). */
void evg_connection_pump(evg_connection_t *c);

/* evg_session_disconnect (or _shut), the socket closed, events told. */
void evg_connection_disconnect(evg_connection_t *c);
void evg_connection_shut(evg_connection_t *c);

/* Goes to another address from now on: evg_session_leave, the socket closed, events told. */
void evg_connection_move(evg_connection_t *c, const evg_address_t *address);

/* By TLS from the next connection on, or in the clear (NULL); to a unix socket always in the clear. Holds the context. */
void evg_connection_set_tls(evg_connection_t *c, evg_tls_context_t *context);

/* Ends the connection as if the network had, and the session connects again. Nothing if it is not open. */
void evg_connection_cut(evg_connection_t *c);

/* The same, so that the server gives our jobs to somebody else: they are lost; and with back-off, or one that comes back
 * would be handed to and fro without end. */
void evg_connection_hand_back(evg_connection_t *c);

/* The next byte that is written begins a packet: no packet is half written. */
bool evg_connection_between_packets_p(const evg_connection_t *c);

/* A new keepalive, at once. */
void evg_connection_set_keepalive(evg_connection_t *c, double idle);

#endif
