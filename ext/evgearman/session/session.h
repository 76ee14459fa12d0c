/* What one end of a connection does with packets, as a client and as a worker: with no socket, no clock and
 * no Ruby in it. Bytes and time go in, bytes and events come out.
 *
 *     evg_wire_clock(&s->wire, now);                 before anything else, whenever time has passed
 *     if (evg_session_wants_open(s)) ...             make a connection; then _opening, and _opened or _closed
 *     room = evg_wire_reserve(&s->wire, n);          read into it; then _commit
 *     while ((r = evg_session_next(s, &event)) > 0)  what that means
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

#include "protocol/dialect.h"
#include "session/backoff.h"
#include "session/client_session.h"
#include "session/request.h"
#include "session/wire.h"
#include "session/worker_session.h"

typedef enum {
    EVG_DOWN,    /* no connection; perhaps one is wanted */
    EVG_OPENING, /* one is being made */
    EVG_OPEN,
    EVG_SHUT /* for good */
} evg_session_state_t;

enum { EVG_PACKET_LEAST = sizeof "exceptions" - 1 }; /* of max_packet: what a connection begins with */

typedef struct {
    double command_timeout; /* seconds; 0 is never. Of waiting to be written, and of silence behind that: silence.c */
    double heartbeat;       /* seconds of silence before an ECHO, and before giving up on it; 0 is never */
    double lost_check;      /* seconds of silence about a job before GET_STATUS; 0 is never */
    evg_dialect_t dialect;  /* unless EVG_UNKNOWN_DIALECT, the server is not asked for it */
    bool reconnect;
    bool exceptions;   /* OPTION_REQ exceptions on every connect */
    size_t max_packet; /* body bytes, either way. A larger job fails, and who asked for a larger result */
    size_t max_text;   /* bytes of an admin reply */
    size_t max_unsent; /* requests are refused while so many bytes wait to be written */
} evg_session_options_t;

typedef enum {
    EVG_EVENT_NONE,
    EVG_EVENT_CONNECTED,    /* the prologue is queued; requests made now go behind those that waited */
    EVG_EVENT_DISCONNECTED, /* a connection that was told of ended */
    EVG_EVENT_ERROR,        /* error, text: something went wrong with the connection as a whole */
    EVG_EVENT_DRAINED,      /* unsent bytes fell below a quarter of max_unsent after a refusal */
    EVG_EVENT_CREATED,      /* request: JOB_CREATED of a foreground job; its handle is in the request */
    EVG_EVENT_DATA,         /* request, args[0] */
    EVG_EVENT_WARNING,      /* request, args[0] */
    EVG_EVENT_STATUS,       /* request, args[0] numerator, args[1] denominator */
    EVG_EVENT_EXCEPTION,    /* request, args[0]: from a server where it does not end the job; DONE is to come */
    EVG_EVENT_DONE,         /* request: its outcome. error 0: args is the reply (the result in args[0]).
                               EVG_EJOB_EXCEPTION: args[0] is what the worker sent */
    EVG_EVENT_ASSIGNED,     /* args: handle, function, unique, workload; `request` is the grab_job, or NULL for the
                               work loop. The receiver must call evg_worker_accept before next */
    EVG_EVENT_REFUSED,      /* error, text, args[0] handle: a job that is larger than max_packet was failed */
    EVG_EVENT_LOST,         /* job: its connection ended */
    EVG_EVENT_EXPIRED,      /* job, error, text: its timeout passed; it was failed at the server */
    EVG_EVENT_IDLE,         /* the worker goes to sleep after a start, a job or a NOOP */
    EVG_EVENT_STOPPED       /* after work_stop: nothing is held and no GRAB is outstanding */
} evg_event_type_t;

/* Views into the session's buffers: valid until the next call of next, or of reserve or feed of the wire. */
typedef struct evg_event {
    evg_event_type_t type;
    evg_request_t *request;
    evg_job_t *job;
    int error;               /* 0, or an evg_error_t */
    evg_delivery_t delivery; /* with an error of a request */
    evg_bytes_t text;        /* with an error: what the server or the system said, "" when it said nothing.
                                A server's "CODE" is args[0] and its text args[1] */
    int argc;
    evg_bytes_t args[EVG_MAX_ARGS];
} evg_event_t;

