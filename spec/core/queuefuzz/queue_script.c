/* A job queue, and clients and workers who ask anything of it. After each step all that it keeps is looked at; each submission
 * in foreground is told one end at most, and only while its client is there. */
#include "base/alloc.h"
#include "base/error.h"
#include "protocol/packet.h"
#include "session/jobqueue_client.h"
#include "session/jobqueue_functions.h"
#include "session/jobqueue_handles.h"
#include "session/jobqueue_waiters.h"
#include "session/jobqueue_worker.h"
#include "support/queue_audit.h"
#include "support/script.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { USERS = 4, NUMBERS = 4096, JOB_MOST = 2048 };

static evg_queue_t q;
static evg_queue_client_t clients[USERS];
static evg_queue_worker_t workers[USERS];
static bool asleep[USERS];
static uint16_t waits[USERS][NUMBERS]; /* submissions of a client that wait for a job, by its number */

/* -- who waits ----------------------------------------------------------------------------------------------------- */

static size_t count_waits(uint64_t number)
{
    size_t count = 0;
    for (int i = 0; i < USERS; i++) count += waits[i][number];
    return count;
}

static void forget_waits(uint64_t number)
{
    for (int i = 0; i < USERS; i++) waits[i][number] = 0;
}

static uint64_t number_of(evg_bytes_t handle)
{
    uint64_t number;
    must(handle.len > 2 && memcmp(handle.at, "H:", 2) == 0);
    must(evg_number_decode(evg_bytes(handle.at + 2, handle.len - 2), &number) && number < NUMBERS);
    return number;
}

static bool tell(evg_queue_client_t *client, evg_command_t type, const evg_bytes_t *args, int argc)
{
    uint16_t *waiting = &waits[client - clients][number_of(args[0])];
    must(argc == evg_commands[type].args);
    must(*waiting);
    if (type == EVG_WORK_COMPLETE || type == EVG_WORK_FAIL || type == EVG_WORK_EXCEPTION) --*waiting;
    return true;
}

static void wake(evg_queue_worker_t *worker)
{
    must(asleep[worker - workers]);
    asleep[worker - workers] = false;
}

static const evg_queue_ops_t ops = {tell, wake};

/* -- what must be true --------------------------------------------------------------------------------------------- */

static void audit(void)
{
    const char *fault = queue_audit(&q);
    if (fault) script_violated(fault, "queue_audit.c", 0);
    for (evg_queue_job_t *job = NULL; (job = evg_queue_next_job(&q, job));)
        must(job->waiter_count == count_waits(job->by_number.hash));
    must(q.jobs.count <= q.options.max_jobs);
    must(q.functions.count <= q.options.max_functions);
    must(q.bytes <= q.options.max_bytes + JOB_MOST);
}

/* -- words --------------------------------------------------------------------------------------------------------- */

static evg_bytes_t padded(size_t len)
{
    static uint8_t bytes[1024];
    memset(bytes, 'x', sizeof bytes);
    return evg_bytes(bytes, len);
}

static evg_bytes_t name(void)
{
    uint8_t which = script_byte();
    if (which % 32 == 31) return padded(512 + which / 128); /* one is too long */
    return ONE_OF("f", "g", "h", "", "i", "j");
}

static evg_bytes_t unique(void)
{
    uint8_t which = script_byte();
    if (which % 32 == 31) return padded(63 + which / 128);
    return ONE_OF("", "", "k", "l", "f", "-");
}

static evg_queue_job_t *any_job(void)
{
    uint8_t skip = script_byte() % 16;
    evg_queue_job_t *job = evg_queue_next_job(&q, NULL);
    while (job && skip--) job = evg_queue_next_job(&q, job);
    return job;
}

static evg_bytes_t any_handle(char *room)
{
    evg_queue_job_t *job = any_job();
    if (job && script_byte() % 8) return evg_queue_handle(&q, job, room);
    return ONE_OF("", "H", "H:", "H:0", "H:01", "H:1", "H:99999999999999999999", "I:1", "H:1x");
}

/* -- clients ------------------------------------------------------------------------------------------------------- */

static void submit(void)
{
    evg_queue_job_t *job;
    uint8_t what = script_byte();
    int client = what % USERS;
    evg_queue_order_t order = {.function = name(), .unique = unique(), .background = what & 64, .reduced = what & 128};
    order.priority = (evg_queue_priority_t)(script_byte() % EVG_QUEUE_PRIORITIES);
    if (order.reduced) order.reducer = name();
    if (what & 32) order.epoch = (int64_t)q.wall + script_byte() % 8 - 2;
    order.workload = script_some(16);
    if (evg_queue_submit(&q, &clients[client], &order, &job) < 0 || order.background) return;
    waits[client][job->by_number.hash]++;
}

static void client_leaves(void)
{
    int client = script_byte() % USERS;
    evg_queue_client_leave(&q, &clients[client]);
    memset(waits[client], 0, sizeof waits[client]);
}

static void cancel(void)
{
    evg_queue_job_t *job = any_job();
    if (!job) return;
    uint64_t number = job->by_number.hash;
    if (script_byte() % 2) {
        evg_queue_cancel(&q, job); /* which tells all of them */
        must(count_waits(number) == 0);
    } else {
        evg_queue_forget(&q, job);
        forget_waits(number);
    }
}

