/* The worker's part of a session: what it can do, when it asks for a job, and the jobs it holds. */
#ifndef EVG_SESSION_WORKER_SESSION_H
#define EVG_SESSION_WORKER_SESSION_H

#include "base/table.h"
#include "protocol/packet.h"
#include "session/request.h"

struct evg_session;
struct evg_event;

typedef struct evg_function {
    void *owner;           /* the caller's; NULL: an ability without handler, for grab_job */
    double timeout;        /* seconds a handler may take; 0 is for ever */
    double server_timeout; /* CAN_DO_TIMEOUT in seconds; 0 is CAN_DO */
    /* private */
    evg_list_t link, todo; /* in order; in `unannounced` or `leaving` */
    size_t held;           /* jobs of it that are held */
    bool announced;        /* CAN_DO is on this connection */
    bool timed;            /* it was CAN_DO_TIMEOUT */
    bool leaving;          /* CANT_DO goes out when nothing is held and no GRAB is outstanding */
    bool returning;        /* and CAN_DO again behind it */
    size_t name_len;
    uint8_t name[];
} evg_function_t;

typedef enum {
    EVG_JOB_HELD,
    EVG_JOB_FINISHED, /* its terminal packet was queued */
    EVG_JOB_EXPIRED,  /* its timeout passed; that was queued */
    EVG_JOB_LOST      /* its connection ended */
} evg_job_state_t;

/* A job that was assigned. The caller's memory, from evg_worker_accept until it is HELD no more and was left. */
typedef struct evg_job {
    void *owner;
    evg_function_t *function; /* NULL when held no more */
    evg_job_state_t state;
    uint64_t generation; /* of the connection that brought it */
    char handle[EVG_KEY_MAX + 1];
    uint8_t handle_len;
    double started_at; /* when its handler began; 0 before */
    double timeout;    /* seconds it has from then; 0 is for ever */
    /* private */
    evg_list_t link;
    evg_list_t stuck; /* in those that have a thread, though they are held no more */
    evg_deadline_t due;
    bool entered;
} evg_job_t;

/* The work loop. Exactly one of these. */
typedef enum {
    EVG_WORK_OFF,
    EVG_WORK_GRABBING, /* GRABs go out while there is room */
    EVG_WORK_ASLEEP,   /* PRE_SLEEP was sent; a NOOP or the poll timer ends it */
    EVG_WORK_RESTING,  /* NOOP and NO_JOB came in turns too often: waits before the next GRAB */
    EVG_WORK_DRAINING  /* no more GRABs; what is held or was asked for is still run */
} evg_work_state_t;

enum { EVG_PREFETCH_AUTO = -1, EVG_GRABS_MAX = 64 };

typedef struct {
    size_t concurrency;   /* jobs that may run; 0 is unbounded */
    int prefetch;         /* how many more may be held; EVG_PREFETCH_AUTO */
    double poll_interval; /* seconds; 0 is never */
    bool grab_unique;
    /* private */
    evg_work_state_t state;
    bool one;                        /* work_one: stop after one job */
    bool stopping;                   /* told to stop, and to nothing since */
    bool busy;                       /* since the last start, job or NOOP IDLE was not told */
    bool reset;                      /* RESET_ABILITIES is due when all has been finished */
    bool plain;                      /* this server refused GRAB_JOB_UNIQ */
    bool woken;                      /* the GRABs under way answer a NOOP */
    bool nooped;                     /* a NOOP came while a GRAB was out: do not sleep before another GRAB */
    evg_table_t by_name;             /* name -> evg_function_t */
    evg_function_t *last;            /* the one that was last looked for: mostly it is asked for again */
    evg_list_t functions;            /* in the order of registration */
    evg_list_t unannounced, leaving; /* those of which something is to be said, by `todo` */
    evg_list_t held;
    evg_list_t lost;    /* to be reported */
    evg_list_t expired; /* to be reported */
    evg_list_t stuck;   /* lost or past their timeout, while their handler runs */
    size_t stuck_count;
    evg_deadlines_t dues;
    size_t held_count;
    size_t grabs;          /* outstanding, of the work loop */
    size_t window;         /* GRABs that may be outstanding: doubles with each job, 1 after NO_JOB */
    size_t asked;          /* grab_job requests outstanding */
    uint32_t dry;          /* NOOP -> NO_JOB in a row */
    uint32_t polls;        /* PRE_SLEEPs since the last GRAB */
    double wake_at;        /* poll or end of rest */
    double slept_at;       /* when the first PRE_SLEEP of this sleep went out */
    double mean;           /* seconds a job takes, moving average; 0 unknown */
    uint32_t hand_backs;   /* in a row */
    double handed_back_at; /* the last of them */
    bool tell_idle, tell_stopped;
} evg_worker_session_t;