typedef struct {
    uint64_t submitted, resolved; /* requests of the caller */
    uint64_t packets_in, packets_out;
    uint64_t connects;        /* connections that were opened */
    uint64_t ignored_packets; /* about handles that are not ours, reports about WORK_* */
    uint64_t refused_jobs;    /* assigned for a function without handler, or too large */
} evg_session_stats_t;

typedef struct evg_session {
    evg_session_options_t options; /* may be changed at any time; holds from the next use on */
    evg_backoff_t backoff;         /* first, most, attempts: ditto */
    evg_session_stats_t stats;
    evg_dialect_t dialect;
    evg_session_state_t state;
    uint64_t generation; /* counts connections; a job belongs to one */
    evg_wire_t wire;
    bool paused; /* what comes is not read: silence says nothing then, and only requests of the caller are judged */
    /* private */
    evg_list_t owed;          /* evg_request_t in the order of their packets, written or not */
    evg_list_t *last_written; /* of `owed`: all up to it were written to the last byte. The head: none */
    evg_list_t *last_ours;    /* of `owed`: none up to it is the caller's. The head: nothing is known */
    evg_list_t put_off;       /* evg_request_t whose packets are not to be queued yet */
    evg_list_t ended;         /* evg_request_t that ended without a packet: to be reported */
    evg_list_t spare;         /* evg_request_t of ours for use again */
    evg_deadlines_t waits;    /* of the caller's requests that are not begun */
    evg_deadlines_t bounds;   /* of those of them that have a timeout of their own */
    size_t owed_count;        /* of the caller's requests in owed or put_off */
    size_t unwritten_count;   /* of those behind last_written, or put off */
    size_t created_count;     /* of the caller's foreground jobs */
    size_t spare_count;
    size_t dead;       /* bytes of `out` that are not to be written: their requests expired */
    uint64_t clear_to; /* stream position where the first hole in `out` begins; UINT64_MAX: there is none */
    uint64_t not_sent; /* requests of the caller that ended with EVG_NOT_SENT, ever */
    evg_client_session_t client;
    evg_worker_session_t worker;
    evg_list_t extras; /* options remembered besides "exceptions" */
    char client_id[EVG_KEY_MAX + 1];
    char unexpected[80]; /* which reply to what, until the connection is closed for it */
    bool wanted;         /* a connection is to be made when retry_at has come */
    bool fresh;          /* never asked to be down: a running loop opens it */
    bool heard;          /* a reply was read on this connection */
    bool answered;       /* one to what was not asked just for the connection's sake: it is good for something */
    bool introduced;     /* on this connection it is known which server it is */
    bool asked_text;     /* it was asked by "version" */
    bool late_text;      /* passed over, which may still be answered */
    bool knows_text;     /* the server has answered a "version" */
    bool wordless;       /* the server knows no text */
    bool doubtful;       /* it hung up on its first text: this once, it is not asked by any */
    bool refused;        /* a request met EVG_EBACKPRESSURE: DRAINED is due */
    bool tell_connected, tell_disconnected;
    int tell_error;      /* for EVG_EVENT_ERROR; 0 for none */
    int open_error;      /* why the last attempt to connect failed; 0 after a success or a disconnect */
    char text[160];      /* what belongs to tell_error or open_error */
    char said[32];       /* about what the last event told of */
    double retry_at;     /* not before this time */
    double hasten_to;    /* nor, for the sake of a request, before this one */
    double again_at;     /* there was no memory for what is to be written: when to try again */
    double opened_at;    /* when this connection was */
    double probe_at;     /* when an ECHO goes behind "version" */
    evg_request_t *beat; /* the heartbeat ECHO that is owed */
    double beat_at;      /* when it was made */
    double reply_at;     /* when a reply was last read */
} evg_session_t;

/* Defaults of the API; two words of entropy seed the hash and the jitter. Allocates nothing. */
void evg_session_init(evg_session_t *s, uint64_t seed0, uint64_t seed1, double now);

/* Frees what is ours. Requests and jobs of the caller are just forgotten: nothing is reported. */
void evg_session_deinit(evg_session_t *s);

/* -- connection ---------------------------------------------------------------------------------------------------- */

/* A connection is wanted from now on. EVG_ECLOSED after shut. */
int evg_session_want(evg_session_t *s);

/* The loop runs: a session that was never told to be down wants a connection. */
void evg_session_loop_runs(evg_session_t *s);

