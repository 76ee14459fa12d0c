/* Lets in who connects: accepts what a listening descriptor has, so many in a turn. When the system refuses descriptors or
 * memory it waits a moment and asks again; those who wait are let in then, and are not cut off, for they would come back at
 * once. */
#ifndef EVG_NET_LISTENER_H
#define EVG_NET_LISTENER_H

#include "net/listening.h"
#include "net/source.h"
#include "net/transport.h"

typedef struct {
    evg_listening_t listening;
    /* Takes the transport over. In the middle of a turn; may not close the listener. */
    void (*on_accept)(void *owner, const evg_transport_t *transport, const evg_sockaddr_t *peer);
    void *owner;
    /* private */
    evg_source_t source;
    ev_io io;
    bool watched;
    bool holds_off;
} evg_listener_t;

/* Closed. */
void evg_listener_init(evg_listener_t *l, void (*on_accept)(void *, const evg_transport_t *, const evg_sockaddr_t *),
                       void *owner);

/* 0, or errno. */
int evg_listener_open(evg_listener_t *l, evg_loop_t *loop, const evg_address_t *address);

/* Not while the loop polls. Idempotent. */
void evg_listener_close(evg_listener_t *l);

#endif
