#ifdef EVG_OPENSSL

#include "net/tls_ticket.h"

#include <openssl/x509.h>

void evg_tls_ticket_drop(evg_tls_ticket_t *ticket)
{
    SSL_SESSION_free(ticket->session);
    ticket->session = NULL;
}

/* A server that is known again shows no certificate: the one that it showed has to be valid still. */
static bool valid_p(const SSL_SESSION *session)
{
    X509 *shown = SSL_SESSION_get0_peer((SSL_SESSION *)session);
    return SSL_SESSION_is_resumable(session) && (!shown || X509_cmp_current_time(X509_get0_notAfter(shown)) > 0);
}

/* One of TLS 1.3 is good for once: who sees it twice knows that it is the same client. */
static bool spent_p(const SSL_SESSION *session)
{
    return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
}

void evg_tls_ticket_show(evg_tls_ticket_t *ticket, SSL *ssl, uint64_t edition)
{
    SSL_set_app_data(ssl, ticket);
    if (!ticket) return;
    bool good = ticket->session && ticket->edition == edition && valid_p(ticket->session);
    if (good) SSL_set_session(ssl, ticket->session);
    if (!good || spent_p(ticket->session)) evg_tls_ticket_drop(ticket);
    ticket->edition = edition;
}

int evg_tls_ticket_came(SSL *ssl, SSL_SESSION *session)
{
    evg_tls_ticket_t *ticket = SSL_get_app_data(ssl);
    if (!ticket) return 0;
    evg_tls_ticket_drop(ticket);
    ticket->session = session;
    return 1;
}

#endif
