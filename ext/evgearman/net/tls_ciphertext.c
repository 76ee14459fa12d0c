#ifdef EVG_OPENSSL

#include "net/tls_ciphertext.h"

#include <pthread.h>

static BIO_METHOD *method;

static evg_ciphertext_t *ciphertext_of(BIO *bio)
{
    return BIO_get_data(bio);
}

static int put(BIO *bio, const char *bytes, int len)
{
    evg_ciphertext_t *ciphertext = ciphertext_of(bio);
    BIO_clear_retry_flags(bio);
    if (evg_buffer_append(&ciphertext->out, evg_bytes(bytes, (size_t)len)) == 0) return len;
    ciphertext->lost = true;
    return -1;
}

static int take(BIO *bio, char *room, int cap)
{
    evg_buffer_t *in = &ciphertext_of(bio)->in;
    size_t len = evg_buffer_len(in) < (size_t)cap ? evg_buffer_len(in) : (size_t)cap;
    BIO_clear_retry_flags(bio);
    if (!len) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(room, evg_buffer_data(in), len);
    evg_buffer_consume(in, len);
    return (int)len;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "evgearman");
    if (!method) return;
    BIO_meth_set_write(method, put);
    BIO_meth_set_read(method, take);
    BIO_meth_set_ctrl(method, control);
}

BIO *evg_ciphertext_bio(evg_ciphertext_t *ciphertext)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = method ? BIO_new(method) : NULL;
    if (!bio) return NULL;
    BIO_set_data(bio, ciphertext);
    BIO_set_init(bio, 1);
    return bio;
}

#endif
