#ifdef EVG_OPENSSL

#include "net/tls_files.h"

#include "net/tls_text.h"
#include "net/tls_ticket.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>

/* OpenSSL does not look at a folder before it needs it, and of one in place of a file it says that there is nothing in it. */
static bool there_p(const char *path, bool folder)
{
    struct stat is;
    if (stat(path, &is) < 0) return false;
    errno = folder ? ENOTDIR : EISDIR;
    return S_ISDIR(is.st_mode) == folder;
}

/* To its clients, that they may choose a certificate. */
static bool present_ca(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(o->ca_file);
    if (names) SSL_CTX_set_client_CA_list(ctx, names);
    return names;
}

static bool read_ca_file(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    if (!o->ca_file) return true;
    return there_p(o->ca_file, false) && SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL) == 1 &&
           (!o->accepts || present_ca(ctx, o));
}

static bool read_ca_path(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    if (!o->ca_path) return true;
    return there_p(o->ca_path, true) && SSL_CTX_load_verify_locations(ctx, NULL, o->ca_path) == 1;
}

static bool read_system(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    bool told = o->ca_file || o->ca_path || o->accepts || !o->verify;
    return told || SSL_CTX_set_default_verify_paths(ctx) == 1;
}

static bool read_cert_file(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    if (!o->cert_file) return true;
    return there_p(o->cert_file, false) && SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) == 1;
}

/* It has to be that of the certificate. */
static bool read_key_file(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    const char *path = o->key_file ? o->key_file : o->cert_file;
    if (!path) return true;
    return there_p(path, false) && SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1;
}

static const struct {
    const char *name;
    bool (*read)(SSL_CTX *ctx, const evg_tls_options_t *o);
} steps[] = {
    {"ca_file", read_ca_file},     {"ca_path", read_ca_path},   {"the system's CAs", read_system},
    {"cert_file", read_cert_file}, {"key_file", read_key_file},
};

/* Nobody is asked on the terminal, for whom everybody would wait. */
static int no_passphrase(char *room, int cap, int writing, void *asked)
{
    (void)room, (void)cap, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool read_all(SSL_CTX *ctx, const evg_tls_options_t *o, char *why, size_t cap)
{
    bool asked = false;
    char text[EVG_TLS_TEXT];
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
    for (size_t at = 0; at < sizeof steps / sizeof *steps; at++) {
        errno = 0;
        if (steps[at].read(ctx, o)) continue;
        evg_tls_explain_file(text, sizeof text);
        snprintf(why, cap, "%s: %s", steps[at].name, asked ? "it has a passphrase" : text);
        return false;
    }
    return true;
}

/* Nothing is negotiated anew: neither side may become another under way. */
static bool set_up(SSL_CTX *ctx, const evg_tls_options_t *o)
{
    static const unsigned char name[] = "evgearman";
    int certificate = o->accepts ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_verify(ctx, o->verify ? certificate : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, o->accepts ? SSL_SESS_CACHE_OFF
                                                   : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, evg_tls_ticket_came);
    return SSL_CTX_set_min_proto_version(ctx, o->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_session_id_context(ctx, name, sizeof name - 1) == 1;
}

SSL_CTX *evg_tls_files_read(const evg_tls_options_t *options, char *why, size_t cap)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(options->accepts ? TLS_server_method() : TLS_client_method());
    if (!ctx || !set_up(ctx, options)) {
        evg_tls_explain_file(why, cap);
    } else if (read_all(ctx, options, why, cap)) {
        ERR_clear_error();
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}

#endif
