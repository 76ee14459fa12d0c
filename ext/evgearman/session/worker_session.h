/* The worker's part of a session: what it can do (abilities.h), when it asks for a job (grab.h), the jobs it holds
 * (assigned.h); and here, the asking. */
#ifndef EVG_SESSION_WORKER_SESSION_H
#define EVG_SESSION_WORKER_SESSION_H

#include "base/table.h"
#include "protocol/packet.h"
#include "session/assigned.h"
#include "session/grab.h"
#include "session/request.h"

enum { EVG_PREFETCH_AUTO = -1, EVG_GRABS_MAX = 64 };

typedef struct evg_crew evg_crew_t; /* crew.h */

typedef struct {
    size_t concurrency;   /* jobs that may run; 0 is unbounded */
    int prefetch;         /* how many more may be held; EVG_PREFETCH_AUTO */
    double poll_interval; /* seconds; 0 is never */
    bool grab_unique;
    size_t held_count; /* jobs that are held */
    bool stopping;     /* told to stop, and to nothing since */
    /* private */
    evg_work_state_t state;
    bool one;                        /* work_one: stop after one job */
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
    size_t window;         /* GRABs that may be outstanding: doubles with each job, 1 after NO_JOB */
    evg_crew_t *crew;      /* whose slots it shares; NULL: it has its own */
    evg_list_t mate;       /* in the crew */
    uint32_t dries;        /* NO_JOBs in a row, while others of the crew had jobs */
    uint32_t passed;       /* jobs that these have had since the last of them */
    double dried_at;       /* when that was */
    uint32_t dry;          /* NOOP -> NO_JOB in a row */
    uint32_t polls;        /* PRE_SLEEPs since the last GRAB */
    double wake_at;        /* poll or end of rest */
    double slept_at;       /* when the first PRE_SLEEP of this sleep went out */
    double mean;           /* seconds a job takes, moving average; 0 unknown */
    uint32_t hand_backs;   /* in a row */
    double handed_back_at; /* the last of them */
    bool tell_idle, tell_stopped;
} evg_worker_session_t;

/* -- the work loop. All want a connection. ------------------------------------------------------------------------- */

int evg_worker_work(struct evg_session *s);     /* 0, EVG_ECLOSED */
int evg_worker_work_one(struct evg_session *s); /* 0, EVG_ECLOSED, EVG_EWORKING */
void evg_worker_stop(struct evg_session *s);    /* EVG_EVENT_STOPPED follows */
bool evg_worker_working_p(const struct evg_session *s);
bool evg_worker_drained_p(const struct evg_session *s); /* nor is anything held, or to come for what was asked */

/* One GRAB. EVG_EVENT_ASSIGNED with this request, then its DONE; or DONE with EVG_ENO_JOB. EVG_EWORKING.
 * A server that knows no GRAB_JOB_UNIQ is asked again by GRAB_JOB. While a CANT_DO waits so does the GRAB, within its
 * deadline. */
int evg_worker_grab(struct evg_session *s, evg_request_t *request);

/* The connection was closed so that the server gives its jobs to somebody else: the next one is made with back-off, that
 * grows when it happens again within a minute. */
void evg_worker_handed_back(struct evg_session *s);

/* -- for the other files of session/. Of a packet: 1, an event told; 0, nothing to tell; negative, the reason to close. */

void evg_worker_init(struct evg_session *s, uint64_t seed0, uint64_t seed1);
void evg_worker_deinit(struct evg_session *s);
void evg_worker_closed(struct evg_session *s, bool stop);
int evg_worker_tick(struct evg_session *s); /* 0, EVG_ENOMEM */
double evg_worker_deadline(const struct evg_session *s);
int evg_worker_prepare(struct evg_session *s); /* decides about GRABs: 0, EVG_ENOMEM */
int evg_worker_assigned(struct evg_session *s, evg_request_t *grab, const evg_packet_t *packet,
                        struct evg_event *event);
int evg_worker_too_large(struct evg_session *s, evg_request_t *grab, const evg_packet_t *packet,
                         struct evg_event *event);
int evg_worker_grab_refused(struct evg_session *s, evg_request_t *grab); /* GRAB_JOB_UNIQ by an ERROR: 0, EVG_ENOMEM */

bool evg_worker_next_notice(struct evg_session *s, struct evg_event *event);
static inline bool evg_worker_notices_p(const evg_worker_session_t *w) /* there is one */
{
    return !evg_list_empty_p(&w->lost) || !evg_list_empty_p(&w->expired) || w->tell_idle || w->tell_stopped;
}

static inline bool evg_worker_leaving_p(const evg_worker_session_t *w) /* an ability is to go: no GRABs */
{
    return w->reset || !evg_list_empty_p(&w->leaving);
}

static inline bool evg_worker_settled_p(const evg_worker_session_t *w) /* nothing is to be said of any */
{
    return !evg_worker_leaving_p(w) && evg_list_empty_p(&w->unannounced);
}

#endif
