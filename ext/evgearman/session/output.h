/* What of the output was written, and what is not to be. */
#ifndef EVG_SESSION_OUTPUT_H
#define EVG_SESSION_OUTPUT_H

#include "session/state.h"

/* So many bytes of evg_session_output were written. */
void evg_session_written(evg_session_t *s, size_t len);

/* Are these what evg_session_output begins with, from that position of the stream on? */
bool evg_session_next_p(const evg_session_t *s, evg_bytes_t bytes, uint64_t position);

/* The caller wants its answer no more. If no byte of it was written none will be, and its DONE (EVG_EABANDONED,
 * EVG_NOT_SENT) comes next: 1. 0: it was written, or is done; nothing changes. EVG_ENOMEM. */
int evg_session_take_back(evg_session_t *s, evg_request_t *request);

/* -- for the other files of session/ ------------------------------------------------------------------------------- */

/* Only requests of the caller that were not written stay queued; all else is ended or forgotten. */
void evg_session_keep_unwritten(evg_session_t *s, int error);

/* Down: all that waits ends; or only what may not go to another server. */
void evg_session_end_unwritten(evg_session_t *s, int error);
void evg_session_end_bound(evg_session_t *s, int error);

/* Ends a request of the caller of which no byte was written, and none will be. 0; EVG_ENOMEM, only while open. */
int evg_session_withdraw(evg_session_t *s, evg_request_t *request, int error);

/* A request of the caller, of which no byte was written, goes to another session with its deadlines. 0, EVG_ENOMEM: nothing has
 * changed. */
int evg_session_hand_over(evg_session_t *s, evg_request_t *request, evg_session_t *to);

/* So many bytes of the output, which begins with nothing that is half written, come before the first request of the caller. */
size_t evg_session_ours(const evg_session_t *s);

/* The output begins with what is to be written. */
void evg_session_skip_holes(evg_session_t *s);

#endif
