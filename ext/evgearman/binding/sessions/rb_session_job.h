/* A Job of a session. */
#ifndef EVG_SESSIONS_RB_SESSION_JOB_H
#define EVG_SESSIONS_RB_SESSION_JOB_H

#include <ruby.h>

#include "session/session.h"

/* A Job for an EVG_EVENT_ASSIGNED; takes it. */
VALUE session_job_new(VALUE session, const evg_event_t *event);

/* Its object, or nil when that is about to be freed. */
VALUE session_job_of(const evg_job_t *job);

#endif
