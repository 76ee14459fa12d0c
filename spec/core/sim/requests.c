/* What each request does, and what it has to draw. */
#include "sim/watch.h"

#include "session/jobqueue_handles.h"

#include <stdio.h>
#include <stdlib.h>

/* -- submitting ---------------------------------------------------------------------------------------------------- */

/* It was done, but there was no room to say so. */
static void submitted_unheard(view_t *view, const evg_packet_t *packet)
{
    char room[EVG_QUEUE_HANDLE_CAP];
    ledger_t *ledger = view->ledger;
    evg_queue_t *q = &ledger->server->queue;
    entry_t *known = ledger_find_key(ledger, function_of(packet->args[0]), packet->args[1]);
    unsigned number = known ? known->number : ledger->last + 1;
    int len = snprintf(room, sizeof room, "H:vm:%u", number);
    evg_bytes_t handle = evg_bytes(room, (size_t)len);
    if (evg_queue_find(q, handle)) ledger_submitted(ledger, view_number(view), packet, handle);
}

static void refused(view_t *view, const evg_packet_t *packet, const char *work)
{
    const ledger_t *ledger = view->ledger;
    if (ledger->count < ledger->server->settings.queue.max_jobs) broken("there is room for %s", work);
    if (ledger_find_key(view->ledger, function_of(packet->args[0]), packet->args[1])) broken("%s could join", work);
    refuse_submission(work);
}

static void submit(view_t *view, const evg_packet_t *packet)
{
    char work[WORK];
    evg_packet_t answer;
    copy(work, sizeof work, packet->args[packet->argc - 1]);
    see_submission(work);
    view->ledger->waking |= 1u << function_of(packet->args[0]); /* NOOP comes before JOB_CREATED */
    if (!watch_reply(view, &answer, packet->type)) {
        submitted_unheard(view, packet);
    } else if (answer.type == EVG_ERROR) {
        refused(view, packet, work);
    } else {
        ledger_submitted(view->ledger, view_number(view), packet, answer.args[0]);
        note("%d %s %s -> %.*s", view_number(view), evg_commands[packet->type].name, work, (int)answer.args[0].len,
             answer.args[0].at);
    }
}

/* -- working ------------------------------------------------------------------------------------------------------- */

static void can_do(view_t *view, int function, double timeout)
{
    if (!view->able[function]) memset(view->passed[function], 0, sizeof view->passed[function]);
    if (!view->able[function] && view->asleep) view->excused |= 1u << function;
    view->able[function] = true;
    view->timeouts[function] = timeout;
    note("%d can do f%d %g", view_number(view), function, timeout);
}

static void cant_do(view_t *view, int function)
{
    watch_resigns(view, function);
    ledger_worker_left(view->ledger, view_number(view), function);
    note("%d can't do f%d", view_number(view), function);
}

static void reset(view_t *view)
{
    for (int f = 0; f < FUNCTIONS; f++) watch_resigns(view, f);
    ledger_worker_left(view->ledger, view_number(view), -1);
    note("%d resets", view_number(view));
}

/* NOOP comes at once if there is a job. */
static void pre_sleep(view_t *view)
{
    evg_packet_t packet;
    bool job = rules_look(view);
    note("%d goes to sleep%s", view_number(view), job ? " beside a job" : "");
    if (ledger_quirk_p(view->ledger, EVG_QUIRK_SLEEP_STOPS_TIMERS)) ledger_timers_stop(view->ledger, view_number(view));
    view->asleep = !job;
    view->excused = 0;
    view->noop_sent &= !job;
    if (!job) return;
    while (evg_packet_decode(&packet, EVG_RES, watch_unseen(view), SIZE_MAX) > 0 && packet.type != EVG_NOOP) {
        watch_told(view, &packet);
        view->seen += evg_packet_span(watch_unseen(view));
    }
    if (watch_unseen(view).len)
        view->seen += evg_packet_span(watch_unseen(view));
    else if (!view->session->ending)
        broken("%d goes to sleep beside a job", view_number(view));
}

