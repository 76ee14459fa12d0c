/* In place of TLS, where there is no OpenSSL. */
#ifndef EVG_OPENSSL

#include "net/tls.h"

#include <errno.h>
#include <stdio.h>

evg_tls_context_t *evg_tls_context_new(const evg_tls_options_t *options, char *why, size_t cap)
{
    (void)options;
    snprintf(why, cap, "built without OpenSSL");
    return NULL;
}

evg_tls_context_t *evg_tls_context_hold(evg_tls_context_t *context)
{
    return context;
}

void evg_tls_context_release(evg_tls_context_t *context)
{
    (void)context;
}

void evg_tls_ticket_drop(evg_tls_ticket_t *ticket)
{
    (void)ticket;
}

int evg_tls_connect(evg_transport_t *t, evg_tls_context_t *context, const char *host, evg_tls_ticket_t *ticket)
{
    (void)host, (void)ticket;
    return evg_tls_accept(t, context);
}

int evg_tls_accept(evg_transport_t *t, evg_tls_context_t *context)
{
    (void)t, (void)context;
    errno = ENOSYS;
    return EVG_IO_FAILED;
}

const char *evg_tls_version(const evg_transport_t *t)
{
    (void)t;
    return NULL;
}

bool evg_tls_resumed_p(const evg_transport_t *t)
{
    (void)t;
    return false;
}

#endif
