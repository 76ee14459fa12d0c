/* When a worker asks for a job: the states of its work loop, and what leads from one to another. */
#ifndef EVG_SESSION_GRAB_H
#define EVG_SESSION_GRAB_H

struct evg_crew;
struct evg_session;

/* The work loop. Exactly one of these. grab.c has what each makes of each event. */
typedef enum {
    EVG_WORK_OFF,
    EVG_WORK_GRABBING, /* GRABs go out while there is room */
    EVG_WORK_ASLEEP,   /* PRE_SLEEP was sent; a NOOP or the poll timer ends it */
    EVG_WORK_RESTING,  /* NOOP and NO_JOB came in turns too often: waits before the next GRAB */
    EVG_WORK_DRY,      /* of a crew: this server has no job; it is asked again, or told that the worker sleeps */
    EVG_WORK_DRAINING, /* no more GRABs; what is held or was asked for is still run */
    EVG_WORK_STATES
} evg_work_state_t;

/* What happens to it. */
typedef enum {
    EVG_ON_START,
    EVG_ON_STOP,
    EVG_ON_NO_JOB,  /* a GRAB of the loop was answered so; it is counted no more */
    EVG_ON_JOB,     /* a GRAB of the loop was answered by a job */
    EVG_ON_REFUSED, /* a GRAB was refused, or the job that it brought */
    EVG_ON_LET_GO,  /* a job is held no more */
    EVG_ON_NOOP,
    EVG_ON_ABLE, /* an ability was announced */
    EVG_ON_DUE,  /* wake_at has come */
    EVG_ON_LOST, /* the connection ended; no GRAB is outstanding and no job held */
    EVG_ON_LEFT  /* it was ended by us: nothing more is asked for */
} evg_grab_event_t;

/* For the other files of session/: one event. 0; EVG_ENOMEM, of NO_JOB and DUE only, where a packet may have to be sent. */
int evg_grab(struct evg_session *s, evg_grab_event_t event);

/* Those of a crew go to sleep when all have said that there is no job. 0; EVG_ENOMEM: who could not say so stays awake, until
 * the next call. */
int evg_grab_settle(const struct evg_crew *crew);

#endif
