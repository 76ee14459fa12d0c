/* Which server this is. It is learnt from the answer to the text command "version", the first request on
 * every connection (see session/introduction.c for servers that know no text): "OK 1.1.20" is gearmand, "v1.130" or anything bare is Perl's Gearman::Server. */
#ifndef EVG_PROTOCOL_DIALECT_H
#define EVG_PROTOCOL_DIALECT_H

#include "protocol/command.h"

typedef enum { EVG_UNKNOWN_DIALECT, EVG_GEARMAND, EVG_PERL } evg_dialect_t;

/* From the text of the reply, without line end. An "ERR ..." is EVG_UNKNOWN_DIALECT, which is treated as gearmand. */
evg_dialect_t evg_dialect_of(evg_bytes_t version);

/* "gearmand", "perl", "unknown". */
const char *evg_dialect_name(evg_dialect_t dialect);

/* Does that server know this request? (The Perl server answers what it does not know with an ERROR.) */
bool evg_dialect_speaks_p(evg_dialect_t dialect, evg_command_t type);

/* Does WORK_EXCEPTION end the job? With the Perl server a WORK_FAIL has to follow. */
bool evg_dialect_exception_ends_p(evg_dialect_t dialect);

/* The unit of CAN_DO_TIMEOUT: what a second is multiplied with (1000 for gearmand, 1 for Perl). */
uint32_t evg_dialect_timeout_unit(evg_dialect_t dialect);

#endif
