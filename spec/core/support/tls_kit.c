#include "support/tls_kit.h"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- papers -------------------------------------------------------------------------------------------------------- */

enum { DAY = 24 * 60 * 60 };

typedef struct {
    X509 *cert;
    EVP_PKEY *key;
} paper_t;

static char folder[] = "/tmp/evgearman_tls_XXXXXX";
static int serial;

static void sure(bool done)
{
    if (done) return;
    fprintf(stderr, "the papers could not be made\n");
    abort();
}

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    sure(EVP_PKEY_keygen_init(ctx) == 1);
    sure(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) == 1);
    sure(EVP_PKEY_keygen(ctx, &key) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    sure(extension && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void name_it(X509 *cert, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    sure(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1);
}

/* Valid from so many days from now on until so many; by itself without an issuer. */
static paper_t issue(const char *name, const char *names, int from, int until, const paper_t *issuer, bool ca)
{
    paper_t paper = {X509_new(), new_key()};
    X509 *by = issuer ? issuer->cert : paper.cert;
    X509_set_version(paper.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(paper.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(paper.cert), (long)from * DAY);
    X509_gmtime_adj(X509_getm_notAfter(paper.cert), (long)until * DAY);
    X509_set_pubkey(paper.cert, paper.key);
    name_it(paper.cert, name);
    X509_set_issuer_name(paper.cert, X509_get_subject_name(by));
    extend(paper.cert, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (names) extend(paper.cert, NID_subject_alt_name, names);
    sure(X509_sign(paper.cert, issuer ? issuer->key : paper.key, EVP_sha256()) > 0);
    return paper;
}

static void discard(paper_t paper)
{
    X509_free(paper.cert);
    EVP_PKEY_free(paper.key);
}

const char *kit_paper(const char *name)
{
    static char rooms[8][200];
    static int next;
    char *room = rooms[next++ % 8];
    snprintf(room, sizeof *rooms, "%s/%s.pem", folder, name);
    return room;
}

static FILE *paper_file(const char *name)
{
    FILE *file = fopen(kit_paper(name), "w");
    sure(file);
    return file;
}

static void write_ca(const char *name, const paper_t *ca)
{
    FILE *file = paper_file(name);
    sure(PEM_write_X509(file, ca->cert) == 1);
    fclose(file);
}

static void write_paper(const char *name, paper_t paper, const paper_t *between)
{
    FILE *file = paper_file(name);
    sure(PEM_write_X509(file, paper.cert) == 1);
    if (between) sure(PEM_write_X509(file, between->cert) == 1);
    sure(PEM_write_PrivateKey(file, paper.key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
    discard(paper);
}

static void write_locked_key(void)
{
    EVP_PKEY *key = new_key();
    FILE *file = paper_file("locked_key");
    sure(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"open sesame", 11, NULL, NULL) == 1);
    fclose(file);
    EVP_PKEY_free(key);
}

#define HERE "DNS:localhost,DNS:*.example.org,IP:127.0.0.1,IP:::1"

int kit_papers(void **state)
{
    (void)state;
    sure(mkdtemp(folder));
    paper_t ca = issue("CA of the test", NULL, -10, 10, NULL, true);
    paper_t other = issue("Another CA", NULL, -10, 10, NULL, true);
    paper_t between = issue("One between", NULL, -10, 10, &ca, true);
    write_ca("ca", &ca);
    write_ca("other_ca", &other);
    write_paper("server", issue("server", HERE, -1, 1, &ca, false), NULL);
    write_paper("replaced", issue("replaced", HERE, -1, 1, &ca, false), NULL);
    write_paper("expired", issue("expired", HERE, -2, -1, &ca, false), NULL);
    write_paper("future", issue("future", HERE, 1, 2, &ca, false), NULL);
    write_paper("elsewhere", issue("localhost", "DNS:other.example,IP:10.0.0.1", -1, 1, &ca, false), NULL);
    write_paper("named", issue("localhost", NULL, -1, 1, &ca, false), NULL);
    write_paper("chained", issue("chained", HERE, -1, 1, &between, false), &between);
    write_paper("unchained", issue("unchained", HERE, -1, 1, &between, false), NULL);
    write_paper("client", issue("client", NULL, -1, 1, &ca, false), NULL);
    write_paper("stranger", issue("stranger", HERE, -1, 1, &other, false), NULL);
    write_paper("self", issue("self", HERE, -1, 1, NULL, false), NULL);
    write_locked_key();
    fclose(paper_file("empty"));
    discard(ca);
    discard(other);
    discard(between);
    return 0;
}

int kit_burn_papers(void **state)
{
    (void)state;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[sizeof folder + sizeof entry->d_name];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    return rmdir(folder);
}

void kit_replace(const char *name, const char *by)
{
    char bytes[20000];
    FILE *from = fopen(kit_paper(by), "r"), *to = paper_file("new");
    sure(from);
    size_t len = fread(bytes, 1, sizeof bytes, from);
    sure(len < sizeof bytes && fwrite(bytes, 1, len, to) == len);
    fclose(from);
    fclose(to);
    sure(rename(kit_paper("new"), kit_paper(name)) == 0);
}

/* -- OpenSSL on a socket ------------------------------------------------------------------------------------------- */

void raw_open(raw_t *raw, int fd, raw_side_t side, const char *papers)
{
    raw->fd = fd;
    raw->ctx = SSL_CTX_new(side == RAW_SERVER ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_security_level(raw->ctx, 0); /* for TLS 1.1 */
    SSL_CTX_set_mode(raw->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (papers) {
        sure(SSL_CTX_use_certificate_chain_file(raw->ctx, kit_paper(papers)) == 1);
        sure(SSL_CTX_use_PrivateKey_file(raw->ctx, kit_paper(papers), SSL_FILETYPE_PEM) == 1);
    }
    raw->ssl = SSL_new(raw->ctx);
    sure(SSL_set_fd(raw->ssl, fd) == 1);
    if (side == RAW_SERVER)
        SSL_set_accept_state(raw->ssl);
    else
        SSL_set_connect_state(raw->ssl);
}

void raw_close(raw_t *raw)
{
    SSL_free(raw->ssl);
    SSL_CTX_free(raw->ctx);
    close(raw->fd);
}

/* OpenSSL's own sockets raise SIGPIPE, which is left as it is for ours. */
static void enter(void)
{
    ERR_clear_error();
    signal(SIGPIPE, SIG_IGN);
}

static void leave(void)
{
    ERR_clear_error();
    signal(SIGPIPE, SIG_DFL);
}

bool raw_shake(raw_t *raw)
{
    enter();
    bool done = SSL_do_handshake(raw->ssl) == 1;
    leave();
    return done;
}

int raw_read(raw_t *raw, void *room, size_t len)
{
    enter();
    int got = SSL_read(raw->ssl, room, (int)len);
    int why = SSL_get_error(raw->ssl, got);
    leave();
    if (got > 0) return got;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
    return why == SSL_ERROR_ZERO_RETURN ? -1 : -2;
}

size_t raw_write(raw_t *raw, const void *bytes, size_t len)
{
    enter();
    int put = SSL_write(raw->ssl, bytes, (int)len);
    leave();
    return put > 0 ? (size_t)put : 0;
}
