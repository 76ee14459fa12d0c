/* Handlers: they take their time, report, succeed, fail, or never end. */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* -- the worker's wishes ------------------------------------------------------------------------------------------- */

/* f2 has a timeout now and then, f3 one that the server knows; seldom there is no handler. */
static void can_do(team_t *team, int function)
{
    char name[3] = {'f', (char)('0' + function), 0};
    double server_timeout = function == 3 && chance(300) ? 1 + pick(2) : 0;
    double timeout = function == 2 && chance(300) ? 0.5 : 0;
    void *owner = chance(30) ? NULL : team;
    for (int i = 0; i < team->count; i++) {
        int r = evg_worker_can_do(&team_peer(team, i)->s, evg_bytes_of(name), timeout, server_timeout, owner);
        if (r < 0) broken("%d: can_do: %s", team->first + i, evg_error_text(r));
    }
}

static void cant_do(evg_session_t *s)
{
    char name[3] = {'f', (char)('0' + world.step % FUNCTIONS), 0};
    if (evg_worker_cant_do(s, evg_bytes_of(name)) < 0) broken("cant_do");
}

static void work(evg_session_t *s)
{
    (void)evg_worker_work(s);
}

static void work_one(evg_session_t *s)
{
    (void)evg_worker_work_one(s);
}

static void all(const team_t *team, void (*act)(evg_session_t *s))
{
    for (int i = 0; i < team->count; i++) {
        evg_wire_clock(&team_peer(team, i)->s.wire, world.now);
        act(&team_peer(team, i)->s);
        turns_look(team_peer(team, i));
    }
}

static bool working_p(const team_t *team)
{
    for (int i = 0; i < team->count; i++) {
        if (evg_worker_working_p(&team_peer(team, i)->s)) return true;
    }
    return false;
}

/* While one of them works at another server, it would have a job beyond its limit. */
static void take_one(team_t *team)
{
    if (!working_p(team)) all(team, work_one);
}

static void grab(peer_t *peer)
{
    ask_t *ask = working_p(peer->team) ? NULL : free_ask(peer, GRAB);
    if (ask) ask_taken(peer, ask, evg_worker_grab(&peer->s, &ask->request));
}

/* Only where the limit of jobs holds: a grab_job may go beyond it. Nor does work_one count what is held. */
static bool may_take_one_p(const peer_t *peer)
{
    return !team_busy_p(peer->team);
}

void worker_acts(peer_t *peer)
{
    team_t *team = peer->team;
    unsigned what = pick(100);
    note("%d wishes %u", peer->at, what);
    if (what == 0)
        team_disconnect(team);
    else if (what < 6)
        all(team, evg_worker_reset_abilities);
    else if (what < 16)
        all(team, cant_do);
    else if (what < 24)
        all(team, evg_worker_stop);
    else if (what < 28 && may_take_one_p(peer))
        take_one(team);
    else if (what < 32 && may_take_one_p(peer))
        grab(peer);
    else if (what < 68)
        can_do(team, (int)pick(FUNCTIONS));
    else
        all(team, work);
}

