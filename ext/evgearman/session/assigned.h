/* Jobs that were assigned to us, and what we say about them. */
#ifndef EVG_SESSION_ASSIGNED_H
#define EVG_SESSION_ASSIGNED_H

#include "base/deadlines.h"
#include "protocol/check.h"
#include "session/abilities.h"

struct evg_event;
struct evg_session;

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

/* Packets about a job. 0: queued. EVG_EJOB_LOST, EVG_EJOB_TIMEOUT: the job is not ours any more, nothing is sent.
 * EVG_EFINISHED: it had its terminal packet. EVG_EUNSUPPORTED: the Perl server knows no data and no warnings.
 * EVG_EBACKPRESSURE: max_unsent waits to be written; data, warnings and status only. Else EVG_ETOO_LARGE, EVG_ENOMEM. */
int evg_job_data(struct evg_session *s, evg_job_t *job, evg_bytes_t data);
int evg_job_warning(struct evg_session *s, evg_job_t *job, evg_bytes_t data);
int evg_job_status(struct evg_session *s, evg_job_t *job, uint32_t numerator, uint32_t denominator);
int evg_job_complete(struct evg_session *s, evg_job_t *job, evg_bytes_t result);
int evg_job_fail(struct evg_session *s, evg_job_t *job);
/* Of `data` at most 64 KiB, and no more than a packet takes. */
int evg_job_exception(struct evg_session *s, evg_job_t *job, evg_bytes_t data);

/* Walks the jobs that are held, the oldest first: start with NULL, ends with NULL. */
evg_job_t *evg_worker_next_job(struct evg_session *s, const evg_job_t *after);

/* The caller's memory goes away: the session forgets the job (it should have been finished). Any that was initialised. */
void evg_job_forget(struct evg_session *s, evg_job_t *job);

/* -- for the other files of session/ ------------------------------------------------------------------------------- */

int evg_jobs_expire(struct evg_session *s);        /* those past their timeout: 0, EVG_ENOMEM */
void evg_jobs_lose(struct evg_session *s);         /* all that are held */
void evg_jobs_forget_stuck(struct evg_session *s); /* their threads are gone, or nobody asks for jobs any more */

/* "timed out after 5 s"; until the next. */
evg_bytes_t evg_job_say_expired(struct evg_session *s, const evg_job_t *job);

#endif
