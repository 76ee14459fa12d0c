/* A worker's session with a test as its server, both told as text.
 *
 *     worker_kit_t kit;
 *     worker_kit_start(&kit, "OK 1.1.20");           connected, the dialect known, nothing registered
 *     worker_kit_can_do(&kit, "f");
 *     evg_worker_work(&kit.s);
 *     assert_wire(&kit, "CAN_DO f; GRAB_JOB_UNIQ");  what it wrote since the last look
 *     worker_kit_say(&kit, EVG_JOB_ASSIGN_UNIQ, "H:1", "f", "", "w", NULL);
 *     assert_events(&kit, "ASSIGNED H:1 f  w");      told and, for jobs, accepted
 *     evg_job_complete(&kit.s, worker_kit_job(&kit, "H:1"), evg_bytes_of("r"));
 *
 * Arguments are parted by spaces, packets by "; ", and n equal ones in a row are one with "*n" behind it.
 * Time stands still but for worker_kit_pass. */
#ifndef EVG_SPEC_WORKER_KIT_H
#define EVG_SPEC_WORKER_KIT_H

#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WORKER_KIT_JOBS = 128, WORKER_KIT_TEXT = 16384 };

typedef struct {
    evg_session_t s;
    evg_job_t jobs[WORKER_KIT_JOBS]; /* in the order of their coming */
    size_t job_count;
    evg_request_t request; /* for a grab_job */
    size_t live;           /* blocks that were allocated before it */
    int broken;            /* what next or tick answered when it was negative */
    char wire[WORKER_KIT_TEXT], events[WORKER_KIT_TEXT];
} worker_kit_t;

/* The kit of a program's tests, and what most of them begin and end with. */
extern worker_kit_t kit;
int introduced(void **state);     /* to gearmand, and nothing else */
int asking(void **state);         /* a worker of "f" whose first GRAB is out */
int nothing_leaked(void **state); /* allocations succeed again, and it stops */
void no_job(void);                /* the answer to a GRAB, its events forgotten */

/* A session that is not connected; heartbeat and "exceptions" off, the clock at 1000. */
void worker_kit_init(worker_kit_t *kit);

/* Connects, and answers "version" if one is given. What was written before that is forgotten. */
void worker_kit_open(worker_kit_t *kit, const char *version);

void worker_kit_start(worker_kit_t *kit, const char *version); /* init and open */
void worker_kit_lose(worker_kit_t *kit);                       /* the connection ends */
void worker_kit_stop(worker_kit_t *kit);                       /* deinit; fails when memory leaked */

void worker_kit_can_do(worker_kit_t *kit, const char *name);
void worker_kit_can_do_timed(worker_kit_t *kit, const char *name, double timeout, double server_timeout);
void worker_kit_cant_do(worker_kit_t *kit, const char *name);

/* A packet from the server; arguments end with NULL. */
void worker_kit_say(worker_kit_t *kit, evg_command_t type, ...);
void worker_kit_assign(worker_kit_t *kit, const char *handle, const char *function); /* JOB_ASSIGN_UNIQ */

evg_job_t *worker_kit_job(worker_kit_t *kit, const char *handle); /* the newest of that handle */
void worker_kit_complete(worker_kit_t *kit, const char *handle);

/* Time passes, in one step, and deadlines are judged. */
void worker_kit_pass(worker_kit_t *kit, double seconds);

/* Time passes until the next deadline of the session, which is answered in seconds from now. */
double worker_kit_pass_to_deadline(worker_kit_t *kit);

const char *worker_kit_wire(worker_kit_t *kit);   /* writes all there is, and tells it */
const char *worker_kit_events(worker_kit_t *kit); /* takes all events, accepts jobs */

/* next or tick said so; that is forgotten. */
void assert_broken(worker_kit_t *kit, int error);

#define assert_wire(kit, text) assert_string_equal(worker_kit_wire(kit), text)
#define assert_events(kit, text) assert_string_equal(worker_kit_events(kit), text)

#endif
