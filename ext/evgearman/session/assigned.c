/* Jobs that were assigned to us, and what we say about them.
 *
 * A job belongs to the connection that brought it: handles begin anew with the server, so a completion that came a
 * connection late could be somebody else's answer. Each job has one terminal packet. */
#include "session/assigned.h"

#include <stdio.h>

#include "session/crew.h"
#include "session/exchange.h"
#include "session/state.h"

enum { EXCEPTION_MAX = 64 * 1024 };
static const double in_a_row = 60; /* seconds between hand-backs */

static evg_job_t *job_of(evg_deadline_t *due)
{
    return evg_container(due, evg_job_t, due);
}

void evg_job_init(evg_job_t *job)
{
    *job = (evg_job_t){.state = EVG_JOB_FINISHED};
    evg_deadline_init(&job->due);
    evg_list_init(&job->link);
    evg_list_init(&job->stuck);
}

void evg_worker_accept(evg_session_t *s, evg_job_t *job, const evg_event_t *event, void *owner)
{
    evg_worker_session_t *w = &s->worker;
    evg_job_init(job);
    job->owner = owner;
    job->state = EVG_JOB_HELD;
    job->generation = s->generation;
    memcpy(job->handle, event->args[0].at, event->args[0].len);
    job->handle_len = (uint8_t)event->args[0].len;
    evg_list_append(&w->held, &job->link);
    w->held_count++;
    job->function = evg_worker_any_function(s, event->args[1]);
    if (job->function) job->function->held++;
}

evg_job_t *evg_worker_next_job(evg_session_t *s, const evg_job_t *after)
{
    evg_list_t *at = after ? after->link.next : s->worker.held.next;
    return at == &s->worker.held ? NULL : evg_container(at, evg_job_t, link);
}

void evg_job_started(evg_session_t *s, evg_job_t *job)
{
    if (job->state != EVG_JOB_HELD || job->started_at > 0) return;
    job->started_at = s->wire.now;
    job->timeout = job->function ? job->function->timeout : 0;
    /* cannot fail: room was made when the job was assigned */
    if (job->timeout > 0) (void)evg_deadlines_add(&s->worker.dues, &job->due, s->wire.now + job->timeout);
}

void evg_job_entered(evg_job_t *job)
{
    job->entered = job->state == EVG_JOB_HELD;
}

void evg_job_left(evg_session_t *s, evg_job_t *job)
{
    job->entered = false;
    if (!evg_list_linked_p(&job->stuck)) return;
    evg_list_unlink(&job->stuck);
    s->worker.stuck_count--;
    evg_crew_stir(s);
}

/* Weighs the last jobs most: ten of another kind and it has changed. */
static void learn_duration(evg_worker_session_t *w, double seconds)
{
    w->mean = w->mean > 0 ? 0.8 * w->mean + 0.2 * seconds : seconds + 1e-9;
}

/* It is held no more. */
static void let_go(evg_session_t *s, evg_job_t *job, evg_job_state_t state)
{
    evg_worker_session_t *w = &s->worker;
    evg_deadlines_remove(&w->dues, &job->due);
    evg_list_unlink(&job->link);
    w->held_count--;
    if (job->function) job->function->held--;
    if (job->started_at > 0 && state == EVG_JOB_FINISHED) learn_duration(w, s->wire.now - job->started_at);
    job->function = NULL;
    job->state = state;
    if (job->entered && state != EVG_JOB_FINISHED) {
        evg_list_append(&w->stuck, &job->stuck);
        w->stuck_count++;
    }
    (void)evg_grab(s, EVG_ON_LET_GO);
}

static evg_bytes_t handle_of(const evg_job_t *job)
{
    return evg_bytes(job->handle, job->handle_len);
}

/* 0: a packet about it may be sent. */
static int ours(const evg_session_t *s, const evg_job_t *job)
{
    if (job->state == EVG_JOB_FINISHED) return EVG_EFINISHED;
    if (job->state == EVG_JOB_EXPIRED) return EVG_EJOB_TIMEOUT;
    if (job->state == EVG_JOB_LOST || job->generation != s->generation || s->state != EVG_OPEN) return EVG_EJOB_LOST;
    return 0;
}

/* What is said about a job while it is under way waits its turn; its end is never refused. */
static int report(evg_session_t *s, evg_job_t *job, evg_command_t type, evg_bytes_t *args, int argc)
{
    args[0] = handle_of(job);
    int r = ours(s, job);
    /* its ERROR would be taken for the reply to whatever was asked before */
    if (r == 0 && !evg_dialect_speaks_p(s->dialect, type)) r = EVG_EUNSUPPORTED;
    if (r == 0) r = evg_session_room(s);
    return r < 0 ? r : evg_session_send(s, type, args, argc);
}

int evg_job_data(evg_session_t *s, evg_job_t *job, evg_bytes_t data)
{
    evg_bytes_t args[2] = {[1] = data};
    return report(s, job, EVG_WORK_DATA, args, 2);
}