/* Down, wanted, and the delay is over: start connecting. */
bool evg_session_wants_open(const evg_session_t *s);

void evg_session_opening(evg_session_t *s);

/* The transport is established: queues the prologue in front of what waited. 0, or EVG_ENOMEM (then close). */
int evg_session_opened(evg_session_t *s);

/* A connection ended, or could not be made (state EVG_OPENING). What was written fails, what was not waits for
 * the next one if there is to be one. `text` adds what the system said ("Connection refused"), or NULL. */
void evg_session_closed(evg_session_t *s, int reason, const char *text);

/* An option about reconnecting was changed: what waits for a connection that is not to be made ends now. */
void evg_session_reconsider(evg_session_t *s);

/* Ours: every request fails with EVG_EDISCONNECTED, jobs are lost, no EVG_EVENT_ERROR. Down until the next
 * request or evg_session_want. Idempotent. */
void evg_session_disconnect(evg_session_t *s);

/* Leaves for another server: as if the connection had been lost, but no EVG_EVENT_ERROR, and the next one may be made
 * at once. What is under way to a connection is given up. */
void evg_session_leave(evg_session_t *s);

/* As disconnect, for good. */
void evg_session_shut(evg_session_t *s);

/* Shut, and nothing is told: requests and jobs of the caller are forgotten and their memory is not touched again. */
void evg_session_abandon(evg_session_t *s);

/* In a forked child: every request fails with EVG_EFORKED and buffers are dropped unread; nothing was said
 * to the server. Fresh no more. */
void evg_session_forked(evg_session_t *s);

/* -- bytes --------------------------------------------------------------------------------------------------------- */

/* 1 and an event; 0: nothing more to tell; negative: the stream is broken, close. To be called behind each commit, and at
 * wire.trim_at at the latest. */
int evg_session_next(evg_session_t *s, evg_event_t *event);

/* Ends what has waited too long, decides about GRABs, then views what is to be written, or the first of it; empty
 * unless open. */
evg_bytes_t evg_session_output(evg_session_t *s);
void evg_session_written(evg_session_t *s, size_t len);

/* -- time ---------------------------------------------------------------------------------------------------------- */

/* Judges all deadlines. 0, or the reason to close. */
int evg_session_tick(evg_session_t *s);

/* When tick (or wants_open) has something to do; INFINITY for never. */
double evg_session_deadline(const evg_session_t *s);

/* -- requests of either role. 0 and the request is taken: one EVG_EVENT_DONE will come. A negative answer: it
 * is not taken, nothing was sent, nothing will be reported (EVG_USAGE errors, EVG_ENOMEM). All want a
 * connection. ----------------------------------------------------------------------------------------- */

int evg_session_echo(evg_session_t *s, evg_request_t *request, evg_bytes_t data); /* args[0] */

/* OPTION_REQ; remembered and replayed, unless the server refuses it. */
int evg_session_option(evg_session_t *s, evg_request_t *request, evg_bytes_t name);

/* The caller wants its answer no more. If no byte of it was written none will be, and its DONE (EVG_EABANDONED,
 * EVG_NOT_SENT) comes next: 1. 0: it was written, or is done; nothing changes. EVG_ENOMEM: ditto. */
int evg_session_take_back(evg_session_t *s, evg_request_t *request);

/* A line of the admin protocol. DONE: args[0] is the text without its end; an "ERR" reply is EVG_ESERVER or kin. */
int evg_session_admin(evg_session_t *s, evg_request_t *request, evg_bytes_t line, evg_shape_t shape);

/* SET_CLIENT_ID, now if open and on every connect. 0, EVG_ECLIENT_ID, EVG_ENAME, EVG_ENOMEM. */
int evg_session_set_client_id(evg_session_t *s, evg_bytes_t id);

/* -- counts -------------------------------------------------------------------------------------------------------- */

bool evg_session_unwritten_p(const evg_session_t *s, const evg_request_t *request); /* no byte of it was written */
size_t evg_session_pending_count(const evg_session_t *s); /* written, awaiting the first reply */
size_t evg_session_waiting_count(const evg_session_t *s); /* not yet written */
static inline size_t evg_session_active_count(const evg_session_t *s)
{
    return s->created_count;
}
static inline size_t evg_session_unsent(const evg_session_t *s)
{
    return evg_buffer_len(&s->wire.out) - s->dead;
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

#endif