static void check_assignment(const entry_t *entry, const evg_packet_t *packet)
{
    bool right = function_of(packet->args[1]) == entry->function;
    right &= text_p(packet->args[packet->argc - 1], entry->work);
    if (packet->type != EVG_JOB_ASSIGN) right &= text_p(packet->args[2], entry->key);
    if (!right) broken("job %u was spoilt", entry->number);
}

/* It has one, but there was no room to say so. */
static entry_t *assigned_unheard(const view_t *view)
{
    for (evg_list_t *at = view->ledger->entries.next; at != &view->ledger->entries; at = at->next) {
        char room[WORK];
        entry_t *entry = entry_of(at);
        snprintf(room, sizeof room, "H:vm:%u", entry->number);
        const evg_queue_job_t *job = evg_queue_find(&view->ledger->server->queue, evg_bytes_of(room));
        if (entry->worker < 0 && job && job->runs) return entry;
    }
    return NULL;
}

static entry_t *assigned(const view_t *view, const evg_packet_t *packet, bool job)
{
    if (packet->type == EVG_NO_JOB) {
        if (job) broken("%d is told that there is no job", view_number(view));
        return NULL;
    }
    entry_t *entry = ledger_find(view->ledger, packet->args[0]);
    if (!entry) broken("%d gets a job that nobody knows", view_number(view));
    note("%d gets %u f%d %s", view_number(view), entry->number, entry->function, entry->work);
    check_assignment(entry, packet);
    return entry;
}

static void grab(view_t *view, evg_command_t type)
{
    evg_packet_t packet;
    bool job = rules_look(view);
    entry_t *entry = watch_reply(view, &packet, type) ? assigned(view, &packet, job) : assigned_unheard(view);
    view->asleep = view->noop_sent = false;
    if (!entry) return;
    rules_check_turn(view, entry);
    ledger_assigned(view->ledger, entry, view_number(view), view->timeouts[entry->function]);
}

static unsigned count_of(evg_bytes_t digits)
{
    uint64_t number = 0;
    if (!evg_number_decode(digits, &number)) broken("no number");
    return (unsigned)number;
}

static void report(view_t *view, const evg_packet_t *packet)
{
    ledger_t *ledger = view->ledger;
    entry_t *entry = ledger_find(ledger, packet->args[0]);
    note("%d %s %.*s", view_number(view), evg_commands[packet->type].name, (int)packet->args[0].len,
         packet->args[0].at);
    if (!entry || entry->worker != view_number(view)) {
        watch_expect(view, EVG_ERROR, 0);
        return;
    }
    watch_expects(entry, packet->type);
    if (packet->type == EVG_WORK_STATUS) {
        entry->done = count_of(packet->args[1]);
        entry->of = count_of(packet->args[2]);
    } else if (packet->type != EVG_WORK_DATA && packet->type != EVG_WORK_WARNING) {
        ledger_ended(ledger, entry, packet->type);
    }
}

/* -- questions ----------------------------------------------------------------------------------------------------- */

static void check_status(const entry_t *entry, const evg_bytes_t *facts)
{
    bool right = count_of(facts[0]) == (entry != NULL) && count_of(facts[1]) == (entry && entry->worker >= 0);
    right &= count_of(facts[2]) == (entry ? entry->done : 0) && count_of(facts[3]) == (entry ? entry->of : 0);
    if (!right) broken("the status of %u is wrong", entry ? entry->number : 0);
}

static void get_status(view_t *view, const evg_packet_t *packet)
{
    evg_packet_t answer;
    if (!watch_reply(view, &answer, packet->type)) return;
    check_status(ledger_find(view->ledger, packet->args[0]), answer.args + 1);
}

/* Of one of those that have the key. */
static void get_status_unique(view_t *view, const evg_packet_t *packet)
{
    evg_packet_t answer;
    if (!watch_reply(view, &answer, packet->type)) return;
    bool known = ledger_find_key(view->ledger, -1, packet->args[0]);
    if (count_of(answer.args[1]) != known) broken("a key is %sknown", known ? "" : "not un");
}

