/* All that a session knows. Its files share this, and each says what it makes of it in its own header; who uses a session
 * reads session.h. */
#ifndef EVG_SESSION_STATE_H
#define EVG_SESSION_STATE_H

#include "base/error.h"
#include "protocol/dialect.h"
#include "session/backoff.h"
#include "session/client_session.h"
#include "session/event.h"
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
    double command_timeout;   /* seconds; 0 is never. Of waiting to be written, and of silence behind that: silence.c */
    double introduce_timeout; /* among several servers: seconds of silence behind the first question; 0: as any other */
    double heartbeat;         /* seconds of silence before an ECHO, and before giving up on it; 0 is never */
    double lost_check;        /* seconds of silence about a job before GET_STATUS; 0 is never */
    evg_dialect_t dialect;    /* unless EVG_UNKNOWN_DIALECT, the server is not asked for it */
    bool reconnect;
    bool exceptions;   /* OPTION_REQ exceptions on every connect */
    size_t max_packet; /* body bytes, either way. A larger job fails, and who asked for a larger result */
    size_t max_text;   /* bytes of an admin reply */
    size_t max_unsent; /* requests are refused while so many bytes wait to be written */
} evg_session_options_t;

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
    bool away; /* the last attempt to connect failed, or the last connection was lost; until one is open again, among
                      several servers until it was answered there */
    bool in_fleet; /* one of several: what waits may go elsewhere, when there is no hope for a connection: fleet.h */
    bool paused;   /* what comes is not read: silence says nothing then, and only requests of the caller are judged */
    uint64_t not_sent;               /* requests of the caller that ended with EVG_NOT_SENT, ever */
    char client_id[EVG_KEY_MAX + 1]; /* "" for none */
    /* private, by whose it is */
    evg_client_session_t client;
    evg_worker_session_t worker;

    /* exchange.c: what is owed, and what has ended */
    evg_list_t owed;          /* evg_request_t in the order of their packets, written or not */
    evg_list_t *last_written; /* of `owed`: all up to it were written to the last byte. The head: none */
    evg_list_t *last_ours;    /* of `owed`: none up to it is the caller's. The head: nothing is known */
    evg_list_t *last_landed;  /* of `owed`: all up to it have left our kernel, as far as was looked. The head: none */
    evg_list_t put_off;       /* evg_request_t whose packets are not to be queued yet */
    evg_list_t ended;         /* evg_request_t that ended without a packet: to be reported */
    evg_list_t spare;         /* evg_request_t of ours for use again */
    evg_deadlines_t waits;    /* of the caller's requests that are not begun */
    evg_deadlines_t bounds;   /* of those of them that have a timeout of their own */
    evg_deadlines_t finishes; /* of begun requests and created jobs: their timeout, or when to ask for them */
    size_t owed_count;        /* of the caller's requests in owed or put_off */
    size_t unwritten_count;   /* of those behind last_written, or put off */
    size_t created_count;     /* of the caller's foreground jobs */
    size_t spare_count;
    size_t grabs, asked_grabs; /* GRABs that are owed: of the work loop, and of the caller */
    bool refused;              /* a request met EVG_EBACKPRESSURE: DRAINED is due */

    /* output.c: what is not to be written */
    size_t dead;       /* bytes of `out` that are not to be written: their requests expired */
    uint64_t clear_to; /* stream position where the first hole in `out` begins; UINT64_MAX: there is none */

    /* options.c */
    evg_list_t extras; /* options remembered besides "exceptions" */

    /* introduction.c: which server it is */
    bool introduced; /* on this connection it is known */
    bool asked_text; /* it was asked by "version" */
    bool late_text;  /* passed over, which may still be answered */
    bool knows_text; /* the server has answered a "version" */
    bool wordless;   /* the server knows no text */
    bool doubtful;   /* it hung up on its first text: this once, it is not asked by any */
    double probe_at; /* when an ECHO goes behind "version" */

    /* silence.c */
    evg_request_t *beat; /* the heartbeat ECHO that is owed */
    double beat_at;      /* when it was made */
    double reply_at;     /* when a reply was last read */

    /* inbox.c: what was heard, and what is to be told */
    bool heard;    /* a reply was read on this connection */
    bool answered; /* one to what was not asked just for the connection's sake: it is good for something */
    bool tell_connected, tell_disconnected;
    int tell_error;      /* for EVG_EVENT_ERROR; 0 for none */
    char unexpected[80]; /* which reply to what, until the connection is closed for it */
    char text[160];      /* what belongs to tell_error or open_error */
    char said[32];       /* about what the last event told of */

    /* session.c: when there is a connection */
    bool wanted;      /* one is to be made when retry_at has come */
    bool fresh;       /* never asked to be down: a running loop opens it */
    int open_error;   /* why the last attempt to connect failed; 0 after a success or a disconnect */
    double retry_at;  /* not before this time */
    double hasten_to; /* nor, for the sake of a request, before this one */
    double again_at;  /* there was no memory for what is to be written: when to try again */
    double opened_at; /* when this connection was */
} evg_session_t;

/* A connection is wanted from now on. EVG_ECLOSED after shut. */
static inline int evg_session_want(evg_session_t *s)
{
    if (s->state == EVG_SHUT) return EVG_ECLOSED;
    s->wanted = true;
    return 0;
}

/* One of several servers, which has not answered the first question on this connection: nothing else is written. */
static inline bool evg_session_held_back_p(const evg_session_t *s)
{
    return s->in_fleet && !s->introduced;
}

/* No byte of it was written. */
static inline bool evg_session_unwritten_p(const evg_session_t *s, const evg_request_t *request)
{
    return request->start >= s->wire.out.consumed;
}

/* Bytes that wait to be written. */
static inline size_t evg_session_unsent(const evg_session_t *s)
{
    return evg_buffer_len(&s->wire.out) - s->dead;
}

/* So many that requests are refused. */
static inline bool evg_session_full_p(const evg_session_t *s)
{
    return evg_session_unsent(s) >= s->options.max_unsent;
}

#endif
