#include "net/connection_internal.h"

#include "base/alloc.h"
#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static double deadline(const evg_connection_t *c)
{
    return c->connect_timeout > 0 ? c->session.wire.now + c->connect_timeout : INFINITY;
}

/* For want of something of this machine's: no way, and no name, was really tried. */
static bool wanting_p(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* That is why, whatever the other ways led to. */
static void blame(evg_connection_t *c, int cause, const char *text)
{
    if (c->wanting) return;
    c->cause = cause;
    snprintf(c->cause_text, sizeof c->cause_text, "%s", text ? text : "");
}

static void blame_failure(evg_connection_t *c)
{
    const evg_transport_t *t = &c->pipe.transport;
    int error = errno;
    if (t->error)
        blame(c, t->error, t->text);
    else
        blame(c, EVG_ECONNECT, strerror(error));
    c->wanting |= !t->error && wanting_p(error);
}

static bool set_out(evg_connection_t *c)
{
    evg_transport_t *t = &c->pipe.transport;
    if (evg_transport_connect(t, &c->ways->addresses[c->way]) < 0) return false;
    if (!c->tls || *c->address.path || evg_tls_connect(t, c->tls, c->address.host, &c->ticket) == 0) return true;
    int error = errno;
    evg_transport_close(t);
    errno = error;
    return false;
}

/* Begins the next way that can be begun. */
void evg_connection_try_next_way(evg_connection_t *c)
{
    while (++c->way < c->ways->count) {
        if (set_out(c)) {
            c->give_up_at = deadline(c);
            return;
        }
        blame_failure(c);
    }
    evg_connection_finish(c, c->cause, *c->cause_text ? c->cause_text : NULL);
}

/* This way leads nowhere. The next is tried in `reconcile`, when the descriptor of this one may be closed. */
static void leave_way(evg_connection_t *c)
{
    c->give_up_at = INFINITY;
    evg_pipe_retire(&c->pipe);
}

static void opened(evg_connection_t *c)
{
    evg_connection_enter(c, EVG_PHASE_OPEN);
    if (c->keepalive > 0) evg_transport_keepalive(&c->pipe.transport, c->keepalive);
    c->session.options.introduce_timeout = c->connect_timeout;
    int rc = evg_session_opened(&c->session);
    if (rc < 0) evg_connection_finish(c, rc, NULL);
}

void evg_connection_check_way(evg_connection_t *c)
{
    if (c->pipe.transport.fd < 0) return;
    int rc = c->pipe.transport.ops->proceed(&c->pipe.transport);
    if (rc == 0) {
        opened(c);
    } else if (rc == EVG_IO_FAILED) {
        blame_failure(c);
        leave_way(c);
    } else if (c->session.wire.now >= c->give_up_at) {
        blame(c, EVG_ECONNECT_TIMEOUT, c->pipe.transport.text);
        leave_way(c);
    }
}

static void unresolved(evg_connection_t *c, int answer)
{
    if (answer == EAI_SYSTEM && wanting_p(errno))
        evg_connection_finish(c, EVG_ECONNECT, strerror(errno));
    else
        evg_connection_finish(c, EVG_ERESOLVE, answer == EAI_SYSTEM ? strerror(errno) : gai_strerror(answer));
}

void evg_connection_resolved(evg_connection_t *c)
{
    if (!evg_resolution_done_p(c->resolution)) {
        if (c->session.wire.now >= c->give_up_at) evg_connection_finish(c, EVG_ECONNECT_TIMEOUT, "resolving the host");
        return;
    }
    int answer = evg_resolution_take(c->resolution, c->ways);
    c->resolution = NULL;
    if (answer == 0)
        evg_connection_enter(c, EVG_PHASE_CONNECTING);
    else
        unresolved(c, answer);
}

static void resolve(evg_connection_t *c)
{
    c->give_up_at = deadline(c);
    c->resolution = evg_resolve(&c->address, &c->pipe.source);
    if (!c->resolution) evg_connection_finish(c, EVG_ERESOLVE, "no thread to be had");
}

void evg_connection_begin(evg_connection_t *c)
{
    evg_session_opening(&c->session);
    c->wanting = false;
    evg_sockaddrs_t *ways = evg_zalloc(sizeof *ways);
    if (!ways) {
        evg_connection_finish(c, EVG_ENOMEM, NULL);
        return;
    }
    bool known = evg_address_literal(&c->address, ways);
    c->ways = ways;
    evg_connection_enter(c, known ? EVG_PHASE_CONNECTING : EVG_PHASE_RESOLVING);
    if (!known) resolve(c);
}
