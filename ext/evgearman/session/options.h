/* OPTION_REQ, and the options that every connection begins with. */
#ifndef EVG_SESSION_OPTIONS_H
#define EVG_SESSION_OPTIONS_H

#include "session/state.h"

/* OPTION_REQ; remembered and replayed, unless the server refuses it. */
int evg_session_option(evg_session_t *s, evg_request_t *request, evg_bytes_t name);

/* -- for the other files of session/ ------------------------------------------------------------------------------- */

/* OPTION_REQ on our own behalf for each that is remembered, but for those that a request in `waiting` is the first to ask
 * for. 0, EVG_ENOMEM. */
int evg_session_replay_options(evg_session_t *s, const evg_list_t *waiting);
void evg_session_forget_options(evg_session_t *s);

/* The server does not know what the caller asked for: it will not be asked again. */
void evg_session_option_refused(evg_session_t *s, const evg_request_t *request);

#endif
