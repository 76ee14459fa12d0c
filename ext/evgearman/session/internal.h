/* What the parts of a session share with each other and with nobody else. */
#ifndef EVG_SESSION_INTERNAL_H
#define EVG_SESSION_INTERNAL_H

#include "base/error.h"
#include "session/session.h"

#include <math.h>

/* -- packets (exchange.c) ------------------------------------------------------------------------------------------ */

/* Queues a packet that draws no reply. 0, or the codes of evg_packet_encode. */
int evg_session_send(evg_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc);

/* 0; EVG_EBACKPRESSURE when max_unsent or more waits to be written: then DRAINED will be told. */
int evg_session_room(evg_session_t *s);

/* Queues the packet of a request and owes it a reply. 0; EVG_ECLOSED, EVG_EBACKPRESSURE (caller's requests only),
 * or the codes of evg_packet_encode: then nothing has changed. */
int evg_session_ask(evg_session_t *s, evg_request_t *request, evg_command_t type, const evg_bytes_t *args, int argc);

/* The same for a line of text. */
int evg_session_ask_text(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape);

/* Takes a request whose packet is not to be queued yet: its time runs, and it waits. As evg_session_ask. */
int evg_session_put_off(evg_session_t *s, evg_request_t *request, evg_command_t type);

/* Asks by `type`, without arguments, behind all others: the server refused an owed request in its form, or it was put
 * off. 0, EVG_ENOMEM. */
int evg_session_ask_again(evg_session_t *s, evg_request_t *request, evg_command_t type);

/* A request of our own; NULL: no memory. Goes back by evg_session_drop. */
evg_request_t *evg_session_own(evg_session_t *s, evg_purpose_t purpose);
void evg_session_drop(evg_session_t *s, evg_request_t *request);

/* Asks on our own behalf. 0, EVG_ENOMEM. */
int evg_session_ask_own(evg_session_t *s, evg_purpose_t purpose, evg_command_t type, const evg_bytes_t *args, int argc);

/* Its reply was read: it is owed no more, but not resolved. */
void evg_session_answered(evg_session_t *s, evg_request_t *request);

/* Takes a request out of the session and counts it as resolved. */
void evg_session_resolve(evg_session_t *s, evg_request_t *request);

/* evg_session_resolve, and DONE with this error will be told. Requests of our own are dropped. 0 is success. */
void evg_session_end(evg_session_t *s, evg_request_t *request, int error, evg_delivery_t delivery);

/* Replaces an owed request by one of ours that takes its reply. false: no memory. */
bool evg_session_stand_in(evg_session_t *s, evg_request_t *request);

/* Only requests of the caller that were not written stay queued; all else is ended or forgotten. */
void evg_session_keep_unwritten(evg_session_t *s, int error);

/* Ends a request of the caller of which no byte was written, and none will be. 0; EVG_ENOMEM, only while open: then
 * nothing has changed. */
int evg_session_withdraw(evg_session_t *s, evg_request_t *request, int error);

/* The output begins with what is to be written. */
void evg_session_skip_holes(evg_session_t *s);

/* -- deadlines (silence.c) ----------------------------------------------------------------------------------------- */

/* When a deadline that passes at `due` may be judged: not while a packet that was under way then still moves. */
double evg_session_judged_at(const evg_session_t *s, double due);

/* A packet is arriving, or leaving through a full socket, and moves. */
bool evg_session_under_way_p(const evg_session_t *s);

/* Bytes came of a packet that is arriving: the clock of the oldest request the caller awaits an answer to starts anew if that
 * could not come before it. */
void evg_session_arrives(evg_session_t *s);

/* Ends what was not written in time, where something may be past it. 0, EVG_ENOMEM. */
int evg_session_expire_overdue(evg_session_t *s);

static inline int evg_session_expire_waiting(evg_session_t *s)
{
    bool due = evg_deadlines_at(&s->waits) <= s->wire.now || evg_deadlines_at(&s->bounds) <= s->wire.now;
    return due ? evg_session_expire_overdue(s) : 0;
}

/* -- echo (echo.c) ------------------------------------------------------------------------------------------------- */

/* Are these the bytes that were sent with it? */
bool evg_session_echo_of_p(const evg_request_t *request, evg_bytes_t data);

/* -- which server this is (introduction.c) ------------------------------------------------------------------------- */

int evg_session_introduce(evg_session_t *s); /* asks, unless it was told. 0, EVG_ENOMEM */
/* It answered "version": 0, EVG_ENOMEM. */
int evg_session_introduced_by_text(evg_session_t *s, evg_bytes_t version);
/* It answered something else first: so it knows no text, or has done so already. 0, EVG_ENOMEM. */
int evg_session_introduced_by_packet(evg_session_t *s);
/* It answered this one and none of those before, all of which a connection begins with. 0, EVG_ENOMEM. */
int evg_session_passed_over(evg_session_t *s, const evg_request_t *answered);
int evg_session_probe(evg_session_t *s); /* an ECHO behind "version", if it is time. 0, EVG_ENOMEM */
static inline double evg_session_probe_at(const evg_session_t *s)
{
    return s->state == EVG_OPEN && !s->paused ? s->probe_at : INFINITY;
}
void evg_session_hung_up(evg_session_t *s, int reason); /* an open connection ends */
void evg_session_forget_server(evg_session_t *s);       /* the next connection is to another one */

/* -- options (options.c) ------------------------------------------------------------------------------------------- */

