/* What real servers do, and ours does only when it is asked to: so that clients and workers can be tried on it. */
#ifndef EVG_SESSION_QUIRKS_H
#define EVG_SESSION_QUIRKS_H

#include "base/bytes.h"

/* name, what it does; HABITS: who has it */
#define EVG_QUIRKS(X)                                                                                               \
    X(FAIL_WITH_NUL, fail_with_nul, "WORK_FAIL in place of a WORK_EXCEPTION ends with a NUL")                       \
    X(SLEEP_THROUGH_EPOCH, sleep_through_epoch, "a delayed job that is due wakes nobody")                           \
    X(CUT_FUNCTION, cut_function, "`create function` with a bare LF cuts off the last letter")                      \
    X(MUTE_LONG, mute_long, "a handle, key or time that is too long gets no answer")                                \
    X(ONE_NOOP, one_noop, "after a NOOP there is no other before the next GRAB_JOB, whoever sleeps")                \
    X(SLEEP_STOPS_TIMERS, sleep_stops_timers, "PRE_SLEEP stops the timers of jobs that the worker holds")           \
    X(FUNCTION_FIRST, function_first, "the function registered last comes first, whatever the priorities")          \
    X(CLIENT_TAKES_ALL, client_takes_all, "a client that leaves takes a background job with it that it had joined") \
    X(STRAY_ERROR, stray_error, "an ERROR JOB_NOT_FOUND that nobody caused comes before each NO_JOB")               \
    X(EARLY_NOOP, early_noop, "a NOOP comes before each JOB_ASSIGN")                                                \
    X(DOUBLE_END, double_end, "the end of a job is told twice")                                                     \
    X(LATE_FAIL, late_fail, "WORK_FAIL comes after each WORK_COMPLETE")                                             \
    X(LOSE_JOBS, lose_jobs, "a job is acknowledged and forgotten")                                                  \
    X(MUTE_STATUS, mute_status, "GET_STATUS gets no answer")                                                        \
    X(CUT_RESULT, cut_result, "the connection ends between header and body of a WORK_COMPLETE")                     \
    X(PERL, perl_server, "the habits of Perl's Gearman::Server: fewer packets, other errors, jobs of dead workers fail")

enum {
#define X(NAME, name, text) EVG_QUIRK_BIT_##NAME,
    EVG_QUIRKS(X)
#undef X
        EVG_QUIRK_COUNT
};

#define X(NAME, name, text) EVG_QUIRK_##NAME = 1 << EVG_QUIRK_BIT_##NAME,
typedef enum { EVG_QUIRKS(X) } evg_quirk_t;
#undef X

/* The bits of a quirk's name, or of a habit: "gearmand_1_1_20", "gearmand_2_0". 0: there is none of that name. */
uint32_t evg_quirks_of(evg_bytes_t name);

/* The name of a bit: 0 .. EVG_QUIRK_COUNT - 1. */
const char *evg_quirk_name(int bit);

#endif
