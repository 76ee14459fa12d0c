/* A session between a server that says anything and a caller who does anything, both told by bytes; or several of them, as a
 * fleet and a crew, each with such a server.
 *
 *     life.c      sessions, their requests and jobs, and what must always be true of them
 *     script.c    what each byte makes the caller and the server do
 *
 * See support/script.h. */
#ifndef EVG_SPEC_FUZZ_H
#define EVG_SPEC_FUZZ_H

#include "session/crew.h"
#include "session/fleet.h"
#include "session/session.h"
#include "support/script.h"

enum { LIFE_REQUESTS = 64, LIFE_JOBS = 64, LIFE_SESSIONS = 3 };

typedef struct {
    evg_session_t *s; /* the one that a step is about */
    evg_session_t sessions[LIFE_SESSIONS];
    int count;
    bool joined; /* there are several, as a fleet and a crew */
    evg_fleet_t fleet;
    evg_fleet_member_t members[LIFE_SESSIONS];
    evg_crew_t crew;
    evg_request_t requests[LIFE_REQUESTS];
    evg_job_t jobs[LIFE_JOBS];
    bool asked[LIFE_REQUESTS], held[LIFE_JOBS];
    evg_session_t *asked_of[LIFE_REQUESTS], *held_by[LIFE_JOBS];
    uint64_t made, ended;
} life_t;

extern life_t life;

void life_begin(bool joined);
void life_end(void); /* shuts, and sees that nothing is left */
void life_audit(void);

/* Several sessions: from now on it is about this one; and where that goes. */
void life_turn_to(int at);
void life_route(const evg_submission_t *submission, bool keyed);

/* A request that nobody has; NULL: all are under way. `life_made` with what the session said of it. */
evg_request_t *life_request(void);
void life_made(evg_request_t *request, int answer);

evg_job_t *life_job(uint8_t number); /* one that is held, and it is about its session; or NULL */
void life_finished(evg_job_t *job);  /* its terminal packet was queued */

void life_open(void);
void life_close(int reason);
void life_hear(evg_bytes_t bytes);
void life_pass(double seconds);
evg_bytes_t life_output(void);
void life_tell(void); /* takes all events, and obeys a reason to close */

#endif
