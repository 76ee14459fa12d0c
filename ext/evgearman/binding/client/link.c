#include "binding/client/link.h"

#include <math.h>

#include "binding/values/strings.h"

bool link_make(link_t *link, struct agent *agent, evg_loop_t *loop, const evg_address_t *address)
{
    uint64_t seed[2];
    random_bytes(seed, sizeof seed);
    link->agent = agent;
    link->c = evg_connection_new(loop, address, seed[0], seed[1]);
    if (link->c) link->c->owner = link;
    return link->c != NULL;
}

void link_dispose(link_t *link)
{
    evg_session_abandon(link_session(link));
    evg_connection_free(link->c);
    trace_free(link->trace);
    memory_tell(&link->told, 0);
}

size_t link_memsize(const link_t *link)
{
    return sizeof *link->c + evg_session_memsize(link_session(link)) + trace_memsize(link->trace);
}

void link_rest(link_t *link)
{
    evg_wire_t *wire = &link_session(link)->wire;
    if (!isinf(wire->trim_at)) evg_wire_rest(wire, evg_monotonic());
}
