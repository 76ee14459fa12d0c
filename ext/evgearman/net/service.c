#include "net/service.h"

#include "base/assert.h"
#include "base/least.h"
#include "net/accepted.h"

#include <unistd.h>

static const double patience = 1; /* seconds for who does not read what is owed to him, when somebody said shutdown */

static evg_service_t *service_of(evg_source_t *source)
{
    return evg_container(source, evg_service_t, source);
}

static evg_accepted_t *first(evg_service_t *s)
{
    evg_list_t *at = evg_list_first(&s->connections);
    return at ? evg_container(at, evg_accepted_t, link) : NULL;
}

/* -- told by the loop ---------------------------------------------------------------------------------------------- */

/* In the next turn, because others must not be freed in the middle of one. */
static void end_all(evg_service_t *s)
{
    for (evg_list_t *at = s->connections.next; at != &s->connections; at = at->next) {
        evg_accepted_t *a = evg_container(at, evg_accepted_t, link);
        a->over = true;
        evg_source_dirty(&a->pipe.source);
    }
    s->cut_at = INFINITY;
}

static void service_reconcile(evg_source_t *source)
{
    evg_accepted_spread(service_of(source));
}

/* Its last connection has gone: the turn ends, and then it is asked whether it goes on. */
static void service_serve(evg_source_t *source)
{
    (void)source;
}

static void service_judge(evg_source_t *source)
{
    evg_service_t *s = service_of(source);
    evg_service_clock(s);
    evg_server_tick(&s->server);
    if (s->cut_at <= s->loop->now) end_all(s);
    evg_accepted_spread(s);
}

/* It has no descriptors of its own. */
static void service_left(evg_source_t *source)
{
    (void)source;
}

static const evg_source_ops_t service_ops = {
    .reconcile = service_reconcile,
    .serve = service_serve,
    .judge = service_judge,
    .forked = service_left,
    .closed = service_left,
};

static bool let_in(evg_service_t *s, evg_transport_t *t, const evg_sockaddr_t *peer)
{
    if (s->connection_count >= s->max_connections) return false;
    return (!s->tls || evg_tls_accept(t, s->tls) == 0) && evg_accepted_new(s, t, peer);
}

/* By its listener. */
static void on_accept(void *owner, const evg_transport_t *transport, const evg_sockaddr_t *peer)
{
    evg_service_t *s = owner;
    evg_transport_t t = *transport;
    s->accepted++;
    if (let_in(s, &t, peer)) return;
    evg_transport_close(&t);
    s->refused++;
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

void evg_service_init(evg_service_t *s, const evg_server_settings_t *settings)
{
    *s = (evg_service_t){.max_connections = SIZE_MAX, .cut_at = INFINITY};
    evg_server_init(&s->server, settings);
    evg_listener_init(&s->listener, on_accept, s);
    evg_list_init(&s->connections);
    evg_source_init(&s->source, &service_ops);
}

void evg_service_deinit(evg_service_t *s)
{
    evg_assert(!s->loop);
    evg_service_set_tls(s, NULL);
    evg_server_deinit(&s->server);
}

void evg_service_set_tls(evg_service_t *s, evg_tls_context_t *context)
{
    evg_tls_context_hold(context);
    evg_tls_context_release(s->tls);
    s->tls = context;
}

int evg_service_open(evg_service_t *s, evg_loop_t *loop, const evg_address_t *address)
{
    int error = evg_listener_open(&s->listener, loop, address);
    if (error) return error;
    s->loop = loop;
    s->server.wish = EVG_STAYS;
    s->server.settings.pid = getpid();
    evg_source_attach(&s->source, loop);
    evg_source_dirty(&s->source);
    return 0;
}

void evg_service_drain(evg_service_t *s, double until)
{
    evg_listener_close(&s->listener);
    s->draining = true;
    s->cut_at = evg_least(s->cut_at, until);
    for (evg_list_t *at = s->connections.next; at != &s->connections; at = at->next) {
        evg_source_dirty(&evg_container(at, evg_accepted_t, link)->pipe.source);
    }
    evg_source_dirty(&s->source);
}

/* What somebody has said to it: by text, from a connection. */
static void heed(evg_service_t *s)
{
    if (s->server.wish == EVG_SHUTS && !s->draining) evg_service_drain(s, s->loop->now + patience);
    if (s->server.wish == EVG_SHUTS_GRACEFULLY) evg_listener_close(&s->listener);
}

bool evg_service_goes_on_p(evg_service_t *s)
{
    heed(s);
    bool ends = s->draining || s->server.wish != EVG_STAYS;
    return !ends || !evg_list_empty_p(&s->connections);
}

void evg_service_close(evg_service_t *s)
{
    if (!s->loop) return;
    evg_listener_close(&s->listener);
    for (evg_accepted_t *a; (a = first(s));) evg_accepted_cut(a);
    evg_server_forget(&s->server);
    evg_source_detach(&s->source);
    s->loop = NULL;
    s->draining = false;
    s->cut_at = INFINITY;
}
