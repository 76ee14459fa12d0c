#include "session/server_worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "session/jobqueue_handles.h"
#include "session/jobqueue_waiters.h"
#include "session/jobqueue_worker.h"
#include "session/server_output.h"

/* -- abilities ----------------------------------------------------------------------------------------------------- */

/* Milliseconds, a second at least; of the Perl server seconds. No number is none. */
static double timeout_of(const evg_server_t *server, const evg_packet_t *packet)
{
    uint64_t number;
    if (packet->type != EVG_CAN_DO_TIMEOUT || !evg_number_decode(evg_bytes_cut(packet->args[1]), &number) || !number)
        return 0;
    if (evg_server_quirk_p(server, EVG_QUIRK_PERL)) return (double)number;
    return number < 1000 ? 1 : (double)number / 1000;
}

void evg_server_can_do(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_bytes_t name = evg_bytes_cut(packet->args[0]);
    int r = evg_queue_can_do(&s->server->queue, &s->worker, name, timeout_of(s->server, packet));
    if (r == EVG_EFUNCTION)
        evg_server_refuse(s, "ARGUMENT_TOO_LARGE", "Function name too large");
    else if (r < 0)
        evg_server_refuse(s, "QUEUE_ERROR", "No room for another function");
}

void evg_server_cant_do(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_queue_cant_do(&s->server->queue, &s->worker, evg_bytes_cut(packet->args[0]));
}

void evg_server_reset_abilities(evg_server_session_t *s, const evg_packet_t *packet)
{
    (void)packet;
    evg_queue_worker_leave(&s->server->queue, &s->worker);
}

void evg_server_set_client_id(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_bytes_t id = evg_bytes_cut(packet->args[0]);
    if (id.len >= EVG_CLIENT_ID_CAP) id.len = EVG_CLIENT_ID_CAP - 1;
    char *copy = evg_zalloc(id.len + 1);
    if (!copy) {
        evg_server_end(s, EVG_ENOMEM);
        return;
    }
    if (id.len) memcpy(copy, id.at, id.len);
    evg_free(s->id);
    s->id = copy;
}

/* -- sleeping and asking ------------------------------------------------------------------------------------------- */

void evg_server_pre_sleep(evg_server_session_t *s, const evg_packet_t *packet)
{
    (void)packet;
    s->sleeps_now = true;
    evg_queue_pre_sleep(&s->server->queue, &s->worker);
    s->sleeps_now = false;
    if (evg_server_quirk_p(s->server, EVG_QUIRK_SLEEP_STOPS_TIMERS))
        evg_queue_stop_timers(&s->server->queue, &s->worker);
}

static void say_no_job(evg_server_session_t *s)
{
    if (evg_server_quirk_p(s->server, EVG_QUIRK_STRAY_ERROR))
        evg_server_refuse(s, "JOB_NOT_FOUND", "Job given in work result not found");
    evg_server_say(s, EVG_NO_JOB, NULL, 0);
}

/* With a reducer if there is one and it was asked for; with the key unless it was not asked for. */
static void assign(evg_server_session_t *s, evg_command_t grab, const evg_queue_job_t *job)
{
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_command_t type = EVG_JOB_ASSIGN_UNIQ;
    if (grab == EVG_GRAB_JOB) type = EVG_JOB_ASSIGN;
    if (grab == EVG_GRAB_JOB_ALL && job->reduced) type = EVG_JOB_ASSIGN_ALL;
    int argc = 0;
    evg_bytes_t args[5];
    args[argc++] = evg_queue_handle(&s->server->queue, job, room);
    args[argc++] = evg_queue_name(job->function);
    if (type != EVG_JOB_ASSIGN) args[argc++] = evg_queue_unique(job);
    if (type == EVG_JOB_ASSIGN_ALL) args[argc++] = evg_queue_reducer(job);
    args[argc++] = evg_queue_workload(job);
    if (evg_server_quirk_p(s->server, EVG_QUIRK_EARLY_NOOP)) evg_server_say(s, EVG_NOOP, NULL, 0);
    evg_server_say(s, type, args, argc);
}

void evg_server_grab(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_queue_job_t *job;
    s->noop_sent = false;
    int r = evg_queue_grab(&s->server->queue, &s->worker, &job);
    if (r < 0)
        evg_server_end(s, r);
    else if (r == 0)
        say_no_job(s);
    else
        assign(s, packet->type, job);
}

/* -- answers ------------------------------------------------------------------------------------------------------- */

static const char *complaint(evg_command_t type)
{
    switch (type) {
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING: return "Job does not exist on server";
    case EVG_WORK_EXCEPTION: return "An exception was received for a job that does not exist";
    default: return "Job given in work result not found";
    }
}

static void refuse(evg_server_session_t *s, evg_command_t type, evg_bytes_t handle)
{
    if (evg_server_quirk_p(s->server, EVG_QUIRK_PERL))
        evg_server_refuse(s, "not_worker", "");
    else if (type == EVG_WORK_FAIL && handle.len >= EVG_QUEUE_HANDLE_CAP)
        evg_server_refuse(s, "ARGUMENT_TOO_LARGE",
                          "Error occurred due to GEARMAND_JOB_HANDLE_SIZE being too small from snprintf");
    else
        evg_server_refuse(s, "JOB_NOT_FOUND", complaint(type));
}

/* The job that the packet is about, which this connection has to hold; else it is refused. `args` are those of the packet,
 * the handle without a NUL. */
static evg_queue_job_t *held(evg_server_session_t *s, const evg_packet_t *packet, evg_bytes_t args[EVG_MAX_ARGS])
{
    memcpy(args, packet->args, (size_t)packet->argc * sizeof *args);
    args[0] = evg_bytes_cut(args[0]);
    evg_queue_job_t *job = evg_queue_held(&s->server->queue, &s->worker, args[0]);
    if (!job) refuse(s, packet->type, args[0]);
    return job;
}

static uint32_t count_of(evg_bytes_t text)
{
    uint64_t number;
    if (!evg_number_decode(text, &number)) return 0;
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

void evg_server_progress(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    evg_queue_job_t *job = held(s, packet, args);
    if (!job) return;
    if (packet->type == EVG_WORK_STATUS) {
        args[2] = evg_bytes_cut(args[2]);
        job->numerator = count_of(args[1]);
        job->denominator = count_of(args[2]);
    }
    evg_queue_tell(&s->server->queue, job, packet->type, args, packet->argc);
}

static void end(evg_server_session_t *s, evg_queue_job_t *job, evg_command_t type, const evg_bytes_t *args, int argc)
{
    if (type == EVG_WORK_COMPLETE)
        s->server->counts.completed++;
    else
        s->server->counts.failed++;
    evg_queue_end(&s->server->queue, job, type, args, argc);
}

/* To the Perl server an exception is not the end: WORK_FAIL is to follow. */
void evg_server_finish(evg_server_session_t *s, const evg_packet_t *packet)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    evg_queue_job_t *job = held(s, packet, args);
    if (!job) return;
    if (packet->type == EVG_WORK_EXCEPTION && evg_server_quirk_p(s->server, EVG_QUIRK_PERL))
        evg_queue_tell(&s->server->queue, job, packet->type, args, packet->argc);
    else
        end(s, job, packet->type, args, packet->argc);
}

void evg_server_answer_too_large(evg_server_session_t *s, evg_bytes_t handle)
{
    evg_queue_job_t *job = evg_queue_held(&s->server->queue, &s->worker, handle);
    if (job) end(s, job, EVG_WORK_FAIL, &handle, 1);
}
