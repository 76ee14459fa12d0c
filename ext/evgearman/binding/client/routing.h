/* Of an agent with several servers: where a submission goes, and when it goes elsewhere. */
#ifndef EVG_CLIENT_ROUTING_H
#define EVG_CLIENT_ROUTING_H

#include <ruby.h>

#include "binding/client/agent.h"

link_t *routing_pick(const view_t *view, VALUE function, VALUE unique);
void routing_move(agent_t *agent);

/* Where a submission is to go now. `unique`: the key that its program gave it, or nil. A route in Ruby is called here, and may
 * raise. */
static inline link_t *routing_choose(const view_t *view, VALUE function, VALUE unique)
{
    return view->count == 1 ? view->links : routing_pick(view, function, unique);
}

/* A submission was taken there: while it is unwritten, it may go elsewhere. */
static inline void routing_take(const view_t *view, evg_request_t *request, bool keyed)
{
    if (view->count > 1) evg_fleet_take(request, keyed);
}

/* How it stands with a server may have changed: what waits there goes elsewhere. */
static inline void routing_settle(agent_t *agent)
{
    if (agent->view.count > 1) routing_move(agent);
}

#endif
