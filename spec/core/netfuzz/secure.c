#include "netfuzz/netfuzz.h"
#include "support/tls_kit.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>

evg_tls_context_t *secure_context;

static SSL_CTX *right, *wrong; /* of the server: with papers that are trusted, and with others */

struct secure {
    SSL *ssl;
    BIO *in, *out; /* ciphertext */
};

/* -- chance -------------------------------------------------------------------------------------------------------- */

/* OpenSSL's keys and signatures come again with a seed, too: how long they are would change what follows. */
static uint64_t state;

static int bytes_by_chance(unsigned char *room, int len)
{
    for (int at = 0; at < len; at++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        room[at] = (unsigned char)(state >> 56);
    }
    return 1;
}

static int always(void)
{
    return 1;
}

static const RAND_METHOD chance = {.bytes = bytes_by_chance, .pseudorand = bytes_by_chance, .status = always};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void secure_prepare(void)
{
    must(RAND_set_rand_method(&chance) == 1);
    kit_papers(NULL);
}
#pragma GCC diagnostic pop

void secure_finish(void)
{
    kit_burn_papers(NULL);
}

/* -- a life -------------------------------------------------------------------------------------------------------- */

static SSL_CTX *server_of(const char *papers, bool old)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    must(SSL_CTX_use_certificate_chain_file(ctx, kit_paper(papers)) == 1);
    must(SSL_CTX_use_PrivateKey_file(ctx, kit_paper(papers), SSL_FILETYPE_PEM) == 1);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"fuzz", 4);
    if (old) SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    return ctx;
}

void secure_begin(uint64_t seed)
{
    char why[200];
    const evg_tls_options_t options = {.verify = true, .ca_file = kit_paper("ca"), .hostname = "localhost"};
    state = seed;
    if (pick(3)) return;
    right = server_of("server", pick(4) == 0);
    wrong = server_of(pick(2) ? "stranger" : "expired", false);
    secure_context = evg_tls_context_new(&options, why, sizeof why);
    must(secure_context);
}

/* No memory of ours is left. */
void secure_forget(void)
{
    evg_tls_context_release(secure_context);
    secure_context = NULL;
}

void secure_end(void)
{
    SSL_CTX_free(right);
    SSL_CTX_free(wrong);
    right = wrong = NULL;
}

/* -- a peer -------------------------------------------------------------------------------------------------------- */

secure_t *secure_open(bool trusted)
{
    secure_t *secure = malloc(sizeof *secure);
    *secure = (secure_t){SSL_new(trusted ? right : wrong), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    SSL_set_bio(secure->ssl, secure->in, secure->out);
    SSL_set_accept_state(secure->ssl);
    return secure;
}

void secure_close(secure_t *secure)
{
    if (!secure) return;
    SSL_set_shutdown(secure->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or it is known again by nobody */
    SSL_free(secure->ssl);
    free(secure);
}

/* What it has made of all that goes to the socket. */
static void collect(secure_t *secure, bytes_t *wire)
{
    uint8_t room[4096];
    for (int got; (got = BIO_read(secure->out, room, sizeof room)) > 0;) bytes_add(wire, room, (size_t)got);
}

/* false: there is nothing to come. */
bool secure_hear(secure_t *secure, evg_bytes_t came, bytes_t *in, bytes_t *wire)
{
    uint8_t room[4096];
    int got;
    ERR_clear_error();
    must(BIO_write(secure->in, came.at, (int)came.len) == (int)came.len);
    while ((got = SSL_read(secure->ssl, room, sizeof room)) > 0) bytes_add(in, room, (size_t)got);
    bool well = SSL_get_error(secure->ssl, got) == SSL_ERROR_WANT_READ;
    collect(secure, wire);
    return well;
}

/* Before hands are shaken it waits. New keys come with it at times. */
void secure_say(secure_t *secure, bytes_t *out, bytes_t *wire)
{
    if (!SSL_is_init_finished(secure->ssl)) return;
    ERR_clear_error();
    bool keys = SSL_version(secure->ssl) == TLS1_3_VERSION && pick(20) == 0;
    if (keys) SSL_key_update(secure->ssl, pick(2) ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    if (out->len && SSL_write(secure->ssl, out->at, (int)out->len) > 0) bytes_drop(out, out->len);
    collect(secure, wire);
}

void secure_farewell(secure_t *secure, bytes_t *wire)
{
    ERR_clear_error();
    SSL_shutdown(secure->ssl);
    collect(secure, wire);
}
