#ifdef EVG_OPENSSL

#include "net/tls_internal.h"

#include "base/error.h"
#include "net/libev.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ALERT = 0x15, HANDSHAKE = 0x16 }; /* what TLS may begin with */

/* -- failing ------------------------------------------------------------------------------------------------------- */

int evg_tls_failed(void)
{
    errno = EPROTO; /* for whoever asks that */
    return EVG_IO_FAILED;
}

int evg_tls_fail(evg_transport_t *t, int error, const char *text)
{
    t->tls->stage = EVG_TLS_FAILED;
    t->error = error;
    t->text = text;
    return evg_tls_failed();
}

int evg_tls_fail_by_end(evg_transport_t *t)
{
    evg_tls_t *tls = t->tls;
    errno = tls->why_deaf;
    if (tls->stage != EVG_TLS_OPEN) {
        snprintf(tls->text, sizeof tls->text, "%s %s", errno ? strerror(errno) : "closed", t->text);
        return evg_tls_fail(t, EVG_ECONNECT, tls->text);
    }
    return errno ? EVG_IO_FAILED : evg_tls_fail(t, EVG_ESERVER_CLOSED, "without a word of TLS (close_notify)");
}

int evg_tls_fail_by_ssl(evg_transport_t *t)
{
    evg_tls_t *tls = t->tls;
    if (tls->held.lost) {
        ERR_clear_error(); /* newer ones of OpenSSL say so, too */
        return evg_tls_fail(t, EVG_ENOMEM, NULL);
    }
    if (!ERR_peek_error()) return evg_tls_fail_by_end(t);
    bool shaking = tls->stage == EVG_TLS_SHAKING;
    bool lasting = evg_tls_explain(tls->ssl, shaking, tls->text, sizeof tls->text);
    if (tls->ticket) evg_tls_ticket_drop(tls->ticket);
    return evg_tls_fail(t, lasting ? EVG_ETLS : shaking ? EVG_ECONNECT : EVG_EIO, tls->text);
}

/* -- bytes --------------------------------------------------------------------------------------------------------- */

int evg_tls_flush(evg_transport_t *t)
{
    evg_tls_t *tls = t->tls;
    evg_buffer_t *out = &tls->held.out;
    ssize_t put = 0;
    while (!tls->mute && evg_buffer_len(out) && put != EVG_IO_AGAIN) {
        put = tls->carrier->write(t, evg_buffer_data(out), evg_buffer_len(out));
        if (put > 0) evg_buffer_consume(out, (size_t)put);
        if (put == EVG_IO_FAILED) tls->mute = errno;
    }
    if (tls->mute) evg_buffer_clear(out);
    evg_buffer_release(out);
    t->wants = (tls->stage == EVG_TLS_SHAKING ? EV_READ : 0) | (evg_buffer_len(out) ? EV_WRITE : 0);
    if (evg_buffer_len(out)) return EVG_IO_AGAIN;
    errno = tls->mute;
    return errno ? EVG_IO_FAILED : 0;
}

/* What it says first tells what it speaks. */
static bool begins_well_p(evg_transport_t *t, evg_bytes_t said)
{
    evg_tls_t *tls = t->tls;
    if (tls->heard) return true;
    tls->heard = true;
    t->text = "in the TLS handshake";
    if (*said.at == HANDSHAKE || *said.at == ALERT) return true;
    const char *who = evg_tls_context_options(tls->context)->accepts ? "client" : "server";
    evg_tls_explain_foreigner(who, said, tls->text, sizeof tls->text);
    evg_tls_fail(t, EVG_ETLS, tls->text);
    return false;
}

/* As the carrier answered. */
static void note_fetch(evg_transport_t *t, ssize_t got)
{
    evg_tls_t *tls = t->tls;
    tls->emptied = t->drained;
    tls->deaf = got == EVG_IO_EOF || got == EVG_IO_FAILED;
    tls->why_deaf = got == EVG_IO_FAILED ? errno : 0;
    if (got > 0) evg_buffer_commit(&tls->held.in, (size_t)got);
}

bool evg_tls_fetch(evg_transport_t *t, size_t len)
{
    evg_tls_t *tls = t->tls;
    if (tls->deaf) return false;
    uint8_t *room = evg_buffer_reserve(&tls->held.in, len);
    if (!room) {
        evg_tls_fail(t, EVG_ENOMEM, NULL);
        return false;
    }
    ssize_t got = tls->carrier->read(t, room, len);
    note_fetch(t, got);
    return got > 0 && begins_well_p(t, evg_bytes(room, (size_t)got));
}

#endif
