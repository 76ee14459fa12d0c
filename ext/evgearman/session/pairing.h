/* Which request a packet answers, and what the code of an ERROR means. For the other files of session/. */
#ifndef EVG_SESSION_PAIRING_H
#define EVG_SESSION_PAIRING_H

#include "session/state.h"

/* The oldest owed request, if its packet was written to the last byte: nobody answers half a question. NULL: none. */
evg_request_t *evg_session_head(const evg_session_t *s);

/* May it draw a reply of that type? Not NULL, nor a line of text. */
bool evg_session_accepts_p(const evg_request_t *head, evg_command_t reply);

/* Which request a packet answers. 1: *request, the oldest owed. 0: it is an event or a report, nobody's reply.
 * EVG_EUNEXPECTED: nobody may get it. */
int evg_session_match(evg_session_t *s, const evg_packet_t *packet, evg_request_t **request);

/* The error of an ERROR packet or an "ERR" line. */
int evg_session_server_error(evg_bytes_t code);

#endif
