/* Something that was asked of the server and has exactly one outcome.
 *
 * The caller owns the memory (it lies inside its own struct), from evg_request_init until the session has
 * reported EVG_EVENT_DONE for it, or the caller withdrew it. */
#ifndef EVG_SESSION_REQUEST_H
#define EVG_SESSION_REQUEST_H

#include "base/deadlines.h"
#include "base/list.h"
#include "protocol/admin.h"
#include "protocol/check.h"
#include "protocol/command.h"

typedef enum {
    EVG_REQUEST_NEW,     /* in no session */
    EVG_REQUEST_OWED,    /* its packet is queued or written; its first reply was not read */
    EVG_REQUEST_CREATED, /* a foreground job between JOB_CREATED and its end */
    EVG_REQUEST_DONE
} evg_request_state_t;

/* What is known about a request that failed. */
typedef enum {
    EVG_DELIVERY_NONE,  /* it is not about one request */
    EVG_NOT_SENT,       /* the server has nothing of it: no byte was written, or it refused it */
    EVG_UNACKNOWLEDGED, /* written, at least in part; the server said nothing */
    EVG_ACCEPTED,       /* the server answered it: JOB_CREATED was read */
    EVG_RUNNING         /* a worker has reported something about the job */
} evg_delivery_t;

/* Whom the outcome is for: the caller, or a part of the session itself. */
typedef enum {
    EVG_FOR_CALLER,
    EVG_FOR_DIALECT,    /* "version" on each connect */
    EVG_FOR_HEARTBEAT,  /* ECHO on a quiet connection */
    EVG_FOR_OPTION,     /* OPTION_REQ replayed on connect */
    EVG_FOR_LOST_CHECK, /* GET_STATUS about a job that is silent */
    EVG_FOR_GRAB,       /* GRAB_JOB of the work loop */
    EVG_FOR_STAND_IN,   /* stands in for a request whose caller gave up: the reply is still to come */
    EVG_FOR_HOLE        /* what lies in the output and is not to be written: its caller gave up in time */
} evg_purpose_t;

typedef struct evg_request {
    void *owner;                  /* the caller's; never looked at here */
    char handle[EVG_KEY_MAX + 1]; /* from JOB_CREATED on; of a question: the key that was asked for */
    uint8_t handle_len;
    uint8_t type;    /* evg_command_t */
    uint8_t state;   /* evg_request_state_t */
    uint8_t purpose; /* evg_purpose_t */
    bool keyed;      /* submitted with a unique key: others may share its job */
    /* private */
    bool started;                /* a worker was heard about its job */
    bool movable;                /* while it is unwritten, to another server: fleet.h */
    bool brief;                  /* while it is unwritten, it ends when its server is away: fleet.h */
    bool by_key;                 /* the one that its key meets */
    bool first;                  /* an option that is sent again on every connect was not asked for before */
    uint8_t unknown;             /* GET_STATUS said "unknown" so many times in a row */
    uint8_t shape;               /* evg_shape_t of an admin reply */
    int error;                   /* why it failed, until that is reported */
    uint8_t delivery;            /* evg_delivery_t, ditto */
    bool begun, written;         /* its packet, with the first byte, and to the last one */
    evg_list_t link;             /* owed, or its job's ring, or the session's list of what has ended */
    evg_list_t order;            /* created jobs, oldest first */
    evg_deadline_t due;          /* write_by while no byte is written; or finish_by, or when to ask for its job */
    uint64_t start;              /* stream position of its packet's first byte */
    size_t length;               /* bytes of its packet */
    double write_by;             /* command_timeout from when it was made; 0 for never */
    double written_at;           /* if it was; or when the last of it was seen to have left our kernel */
    uint64_t sent_to;            /* if it was: the wire's bytes_out behind it */
    double finish_by;            /* the job's own timeout; 0 for never */
    double heard_at;             /* last packet about its job */
    struct evg_request *check;   /* the lost-check that asks for this job */
    struct evg_request *subject; /* the job that this lost-check asks for */
} evg_request_t;

void evg_request_init(evg_request_t *request, void *owner);

static inline evg_bytes_t evg_request_handle(const evg_request_t *request)
{
    return evg_bytes(request->handle, request->handle_len);
}

/* At most EVG_KEY_MAX bytes. */
static inline void evg_request_set_handle(evg_request_t *request, evg_bytes_t handle)
{
    memcpy(request->handle, handle.at, handle.len);
    request->handle_len = (uint8_t)handle.len;
}

/* Submitted and not yet resolved. */
static inline bool evg_request_pending_p(const evg_request_t *request)
{
    return request->state == EVG_REQUEST_OWED || request->state == EVG_REQUEST_CREATED;
}

/* Its outcome is for the caller, not for a part of the session itself. */
static inline bool evg_request_callers_p(const evg_request_t *request)
{
    return request->purpose == EVG_FOR_CALLER;
}

/* What is known of one that was answered, and failed. */
static inline evg_delivery_t evg_request_delivery(const evg_request_t *request)
{
    return request->started ? EVG_RUNNING : EVG_ACCEPTED;
}

#endif
