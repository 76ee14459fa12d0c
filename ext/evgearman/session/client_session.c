#include "session/client_session.h"

#include <math.h>

#include "base/alloc.h"
#include "session/exchange.h"
#include "session/silence.h"
#include "session/state.h"

void evg_client_init(evg_session_t *s, uint64_t seed0, uint64_t seed1)
{
    evg_client_session_t *c = &s->client;
    evg_waiters_init(&c->waiters, seed0, seed1);
    evg_list_init(&c->created);
    evg_list_init(&c->stand_ins);
}

/* -- submissions --------------------------------------------------------------------------------------------------- */

static int check_names(const evg_submission_t *submission)
{
    int r = evg_check_function(submission->function);
    if (r == 0) r = evg_check_unique(submission->unique);
    if (r == 0 && submission->type == EVG_SUBMIT_JOB_EPOCH) r = evg_check_epoch(submission->run_at);
    return r;
}

/* The arguments of its packet; `digits` holds those of its time. Answers how many there are. */
static int args_of(const evg_submission_t *submission, evg_bytes_t args[4], char digits[EVG_NUMBER_CAP])
{
    int argc = 0;
    args[argc++] = submission->function;
    args[argc++] = submission->unique;
    if (submission->type == EVG_SUBMIT_JOB_EPOCH)
        args[argc++] = evg_number_encode(digits, (uint64_t)submission->run_at);
    args[argc++] = submission->workload;
    return argc;
}

int evg_client_check(const evg_session_t *s, const evg_submission_t *submission)
{
    char digits[EVG_NUMBER_CAP];
    evg_bytes_t args[4];
    int r = check_names(submission);
    if (r < 0) return r;
    int argc = args_of(submission, args, digits);
    return evg_packet_check(submission->type, args, argc, s->options.max_packet);
}

int evg_client_submit(evg_session_t *s, evg_request_t *request, const evg_submission_t *submission)
{
    char digits[EVG_NUMBER_CAP];
    evg_bytes_t args[4];
    int r = check_names(submission);
    if (r < 0) return r;
    int argc = args_of(submission, args, digits);
    request->keyed = submission->unique.len > 0;
    bool waits = evg_command_foreground_p(submission->type) && submission->timeout > 0;
    request->finish_by = waits ? s->wire.now + submission->timeout : 0;
    return evg_session_ask(s, request, submission->type, args, argc);
}

static int ask_about(evg_session_t *s, evg_request_t *request, evg_command_t type, evg_bytes_t key)
{
    evg_request_set_handle(request, key);
    return evg_session_ask(s, request, type, &key, 1);
}

int evg_client_get_status(evg_session_t *s, evg_request_t *request, evg_bytes_t handle)
{
    int r = evg_check_handle(handle);
    return r < 0 ? r : ask_about(s, request, EVG_GET_STATUS, handle);
}

int evg_client_get_status_unique(evg_session_t *s, evg_request_t *request, evg_bytes_t unique)
{
    int r = evg_check_status_unique(unique);
    return r < 0 ? r : ask_about(s, request, EVG_GET_STATUS_UNIQUE, unique);
}

static bool handle_p(evg_bytes_t handle)
{
    return evg_check_handle(handle) == 0;
}

/* -- stand_ins -------------------------------------------------------------------------------------------------------- */

static void dismiss(evg_session_t *s, evg_request_t *stand_in)
{
    evg_list_unlink(&stand_in->order);
    s->client.stand_in_count--;
    evg_session_give_back(s, stand_in);
}

/* Somebody of ours may still wait for that job or come to share it: its copies must not go to the wrong one. */
static evg_request_t *new_stand_in(evg_session_t *s)
{
    evg_client_session_t *c = &s->client;
    if (c->stand_in_count == EVG_STAND_INS_MAX) {
        evg_request_t *oldest = evg_container(c->stand_ins.next, evg_request_t, order);
        evg_waiters_remove(&c->waiters, oldest);
        dismiss(s, oldest);
    }
    evg_request_t *stand_in = evg_session_own(s, EVG_FOR_STAND_IN);
    if (!stand_in) return NULL;
    evg_list_append(&c->stand_ins, &stand_in->order);
    c->stand_in_count++;
    return stand_in;
}

