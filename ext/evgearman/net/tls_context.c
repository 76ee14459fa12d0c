#ifdef EVG_OPENSSL

#include "net/tls_context.h"

#include "base/alloc.h"
#include "net/tls_files.h"
#include "net/tls_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

enum { FILES = 4 };

/* What tells that a file is another. */
typedef struct {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed_at;
} stamp_t;

struct evg_tls_context {
    atomic_size_t holders;
    evg_tls_options_t options; /* with strings of its own */
    stamp_t stamps[FILES];     /* of the files as they were read */
    SSL_CTX *read;
    uint64_t edition;
};

static atomic_uint_fast64_t editions;

/* -- what has changed ---------------------------------------------------------------------------------------------- */

static const char *of_system(const char *variable, const char *path)
{
    const char *told = getenv(variable);
    return told ? told : path;
}

static stamp_t stamp_of(const char *path)
{
    struct stat is;
    stamp_t stamp;
    memset(&stamp, 0, sizeof stamp); /* the gaps, too: they are compared */
    if (!path || stat(path, &is) < 0) return stamp;
    stamp.device = is.st_dev;
    stamp.inode = is.st_ino;
    stamp.size = is.st_size;
    stamp.changed_at = is.st_mtim;
    return stamp;
}

static void look(const evg_tls_options_t *o, stamp_t stamps[FILES])
{
    bool system = !o->ca_file && !o->ca_path;
    const char *file = of_system(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    const char *folder = of_system(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
    stamps[0] = stamp_of(system ? file : o->ca_file);
    stamps[1] = stamp_of(system ? folder : o->ca_path);
    stamps[2] = stamp_of(o->cert_file);
    stamps[3] = stamp_of(o->key_file);
}

static void adopt(evg_tls_context_t *c, SSL_CTX *read, const stamp_t stamps[FILES])
{
    SSL_CTX_free(c->read);
    c->read = read;
    c->edition = atomic_fetch_add(&editions, 1) + 1;
    memcpy(c->stamps, stamps, sizeof c->stamps);
}

/* Who accepts goes on with what he has while there is no sense in what is there now. */
static bool read_again(evg_tls_context_t *c, char *why, size_t cap)
{
    stamp_t stamps[FILES];
    look(&c->options, stamps); /* before they are read: what changes meanwhile is seen next time */
    if (c->read && memcmp(stamps, c->stamps, sizeof stamps) == 0) return true;
    SSL_CTX *read = evg_tls_files_read(&c->options, why, cap);
    if (read) adopt(c, read, stamps);
    return read || (c->read && c->options.accepts);
}

SSL *evg_tls_context_begin(evg_tls_context_t *c, uint64_t *edition, char *why, size_t cap)
{
    if (!read_again(c, why, cap)) return NULL;
    SSL *ssl = SSL_new(c->read);
    if (!ssl) evg_tls_explain_file(why, cap);
    *edition = c->edition;
    return ssl;
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

static bool own(const char **text)
{
    if (!*text) return true;
    size_t size = strlen(*text) + 1;
    char *copy = evg_alloc(size);
    *text = copy ? memcpy(copy, *text, size) : NULL;
    return copy;
}

/* All of them, so that all are ours, or nothing, afterwards. */
static bool own_all(evg_tls_options_t *o)
{
    bool file = own(&o->ca_file), path = own(&o->ca_path), cert = own(&o->cert_file);
    bool key = own(&o->key_file), name = own(&o->hostname);
    return file && path && cert && key && name;
}

static void drop(evg_tls_context_t *c)
{
    const evg_tls_options_t *o = &c->options;
    const char *const own[] = {o->ca_file, o->ca_path, o->cert_file, o->key_file, o->hostname};
    for (size_t at = 0; at < sizeof own / sizeof *own; at++) evg_free((void *)own[at]);
    SSL_CTX_free(c->read);
    evg_free(c);
}

static const char *lacking(const evg_tls_options_t *o)
{
    if (o->key_file && !o->cert_file) return "key_file: there has to be a cert_file, too";
    if (o->accepts && !o->cert_file) return "cert_file: who accepts has to have one";
    if (o->accepts && o->verify && !o->ca_file) return "ca_file: by it clients are verified, so there has to be one";
    return NULL;
}

evg_tls_context_t *evg_tls_context_new(const evg_tls_options_t *options, char *why, size_t cap)
{
    const char *lacks = lacking(options);
    evg_tls_context_t *c = lacks ? NULL : evg_zalloc(sizeof *c);
    snprintf(why, cap, "%s", lacks ? lacks : "out of memory");
    if (!c) return NULL;
    c->options = *options;
    atomic_store(&c->holders, 1);
    if (own_all(&c->options) && read_again(c, why, cap)) return c;
    drop(c);
    return NULL;
}

evg_tls_context_t *evg_tls_context_hold(evg_tls_context_t *c)
{
    if (c) atomic_fetch_add(&c->holders, 1);
    return c;
}

void evg_tls_context_release(evg_tls_context_t *c)
{
    if (c && atomic_fetch_sub(&c->holders, 1) == 1) drop(c);
}

const evg_tls_options_t *evg_tls_context_options(const evg_tls_context_t *c)
{
    return &c->options;
}

#endif
