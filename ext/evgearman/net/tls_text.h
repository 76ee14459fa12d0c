/* Why OpenSSL failed, in words for who has to mend it. */
#ifndef EVG_NET_TLS_TEXT_H
#define EVG_NET_TLS_TEXT_H

#include "base/bytes.h"

#include <openssl/ssl.h>

enum { EVG_TLS_TEXT = 160 };

/* The cause of what failed last in this thread: OpenSSL's, or else errno. Empties the queue of errors, as the other does. */
void evg_tls_explain_file(char *room, size_t cap);

/* The same of a connection, in its handshake or behind it. true: trying again will not mend it. */
bool evg_tls_explain(const SSL *ssl, bool shaking, char *room, size_t cap);

/* Of one that says something else before it has said anything of TLS: `who` that is, and what. */
void evg_tls_explain_foreigner(const char *who, evg_bytes_t said, char *room, size_t cap);

#endif
