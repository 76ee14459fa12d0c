/* What a session tells, as Ruby objects. Runs in the middle of a turn: it makes Strings and exceptions, resolves
 * Tasks and queues blocks; it calls none. */
#ifndef EVG_CLIENT_EVENTS_H
#define EVG_CLIENT_EVENTS_H

#include "session/session.h"

/* The sink of a link's connection. */
void link_event(void *link, const evg_event_t *event);

#endif
