/* A job server on sockets: a listener, the connections that it let in, and what they have in common. It does all in the
 * turns of its loop, and is for one thread at a time, as that is.
 *
 *     evg_service_init(s, &settings);
 *     error = evg_service_open(s, loop, &address);
 *     while (evg_service_goes_on_p(s)) ... a turn ...
 *     evg_service_close(s);
 *     evg_service_deinit(s);
 *
 * Between two turns anything here may be called, but not while the loop polls. */
#ifndef EVG_NET_SERVICE_H
#define EVG_NET_SERVICE_H

#include "net/listener.h"
#include "net/tls.h"
#include "session/server.h"

typedef struct {
    evg_server_t server; /* its settings may not change any more */
    evg_listener_t listener;
    evg_loop_t *loop;        /* NULL: closed */
    size_t max_connections;  /* more are let in and closed at once */
    evg_tls_context_t *tls;  /* for those who are let in from now on; NULL: in the clear */
    double delay;            /* seconds by which everything leaves later than it was said */
    uint64_t accepted;       /* connections, ever; those that were refused, too */
    uint64_t refused;        /* of them, for want of room */
    size_t connection_count; /* that there are */
    evg_list_t connections;  /* evg_accepted_t, the oldest first */
    bool draining;           /* nothing is read any more; who has got all that is owed to him is closed */
    /* private */
    evg_source_t source; /* for what is due of the server, and of the end */
    double cut_at;       /* of the end: when those that are left are cut */
} evg_service_t;

/* Holds the context. */
void evg_service_set_tls(evg_service_t *s, evg_tls_context_t *context);

/* Closed. Allocates nothing. */
void evg_service_init(evg_service_t *s, const evg_server_settings_t *settings);

/* It is closed. */
void evg_service_deinit(evg_service_t *s);

/* Listens, and serves from the next turn on. 0, or errno. Of one that is closed. */
int evg_service_open(evg_service_t *s, evg_loop_t *loop, const evg_address_t *address);

/* Listens no more, and closes connections when what is owed to them is written; those that are left at that time (of the
 * loop's clock) are cut. Said again it may hasten that, not put it off. */
void evg_service_drain(evg_service_t *s, double until);

/* false: it has been told to end, and is done with it. */
bool evg_service_goes_on_p(evg_service_t *s);

/* Listens no more, cuts everything without a word and forgets all jobs and functions: the next one begins at handle 1. Leaves
 * the loop. Idempotent. */
void evg_service_close(evg_service_t *s);

/* Tells the server the time of the turn. */
static inline void evg_service_clock(evg_service_t *s)
{
    evg_server_clock(&s->server, s->loop->now, evg_wall());
}

#endif
