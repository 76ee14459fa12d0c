/* A client's session with a test as its server and its clock, both told as text.
 *
 *     kit_t kit;
 *     kit_start(&kit);                               connected, the dialect known, no prologue left
 *     kit_submit(&kit, "key", "work");               "a" from now on; the next request is "b"
 *     assert_sent(&kit, "SUBMIT_JOB f key work");    writes all there is
 *     kit_say(&kit, EVG_JOB_CREATED, "H:1", NULL);
 *     kit_say(&kit, EVG_WORK_COMPLETE, "H:1", "result", NULL);
 *     assert_told(&kit, "a CREATED H:1; a DONE result");
 *
 * A reason to close is obeyed at once, as a loop would do: "CLOSE UNEXPECTED; a FAILED DISCONNECTED UNACKNOWLEDGED;
 * DISCONNECTED; ERROR UNEXPECTED". After every step the counts are audited and, after a tick, that no deadline is
 * left behind. Time stands still but for kit_pass. */
#ifndef EVG_SPEC_SESSION_KIT_H
#define EVG_SPEC_SESSION_KIT_H

#include "base/alloc.h"
#include "base/error.h"
#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KIT_REQUESTS = 2048, KIT_TEXT = 65536, KIT_NOW = 1000000 };

typedef struct {
    evg_session_t s;
    evg_request_t requests[KIT_REQUESTS];
    size_t made, live_before;
    bool told_done[KIT_REQUESTS];
    evg_submission_t submission; /* what kit_submit fills in: function "f", SUBMIT_JOB */
    uint8_t wire[KIT_TEXT];      /* written on this connection and not looked at */
    size_t wire_len;
    char told[KIT_TEXT], sent[KIT_TEXT];
} kit_t;

/* The kit of a program's tests, and what most of them begin and end with. */
extern kit_t kit;
int kit_setup(void **state);    /* kit_start */
int kit_teardown(void **state); /* kit_stop */

/* A packet about a job; `data` is for those that have some. */
void say(evg_command_t type, const char *handle, const char *data);

/* Bytes that each feed gets; 0 is all at once. Whole groups of tests are run once more with 1. */
extern size_t kit_step;

/* -- a life -------------------------------------------------------------------------------------------------------- */

/* Not connected; heartbeat, lost_check and "exceptions" off; the clock at KIT_NOW. */
void kit_init(kit_t *kit);
void kit_start(kit_t *kit); /* init, open, and the server says that it is gearmand */
void kit_stop(kit_t *kit);  /* deinit; fails when memory leaked */

void kit_open(kit_t *kit); /* opening, opened */
void kit_lose(kit_t *kit, int reason, const char *text);
void kit_introduce(kit_t *kit, const char *version); /* writes all, forgets what was sent; the answer to "version" */

/* -- requests: 0, or why it was not taken -------------------------------------------------------------------------- */

int kit_submit(kit_t *kit, const char *unique, const char *workload);
int kit_submit_within(kit_t *kit, const char *unique, const char *workload, double timeout);
int kit_submit_as(kit_t *kit, evg_command_t type, const char *workload);
int kit_echo(kit_t *kit, const char *data);
int kit_status(kit_t *kit, const char *handle);
int kit_status_unique(kit_t *kit, const char *unique);
int kit_option(kit_t *kit, const char *name);
int kit_admin(kit_t *kit, const char *line, evg_shape_t shape);
int kit_grab(kit_t *kit);

evg_request_t *kit_last(kit_t *kit);

/* -- the server and the clock -------------------------------------------------------------------------------------- */

void kit_say(kit_t *kit, evg_command_t type, ...); /* strings; ends with NULL */
void kit_say_args(kit_t *kit, evg_command_t type, const evg_bytes_t *args, int argc);
void kit_feed(kit_t *kit, evg_bytes_t bytes);
void kit_text(kit_t *kit, const char *text);

/* One packet; its bytes stay until the next call. */
evg_bytes_t kit_packet(evg_command_t type, const evg_bytes_t *args, int argc);

void kit_pass(kit_t *kit, double seconds); /* in one step; then a tick */
void kit_live(kit_t *kit, double seconds); /* from deadline to deadline; fails when one is never left behind */
void kit_tell(kit_t *kit);                 /* takes all events there are */

/* -- what came of it ----------------------------------------------------------------------------------------------- */

void kit_write(kit_t *kit, size_t len); /* takes so many bytes of the output */
void kit_write_all(kit_t *kit);
const char *kit_sent(kit_t *kit); /* whole packets among what was written since the last look */
const char *kit_told(kit_t *kit); /* events since the last look */
void kit_audit(kit_t *kit);

/* Writes all there is. */
#define assert_sent(kit, text) (kit_write_all(kit), assert_string_equal(kit_sent(kit), text))
#define assert_told(kit, text) assert_string_equal(kit_told(kit), text)

/* What is told begins so: which reply to what stands behind it. */
#define assert_told_at_first(kit, text) assert_string_equal(kit_first(kit_told(kit), strlen(text)), text)
const char *kit_first(const char *text, size_t len); /* so many letters of it; valid until the next call */

#endif
