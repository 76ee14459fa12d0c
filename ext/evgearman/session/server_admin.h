/* The text commands of a job server: gearmand's, and `shutdown` where it is allowed. */
#ifndef EVG_SESSION_SERVER_ADMIN_H
#define EVG_SESSION_SERVER_ADMIN_H

#include "session/server_session.h"

/* A line was said: these words of it, views of the input; `crlf` tells how it ended. */
void evg_server_answer(evg_server_session_t *s, const evg_bytes_t *words, int count, bool crlf);

#endif
