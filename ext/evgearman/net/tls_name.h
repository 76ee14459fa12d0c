/* Who the server has to be. */
#ifndef EVG_NET_TLS_NAME_H
#define EVG_NET_TLS_NAME_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* What its certificate has to be made out to, by its alternative names (the subject does not count); a name is told to it, so
 * that it can show the right one. Where nothing is verified it is told all the same. false: it cannot be anybody's name. */
bool evg_tls_name(SSL *ssl, const char *host);

#endif
