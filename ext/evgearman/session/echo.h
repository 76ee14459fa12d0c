/* ECHO_REQ. */
#ifndef EVG_SESSION_ECHO_H
#define EVG_SESSION_ECHO_H

#include "session/state.h"

/* DONE: args[0] is what came back. As all requests: see session.h. */
int evg_session_echo(evg_session_t *s, evg_request_t *request, evg_bytes_t data);

/* For the other files of session/: are these the bytes that were sent with it? */
bool evg_session_echo_of_p(const evg_request_t *request, evg_bytes_t data);

#endif
