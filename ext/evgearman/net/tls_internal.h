/* What the files of TLS share with each other and with nobody else.
 *
 *     tls_text.c         why OpenSSL failed, in words
 *     tls_ticket.c       what a server gave to be known again by
 *     tls_name.c         who the server has to be
 *     tls_files.c        the files of a context, as OpenSSL reads them
 *     tls_context.c      when they are read
 *     tls_ciphertext.c   the bytes between OpenSSL and the socket
 *     tls_carrier.c      to the socket, and from it; and how it fails
 *     tls_handshake.c    from there to OPEN
 *     tls.c              the transport */
#ifndef EVG_NET_TLS_INTERNAL_H
#define EVG_NET_TLS_INTERNAL_H

#include "net/address.h"
#include "net/tls.h"
#include "net/tls_ciphertext.h"
#include "net/tls_text.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/types.h>

typedef enum {
    EVG_TLS_CARRIED, /* not yet: what is to carry it is not established */
    EVG_TLS_SHAKING, /* hands */
    EVG_TLS_OPEN,
    EVG_TLS_ENDED, /* the peer has said that it is done */
    EVG_TLS_FAILED,
    EVG_TLS_LEFT /* and so have we */
} evg_tls_stage_t;

typedef struct evg_tls {
    evg_tls_context_t *context;
    const evg_transport_ops_t *carrier;
    SSL *ssl; /* from SHAKING on */
    evg_ciphertext_t held;
    evg_tls_ticket_t *ticket;
    evg_tls_stage_t stage;
    bool heard;   /* the peer has said something */
    bool emptied; /* the carrier had no more, by the last fetch */
    bool deaf;    /* nothing more comes … */
    int why_deaf; /* … by errno; 0: it ended */
    int mute;     /* errno: nothing more goes */
    pid_t owner;  /* a forked child may not speak */
    char host[EVG_HOST_MAX + 1];
    char text[EVG_TLS_TEXT];
} evg_tls_t;

/* -- tls_context.c ------------------------------------------------------------------------------------------------- */

/* A connection of the context, by its files as they are now; `edition` is another whenever they were read anew. NULL: `why`
 * says why not. */
SSL *evg_tls_context_begin(evg_tls_context_t *context, uint64_t *edition, char *why, size_t cap);

const evg_tls_options_t *evg_tls_context_options(const evg_tls_context_t *context);

/* -- tls_carrier.c ------------------------------------------------------------------------------------------------- */

enum {
    EVG_TLS_FETCH_LEAST = 20 * 1024, /* there is a whole record in it, if there is one */
    EVG_TLS_FETCH_MOST = 64 * 1024,
};

/* It has failed, once and for all. EVG_IO_FAILED, as all of these. */
int evg_tls_fail(evg_transport_t *t, int error, const char *text);
int evg_tls_failed(void);                    /* again */
int evg_tls_fail_by_end(evg_transport_t *t); /* the carrier has ended; once it is open only errno may tell */
int evg_tls_fail_by_ssl(evg_transport_t *t); /* OpenSSL has not done what it was told last */

/* Sends what is held. 0; EVG_IO_AGAIN: some is left; EVG_IO_FAILED: errno tells, and will from now on. */
int evg_tls_flush(evg_transport_t *t);

/* Reads so many bytes at most. false: nothing came, or nothing good: then it has failed. */
bool evg_tls_fetch(evg_transport_t *t, size_t len);

/* -- tls_handshake.c ----------------------------------------------------------------------------------------------- */

/* Of one that is CARRIED: SHAKING once the carrier is there (0), or as its `proceed`. */
int evg_tls_begin(evg_transport_t *t);

/* Of one that is SHAKING: OPEN (0), EVG_IO_AGAIN or EVG_IO_FAILED. What was made of it is still to be flushed. */
int evg_tls_shake_hands(evg_transport_t *t);

void evg_tls_open(evg_transport_t *t);

#endif
