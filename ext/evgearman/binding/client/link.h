/* A link: one server of an agent, and the connection to it. An agent has as many as it has servers, side by side, from its
 * making to its end; what was asked, and a job, know theirs. */
#ifndef EVG_CLIENT_LINK_H
#define EVG_CLIENT_LINK_H

#include <ruby.h>

#include "binding/client/trace.h"
#include "binding/values/objects.h"
#include "net/connection.h"
#include "session/fleet.h"

struct agent;

typedef struct {
    struct agent *agent;
    evg_connection_t *c; /* its owner is the link */
    evg_fleet_member_t member;
    trace_t *trace; /* while somebody listens to packets */
    bool asked;     /* `connect` was called since the last `disconnect` */
    size_t told;    /* see memory_tell */
} link_t;

/* Its connection, in the clear, on that loop. false: no memory. */
bool link_make(link_t *link, struct agent *agent, evg_loop_t *loop, const evg_address_t *address);

/* Nobody is told anything any more. */
void link_dispose(link_t *link);

size_t link_memsize(const link_t *link); /* beside the struct */

/* What its connection holds in memory has changed. */
static inline void link_weigh(link_t *link)
{
    memory_tell(&link->told, evg_session_memsize(&link->c->session));
}

/* On a loop that nobody turns the GC is who gives large buffers back. */
void link_rest(link_t *link);

static inline evg_session_t *link_session(const link_t *link)
{
    return &link->c->session;
}

/* For what an error says of it. */
static inline const evg_address_t *server_of(const link_t *link)
{
    return &link->c->address;
}

#endif
