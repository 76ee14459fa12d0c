/* What one end of a connection does with packets, as a client and as a worker: with no socket, no clock and
 * no Ruby in it. Bytes and time go in, bytes and events come out.
 *
 *     evg_wire_clock(&s->wire, now);                 before anything else, whenever time has passed
 *     if (evg_session_wants_open(s)) ...             make a connection; then _opening, and _opened or _closed
 *     room = evg_wire_reserve(&s->wire, n);          read into it; then _commit
 *     while ((r = evg_session_next(s, &event)) > 0)  what that means
 *     s->wire.in_flight = n;                         bytes that are still in our kernel, where that is known
 *     r = evg_session_tick(s);                       judge deadlines, once all that lies in the socket was read
 *     bytes = evg_session_output(s);                 write some of it; then _written
 *     deadline = evg_session_deadline(s);            call _tick again at that time at the latest
 *
 * A negative answer of next or tick is the reason why the connection has to be closed: close the socket and
 * call evg_session_closed with it.
 *
 * Rules that hold at any time: every request has exactly one EVG_EVENT_DONE; nothing is sent twice; a reply
 * reaches only the request that drew it; what was assigned on one connection is never completed on another;
 * submitted = resolved + pending. No function here calls out. */
#ifndef EVG_SESSION_SESSION_H
#define EVG_SESSION_SESSION_H

#include "session/echo.h"
#include "session/inbox.h"
#include "session/options.h"
#include "session/output.h"
#include "session/state.h"

/* Defaults of the API; two words of entropy seed the hash and the jitter. Allocates nothing. */
void evg_session_init(evg_session_t *s, uint64_t seed0, uint64_t seed1, double now);

/* Frees what is ours. Requests and jobs of the caller are just forgotten: nothing is reported. */
void evg_session_deinit(evg_session_t *s);

/* -- connection ---------------------------------------------------------------------------------------------------- */

/* The loop runs: a session that was never told to be down wants a connection. */
void evg_session_loop_runs(evg_session_t *s);

/* Down, wanted, and the delay is over: start connecting. */
bool evg_session_wants_open(const evg_session_t *s);

/* Down, and no connection is wanted. */
bool evg_session_idle_p(const evg_session_t *s);

/* One is being made, or is wanted and not put off. */
bool evg_session_connecting_p(const evg_session_t *s);

/* One that is put off may be made at once. */
void evg_session_retry_now(evg_session_t *s);

void evg_session_opening(evg_session_t *s);

/* The transport is established: queues the prologue in front of what waited. 0; EVG_ENOMEM; EVG_ETOO_LARGE: max_packet has
 * become less than what the prologue says. Then close, by evg_session_closed with that. */
int evg_session_opened(evg_session_t *s);

/* A connection ended, or could not be made (state EVG_OPENING). What was written fails, what was not waits for
 * the next one if there is to be one. `text` adds what the system said ("Connection refused"), or NULL. */
void evg_session_closed(evg_session_t *s, int reason, const char *text);

/* An option about reconnecting was changed: what waits for a connection that is not to be made ends now. */
void evg_session_reconsider(evg_session_t *s);

/* What belongs to the reason of the last evg_session_closed: its text, or which reply came unexpected; "" for nothing. */
const char *evg_session_closed_text(const evg_session_t *s);

/* Of one in a fleet that is down, with no hope for a connection: what waits ends for good. */
void evg_session_end_waiting(evg_session_t *s);

/* Ours: every request fails with EVG_EDISCONNECTED, jobs are lost, no EVG_EVENT_ERROR. Down until the next
 * request or evg_session_want. Idempotent. */
void evg_session_disconnect(evg_session_t *s);

/* Leaves for another server: as if the connection had been lost, but no EVG_EVENT_ERROR, and the next one may be made
 * at once. What is under way to a connection is given up. */
void evg_session_leave(evg_session_t *s);

/* What comes is not read, or is again: silence says nothing meanwhile. */
static inline void evg_session_pause(evg_session_t *s, bool paused)
{
    s->paused = paused;
}

/* As disconnect, for good. */
void evg_session_shut(evg_session_t *s);

/* Shut, and nothing is told: requests and jobs of the caller are forgotten and their memory is not touched again. */
void evg_session_abandon(evg_session_t *s);

/* In a forked child: every request fails with EVG_EFORKED and buffers are dropped unread; nothing was said
 * to the server. Fresh no more. */
void evg_session_forked(evg_session_t *s);

/* -- bytes --------------------------------------------------------------------------------------------------------- */

/* Ends what has waited too long, decides about GRABs, then views what is to be written, or the first of it; empty
 * unless open. */
evg_bytes_t evg_session_output(evg_session_t *s);

/* -- time ---------------------------------------------------------------------------------------------------------- */

/* Judges all deadlines. 0, or the reason to close. */
int evg_session_tick(evg_session_t *s);

/* When tick (or wants_open) has something to do; INFINITY for never. */
double evg_session_deadline(const evg_session_t *s);

/* -- requests of either role, here and in echo.h and options.h. 0 and the request is taken: one EVG_EVENT_DONE will come. A
 * negative answer: it is not taken, nothing was sent, nothing will be reported (EVG_USAGE errors, EVG_ENOMEM). All want a
 * connection. ------------------------------------------------------------------------------------------------------ */

/* A line of the admin protocol. DONE: args[0] is the text without its end; an "ERR" reply is EVG_ESERVER or kin. */
int evg_session_admin(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape);

/* SET_CLIENT_ID, now if open and on every connect. 0, EVG_ECLIENT_ID, EVG_ENAME, EVG_ENOMEM. */
int evg_session_set_client_id(evg_session_t *s, evg_bytes_t id);

/* -- counts -------------------------------------------------------------------------------------------------------- */

size_t evg_session_pending_count(const evg_session_t *s); /* written, awaiting the first reply */
size_t evg_session_waiting_count(const evg_session_t *s); /* not yet written */
static inline size_t evg_session_active_count(const evg_session_t *s)
{
    return s->created_count;
}
/* Requests that are neither resolved nor about to be reported. */
static inline size_t evg_session_unresolved(const evg_session_t *s)
{
    return s->owed_count + s->created_count;
}
/* Nothing is unsent, nor is a CANT_DO about to follow, and no request of the caller awaits its first reply. */
static inline bool evg_session_flushed_p(const evg_session_t *s)
{
    return s->owed_count == 0 && evg_session_unsent(s) == 0 && !evg_worker_unsaid_p(s);
}

/* Bytes of memory that its buffers hold. */
static inline size_t evg_session_memsize(const evg_session_t *s)
{
    return s->wire.in.cap + s->wire.out.cap;
}

#endif
