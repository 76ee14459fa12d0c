/* Certificates that are made while the test runs, and peers that speak TLS as the test says: OpenSSL itself, on a socket.
 *
 *     kit_papers();                              once, in a group's setup: files by the names below
 *     raw_t raw;
 *     raw_open(&raw, fd, RAW_SERVER, "server");  its papers; then raw_step and what else is to be done with raw.ssl */
#ifndef EVG_SPEC_TLS_KIT_H
#define EVG_SPEC_TLS_KIT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* PEM, in a folder of its own. "ca" and "other_ca" are certificates alone; all others have the certificate, its key, and
 * what stands between it and the CA:
 *
 *     server      localhost, *.example.org, 127.0.0.1 and ::1, by the CA      client       by the CA
 *     expired     the same, until yesterday                                   stranger     by the other CA
 *     future      the same, from tomorrow on                                  self         by itself
 *     elsewhere   other.example and 10.0.0.1                                  named        localhost, in its subject only
 *     chained     by one that the CA made                                     unchained    the same, without that one
 *     replaced    as server, another one
 *
 * "locked_key" has a passphrase, "empty" is empty, "missing" is not there. */
int kit_papers(void **state);
int kit_burn_papers(void **state);

/* The file of that name; static for as long as eight others are asked for. */
const char *kit_paper(const char *name);

/* A copy of one in place of another, as if somebody had replaced it. */
void kit_replace(const char *name, const char *by);

typedef enum { RAW_CLIENT, RAW_SERVER } raw_side_t;

typedef struct {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
} raw_t;

/* On a descriptor that does not block, which it takes over. It verifies nobody. `papers` NULL: none. */
void raw_open(raw_t *raw, int fd, raw_side_t side, const char *papers);
void raw_close(raw_t *raw); /* without a word */

/* One step of the handshake: true when it is done. */
bool raw_shake(raw_t *raw);

/* What came, > 0; 0 for nothing now; -1 for the end that TLS has, -2 for any other. */
int raw_read(raw_t *raw, void *room, size_t len);

/* How much of it went; 0 for nothing now. */
size_t raw_write(raw_t *raw, const void *bytes, size_t len);

#endif