void worker_serves_all(team_t *team)
{
    for (int function = 0; function < FUNCTIONS; function++) can_do(team, function);
    for (int i = 0; i < team->count; i++) {
        evg_session_t *s = &team_peer(team, i)->s;
        if (evg_worker_working_p(s) && !s->worker.one)
            continue; /* asked again it would wake up, and hide that it was silent */
        if (evg_worker_work(s) < 0) broken("%d does not work", team->first + i);
    }
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static task_t *free_task(peer_t *peer)
{
    for (int i = 0; i < TASKS; i++) {
        if (peer->tasks[i].state != IDLE_SLOT) continue;
        if (peer->task_top <= i) peer->task_top = i + 1;
        return &peer->tasks[i];
    }
    broken("%d holds more jobs than there are", peer->at);
}

static void plan(task_t *task)
{
    task->next_at = world.now + (chance(100) ? 3 * uniform() : 0.02 * uniform());
    task->progress = chance(400) ? (int)pick(4) : 0;
    task->never = chance(30);
}

static void assigned(peer_t *peer, const evg_event_t *event)
{
    task_t *task = free_task(peer);
    evg_bytes_t work = event->args[3];
    const uint8_t *slash = memchr(work.at, '/', work.len);
    if (!slash) broken("%d: a workload was spoilt", peer->at);
    *task = (task_t){.state = RUNNING, .function = event->args[1].at[1] - '0'};
    memcpy(task->payload, slash + 1, work.len - (size_t)(slash + 1 - work.at));
    plan(task);
    evg_worker_accept(&peer->s, &task->job, event, task);
    evg_job_started(&peer->s, &task->job);
    if (peer->team->threads) evg_job_entered(&task->job);
    turns_assigned(peer);
}

static void stopped(const peer_t *peer)
{
    const evg_worker_session_t *w = &peer->s.worker;
    if (w->state != EVG_WORK_OFF || w->held_count || peer->s.grabs) broken("%d told STOPPED at work", peer->at);
}

bool worker_event(peer_t *peer, const evg_event_t *event)
{
    if (event->type == EVG_EVENT_ASSIGNED)
        assigned(peer, event);
    else if (event->type == EVG_EVENT_LOST)
        ((task_t *)event->job->owner)->state = GONE;
    else if (event->type == EVG_EVENT_EXPIRED)
        ((task_t *)event->job->owner)->state = GONE;
    else if (event->type == EVG_EVENT_STOPPED)
        stopped(peer);
    else
        return false;
    return true;
}

static evg_bytes_t say(const task_t *task, char letter, char *room)
{
    return evg_bytes(room, (size_t)snprintf(room, WORK, "%c%d%.20s", letter, task->function, task->payload));
}

static evg_bytes_t say_more(const task_t *task, char letter, char *room)
{
    evg_bytes_t text = say(task, letter, room);
    int more = snprintf(room + text.len, WORK - text.len, "#%u", ++world.reports);
    return evg_bytes(room, text.len + (size_t)more);
}

static int report(evg_session_t *s, task_t *task)
{
    char room[WORK];
    task->progress--;
    task->next_at = world.now + 0.5 * uniform();
    switch (pick(3)) {
    case 0: return evg_job_data(s, &task->job, say_more(task, 'D', room));
    case 1: return evg_job_warning(s, &task->job, say_more(task, 'W', room));
    default: return evg_job_status(s, &task->job, pick(10), 10);
    }
}

static int finish(evg_session_t *s, task_t *task)
{
    char room[WORK];
    if (chance(100)) return evg_job_fail(s, &task->job);
    if (chance(100)) return evg_job_exception(s, &task->job, say(task, 'X', room));
    return evg_job_complete(s, &task->job, say(task, 'R', room));
}

/* What a session says about a job fits what became of it. */
static void check_answer(const peer_t *peer, const task_t *task, evg_job_state_t before, bool ends, int r)
{
    if (r == 0 && before == EVG_JOB_HELD) return;
    if (r == EVG_EBACKPRESSURE && before == EVG_JOB_HELD && !ends) return;
    if (r == EVG_EJOB_LOST && before == EVG_JOB_LOST) return;
    if (r == EVG_EJOB_TIMEOUT && task->job.state == EVG_JOB_EXPIRED) return;
    broken("%d: a job in state %d answers %s", peer->at, before, r ? evg_error_text(r) : "ok");
}

/* -- what no good worker does: to our servers, which have to bear it ------------------------------------------------ */

static void blurt(peer_t *peer, evg_command_t type, const evg_bytes_t *args)
{
    note("%d blurts %s", peer->at, evg_commands[type].name);
    (void)evg_wire_send(&peer->s.wire, EVG_REQ, type, args, evg_commands[type].args, SIZE_MAX);
}

/* Of a job that has just ended. */
static void end_again(peer_t *peer, const task_t *task)
{
    char room[WORK];
    evg_bytes_t args[2] = {evg_bytes(task->job.handle, task->job.handle_len), say(task, 'R', room)};
    if (task->job.state == EVG_JOB_FINISHED) blurt(peer, EVG_WORK_COMPLETE, args);
}

/* Which may be another's. */
static void fail_any(peer_t *peer)
{
    char room[WORK];
    evg_bytes_t handle = evg_bytes(room, (size_t)snprintf(room, sizeof room, "H:vm:%u", 1 + pick(20)));
    blurt(peer, EVG_WORK_FAIL, &handle);
}

/* Takes an ability back for a moment, whatever it does: its jobs go to others. */
static void flinch(peer_t *peer, const evg_function_t *function)
{
    evg_bytes_t name = evg_bytes(function->name, function->name_len);
    if (!function->announced || function->leaving) return;
    blurt(peer, EVG_CANT_DO, &name);
    blurt(peer, EVG_CAN_DO, &name);
    blurt(peer, EVG_PRE_SLEEP, NULL); /* CAN_DO wakes nobody, and the session does not know that there may be a job */
}

static void misbehave(peer_t *peer, const task_t *task)
{
    unsigned what = pick(4);
    evg_function_t *function = evg_worker_next_function(&peer->s, NULL);
    if (peer->s.state != EVG_OPEN) return;
    if (what == 0)
        end_again(peer, task);
    else if (what == 1)
        fail_any(peer);
    else if (what == 2)
        blurt(peer, EVG_PRE_SLEEP, NULL);
    else if (function)
        flinch(peer, function);
}

/* -- handlers ------------------------------------------------------------------------------------------------------ */

static void run(peer_t *peer, task_t *task)
{
    evg_job_state_t before = task->job.state;
    bool ends = task->progress == 0;
    if (chance(100)) client_submits(peer);
    check_answer(peer, task, before, ends, ends ? finish(&peer->s, task) : report(&peer->s, task));
    if (!ends) return;
    if (task->job.state == EVG_JOB_FINISHED && evg_job_fail(&peer->s, &task->job) != EVG_EFINISHED) {
        broken("%d ends a job twice", peer->at);
    }
    if (far_end == &own_end && chance(50)) misbehave(peer, task);
    evg_job_forget(&peer->s, &task->job);
    task->state = IDLE_SLOT;
}

static bool due_p(const task_t *task)
{
    if (task->state == IDLE_SLOT || task->next_at > world.now) return false;
    return !task->never || world.calm || task->state == GONE;
}

void worker_runs(peer_t *peer)
{
    for (int i = 0; i < peer->task_top; i++) {
        if (due_p(&peer->tasks[i])) run(peer, &peer->tasks[i]);
    }
}

double worker_deadline(const peer_t *peer)
{
    double first = INFINITY;
    for (int i = 0; i < peer->task_top; i++) {
        const task_t *task = &peer->tasks[i];
        if (task->state != IDLE_SLOT && (!task->never || world.calm || task->state == GONE))
            first = fmin(first, task->next_at);
    }
    return first;
}
