/* on_packet, and EVGEARMAN_TRACE: every packet and line that a connection reads or writes, as it does.
 *
 * The bytes are cut a second time here, beside the session, so that nothing is paid for it while nobody listens. */
#ifndef EVG_CLIENT_TRACE_H
#define EVG_CLIENT_TRACE_H

#include <ruby.h>

#include "net/connection.h"

typedef struct trace trace_t;

/* What a packet is told to: [direction, name, args]. `owner` is the connection's. */
typedef void trace_told_t(void *owner, VALUE packet);

/* A packet that is half written at that moment, and those that wait behind it, are not told; one that is half read is. */
trace_t *trace_new(evg_connection_t *c, trace_told_t *told);

/* For on_bytes of that connection. */
void trace_bytes(trace_t *trace, bool out, evg_bytes_t bytes);

void trace_free(trace_t *trace);            /* or NULL */
size_t trace_memsize(const trace_t *trace); /* or NULL */

#endif
