#ifdef EVG_OPENSSL

#include "net/tls.h"

#include "base/alloc.h"
#include "base/error.h"
#include "net/libev.h"
#include "net/tls_internal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    TAKEN_MAX = 48 * 1024, /* of what is to be written, at once */
    HELD_MAX = 256 * 1024, /* of ciphertext, for a peer that wants answers and takes none */
};

static int tls_proceed(evg_transport_t *t)
{
    int rc = t->tls->stage == EVG_TLS_CARRIED ? evg_tls_begin(t) : 0;
    if (rc == 0 && t->tls->stage == EVG_TLS_SHAKING) rc = evg_tls_shake_hands(t);
    if (t->tls->stage == EVG_TLS_CARRIED) return rc;
    int sent = evg_tls_flush(t);
    if (t->tls->stage == EVG_TLS_FAILED) return evg_tls_failed();
    return rc == 0 || sent == EVG_IO_FAILED ? sent : rc;
}

/* -- bytes --------------------------------------------------------------------------------------------------------- */

static bool reads_p(const evg_tls_t *tls)
{
    return tls->stage == EVG_TLS_SHAKING || tls->stage == EVG_TLS_OPEN;
}

static void judge_read(evg_transport_t *t)
{
    int why = SSL_get_error(t->tls->ssl, 0);
    if (why == SSL_ERROR_ZERO_RETURN)
        t->tls->stage = EVG_TLS_ENDED;
    else if (why != SSL_ERROR_WANT_READ)
        evg_tls_fail_by_ssl(t);
}

/* What was fetched, as far as there is room. It may be the end of the handshake, too. */
static size_t decrypt(evg_transport_t *t, uint8_t *room, size_t len)
{
    evg_tls_t *tls = t->tls;
    size_t given = 0, got;
    ERR_clear_error();
    while (given < len && SSL_read_ex(tls->ssl, room + given, len - given, &got) == 1) given += got;
    if (given < len) judge_read(t);
    if (tls->stage == EVG_TLS_SHAKING && SSL_is_init_finished(tls->ssl)) evg_tls_open(t);
    ERR_clear_error();
    return given;
}

static size_t within(size_t size, size_t least, size_t most)
{
    if (size < least) return least;
    return size > most ? most : size;
}

/* To decrypt may have been to answer. */
static void answer(evg_transport_t *t)
{
    evg_tls_flush(t);
    if (evg_buffer_len(&t->tls->held.out) > HELD_MAX) evg_tls_fail(t, EVG_EIO, "the peer wants answers and takes none");
}

/* When all that was fetched at once was TLS's own business, there may be more: the descriptor will tell. */
static bool drained_p(const evg_tls_t *tls, size_t given)
{
    if (given == 0) return true;
    return tls->emptied && !tls->deaf && reads_p(tls) && !evg_buffer_len(&tls->held.in) && !SSL_pending(tls->ssl);
}

static ssize_t nothing_read(evg_transport_t *t)
{
    if (t->tls->stage == EVG_TLS_FAILED) return evg_tls_failed();
    if (t->tls->stage == EVG_TLS_ENDED) return EVG_IO_EOF;
    return t->tls->deaf ? evg_tls_fail_by_end(t) : EVG_IO_AGAIN;
}

static ssize_t tls_read(evg_transport_t *t, void *room, size_t len)
{
    evg_tls_t *tls = t->tls;
    if (tls->stage == EVG_TLS_LEFT) return tls->carrier->read(t, room, len);
    int rc = tls->stage == EVG_TLS_CARRIED ? evg_tls_begin(t) : 0;
    if (rc != 0) return rc;
    size_t given = reads_p(tls) ? decrypt(t, room, len) : 0;
    if (given < len && reads_p(tls) && evg_tls_fetch(t, within(len - given, EVG_TLS_FETCH_LEAST, EVG_TLS_FETCH_MOST))) {
        given += decrypt(t, (uint8_t *)room + given, len - given);
    }
    answer(t);
    evg_buffer_release(&tls->held.in);
    t->drained = drained_p(tls, given);
    return given ? (ssize_t)given : nothing_read(t);
}

