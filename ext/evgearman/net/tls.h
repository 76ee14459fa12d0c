/* TLS 1.2 and 1.3 as a transport, by OpenSSL, over one that carries its bytes.
 *
 * What `write` took is encrypted: it is written, and never asked for again. It holds back what the socket did not take, and takes
 * no more until that is sent; what it has to say for itself it says whenever the socket lets it. It holds what was read and does
 * not fit: then it is not drained. All that is held is bounded, and nothing is while there is none. In OpenSSL's queue
 * of errors, which is the thread's, is nothing of ours afterwards, and it does not matter what was before.
 *
 * Without OpenSSL (EVG_OPENSSL is not defined) there is no context, so nobody gets to the rest. */
#ifndef EVG_NET_TLS_H
#define EVG_NET_TLS_H

#include "net/tls_context.h"
#include "net/transport.h"

/* What a server gave, to be known again by: then the next connection to it begins with less ado. Zeroes: nothing. */
typedef struct {
    struct ssl_session_st *session;
    uint64_t edition; /* of the files by which it was trusted */
} evg_tls_ticket_t;

/* It is another server from now on, or none. */
void evg_tls_ticket_drop(evg_tls_ticket_t *ticket);

/* From now on TLS is spoken over `t`, which is established or about to be: `proceed` until it answers 0, as of any transport,
 * or read right away. The first is for who connects, to `host` (a name, or an IP address), and stays away from a server that is
 * not who it should be; its ticket stays where it is until `t` is closed. The second is for who was accepted.
 * 0; EVG_IO_FAILED, errno tells: `t` is as it was. Holds the context. */
int evg_tls_connect(evg_transport_t *t, evg_tls_context_t *context, const char *host, evg_tls_ticket_t *ticket);
int evg_tls_accept(evg_transport_t *t, evg_tls_context_t *context);

/* How it is: "TLSv1.3", and whether a ticket was honoured. NULL: not established. */
const char *evg_tls_version(const evg_transport_t *t);
bool evg_tls_resumed_p(const evg_transport_t *t);

#endif
