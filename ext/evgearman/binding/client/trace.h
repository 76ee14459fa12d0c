/* on_packet, and EVGEARMAN_TRACE: every packet and line that a connection reads or writes, as it does.
 *
 * The bytes are cut a second time here, beside the session, so that nothing is paid for it while nobody listens. */
#ifndef EVG_CLIENT_TRACE_H
#define EVG_CLIENT_TRACE_H

#include "binding/client/client.h"

/* Begins or ends, as there are hooks. A packet that is half written at that moment, and those that wait behind it, are
 * not told; one that is half read is. */
void trace_follow_hooks(agent_t *agent);

void trace_free(agent_t *agent);
size_t trace_memsize(const agent_t *agent);

#endif