int evg_job_warning(evg_session_t *s, evg_job_t *job, evg_bytes_t data)
{
    evg_bytes_t args[2] = {[1] = data};
    return report(s, job, EVG_WORK_WARNING, args, 2);
}

int evg_job_status(evg_session_t *s, evg_job_t *job, uint32_t numerator, uint32_t denominator)
{
    char upper[EVG_NUMBER_CAP], lower[EVG_NUMBER_CAP];
    evg_bytes_t args[3] = {[1] = evg_number_encode(upper, numerator), [2] = evg_number_encode(lower, denominator)};
    return report(s, job, EVG_WORK_STATUS, args, 3);
}

/* The Perl server knows that a job ended only by WORK_FAIL; both packets go out, or none. */
static int send_exception(evg_session_t *s, const evg_bytes_t *args)
{
    size_t before = evg_buffer_len(&s->wire.out);
    int r = evg_session_send(s, EVG_WORK_EXCEPTION, args, 2);
    if (r < 0 || evg_dialect_exception_ends_p(s->dialect)) return r;
    r = evg_session_send(s, EVG_WORK_FAIL, args, 1);
    if (r == 0) return 0;
    evg_buffer_truncate(&s->wire.out, before);
    s->stats.packets_out--;
    return r;
}

static int send_end(evg_session_t *s, evg_command_t type, const evg_bytes_t *args)
{
    if (type == EVG_WORK_EXCEPTION) return send_exception(s, args);
    return evg_session_send(s, type, args, type == EVG_WORK_FAIL ? 1 : 2);
}

evg_bytes_t evg_job_say_expired(evg_session_t *s, const evg_job_t *job)
{
    snprintf(s->said, sizeof s->said, "timed out after %g s", job->timeout);
    return evg_bytes_of(s->said);
}

/* Its client is told why, unless exceptions are off. */
static int expire(evg_session_t *s, evg_job_t *job)
{
    evg_bytes_t args[2] = {handle_of(job), evg_job_say_expired(s, job)};
    int r = send_end(s, s->options.exceptions ? EVG_WORK_EXCEPTION : EVG_WORK_FAIL, args);
    if (r < 0) return r;
    let_go(s, job, EVG_JOB_EXPIRED);
    evg_list_append(&s->worker.expired, &job->link);
    return 0;
}

static int finish(evg_session_t *s, evg_job_t *job, evg_command_t type, evg_bytes_t data)
{
    evg_bytes_t args[2] = {handle_of(job), data};
    int r = ours(s, job);
    if (r < 0) return r;
    if (evg_deadline_set_p(&job->due) && job->due.heap.at <= s->wire.now) {
        r = expire(s, job);
        return r < 0 ? r : EVG_EJOB_TIMEOUT;
    }
    r = send_end(s, type, args);
    if (r == 0) let_go(s, job, EVG_JOB_FINISHED);
    return r;
}

int evg_job_complete(evg_session_t *s, evg_job_t *job, evg_bytes_t result)
{
    return finish(s, job, EVG_WORK_COMPLETE, result);
}

int evg_job_fail(evg_session_t *s, evg_job_t *job)
{
    return finish(s, job, EVG_WORK_FAIL, evg_bytes("", 0));
}

/* Half of what it said is better than a job that cannot be ended. */
int evg_job_exception(evg_session_t *s, evg_job_t *job, evg_bytes_t data)
{
    size_t around = (size_t)job->handle_len + 1, packet = s->options.max_packet;
    size_t most = packet > around ? packet - around : 0;
    if (most > EXCEPTION_MAX) most = EXCEPTION_MAX;
    return finish(s, job, EVG_WORK_EXCEPTION, evg_bytes(data.at, data.len < most ? data.len : most));
}

void evg_job_forget(evg_session_t *s, evg_job_t *job)
{
    evg_job_left(s, job);
    if (job->state == EVG_JOB_HELD) let_go(s, job, EVG_JOB_LOST);
    evg_list_unlink(&job->link);
}

int evg_jobs_expire(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    evg_deadline_t *due;
    while ((due = evg_deadlines_first(&w->dues)) && due->heap.at <= s->wire.now) {
        int r = expire(s, job_of(due));
        if (r < 0) return r;
    }
    return 0;
}

void evg_jobs_lose(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    for (evg_list_t *at; (at = evg_list_first(&w->held));) {
        evg_job_t *job = evg_container(at, evg_job_t, link);
        let_go(s, job, EVG_JOB_LOST);
        evg_list_append(&w->lost, &job->link);
    }
}

void evg_jobs_forget_stuck(evg_session_t *s)
{
    evg_list_clear(&s->worker.stuck);
    s->worker.stuck_count = 0;
}

void evg_worker_handed_back(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (s->wire.now - w->handed_back_at > in_a_row) w->hand_backs = 0;
    w->hand_backs++;
    w->handed_back_at = s->wire.now;
    if (s->wanted) s->retry_at = s->wire.now + evg_backoff_delay_after(&s->backoff, w->hand_backs);
}
