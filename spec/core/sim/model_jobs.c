/* The jobs of the models: queues, unique keys, and who is attached to what. As gearmand 1.1.20 does it, oddities
 * included: a foreground job is dropped when its last client leaves, although a background submission may share it; a
 * job that is due wakes nobody; a job that is not due hides those of lower priority behind it. */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTS = FUNCTIONS * 3 + 1 };

/* What one server has. */
typedef struct {
    evg_list_t lists[LISTS]; /* by function and priority those that are queued; behind them those that run */
    unsigned last_number;
    bool vanished[IDS]; /* by number: dropped, and whoever was attached heard nothing */
} store_t;

static store_t stores[SERVERS];

static store_t *store_of(int at)
{
    return &stores[wires[at].server];
}

static evg_list_t *queue_of(store_t *store, int function, int priority)
{
    return &store->lists[function * 3 + priority];
}

static evg_list_t *running_of(store_t *store)
{
    return &store->lists[FUNCTIONS * 3];
}

static void forget_numbers(store_t *store)
{
    memset(store->vanished, 0, sizeof *store->vanished * (store->last_number < IDS ? store->last_number + 1 : IDS));
    store->last_number = 0;
}

void jobs_begin(void)
{
    for (int server = 0; server < server_count; server++) {
        for (int i = 0; i < LISTS; i++) evg_list_init(&stores[server].lists[i]);
        forget_numbers(&stores[server]);
    }
}

static model_job_t *job_of(evg_list_t *link)
{
    return evg_container(link, model_job_t, link);
}

static void drop(model_job_t *job)
{
    evg_list_unlink(&job->link);
    free(job);
}

evg_bytes_t handle_text(const model_job_t *job, char *room)
{
    return evg_bytes(room, (size_t)snprintf(room, WORK, "H:vm:%u", job->number));
}

static void vanish(store_t *store, model_job_t *job)
{
    store->vanished[job->number % IDS] = true;
    drop(job);
}

bool jobs_vanished_p(int server, evg_bytes_t handle)
{
    char room[WORK];
    for (unsigned number = 1; number <= stores[server].last_number; number++) {
        model_job_t job = {.number = number};
        if (evg_bytes_equal_p(handle, handle_text(&job, room))) return stores[server].vanished[number % IDS];
    }
    return false;
}

void jobs_drop(int server)
{
    for (int i = 0; i < LISTS; i++) {
        for (evg_list_t *at; (at = evg_list_first(&stores[server].lists[i]));) drop(job_of(at));
    }
    forget_numbers(&stores[server]);
}

typedef bool (*test_t)(const model_job_t *job, const void *what);

static model_job_t *search(store_t *store, test_t test, const void *what)
{
    for (int i = 0; i < LISTS; i++) {
        const evg_list_t *list = &store->lists[i];
        for (evg_list_t *at = list->next; at != list; at = at->next) {
            if (test(job_of(at), what)) return job_of(at);
        }
    }
    return NULL;
}

static bool has_handle(const model_job_t *job, const void *what)
{
    char room[WORK];
    return evg_bytes_equal_p(handle_text(job, room), *(const evg_bytes_t *)what);
}

model_job_t *jobs_find(int at, evg_bytes_t handle)
{
    return search(store_of(at), has_handle, &handle);
}

typedef struct {
    int function;
    evg_bytes_t key;
} keyed_t;

static bool has_key(const model_job_t *job, const void *what)
{
    const keyed_t *keyed = what;
    return (keyed->function < 0 || job->function == keyed->function) && text_p(keyed->key, job->key);
}

model_job_t *jobs_find_key(int at, int function, evg_bytes_t key)
{
    keyed_t keyed = {function, key};
    return key.len ? search(store_of(at), has_key, &keyed) : NULL;
}

/* -- submitting ---------------------------------------------------------------------------------------------------- */

static void enqueue(store_t *store, model_job_t *job)
{
    job->worker = -1;
    job->done = job->of = 0;
    evg_list_append(queue_of(store, job->function, job->priority), &job->link);
    for (int at = 0; at < PEERS; at++) {
        conn_t *conn = &conns[at];
        if (!conn->open || store_of(at) != store || !conn->sleeping || conn->noop_sent) continue;
        if (!model_serves_p(at, job->function)) continue;
        conn->noop_sent = true;
        model_say(at, EVG_NOOP, NULL, 0);
    }
}

