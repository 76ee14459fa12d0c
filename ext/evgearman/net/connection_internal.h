/* What the files of a connection share with each other and with nobody else.
 *
 *     connection_phases.c   the phase, and what the session has to tell
 *     connection_dial.c     from DOWN to OPEN
 *     connection.c          puts them together for the loop, the pipe and the owner */
#ifndef EVG_NET_CONNECTION_INTERNAL_H
#define EVG_NET_CONNECTION_INTERNAL_H

#include "net/connection.h"
#include "net/pipe_watch.h"

/* -- connection_phases.c ------------------------------------------------------------------------------------------- */

/* The only place where the phase changes: each takes along what belongs to it. */
void evg_connection_enter(evg_connection_t *c, evg_phase_t phase);

/* The connection ended, or there will be none: down, and the session is told why. */
void evg_connection_finish(evg_connection_t *c, int reason, const char *text);

/* The session was told to be down behind our back: so are we. */
void evg_connection_follow(evg_connection_t *c);

/* All events to on_event; finishes when the session cannot go on. */
void evg_connection_emit(evg_connection_t *c);

/* The same where most often there is none. */
static inline void evg_connection_emit_news(evg_connection_t *c)
{
    if (evg_session_news_p(&c->session)) evg_connection_emit(c);
}

/* -- connection_dial.c --------------------------------------------------------------------------------------------- */

void evg_connection_begin(evg_connection_t *c);        /* to RESOLVING or CONNECTING */
void evg_connection_resolved(evg_connection_t *c);     /* is the resolution done? given up? */
void evg_connection_try_next_way(evg_connection_t *c); /* only in a turn, with no transport */
void evg_connection_check_way(evg_connection_t *c);    /* established? given up? */

#endif