/* The caller of a created job gives up on it. */
static void leave_job(evg_session_t *s, evg_request_t *request)
{
    evg_request_t *stand_in = request->keyed ? new_stand_in(s) : NULL;
    if (stand_in) {
        evg_waiters_replace(&s->client.waiters, request, stand_in);
    } else {
        evg_waiters_remove(&s->client.waiters, request);
    }
}

/* -- what the server says ------------------------------------------------------------------------------------------ */

/* Looks at the job again at its own timeout or at `look`, whichever comes first; 0 is never. */
static int watch(evg_session_t *s, evg_request_t *request, double look)
{
    double due = request->finish_by;
    if (look > 0 && (due == 0 || look < due)) due = look;
    return due > 0 ? evg_deadlines_add(&s->finishes, &request->due, due) : 0;
}

/* So many seconds from `from`; 0, which is never, for no seconds. */
static double after(double from, double seconds)
{
    return seconds > 0 ? from + seconds : 0;
}

static int tell_terminal(evg_session_t *s, evg_event_t *event, evg_request_t *request, evg_command_t type,
                         evg_bytes_t data)
{
    static const evg_bytes_t nothing = {(const uint8_t *)"", 0};
    event->argc = 1;
    event->args[0] = type == EVG_WORK_FAIL ? nothing : data;
    request->started = true;
    if (type == EVG_WORK_COMPLETE) return evg_session_tell_done(s, event, request, 0);
    return evg_session_tell_done(s, event, request, type == EVG_WORK_FAIL ? EVG_EJOB_FAILED : EVG_EJOB_EXCEPTION);
}

/* The stand-in of a caller who gave up before JOB_CREATED came. */
static int stand_in_created(evg_session_t *s, evg_request_t *request)
{
    bool shared = request->keyed && evg_command_foreground_p((evg_command_t)request->type);
    evg_request_t *stand_in = shared ? new_stand_in(s) : NULL;
    if (stand_in) {
        evg_request_set_handle(stand_in, evg_request_handle(request));
        stand_in->keyed = true;
        if (evg_waiters_add(&s->client.waiters, stand_in) < 0) dismiss(s, stand_in);
    }
    evg_session_end(s, request, 0, EVG_DELIVERY_NONE);
    return 0;
}

static int foreground_created(evg_session_t *s, evg_request_t *request, evg_event_t *event)
{
    evg_client_session_t *c = &s->client;
    evg_table_entry_t *place;
    int r = evg_session_reserve_deadlines(s); /* to look at it again cannot fail, then */
    if (r == 0) r = evg_waiters_place(&c->waiters, request, &place);
    if (r == EVG_EUNEXPECTED) return r;
    evg_session_answered(s, request);
    if (r == 0) evg_waiters_join(place, request);
    request->state = EVG_REQUEST_CREATED;
    request->heard_at = s->wire.now;
    evg_list_append(&c->created, &request->order);
    s->created_count++;
    if (r == 0 && (r = watch(s, request, after(s->wire.now, s->options.lost_check))) < 0)
        evg_waiters_remove(&c->waiters, request);
    if (r < 0) return evg_session_tell_done(s, event, request, r);
    event->type = EVG_EVENT_CREATED;
    event->request = request;
    return 1;
}

int evg_client_created(evg_session_t *s, evg_request_t *request, evg_bytes_t handle, evg_event_t *event)
{
    if (!handle_p(handle)) return EVG_EMALFORMED;
    evg_request_set_handle(request, handle);
    if (request->purpose == EVG_FOR_STAND_IN) return stand_in_created(s, request);
    if (evg_command_foreground_p((evg_command_t)request->type)) return foreground_created(s, request, event);
    event->argc = 1;
    event->args[0] = handle;
    return evg_session_tell_done(s, event, request, 0);
}