/* 0: more can be taken. */
static int ready_to_take(evg_transport_t *t)
{
    evg_tls_stage_t stage = t->tls->stage;
    if (stage == EVG_TLS_FAILED) return evg_tls_failed();
    if (stage == EVG_TLS_CARRIED || stage == EVG_TLS_SHAKING) return EVG_IO_AGAIN;
    errno = EPIPE;
    return stage == EVG_TLS_LEFT ? EVG_IO_FAILED : evg_tls_flush(t);
}

/* What is encrypted is written: whether some of it can be read at the other end nobody knows, so to fail is for the next one.
 * But if nothing was made of it nothing goes. */
static ssize_t tls_write(evg_transport_t *t, const void *bytes, size_t len)
{
    size_t taken = 0;
    int rc = ready_to_take(t);
    if (rc != 0) return rc;
    ERR_clear_error();
    if (SSL_write_ex(t->tls->ssl, bytes, within(len, 1, TAKEN_MAX), &taken) != 1) {
        evg_buffer_clear(&t->tls->held.out);
        return evg_tls_fail_by_ssl(t);
    }
    ERR_clear_error();
    evg_tls_flush(t);
    return (ssize_t)taken;
}

static size_t tls_in_flight(const evg_transport_t *t)
{
    return evg_buffer_len(&t->tls->held.out) + t->tls->carrier->in_flight(t);
}

static void tls_keepalive(evg_transport_t *t, double idle)
{
    t->tls->carrier->keepalive(t, idle);
}

/* -- the end ------------------------------------------------------------------------------------------------------- */

static void tls_farewell(evg_transport_t *t)
{
    evg_tls_t *tls = t->tls;
    bool established = tls->stage == EVG_TLS_OPEN || tls->stage == EVG_TLS_ENDED;
    tls->stage = EVG_TLS_LEFT;
    if (!established || tls->owner != getpid()) return;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
    evg_tls_flush(t);
}

/* Whichever way it ended, OpenSSL is told that it was in order: else the ticket would be void. */
static void tls_close(evg_transport_t *t)
{
    evg_tls_t *tls = t->tls;
    if (tls->ssl) SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls->ssl);
    evg_buffer_deinit(&tls->held.in);
    evg_buffer_deinit(&tls->held.out);
    evg_tls_context_release(tls->context);
    tls->carrier->close(t);
    evg_free(tls);
}

static const evg_transport_ops_t tls_ops = {
    .name = "tls",
    .proceed = tls_proceed,
    .read = tls_read,
    .write = tls_write,
    .farewell = tls_farewell,
    .close = tls_close,
    .keepalive = tls_keepalive,
    .in_flight = tls_in_flight,
};

/* -- the beginning ------------------------------------------------------------------------------------------------- */

static int put_on(evg_transport_t *t, evg_tls_context_t *context, const char *host, evg_tls_ticket_t *ticket)
{
    evg_tls_t *tls = evg_zalloc(sizeof *tls);
    if (!tls) {
        errno = ENOMEM;
        return EVG_IO_FAILED;
    }
    tls->context = evg_tls_context_hold(context);
    tls->carrier = t->ops;
    tls->ticket = ticket;
    tls->owner = getpid();
    snprintf(tls->host, sizeof tls->host, "%s", host);
    t->tls = tls;
    t->ops = &tls_ops;
    return 0;
}

int evg_tls_connect(evg_transport_t *t, evg_tls_context_t *context, const char *host, evg_tls_ticket_t *ticket)
{
    if (!t->wants) t->wants = EV_WRITE;
    return put_on(t, context, host, ticket);
}

int evg_tls_accept(evg_transport_t *t, evg_tls_context_t *context)
{
    if (!t->wants) t->wants = EV_READ;
    return put_on(t, context, "", NULL);
}

const char *evg_tls_version(const evg_transport_t *t)
{
    return t->tls && t->tls->stage == EVG_TLS_OPEN ? SSL_get_version(t->tls->ssl) : NULL;
}

bool evg_tls_resumed_p(const evg_transport_t *t)
{
    return evg_tls_version(t) && SSL_session_reused(t->tls->ssl);
}

#endif
