/* The bytes between OpenSSL and the socket, as a BIO over two buffers. */
#ifndef EVG_NET_TLS_CIPHERTEXT_H
#define EVG_NET_TLS_CIPHERTEXT_H

#include "base/buffer.h"

#include <openssl/bio.h>
#include <stdbool.h>

typedef struct {
    evg_buffer_t in;  /* read, and not taken by OpenSSL */
    evg_buffer_t out; /* made by OpenSSL, and not sent */
    bool lost;        /* there was no memory for some of it */
} evg_ciphertext_t;

/* It takes all that is written to it, unless there is no memory. NULL: ditto. The buffers have to outlive it. */
BIO *evg_ciphertext_bio(evg_ciphertext_t *ciphertext);

#endif