static model_job_t *new_job(store_t *store, const evg_packet_t *packet, int function)
{
    model_job_t *job = calloc(1, sizeof *job);
    if (!job) broken("no memory");
    evg_list_init(&job->link);
    job->number = ++store->last_number;
    job->function = function;
    job->priority = priority_of(packet->type);
    job->background = !evg_command_foreground_p(packet->type);
    if (packet->type == EVG_SUBMIT_JOB_EPOCH) job->run_at = atof((const char *)packet->args[2].at);
    copy(job->key, sizeof job->key, packet->args[1]);
    copy(job->work, sizeof job->work, packet->args[packet->argc - 1]);
    return job;
}

void jobs_submit(int at, const evg_packet_t *packet)
{
    char room[WORK], work[WORK];
    int function = function_of(packet->args[0]);
    copy(work, sizeof work, packet->args[packet->argc - 1]);
    see_submission(work);
    store_t *store = store_of(at);
    model_job_t *job = jobs_find_key(at, function, packet->args[1]);
    bool fresh = !job;
    if (fresh) job = new_job(store, packet, function);
    if (evg_command_foreground_p(packet->type)) job->clients[job->client_count++] = (uint8_t)at;
    evg_bytes_t handle = handle_text(job, room);
    note("%d %s %s -> %s", at, evg_command_info(packet->type)->name, work, room);
    if (fresh && pick(2)) enqueue(store, job), fresh = false; /* NOOP may come before JOB_CREATED */
    model_say(at, EVG_JOB_CREATED, &handle, 1);
    if (fresh) enqueue(store, job);
}

/* -- working ------------------------------------------------------------------------------------------------------- */

/* What a worker's poll removes. */
static void sweep(store_t *store, int function)
{
    for (int i = 0; i < 3; i++) {
        const evg_list_t *queue = queue_of(store, function, i);
        evg_list_t *next;
        for (evg_list_t *at = queue->next; at != queue; at = next) {
            next = at->next;
            if (job_of(at)->ignored) vanish(store, job_of(at));
        }
    }
}

static model_job_t *first_due(const evg_list_t *queue)
{
    for (evg_list_t *at = queue->next; at != queue; at = at->next) {
        if (job_of(at)->run_at <= world.now) return job_of(at);
    }
    return NULL;
}

bool jobs_runnable_p(int at)
{
    for (int i = 0; i < conns[at].ability_count; i++) {
        int function = conns[at].abilities[i];
        sweep(store_of(at), function);
        for (int priority = 0; priority < 3; priority++) {
            if (first_due(queue_of(store_of(at), function, priority))) return true;
        }
    }
    return false;
}

static model_job_t *next_of(store_t *store, int function)
{
    for (int priority = 0; priority < 3; priority++) {
        const evg_list_t *queue = queue_of(store, function, priority);
        if (!evg_list_empty_p(queue)) return first_due(queue);
    }
    return NULL;
}

static model_job_t *take(store_t *store, int function)
{
    sweep(store, function);
    return next_of(store, function);
}

bool jobs_at_hand_p(int at)
{
    for (int i = 0; i < conns[at].ability_count; i++) {
        const model_job_t *job = next_of(store_of(at), conns[at].abilities[i]);
        if (job && !job->ignored) return true;
    }
    return false;
}

bool jobs_grab(int at, evg_command_t grab)
{
    char room[WORK], name[3] = "f?";
    model_job_t *job = NULL;
    for (int i = conns[at].ability_count; !job && i-- > 0;) job = take(store_of(at), conns[at].abilities[i]);
    if (!job) return false;
    evg_list_unlink(&job->link);
    evg_list_append(running_of(store_of(at)), &job->link);
    job->worker = at;
    name[1] = (char)('0' + job->function);
    evg_bytes_t args[4] = {handle_text(job, room), evg_bytes_of(name), evg_bytes_of(job->key), evg_bytes_of(job->work)};
    bool plain = grab == EVG_GRAB_JOB;
    if (plain) args[2] = args[3];
    note("%d gets %s %s", at, room, job->work);
    model_say(at, plain ? EVG_JOB_ASSIGN : EVG_JOB_ASSIGN_UNIQ, args, plain ? 3 : 4);
    double timeout = conns[at].timeouts[job->function];
    conns[at].timer_at = timeout > 0 ? world.now + timeout : 0;
    conns[at].timed = job->number;
    return true;
}

/* One copy for each submission that is attached; an exception as WORK_FAIL, with a NUL behind the handle, for those
 * who did not ask for exceptions. */
static void forward(model_job_t *job, const evg_packet_t *packet)
{
    for (int i = 0; i < job->client_count; i++) {
        int at = job->clients[i];
        if (packet->type != EVG_WORK_EXCEPTION || conns[at].exceptions) {
            model_say(at, packet->type, packet->args, packet->argc);
            continue;
        }
        char room[WORK];
        evg_bytes_t handle = handle_text(job, room);
        handle.len++;
        model_say(at, EVG_WORK_FAIL, &handle, 1);
    }
}