static void option(view_t *view, const evg_packet_t *packet)
{
    evg_packet_t answer;
    bool known = text_p(packet->args[0], "exceptions");
    view->exceptions |= known;
    if (watch_reply(view, &answer, packet->type) && known != (answer.type == EVG_OPTION_RES))
        broken("an option is wrong");
}

static void echo(view_t *view, const evg_packet_t *packet)
{
    evg_packet_t answer;
    if (watch_reply(view, &answer, packet->type) && !evg_bytes_equal_p(answer.args[0], packet->args[0]))
        broken("an echo was spoilt");
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

void request_packet(view_t *view, const evg_packet_t *packet)
{
    switch (packet->type) {
    case EVG_CAN_DO: return can_do(view, function_of(packet->args[0]), 0);
    case EVG_CAN_DO_TIMEOUT: return can_do(view, function_of(packet->args[0]), count_of(packet->args[1]) / 1000.0);
    case EVG_CANT_DO: return cant_do(view, function_of(packet->args[0]));
    case EVG_RESET_ABILITIES: return reset(view);
    case EVG_SET_CLIENT_ID: return;
    case EVG_PRE_SLEEP: return pre_sleep(view);
    case EVG_GET_STATUS: return get_status(view, packet);
    case EVG_GET_STATUS_UNIQUE: return get_status_unique(view, packet);
    case EVG_OPTION_REQ: return option(view, packet);
    case EVG_ECHO_REQ: return echo(view, packet);
    default: break;
    }
    if (evg_command_submit_p(packet->type))
        submit(view, packet);
    else if (evg_command_grab_p(packet->type))
        grab(view, packet->type);
    else
        report(view, packet);
}

static bool cancels_p(evg_bytes_t line)
{
    return line.len > 11 && memcmp(line.at, "cancel job ", 11) == 0;
}

/* Those who wait are told before it is answered. */
static const char *cancel(view_t *view, evg_bytes_t handle)
{
    entry_t *entry = ledger_find(view->ledger, handle);
    if (entry) ledger_cancelled(view->ledger, entry);
    return entry ? "OK\r\n" : "ERR UNKNOWN_JOB\r\n";
}

/* "f1", TAB, all jobs, TAB, those that run, TAB, workers. */
static void check_row(const view_t *view, evg_bytes_t row)
{
    char text[64];
    int function;
    unsigned jobs = 0, running = 0, workers = 0, said[3];
    copy(text, sizeof text, row);
    if (sscanf(text, "f%d\t%u\t%u\t%u\n", &function, &said[0], &said[1], &said[2]) != 4) broken("a row was spoilt");
    for (evg_list_t *at = view->ledger->entries.next; at != &view->ledger->entries; at = at->next) {
        jobs += entry_of(at)->function == function;
        running += entry_of(at)->function == function && entry_of(at)->worker >= 0;
    }
    for (int at = 0; at < PEERS; at++) workers += view_of_p(&views[at], view->ledger) && views[at].able[function];
    if (said[0] != jobs || said[1] != running || said[2] != workers) broken("the status of f%d is wrong", function);
}

static void check_table(view_t *view)
{
    for (;;) {
        evg_bytes_t row = watch_unseen(view);
        row.len = evg_packet_span(row);
        view->seen += row.len;
        if (text_p(row, ".\n")) return;
        check_row(view, row);
    }
}

static void check_line(view_t *view, const char *answer)
{
    evg_bytes_t line = watch_unseen(view);
    if (line.len < strlen(answer) || memcmp(line.at, answer, strlen(answer)) != 0) broken("a line was spoilt");
    view->seen += evg_packet_span(line);
}

void request_line(view_t *view, evg_bytes_t line)
{
    const char *answer = text_p(line, "version") ? "OK " : "ERR UNKNOWN_COMMAND";
    if (cancels_p(line)) answer = cancel(view, evg_bytes(line.at + 11, line.len - 11));
    if (!watch_text(view)) return;
    if (text_p(line, "status"))
        check_table(view);
    else
        check_line(view, answer);
}
