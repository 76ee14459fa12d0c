#include "net/connection_internal.h"

#include "base/alloc.h"

#include <math.h>

void evg_connection_enter(evg_connection_t *c, evg_phase_t phase)
{
    if (phase != EVG_PHASE_RESOLVING) {
        evg_resolution_cancel(c->resolution);
        c->resolution = NULL;
    }
    if (phase == EVG_PHASE_DOWN || phase == EVG_PHASE_OPEN) {
        evg_free(c->ways);
        c->ways = NULL;
    }
    if (phase == EVG_PHASE_DOWN)
        evg_pipe_stop(&c->pipe);
    else if (phase == EVG_PHASE_OPEN)
        evg_pipe_flow(&c->pipe);
    c->way = -1;
    c->give_up_at = INFINITY;
    c->phase = phase;
}

void evg_connection_finish(evg_connection_t *c, int reason, const char *text)
{
    evg_connection_enter(c, EVG_PHASE_DOWN);
    evg_session_closed(&c->session, reason, text);
    evg_pipe_touch(&c->pipe);
}

void evg_connection_follow(evg_connection_t *c)
{
    evg_session_state_t state = c->session.state;
    bool down = state == EVG_DOWN || state == EVG_SHUT;
    if (down && c->phase != EVG_PHASE_DOWN) evg_connection_enter(c, EVG_PHASE_DOWN);
}

static int tell(evg_connection_t *c)
{
    evg_event_t event;
    int rc;
    while ((rc = evg_session_next(&c->session, &event)) > 0) {
        if (c->on_event) c->on_event(c->owner, &event);
    }
    return rc;
}

/* What is told may make the owner call in here again: then the outer loop goes on with it. */
void evg_connection_emit(evg_connection_t *c)
{
    if (c->telling) return;
    c->telling = true;
    for (int rc; (rc = tell(c)) < 0 && c->phase != EVG_PHASE_DOWN;) evg_connection_finish(c, rc, NULL);
    c->telling = false;
    evg_connection_follow(c);
    if (c->on_step) c->on_step(c->owner);
}
