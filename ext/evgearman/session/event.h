/* What a session tells its caller. */
#ifndef EVG_SESSION_EVENT_H
#define EVG_SESSION_EVENT_H

#include "session/assigned.h"
#include "session/request.h"

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
    EVG_EVENT_STOPPED /* the work loop came to its end, by work_stop or behind the job of work_one: nothing is held
                               and none of its GRABs is outstanding, or they ended with their connection. Not of a loop
                               that is ended as it works, by disconnect or what is like it */
} evg_event_type_t;

/* Views into the session's buffers: valid until the next call of next, or of reserve or feed of the wire, or until the
 * connection ends, by closed, disconnect, leave, shut, abandon or forked. `text` ends also with tick and with the end of a
 * job. */
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

#endif