/* gearmand sends a NUL behind the handle when it makes a WORK_FAIL of a WORK_EXCEPTION. */
static evg_bytes_t handle_of(const evg_packet_t *fail)
{
    evg_bytes_t handle = fail->args[0];
    if (handle.len && handle.at[handle.len - 1] == 0) handle.len--;
    return handle;
}

static int ignore(evg_session_t *s)
{
    s->stats.ignored_packets++;
    return 0;
}

/* After it the job is gone: no copy of anything will come for this waiter. */
static int end_of_job(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event)
{
    evg_request_t *request = evg_waiters_finish(&s->client.waiters, packet->args[0]);
    if (!request) return ignore(s);
    if (request->purpose != EVG_FOR_STAND_IN)
        return tell_terminal(s, event, request, packet->type, packet->args[packet->argc - 1]);
    dismiss(s, request);
    return 0;
}

/* It need not be the end. gearmand says so of a job that is cancelled, which may run on, and sends what comes of it, and
 * another WORK_FAIL, to all who ever shared it; who comes with its key shares it too. */
static int failure_of_job(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event)
{
    evg_request_t *request = evg_waiters_turn(&s->client.waiters, handle_of(packet));
    if (!request) return ignore(s);
    if (request->purpose == EVG_FOR_STAND_IN) return 0;
    leave_job(s, request);
    return tell_terminal(s, event, request, packet->type, packet->args[0]);
}

static int progress_of_job(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event, evg_event_type_t type)
{
    evg_request_t *request = evg_waiters_turn(&s->client.waiters, packet->args[0]);
    if (!request || request->purpose == EVG_FOR_STAND_IN) return ignore(s);
    request->heard_at = s->wire.now;
    request->unknown = 0;
    request->started = true;
    event->type = type;
    event->request = request;
    event->argc = packet->argc - 1;
    memcpy(event->args, packet->args + 1, sizeof *packet->args * (size_t)event->argc);
    return 1;
}

int evg_client_work(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event)
{
    switch (packet->type) {
    case EVG_WORK_DATA: return progress_of_job(s, packet, event, EVG_EVENT_DATA);
    case EVG_WORK_WARNING: return progress_of_job(s, packet, event, EVG_EVENT_WARNING);
    case EVG_WORK_STATUS: return progress_of_job(s, packet, event, EVG_EVENT_STATUS);
    case EVG_WORK_EXCEPTION:
        if (!evg_dialect_exception_ends_p(s->dialect)) return progress_of_job(s, packet, event, EVG_EVENT_EXCEPTION);
        return end_of_job(s, packet, event);
    case EVG_WORK_FAIL: return failure_of_job(s, packet, event);
    default: return end_of_job(s, packet, event);
    }
}

static bool ends_p(const evg_session_t *s, evg_command_t type)
{
    return type == EVG_WORK_COMPLETE || (type == EVG_WORK_EXCEPTION && evg_dialect_exception_ends_p(s->dialect));
}