/* -- abilities. Announced now if open, and on every connect. 0, EVG_EFUNCTION, EVG_ENAME, EVG_ETIMEOUT, EVG_ENOMEM. -- */

/* A new registration replaces the old one (CANT_DO first if the timeout changes: it would count twice). */
int evg_worker_can_do(struct evg_session *s, evg_bytes_t name, double timeout, double server_timeout, void *owner);

/* CANT_DO goes out now if no job of that function is held and no GRAB is out that could bring one. Else no GRAB goes out
 * until its jobs are finished and CANT_DO is written. Unknown: nothing. */
int evg_worker_cant_do(struct evg_session *s, evg_bytes_t name);

/* The same for all of them. */
int evg_worker_reset_abilities(struct evg_session *s);

/* Does a CANT_DO or RESET_ABILITIES wait for nothing but the reply to a GRAB? */
bool evg_worker_unsaid_p(const struct evg_session *s);

/* The function of that name that is not leaving, or NULL. */
evg_function_t *evg_worker_function(struct evg_session *s, evg_bytes_t name);

/* Walks the functions that are not leaving: start with NULL. */
evg_function_t *evg_worker_next_function(struct evg_session *s, evg_function_t *after);

/* -- the work loop. All want a connection. ------------------------------------------------------------------------- */

int evg_worker_work(struct evg_session *s);     /* 0, EVG_ECLOSED */
int evg_worker_work_one(struct evg_session *s); /* 0, EVG_ECLOSED, EVG_EWORKING */
void evg_worker_stop(struct evg_session *s);    /* EVG_EVENT_STOPPED follows */
bool evg_worker_working_p(const struct evg_session *s);

/* One GRAB. EVG_EVENT_ASSIGNED with this request, then its DONE; or DONE with EVG_ENO_JOB. EVG_EWORKING.
 * A server that knows no GRAB_JOB_UNIQ is asked again by GRAB_JOB. While a CANT_DO waits so does the GRAB, within its
 * deadline. */
int evg_worker_grab(struct evg_session *s, evg_request_t *request);

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

/* Takes the job of an EVG_EVENT_ASSIGNED into `job`; to be called before the next event. */
void evg_worker_accept(struct evg_session *s, evg_job_t *job, const struct evg_event *event, void *owner);

/* Before its first use: a job that is nobody's. */
void evg_job_init(evg_job_t *job);

/* Its handler begins: the timeout runs from here. */
void evg_job_started(struct evg_session *s, evg_job_t *job);

/* Its handler has a thread of the `concurrency`, until it is left: as long as it runs no other job is asked for in its
 * place, be it lost or past its timeout. Need not be said of jobs that keep no thread. */
void evg_job_entered(evg_job_t *job);
void evg_job_left(struct evg_session *s, evg_job_t *job);

/* The connection was closed so that the server gives its jobs to somebody else: the next one is made with back-off, that
 * grows when it happens again within a minute. */
void evg_worker_handed_back(struct evg_session *s);

/* Packets about a job. 0: queued. EVG_EJOB_LOST, EVG_EJOB_TIMEOUT: the job is not ours any more, nothing is sent.
 * EVG_EFINISHED: it had its terminal packet. EVG_EUNSUPPORTED: the Perl server knows no data and no warnings.
 * EVG_EBACKPRESSURE: max_unsent waits to be written; data, warnings and status only. Else EVG_ETOO_LARGE, EVG_ENOMEM:
 * as before. */
int evg_job_data(struct evg_session *s, evg_job_t *job, evg_bytes_t data);
int evg_job_warning(struct evg_session *s, evg_job_t *job, evg_bytes_t data);
int evg_job_status(struct evg_session *s, evg_job_t *job, uint32_t numerator, uint32_t denominator);
int evg_job_complete(struct evg_session *s, evg_job_t *job, evg_bytes_t result);
int evg_job_fail(struct evg_session *s, evg_job_t *job);
/* Of `data` at most 64 KiB, and no more than a packet takes. */
int evg_job_exception(struct evg_session *s, evg_job_t *job, evg_bytes_t data);

/* The caller's memory goes away: the session forgets the job (it should have been finished). Any that was initialised. */
void evg_job_forget(struct evg_session *s, evg_job_t *job);

#endif