/* OPTION_REQ on our own behalf for each that is remembered, but for those that a request in `waiting` is the first to ask
 * for. 0, EVG_ENOMEM. */
int evg_session_replay_options(evg_session_t *s, const evg_list_t *waiting);
void evg_session_forget_options(evg_session_t *s);

/* The server does not know what the caller asked for: it will not be asked again. */
void evg_session_option_refused(evg_session_t *s, const evg_request_t *request);

/* -- decoding (inbox.c) -------------------------------------------------------------------------------------------- */

/* Which request a packet answers. 1: *request, the oldest owed. 0: it is an event or a report, nobody's reply.
 * EVG_EUNEXPECTED: nobody may get it. */
int evg_session_match(evg_session_t *s, const evg_packet_t *packet, evg_request_t **request);

/* The error of an ERROR packet or an "ERR" line. */
int evg_session_server_error(evg_bytes_t code);

/* Fills in DONE, and takes the request out of the session. Answers 1; 0 for a request of our own. */
int evg_session_tell_done(evg_session_t *s, evg_event_t *event, evg_request_t *request, int error);

/* -- the client's part. Answers of the packet functions: 1 event told, 0 nothing to tell, negative close. ---------- */

void evg_client_init(evg_session_t *s, uint64_t seed0, uint64_t seed1);
void evg_client_deinit(evg_session_t *s);
void evg_client_closed(evg_session_t *s, int error);
int evg_client_tick(evg_session_t *s);    /* 0, or the reason to close */
int evg_client_reserve(evg_session_t *s); /* room for all deadlines of jobs and one more: 0, EVG_ENOMEM */
int evg_client_created(evg_session_t *s, evg_request_t *request, evg_bytes_t handle, evg_event_t *event);
int evg_client_work(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event);
int evg_client_too_large(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event); /* a WORK_*: its handle */
int evg_client_lost_checked(evg_session_t *s, evg_request_t *check, const evg_packet_t *packet);
evg_delivery_t evg_client_delivery(const evg_request_t *request); /* of a job that was created */

/* -- the worker's part --------------------------------------------------------------------------------------------- */

void evg_worker_init(evg_session_t *s, uint64_t seed0, uint64_t seed1);
void evg_worker_deinit(evg_session_t *s);

/* The work loop (worker_session.c). */
int evg_worker_opened(evg_session_t *s);     /* abilities, for the prologue: 0, EVG_ENOMEM */
int evg_worker_introduced(evg_session_t *s); /* the dialect is known: 0, EVG_ENOMEM */
void evg_worker_closed(evg_session_t *s, bool stop);
int evg_worker_tick(evg_session_t *s); /* 0, EVG_ENOMEM */
double evg_worker_deadline(const evg_session_t *s);
int evg_worker_prepare(evg_session_t *s); /* decides about GRABs: 0, EVG_ENOMEM */
int evg_worker_assigned(evg_session_t *s, evg_request_t *grab, const evg_packet_t *packet, evg_event_t *event);
int evg_worker_too_large(evg_session_t *s, evg_request_t *grab, const evg_packet_t *packet, evg_event_t *event);
int evg_worker_no_job(evg_session_t *s);
int evg_worker_grab_refused(evg_session_t *s, evg_request_t *grab); /* GRAB_JOB_UNIQ by an ERROR: 0, EVG_ENOMEM */
int evg_worker_noop(evg_session_t *s);
bool evg_worker_next_notice(evg_session_t *s, evg_event_t *event);
static inline bool evg_worker_notices_p(const evg_session_t *s) /* there is one */
{
    const evg_worker_session_t *w = &s->worker;
    return !evg_list_empty_p(&w->lost) || !evg_list_empty_p(&w->expired) || w->tell_idle || w->tell_stopped;
}
void evg_worker_awake(evg_session_t *s);  /* a sleeper asks again: its abilities changed */
void evg_worker_let_go(evg_session_t *s); /* a job is held no more */

/* Abilities (abilities.c). */
int evg_worker_announce(evg_session_t *s);         /* what can be and was not announced yet: 0, EVG_ENOMEM */
int evg_worker_settle_abilities(evg_session_t *s); /* takes back what is to go and can; the same: 0, EVG_ENOMEM */
static inline bool evg_worker_leaving_p(const evg_session_t *s) /* something is to go: no GRABs */
{
    return s->worker.reset || !evg_list_empty_p(&s->worker.leaving);
}
static inline bool evg_worker_settled_p(const evg_session_t *s) /* nothing is to be said of any */
{
    return !evg_worker_leaving_p(s) && evg_list_empty_p(&s->worker.unannounced);
}
evg_function_t *evg_worker_assigned_function(evg_session_t *s, evg_bytes_t name); /* leaving or not */
void evg_worker_abilities_closed(evg_session_t *s);
void evg_worker_abilities_init(evg_session_t *s, uint64_t seed0, uint64_t seed1);
void evg_worker_abilities_deinit(evg_session_t *s);

/* Jobs (assigned.c). */
int evg_worker_expire(evg_session_t *s);        /* those past their timeout: 0, EVG_ENOMEM */
void evg_worker_lose(evg_session_t *s);         /* all that are held */
void evg_worker_forget_stuck(evg_session_t *s); /* their threads are gone, or nobody asks for jobs any more */
evg_bytes_t evg_worker_say_expired(evg_session_t *s, const evg_job_t *job); /* "timed out after 5 s"; until the next */

#endif
