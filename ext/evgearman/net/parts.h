/* What the files of a connection share with each other and with nobody else.
 *
 *     watch.c    the descriptor and its watcher
 *     phases.c   the phase, and what the session has to tell
 *     dial.c     from DOWN to OPEN
 *     stream.c   bytes of an open connection
 *     connection.c puts them together for the loop and for the owner */
#ifndef EVG_NET_PARTS_H
#define EVG_NET_PARTS_H

#include "net/connection.h"

/* -- watch.c. libev aborts when a watched descriptor is closed, and another thread may be inside libev: so a transport
 * retires first, and is buried in a turn. -- */

/* To be reconciled soon: marks dirty and wakes a poll under way. */
void evg_connection_touch(evg_connection_t *c);

/* Takes the transport out of use; anywhere. */
void evg_connection_retire(evg_connection_t *c);

/* Closes the retired transport; only in a turn. So do these: */
void evg_connection_bury(evg_connection_t *c);
void evg_connection_watch(evg_connection_t *c); /* for what the phase wants */
void evg_connection_close_all(evg_connection_t *c);

/* The watcher as new: its loop is gone, or it never had one. */
void evg_connection_forget_watcher(evg_connection_t *c);

/* -- phases.c ------------------------------------------------------------------------------------------------------ */

/* The only place where the phase changes: each takes along what belongs to it. */
void evg_connection_enter(evg_connection_t *c, evg_phase_t phase);

/* The connection ended, or there will be none: down, and the session is told why. */
void evg_connection_finish(evg_connection_t *c, int reason, const char *text);

/* The session was told to be down behind our back: so are we. */
void evg_connection_follow(evg_connection_t *c);

/* All events to on_event; finishes when the session cannot go on. */
void evg_connection_emit(evg_connection_t *c);

/* -- dial.c -------------------------------------------------------------------------------------------------------- */

void evg_connection_begin(evg_connection_t *c);        /* to RESOLVING or CONNECTING */
void evg_connection_resolved(evg_connection_t *c);     /* is the resolution done? given up? */
void evg_connection_try_next_way(evg_connection_t *c); /* only in a turn, with no transport */
void evg_connection_check_way(evg_connection_t *c);    /* established? given up? */

/* -- stream.c ------------------------------------------------------------------------------------------------------ */

bool evg_connection_reads_p(const evg_connection_t *c);
void evg_connection_read_in(evg_connection_t *c);   /* a turn's worth; stays ready when there may be more */
void evg_connection_write_out(evg_connection_t *c); /* as far as the socket takes it */

#endif