/* Nobody may think that he got all of it: what else comes of the job goes to a stand-in. */
int evg_client_too_large(evg_session_t *s, const evg_packet_t *packet, evg_event_t *event)
{
    bool ends = ends_p(s, packet->type);
    evg_waiters_t *waiters = &s->client.waiters;
    evg_request_t *request =
        ends ? evg_waiters_finish(waiters, packet->args[0]) : evg_waiters_turn(waiters, packet->args[0]);
    if (!request) return ignore(s);
    if (request->purpose == EVG_FOR_STAND_IN) {
        if (ends) dismiss(s, request);
        return 0;
    }
    if (!ends) leave_job(s, request);
    request->started = true;
    return evg_session_tell_done(s, event, request, EVG_ETOO_LARGE);
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

/* A job that was silent for lost_check: does the server still know it? */
static void check_lost(evg_session_t *s, evg_request_t *request)
{
    if (s->state != EVG_OPEN || s->paused || request->check || evg_session_under_way_p(s)) return;
    evg_request_t *check = evg_session_own(s, EVG_FOR_LOST_CHECK);
    if (!check) return;
    if (ask_about(s, check, EVG_GET_STATUS, evg_request_handle(request)) < 0) {
        evg_session_give_back(s, check);
        return;
    }
    check->subject = request;
    request->check = check;
}

int evg_client_lost_checked(evg_session_t *s, evg_request_t *check, const evg_packet_t *packet)
{
    evg_request_t *request = check->subject;
    uint64_t known = 0;
    (void)evg_number_decode(packet->args[1], &known);
    evg_session_end(s, check, 0, EVG_DELIVERY_NONE);
    if (!request) return 0;
    request->unknown = known ? 0 : (uint8_t)(request->unknown + 1);
    if (request->unknown >= 2) {
        evg_waiters_remove(&s->client.waiters, request);
        evg_session_end(s, request, EVG_EJOB_LOST, evg_request_delivery(request));
    } else if (request->unknown == 1) {
        evg_deadlines_remove(&s->finishes, &request->due);
        return watch(s, request, after(s->wire.now, fmin(1, s->options.lost_check / 2)));
    }
    return 0;
}

static void look_at(evg_session_t *s, evg_request_t *request)
{
    double pause = s->options.lost_check;
    double look = after(request->heard_at, pause); /* as it was added: a difference may round to less than pause */
    evg_deadlines_remove(&s->finishes, &request->due);
    if (request->finish_by > 0 && request->finish_by <= s->wire.now) {
        leave_job(s, request);
        evg_session_end(s, request, EVG_EJOB_TIMEOUT, evg_request_delivery(request));
        return;
    }
    if (look > 0 && (look <= s->wire.now || request->unknown)) {
        check_lost(s, request);
        look = after(s->wire.now, pause);
    }
    (void)watch(s, request, look); /* cannot fail: room was made when it was created */
}

/* A job that has no handle yet is over. */
static int give_up_owed(evg_session_t *s, evg_request_t *request)
{
    bool stood = evg_session_stand_in(s, request);
    evg_session_end(s, request, EVG_EJOB_TIMEOUT, EVG_UNACKNOWLEDGED);
    return stood ? 0 : EVG_ECOMMAND_TIMEOUT;
}

int evg_client_tick(evg_session_t *s)
{
    evg_deadline_t *due;
    int r = 0;
    while (r == 0 && (due = evg_deadlines_first(&s->finishes)) && due->heap.at <= s->wire.now) {
        evg_request_t *request = evg_container(due, evg_request_t, due);
        if (request->state == EVG_REQUEST_OWED)
            r = give_up_owed(s, request);
        else
            look_at(s, request);
    }
    return r;
}

void evg_client_closed(evg_session_t *s, int error)
{
    evg_client_session_t *c = &s->client;
    evg_list_t *at;
    while ((at = evg_list_first(&c->created))) {
        evg_request_t *request = evg_container(at, evg_request_t, order);
        evg_waiters_remove(&c->waiters, request);
        evg_session_end(s, request, error, evg_request_delivery(request));
    }
    while ((at = evg_list_first(&c->stand_ins))) {
        evg_request_t *stand_in = evg_container(at, evg_request_t, order);
        evg_waiters_remove(&c->waiters, stand_in);
        dismiss(s, stand_in);
    }
}

void evg_client_deinit(evg_session_t *s)
{
    evg_client_session_t *c = &s->client;
    for (evg_list_t *at; (at = evg_list_shift(&c->stand_ins));) evg_free(evg_container(at, evg_request_t, order));
    evg_waiters_deinit(&c->waiters);
}
