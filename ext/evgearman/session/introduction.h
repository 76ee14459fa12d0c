/* Which server this is, and asking it. For the other files of session/. */
#ifndef EVG_SESSION_INTRODUCTION_H
#define EVG_SESSION_INTRODUCTION_H

#include "session/state.h"

/* Asks, unless it was told. 0, EVG_ENOMEM. */
int evg_session_introduce(evg_session_t *s);

/* It answered "version". */
void evg_session_introduced_by_text(evg_session_t *s, evg_bytes_t version);

/* It answered something else first: so it knows no text, or has done so already. */
void evg_session_introduced_by_packet(evg_session_t *s);

/* It answered this one and none of those before, all of which a connection begins with. */
void evg_session_passed_over(evg_session_t *s, const evg_request_t *answered);

/* An ECHO behind "version", if it is time. 0, EVG_ENOMEM. */
int evg_session_probe(evg_session_t *s);

static inline double evg_session_probe_at(const evg_session_t *s)
{
    return s->state == EVG_OPEN && !s->paused ? s->probe_at : INFINITY;
}

/* An open connection ends. */
void evg_session_hung_up(evg_session_t *s, int reason);

/* The next connection is to another server. */
void evg_session_forget_server(evg_session_t *s);

#endif
