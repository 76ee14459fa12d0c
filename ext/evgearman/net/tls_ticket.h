/* What a server gave to be known again by. */
#ifndef EVG_NET_TLS_TICKET_H
#define EVG_NET_TLS_TICKET_H

#include "net/tls.h"

#include <openssl/ssl.h>

/* A handshake begins, by which files: it is shown if it is good for that, and those that come are kept. NULL: none. */
void evg_tls_ticket_show(evg_tls_ticket_t *ticket, SSL *ssl, uint64_t edition);

/* OpenSSL's callback. */
int evg_tls_ticket_came(SSL *ssl, SSL_SESSION *session);

#endif
