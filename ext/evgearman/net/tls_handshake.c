#ifdef EVG_OPENSSL

#include "net/tls_internal.h"

#include "base/error.h"
#include "net/tls_name.h"
#include "net/tls_ticket.h"

enum { FETCHES = 16 /* at once */ };

static const char *host_of(const evg_tls_t *tls)
{
    const char *name = evg_tls_context_options(tls->context)->hostname;
    return name ? name : tls->host;
}

static bool take_side(evg_tls_t *tls, uint64_t edition)
{
    SSL *ssl = tls->ssl;
    if (evg_tls_context_options(tls->context)->accepts) {
        SSL_set_accept_state(ssl);
        return true;
    }
    SSL_set_connect_state(ssl);
    evg_tls_ticket_show(tls->ticket, ssl, edition);
    return evg_tls_name(ssl, host_of(tls));
}

int evg_tls_begin(evg_transport_t *t)
{
    evg_tls_t *tls = t->tls;
    uint64_t edition;
    int rc = tls->carrier->proceed(t);
    if (rc != 0) return rc;
    tls->ssl = evg_tls_context_begin(tls->context, &edition, tls->text, sizeof tls->text);
    if (!tls->ssl) return evg_tls_fail(t, EVG_ECONNECT, tls->text);
    BIO *bio = evg_ciphertext_bio(&tls->held);
    if (!bio) return evg_tls_fail(t, EVG_ENOMEM, NULL);
    SSL_set_bio(tls->ssl, bio, bio);
    if (!take_side(tls, edition))
        return evg_tls_fail(t, EVG_ETLS, "the server has no name that a certificate could bear");
    tls->stage = EVG_TLS_SHAKING;
    t->text = "in the TLS handshake: does it speak TLS?";
    return 0;
}

void evg_tls_open(evg_transport_t *t)
{
    t->tls->stage = EVG_TLS_OPEN;
    t->text = NULL;
    ERR_clear_error();
}

/* As far as what was fetched goes. */
static int shake(evg_transport_t *t)
{
    SSL *ssl = t->tls->ssl;
    ERR_clear_error();
    int rc = SSL_do_handshake(ssl);
    if (rc != 1) return SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ ? EVG_IO_AGAIN : evg_tls_fail_by_ssl(t);
    evg_tls_open(t);
    return 0;
}

/* What the peer said before it went counts, whether or not it can still be answered. */
int evg_tls_shake_hands(evg_transport_t *t)
{
    int rc = EVG_IO_AGAIN;
    for (int i = 0; i < FETCHES && (rc = shake(t)) == EVG_IO_AGAIN; i++) {
        evg_tls_flush(t);
        if (!evg_tls_fetch(t, EVG_TLS_FETCH_LEAST)) break;
    }
    if (t->tls->stage == EVG_TLS_FAILED) return evg_tls_failed();
    return rc == EVG_IO_AGAIN && t->tls->deaf ? evg_tls_fail_by_end(t) : rc;
}

#endif
