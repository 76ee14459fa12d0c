/* Packets that go out, and the replies owed for them. For the other files of session/. */
#ifndef EVG_SESSION_EXCHANGE_H
#define EVG_SESSION_EXCHANGE_H

#include "session/state.h"

/* Queues a packet that draws no reply. 0, or the codes of evg_packet_encode. */
int evg_session_send(evg_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc);

/* 0; EVG_EBACKPRESSURE when max_unsent or more waits to be written: then DRAINED will be told. */
int evg_session_room(evg_session_t *s);

/* Queues the packet of a request and owes it a reply. 0; EVG_ECLOSED, EVG_EBACKPRESSURE (caller's requests only),
 * or the codes of evg_packet_encode. */
int evg_session_ask(evg_session_t *s, evg_request_t *request, evg_command_t type, const evg_bytes_t *args, int argc);

/* The same for a line of text. */
int evg_session_ask_text(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape);

/* Takes a request whose packet is not to be queued yet: its time runs, and it waits. As evg_session_ask. */
int evg_session_put_off(evg_session_t *s, evg_request_t *request, evg_command_t type);

/* Asks by `type`, without arguments, behind all others: the server refused an owed request in its form, or it was put
 * off. 0, EVG_ENOMEM. */
int evg_session_ask_again(evg_session_t *s, evg_request_t *request, evg_command_t type);

/* The packet of a request that was not written; a view of the output. */
evg_bytes_t evg_session_bytes_of(const evg_session_t *s, const evg_request_t *request);

/* Room for a request of another session. 0, EVG_ENOMEM. */
int evg_session_make_room(evg_session_t *s, const evg_request_t *request);

/* Takes it over, with its packet and its deadlines; there is room. */
void evg_session_adopt(evg_session_t *s, evg_session_t *from, evg_request_t *request);

/* A request of our own; NULL: no memory. Goes back by evg_session_give_back. */
evg_request_t *evg_session_own(evg_session_t *s, evg_purpose_t purpose);
void evg_session_give_back(evg_session_t *s, evg_request_t *request);

/* Asks on our own behalf. 0, EVG_ENOMEM. */
int evg_session_ask_own(evg_session_t *s, evg_purpose_t purpose, evg_command_t type, const evg_bytes_t *args, int argc);

/* Its reply was read: it is owed no more, but not resolved. */
void evg_session_answered(evg_session_t *s, evg_request_t *request);

/* Takes a request out of the session and counts it as resolved. */
void evg_session_resolve(evg_session_t *s, evg_request_t *request);

/* evg_session_resolve, and DONE with this error will be told. Requests of our own go back. 0 is success. */
void evg_session_end(evg_session_t *s, evg_request_t *request, int error, evg_delivery_t delivery);

/* Replaces an owed request by one of ours that takes its reply. false: no memory. */
bool evg_session_stand_in(evg_session_t *s, evg_request_t *request);

/* Fills in DONE, and takes the request out of the session. Answers 1; 0 for a request of our own. */
int evg_session_tell_done(evg_session_t *s, evg_event_t *event, evg_request_t *request, int error);

/* Room for the deadlines of all that is owed or created, and one more, in `finishes`. 0, EVG_ENOMEM. */
int evg_session_reserve_deadlines(evg_session_t *s);

/* Where the deadline of a request lies while it is owed. */
static inline evg_deadlines_t *evg_session_deadlines_of(evg_session_t *s, const evg_request_t *request)
{
    if (request->finish_by <= 0) return &s->waits;
    return request->begun ? &s->finishes : &s->bounds;
}

#endif
