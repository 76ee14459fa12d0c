/* What one side brings to TLS: whom it trusts, and how it proves who it is itself. A context serves any number of connections;
 * before each it looks at its files, and reads those that have changed, so they can be replaced while the program runs. */
#ifndef EVG_NET_TLS_CONTEXT_H
#define EVG_NET_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct evg_tls_context evg_tls_context_t;

/* Files are PEM. All may be NULL. */
typedef struct {
    bool accepts;  /* it is for who accepts; else for who connects */
    bool verify;   /* the peer has to prove who it is: by a certificate that is valid now, of one whom we trust, and a
                              server by its name; who accepts asks for one only then */
    bool only_1_3; /* else TLS 1.2 will do */
    const char *ca_file;   /* whom to trust: certificates. Without both who connects trusts whom the system trusts */
    const char *ca_path;   /* a folder of such, as `openssl rehash` leaves it */
    const char *cert_file; /* our own, and behind it those between it and whom the peer trusts */
    const char *key_file;  /* its key, without a passphrase; without it: in cert_file */
    const char *hostname;  /* how the server is called in its certificate; without it: as in its address */
} evg_tls_options_t;

/* Reads the files. NULL: `why` says what is wrong ("ca_file: No such file or directory"). */
evg_tls_context_t *evg_tls_context_new(const evg_tls_options_t *options, char *why, size_t cap);

/* From any thread; what uses it has to be one at a time. Released when nobody holds it. NULL is fine. */
evg_tls_context_t *evg_tls_context_hold(evg_tls_context_t *context);
void evg_tls_context_release(evg_tls_context_t *context);

#endif
