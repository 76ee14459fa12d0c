/* A session between a server that says anything and a caller who does anything, both told by bytes.
 *
 *     life.c      a session, its requests and jobs, and what must always be true of them
 *     script.c    what each byte makes the caller and the server do
 *
 * See support/script.h. */
#ifndef EVG_SPEC_FUZZ_H
#define EVG_SPEC_FUZZ_H

#include "session/session.h"
#include "support/script.h"

enum { LIFE_REQUESTS = 64, LIFE_JOBS = 64 };

typedef struct {
    evg_session_t s;
    evg_request_t requests[LIFE_REQUESTS];
    evg_job_t jobs[LIFE_JOBS];
    bool asked[LIFE_REQUESTS], held[LIFE_JOBS];
    uint64_t made, ended;
} life_t;

extern life_t life;

void life_begin(void);
void life_end(void); /* shuts, and sees that nothing is left */

/* A request that nobody has; NULL: all are under way. `life_made` with what the session said of it. */
evg_request_t *life_request(void);
void life_made(evg_request_t *request, int answer);

evg_job_t *life_job(uint8_t number); /* one that is held, or NULL */
void life_finished(evg_job_t *job);  /* its terminal packet was queued */

void life_open(void);
void life_close(int reason);
void life_hear(evg_bytes_t bytes);
void life_pass(double seconds);
void life_tell(void); /* takes all events, and obeys a reason to close */

#endif
