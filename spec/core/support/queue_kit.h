/* A job queue, some clients and workers, and what they are told, as text.
 *
 *     submit(0, "f", "key", "work");          a foreground job of client 0; "H:1" is what it is called here
 *     can_do(0, "f");
 *     assert_grabs(0, "H:1 f key work");      worker 0 asks for a job; "" is none
 *     end(0, "H:1", EVG_WORK_COMPLETE, "r");
 *     assert_told("c0 WORK_COMPLETE H:1 r");  since the last look; "w0 NOOP" is a wake-up
 *
 * `queue_kit_setup` and `queue_kit_teardown` around each test; the second fails when memory leaked. Time stands still but
 * for pass. */
#ifndef EVG_SPEC_QUEUE_KIT_H
#define EVG_SPEC_QUEUE_KIT_H

#include "base/alloc.h"
#include "base/error.h"
#include "session/jobqueue_client.h"
#include "session/jobqueue_functions.h"
#include "session/jobqueue_handles.h"
#include "session/jobqueue_waiters.h"
#include "session/jobqueue_worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { QUEUE_KIT_USERS = 4, QUEUE_KIT_TEXT = 16384, QUEUE_KIT_NOW = 1000, QUEUE_KIT_WALL = 1700000000 };

typedef struct {
    evg_queue_t q;
    evg_queue_client_t clients[QUEUE_KIT_USERS];
    evg_queue_worker_t workers[QUEUE_KIT_USERS];
    evg_queue_order_t order; /* what submissions begin with */
    char told[QUEUE_KIT_TEXT];
    const evg_queue_client_t *deaf; /* who hears nothing any more once it is told something; NULL: nobody */
} queue_kit_t;

extern queue_kit_t kit;

int queue_kit_setup(void **state);
int queue_kit_teardown(void **state);

/* Begins and ends without a test around it. */
void queue_kit_start(void);
void queue_kit_stop(void);

/* 0, or why not. */
int submit(int client, const char *function, const char *unique, const char *workload);
int submit_background(int client, const char *function, const char *unique, const char *workload);
int submit_at(const char *function, const char *unique, int64_t epoch);
int submit_as(evg_queue_priority_t priority, const char *function, const char *workload); /* in background */

void can_do(int worker, const char *function);
void can_do_within(int worker, const char *function, double timeout);
void cant_do(int worker, const char *function);
void pre_sleep(int worker);
bool end(int worker, const char *handle, evg_command_t type, const char *data); /* false: it does not hold that job */
void client_leaves(int client);
void worker_leaves(int worker);
evg_queue_job_t *job(const char *handle);
evg_queue_function_t *function(const char *name);
void pass(double seconds); /* on both clocks; then a tick */

const char *grab(int worker);
const char *told(void);

#define assert_grabs(worker, text) assert_string_equal(grab(worker), text)
#define assert_told(text) assert_string_equal(told(), text)

#endif