/* Was it taken from this worker by the server's timer? */
static bool taken_p(int at, evg_bytes_t handle)
{
    char room[WORK];
    for (int i = 0; i < conns[at].taken_count; i++) {
        model_job_t job = {.number = conns[at].taken[i]};
        if (evg_bytes_equal_p(handle, handle_text(&job, room))) return true;
    }
    return false;
}

void jobs_report(int at, const evg_packet_t *packet)
{
    evg_bytes_t error[2] = {evg_bytes_of("JOB_NOT_FOUND"), evg_bytes_of("Job given in work result not found")};
    model_job_t *job = jobs_find(at, packet->args[0]);
    note("%d %s %.*s", at, evg_command_info(packet->type)->name, (int)packet->args[0].len, packet->args[0].at);
    if (!job || job->worker != at) {
        if (!taken_p(at, packet->args[0])) broken("%d reports about a job that it does not hold", at);
        model_say(at, EVG_ERROR, error, 2);
        return;
    }
    forward(job, packet);
    if (packet->type == EVG_WORK_STATUS) {
        job->done = (unsigned)atoi((const char *)packet->args[1].at);
        job->of = (unsigned)atoi((const char *)packet->args[2].at);
    } else if (packet->type != EVG_WORK_DATA && packet->type != EVG_WORK_WARNING) {
        drop(job);
    }
}

/* -- leaving ------------------------------------------------------------------------------------------------------- */

static bool detach(model_job_t *job, int at)
{
    int kept = 0;
    for (int i = 0; i < job->client_count; i++) {
        if (job->clients[i] != at) job->clients[kept++] = job->clients[i];
    }
    bool left = kept < job->client_count;
    job->client_count = kept;
    return left && kept == 0;
}

/* Its clients are told, and stay attached: what runs goes on, what does not is removed by a worker's poll. */
bool jobs_cancel(int at, evg_bytes_t handle)
{
    model_job_t *job = jobs_find(at, handle);
    if (!job) return false;
    for (int i = 0; i < job->client_count; i++) model_say(job->clients[i], EVG_WORK_FAIL, &handle, 1);
    job->ignored = true;
    return true;
}

void jobs_client_left(int at)
{
    for (int i = 0; i < LISTS; i++) {
        const evg_list_t *list = &store_of(at)->lists[i];
        for (evg_list_t *link = list->next; link != list; link = link->next) {
            if (detach(job_of(link), at)) job_of(link)->ignored = true;
        }
    }
}

static void requeue(store_t *store, model_job_t *job)
{
    if (job->ignored) {
        vanish(store, job);
        return;
    }
    evg_list_unlink(&job->link);
    enqueue(store, job);
}

void jobs_worker_left(int at)
{
    const evg_list_t *running = running_of(store_of(at));
    evg_list_t *prev;
    for (evg_list_t *link = running->prev; link != running; link = prev) {
        prev = link->prev;
        if (job_of(link)->worker == at) requeue(store_of(at), job_of(link));
    }
}

void jobs_time_out(int at)
{
    conn_t *conn = &conns[at];
    const evg_list_t *running = running_of(store_of(at));
    conn->timer_at = 0;
    for (evg_list_t *link = running->next; link != running; link = link->next) {
        model_job_t *job = job_of(link);
        if (job->worker != at || job->number != conn->timed) continue;
        note("%d is too slow for H:vm:%u", at, job->number);
        conn->taken[conn->taken_count++ % 64] = job->number;
        if (conn->taken_count > 64) conn->taken_count = 64;
        requeue(store_of(at), job);
        return;
    }
}

/* -- counting ------------------------------------------------------------------------------------------------------ */

bool jobs_held_p(int at, int function, bool timed)
{
    const evg_list_t *running = running_of(store_of(at));
    for (evg_list_t *link = running->next; link != running; link = link->next) {
        const model_job_t *job = job_of(link);
        if (job->worker != at || (function >= 0 && job->function != function)) continue;
        if (!timed || conns[at].timeouts[job->function] > 0) return true;
    }
    return false;
}

unsigned jobs_held_count(int at)
{
    unsigned count = 0;
    const evg_list_t *running = running_of(store_of(at));
    for (evg_list_t *link = running->next; link != running; link = link->next) count += job_of(link)->worker == at;
    return count;
}

size_t jobs_left(void)
{
    size_t count = 0;
    for (int i = 0; i < server_count * LISTS; i++) {
        const evg_list_t *list = &stores[i / LISTS].lists[i % LISTS];
        for (evg_list_t *link = list->next; link != list; link = link->next) count += !job_of(link)->ignored;
    }
    return count;
}