static void ask(void)
{
    evg_queue_function_t *function = evg_queue_function_find(&q, name());
    evg_queue_job_t *oldest = function ? evg_queue_oldest(function) : NULL;
    must(!oldest || (oldest->function == function && !oldest->runs && !oldest->waits));
    (void)evg_queue_find_unique(&q, unique());
}

/* -- workers ------------------------------------------------------------------------------------------------------- */

static void can_do(int at)
{
    (void)evg_queue_can_do(&q, &workers[at], name(), script_byte() % 3);
}

/* It has not to sleep beside a job. */
static void sleep_at(int at)
{
    asleep[at] = true;
    evg_queue_pre_sleep(&q, &workers[at]);
    const evg_queue_ability_t *ability = NULL;
    while (asleep[at] && (ability = evg_queue_next_of(&workers[at], ability)))
        must(!evg_queue_oldest(ability->function));
}

static bool higher_p(const evg_queue_worker_t *worker, int priority)
{
    const evg_queue_ability_t *ability = NULL;
    while ((ability = evg_queue_next_of(worker, ability))) {
        for (int p = 0; p < priority; p++) {
            if (!evg_list_empty_p(&ability->function->jobs[p])) return true;
        }
    }
    return false;
}

static void grab(int at)
{
    evg_queue_job_t *job;
    asleep[at] = false;
    int r = evg_queue_grab(&q, &workers[at], &job);
    must(r == 0 || r == 1 || r == EVG_ENOMEM);
    if (r == 0) must(!higher_p(&workers[at], EVG_QUEUE_PRIORITIES));
    if (r < 1) return;
    must(job->runs && job->runs->worker == &workers[at] && job->runs->function == job->function);
    must(q.options.function_first || !higher_p(&workers[at], job->priority));
}

static void report(int at)
{
    static const evg_command_t types[] = {EVG_WORK_COMPLETE, EVG_WORK_FAIL, EVG_WORK_EXCEPTION, EVG_WORK_DATA};
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_command_t type = types[script_byte() % 4];
    evg_bytes_t args[2] = {any_handle(room), script_some(8)};
    evg_queue_job_t *job = evg_queue_held(&q, &workers[at], args[0]);
    if (!job) return;
    if (type == EVG_WORK_DATA)
        evg_queue_tell(&q, job, type, args, 2);
    else
        evg_queue_end(&q, job, type, args, evg_commands[type].args);
}

static void worker_acts(void)
{
    uint8_t what = script_byte();
    int at = what / 64;
    switch (what % 16) {
    case 0:
    case 1:
    case 2: return can_do(at);
    case 3:
    case 4: return sleep_at(at);
    case 5: return evg_queue_cant_do(&q, &workers[at], name());
    case 6: return evg_queue_stop_timers(&q, &workers[at]);
    case 7:
        evg_queue_worker_leave(&q, &workers[at]);
        must(!evg_queue_next_of(&workers[at], NULL));
        return;
    case 8:
    case 9:
    case 10:
    case 11: return report(at);
    default: return grab(at);
    }
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

/* What is due is done; the wall clock may be set. */
static void pass(void)
{
    uint8_t what = script_byte();
    double wall = what == 255 ? 0 : q.wall + what / 32.0;
    evg_queue_clock(&q, q.now + what % 32 / 8.0, wall);
    evg_queue_tick(&q);
    must(evg_queue_deadline(&q) > q.now);
}

static void set_options(void)
{
    uint8_t bits = script_byte();
    q.options.job_retries = bits % 4 - 1;
    q.options.worker_wakeup = bits / 4 % 4;
    q.options.round_robin = bits & 16;
    q.options.sleep_through_epoch = bits & 32;
    q.options.function_first = bits & 64;
    q.options.client_takes_all = bits & 128;
}

static void about_a_function(void)
{
    evg_bytes_t word = name();
    evg_queue_function_t *function = evg_queue_function_find(&q, word);
    uint8_t what = script_byte();
    if (!function && (what % 2 || evg_queue_function_add(&q, word, &function) < 0)) return;
    if (what & 2) evg_queue_function_keep(function);
    function->limits[what / 8 % 3] = what / 64;
    if (what & 4 && !evg_queue_function_used_p(function)) evg_queue_function_drop(&q, function);
}

static void act(void)
{
    switch (script_byte() % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: return submit();
    case 5: return pass();
    case 6: return about_a_function();
    case 7: return client_leaves();
    case 8: return cancel();
    case 9: return ask();
    case 10: return set_options();
    default: return worker_acts();
    }
}

static void step(void)
{
    act();
    evg_alloc_fail_at(0);
    audit();
}

static void begin(void)
{
    evg_queue_init(&q, &ops, "H", 1, 2);
    evg_queue_clock(&q, 1000, 1e9);
    q.options.max_jobs = 16;
    q.options.max_bytes = 16384;
    q.options.max_functions = 6;
    memset(waits, 0, sizeof waits);
    for (int i = 0; i < USERS; i++) {
        evg_queue_client_init(&clients[i]);
        evg_queue_worker_init(&q, &workers[i]);
        asleep[i] = false;
    }
}

static void end(void)
{
    for (int i = 0; i < USERS; i++) {
        evg_queue_client_leave(&q, &clients[i]);
        memset(waits[i], 0, sizeof waits[i]);
        evg_queue_worker_leave(&q, &workers[i]);
    }
    audit();
    evg_queue_deinit(&q);
    must(q.bytes == 0 && q.running == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t live = evg_alloc_live();
    begin();
    script_run(bytes, len, step);
    end();
    must(evg_alloc_live() == live);
    return 0;
}
