/* The files of a context, as OpenSSL has read them. */
#ifndef EVG_NET_TLS_FILES_H
#define EVG_NET_TLS_FILES_H

#include "net/tls_context.h"

#include <openssl/ssl.h>

/* NULL: `why` says what is wrong. */
SSL_CTX *evg_tls_files_read(const evg_tls_options_t *options, char *why, size_t cap);

#endif
