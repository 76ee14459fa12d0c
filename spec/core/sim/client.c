/* What clients ask for, and that each answer is theirs. */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static ask_t *submissions[IDS];

ask_t *free_ask(const peer_t *peer, ask_kind_t kind)
{
    for (int i = 0; i < ASKS; i++) {
        ask_t *ask = &peer->team->asks[i];
        if (ask->used) continue;
        memset(ask, 0, sizeof *ask);
        evg_request_init(&ask->request, ask);
        ask->kind = kind;
        return ask;
    }
    return NULL;
}

ask_t *client_ask_of(unsigned id)
{
    ask_t *ask = submissions[id];
    return ask && ask->used && ask->kind <= BACKGROUND && ask->id == id ? ask : NULL;
}

/* Walks what a peer has asked: start with NULL, ends with NULL. */
static ask_t *next_ask(const peer_t *peer, ask_t *ask)
{
    ask_t *end = peer->team->asks + ASKS;
    for (ask = ask ? ask + 1 : peer->team->asks; ask < end; ask++) {
        if (ask->used && ask->at == peer->at) return ask;
    }
    return NULL;
}

static size_t asked_count(const peer_t *peer)
{
    size_t count = 0;
    for (ask_t *ask = NULL; (ask = next_ask(peer, ask));) count += ask->request.state == EVG_REQUEST_OWED;
    return count;
}

void ask_taken(peer_t *peer, ask_t *ask, int r)
{
    const wire_t *wire = &wires[peer->at];
    bool arriving = peer->s.state == EVG_OPEN && wire->arriving.left > 0 && wire->arriving.since < world.now;
    ask->behind = arriving && asked_count(peer) == 0 ? wire->arriving.number : 0;
    ask->at = peer->at;
    ask->place = ++world.places;
    ask->used = r == 0;
    ask->made_at = world.now;
    if (r < 0 && r != EVG_EBACKPRESSURE) broken("%d: a request is refused: %s", peer->at, evg_error_text(r));
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

static void random_submission(ask_t *ask, evg_submission_t *submission)
{
    static const evg_command_t foreground[] = {EVG_SUBMIT_JOB, EVG_SUBMIT_JOB_HIGH, EVG_SUBMIT_JOB_LOW};
    static const evg_command_t background[] = {EVG_SUBMIT_JOB_BG, EVG_SUBMIT_JOB_HIGH_BG, EVG_SUBMIT_JOB_LOW_BG,
                                               EVG_SUBMIT_JOB_EPOCH};
    submission->type = ask->kind == FOREGROUND ? foreground[pick(3)] : background[pick(world.delays ? 4 : 3)];
    submission->run_at = (int64_t)world.now + pick(6);
    submission->timeout = pick(4) == 0 ? 1e-6 + (pick(3) ? 4 : 0.005) * uniform() : 0;
    ask->timed = submission->timeout > 0 && ask->kind == FOREGROUND;
}

/* A key is shared by those of one function that use it at a time. */
static ask_t *new_submission(const peer_t *peer, evg_submission_t *submission)
{
    ask_t *ask = world.id_count == IDS ? NULL : free_ask(peer, pick(2) ? FOREGROUND : BACKGROUND);
    if (!ask) return NULL;
    ask->keyed = pick(3) == 0;
    ask->function = (int)pick(FUNCTIONS);
    random_submission(ask, submission);
    ask->id = world.id_count++;
    submissions[ask->id] = ask;
    snprintf(ask->text, sizeof ask->text, ask->keyed ? "k%u" : "%u", ask->keyed ? pick(KEYS) : ask->id);
    return ask;
}

void client_submits(peer_t *peer)
{
    char name[3] = "f?", work[WORK];
    evg_submission_t submission = {0};
    ask_t *ask = new_submission(peer, &submission);
    if (!ask) return;
    if (peer->team->joined) peer = routes_pick(peer->team, ask);
    name[1] = (char)('0' + ask->function);
    snprintf(work, sizeof work, "%u/%.15s", ask->id, ask->text);
    submission.function = evg_bytes_of(name);
    submission.unique = evg_bytes_of(ask->keyed ? ask->text : "");
    submission.workload = evg_bytes_of(work);
    note("%d asks %s %s", peer->at, evg_command_info(submission.type)->name, work);
    evg_wire_clock(&peer->s.wire, world.now);
    ask_taken(peer, ask, evg_client_submit(&peer->s, &ask->request, &submission));
    if (!ask->used) world.ids[ask->id] = FORBIDDEN;
    if (ask->used && peer->team->joined) evg_fleet_take(&ask->request, ask->keyed);
}

static void ask_status(peer_t *peer, ask_t *ask)
{
    snprintf(ask->text, sizeof ask->text, "H:vm:%u", 1 + pick(20));
    ask_taken(peer, ask, evg_client_get_status(&peer->s, &ask->request, evg_bytes_of(ask->text)));
}

static void ask_status_unique(peer_t *peer, ask_t *ask)
{
    snprintf(ask->text, sizeof ask->text, "k%u", pick(KEYS));
    ask_taken(peer, ask, evg_client_get_status_unique(&peer->s, &ask->request, evg_bytes_of(ask->text)));
}

/* One of its own with a key, which others may join, or any that may be. */
static void name_cancel(peer_t *peer, ask_t *ask)
{
    const ask_t *job = NULL;
    for (ask_t *one = NULL; (one = next_ask(peer, one));) job = one->created && one->request.keyed ? one : job;
    evg_bytes_t handle = job && pick(4) ? evg_request_handle(&job->request) : evg_bytes_of("H:vm:9");
    snprintf(ask->text, sizeof ask->text, "cancel job %.*s", (int)handle.len, handle.at);
}

static void ask_admin(peer_t *peer, ask_t *ask)
{
    static const char *const lines[] = {"version", "status", "bogus"};
    unsigned which = pick(9);
    if (which < 3)
        snprintf(ask->text, sizeof ask->text, "%s", lines[which]);
    else
        name_cancel(peer, ask);
    evg_shape_t shape = strcmp(ask->text, "status") == 0 ? EVG_DOTTED : EVG_LINE;
    ask_taken(peer, ask, evg_session_admin(&peer->s, &ask->request, evg_bytes_of(ask->text), shape));
}

static void question(peer_t *peer)
{
    static const ask_kind_t kinds[] = {ECHO, ECHO, STATUS, STATUS_UNIQUE, OPTION, ADMIN};
    ask_t *ask = free_ask(peer, kinds[pick(6)]);
    if (!ask) return;
    if (ask->kind == STATUS) return ask_status(peer, ask);
    if (ask->kind == STATUS_UNIQUE) return ask_status_unique(peer, ask);
    if (ask->kind == ADMIN) return ask_admin(peer, ask);
    snprintf(ask->text, sizeof ask->text, "echo %u", ++world.echoes);
    if (ask->kind == OPTION) snprintf(ask->text, sizeof ask->text, pick(2) ? "exceptions" : "foo");
    evg_bytes_t text = evg_bytes_of(ask->text);
    bool echo = ask->kind == ECHO;
    ask_taken(peer, ask,
              echo ? evg_session_echo(&peer->s, &ask->request, text)
                   : evg_session_option(&peer->s, &ask->request, text));
}

void client_acts(peer_t *peer)
{
    unsigned what = pick(40);
    if (what == 0 && pick(2))
        peer_disconnect(peer);
    else if (what == 0)
        team_disconnect(peer->team);
    else if (what == 1)
        (void)evg_session_want(&peer->s);
    else if (what == 2 && server_count > 1 && !peer->team->joined)
        peer_moves(peer);
    else if (what < 10)
        question(peer);
    else if (what == 10)
        for (int i = 0; i < 8; i++) client_submits(peer);
    else
        client_submits(peer);
}

/* -- being answered ------------------------------------------------------------------------------------------------ */

static void check_payload(peer_t *peer, const ask_t *ask, char letter, evg_bytes_t got)
{
    char want[WORK];
    if (letter == 'X' && ask->function == 2 && text_p(got, "timed out after 0.5 s")) return; /* see worker.c */
    snprintf(want, sizeof want, "%c%d%.20s", letter, ask->function, ask->text);
    if (!text_p(got, want)) broken("%d: %u got \"%.*s\" and not %s", peer->at, ask->id, (int)got.len, got.at, want);
}

static void check_report(peer_t *peer, ask_t *ask, char letter, evg_bytes_t got)
{
    const uint8_t *hash = memchr(got.at, '#', got.len);
    if (!hash) broken("%d: a report was spoilt", peer->at);
    unsigned number = 0;
    for (const uint8_t *at = hash + 1; at < got.at + got.len; at++) number = number * 10 + (unsigned)(*at - '0');
    check_payload(peer, ask, letter, evg_bytes(got.at, (size_t)(hash - got.at)));
    if (number <= ask->heard) broken("%d: %u got report %u behind %u", peer->at, ask->id, number, ask->heard);
    ask->heard = number;
}

/* Only what the server has really forgotten may be called lost. */
static void check_lost(peer_t *peer, const ask_t *ask)
{
    bool lost = far_end->vanished_p(wires[peer->at].server, evg_request_handle(&ask->request));
    if (wires[peer->at].up && !lost) broken("%d: %u is not lost", peer->at, ask->id);
}

static bool over_p(const peer_t *peer, const ask_t *ask)
{
    return ask->made_at + peer->s.options.command_timeout <= world.now;
}

bool client_grabs_p(const peer_t *peer)
{
    for (ask_t *ask = NULL; (ask = next_ask(peer, ask));) {
        if (ask->kind == GRAB) return true;
    }
    return false;
}

void client_check_waiting(const peer_t *peer)
{
    if (peer->s.state == EVG_OPEN) return; /* something may be under way */
    for (ask_t *ask = NULL; (ask = next_ask(peer, ask));) {
        bool waits = ask->request.state == EVG_REQUEST_OWED && !ask->timed;
        if (waits && over_p(peer, ask)) broken("%d: a request waits for too long", peer->at);
    }
}

void client_check_written(const peer_t *peer, uint64_t before)
{
    for (ask_t *ask = NULL; (ask = next_ask(peer, ask));) {
        bool now = ask->request.state == EVG_REQUEST_OWED && ask->request.begun && !ask->timed;
        if (now && ask->request.start >= before && over_p(peer, ask)) broken("%d: what was late was written", peer->at);
    }
}

void client_free(peer_t *peer, unsigned packet)
{
    for (ask_t *ask = NULL; (ask = next_ask(peer, ask));) {
        if (ask->behind && ask->behind <= packet && ask->free_at == 0) ask->free_at = world.now;
    }
}

/* Was it through, or stuck, when a request was over that was made at `made_at`? */
static bool through_p(const peer_t *peer, const way_t *way, double moved_at, double made_at)
{
    double timeout = peer->s.options.command_timeout;
    return way->left == 0 || way->since >= made_at + timeout || moved_at + timeout <= world.now;
}

/* Deadlines judge silence. Of the connection nothing is known any more when that was closed for it. */
static void check_timeout(const peer_t *peer, const ask_t *ask, evg_delivery_t delivery)
{
    const wire_t *wire = &wires[peer->at];
    double timeout = peer->s.options.command_timeout;
    if (!over_p(peer, ask)) broken("%d: a request is over too early", peer->at);
    if (delivery == EVG_NOT_SENT && peer->s.open_error) broken("%d: why there is no connection is not told", peer->at);
    if (delivery != EVG_NOT_SENT && peer->replied_at + timeout > world.now) broken("%d: it was answered", peer->at);
    if (peer->s.state != EVG_OPEN) return;
    if (!through_p(peer, &wire->leaving, wire->said_at, ask->made_at)) broken("%d: a packet leaves", peer->at);
    if (!through_p(peer, &wire->arriving, wire->heard_at, ask->made_at)) broken("%d: a packet arrives", peer->at);
    if (delivery == EVG_NOT_SENT) return;
    bool flies = ask->request.sent_to > peer->s.wire.bytes_out - evg_buffer_len(&wire->kernel);
    if (ask->request.written && flies && !wire->was_stalled) broken("%d: a packet is in flight", peer->at);
    if (ask->behind && ask->free_at + timeout > world.now) broken("%d: its answer could not come before", peer->at);
}

/* What its handler said, or what is said of one that took too long. */
static void check_exception(peer_t *peer, const ask_t *ask, evg_bytes_t got)
{
    if (ask->function != 2 || !text_p(got, "timed out after 0.5 s")) check_payload(peer, ask, 'X', got);
}

void client_excuse(const peer_t *peer)
{
    for (ask_t *ask = NULL; (ask = next_ask(peer, ask));) ask->excused = true;
}

/* Of a fleet it had its time, or there was no hope. */
static void check_patience(const peer_t *peer, const ask_t *ask, const evg_event_t *event)
{
    bool unwritten = event->delivery == EVG_NOT_SENT && evg_error_fault(event->error) == EVG_LINK;
    if (!peer->team->joined || !unwritten || ask->excused || event->error == EVG_EJOB_TIMEOUT) return;
    if (!over_p(peer, ask)) broken("%u is given up before its time: %s", ask->id, evg_error_text(event->error));
}

static void submission_failed(peer_t *peer, ask_t *ask, const evg_event_t *event)
{
    check_patience(peer, ask, event);
    if (event->delivery == EVG_NOT_SENT) {
        if (world.ids[ask->id] != UNSEEN) broken("%u was sent and is told as not sent", ask->id);
        world.ids[ask->id] = FORBIDDEN;
    }
    switch (event->error) {
    case EVG_EJOB_FAILED:
    case EVG_EDISCONNECTED:
    case EVG_ECONNECT:
    case EVG_EEXHAUSTED:
    case EVG_ECOMMAND_TIMEOUT: return;
    case EVG_EQUEUE_FULL:
        if (!world.refuses) broken("%u is refused", ask->id);
        return;
    case EVG_EJOB_EXCEPTION: return check_exception(peer, ask, event->args[0]);
    case EVG_EJOB_TIMEOUT:
        if (!ask->timed) broken("%u has no timeout", ask->id);
        return;
    case EVG_EJOB_LOST: return check_lost(peer, ask);
    default: broken("%d: %u ends with %s", peer->at, ask->id, evg_error_text(event->error));
    }
}

static void submission_done(peer_t *peer, ask_t *ask, const evg_event_t *event)
{
    note("%d: %u is done: %s", peer->at, ask->id, event->error ? evg_error_text(event->error) : "ok");
    if (event->error) return submission_failed(peer, ask, event);
    if (world.ids[ask->id] != SEEN) broken("%u succeeded and was never sent", ask->id);
    if (ask->kind == FOREGROUND) check_payload(peer, ask, 'R', event->args[0]);
}

static void question_done(peer_t *peer, const ask_t *ask, const evg_event_t *event)
{
    bool option = ask->kind == OPTION && strcmp(ask->text, "foo") == 0;
    bool bogus = ask->kind == ADMIN && strcmp(ask->text, "bogus") == 0;
    if (event->error && evg_error_fault(event->error) == EVG_LINK) return;
    if (event->error == EVG_ENO_JOB && ask->kind == GRAB) return;
    if (event->error == EVG_EJOB_NOT_FOUND && strncmp(ask->text, "cancel", 6) == 0) return;
    if (event->error && !option && !bogus)
        broken("%d: %s failed: %s", peer->at, ask->text, evg_error_text(event->error));
    if (!event->error && (option || bogus)) broken("%d: %s succeeded", peer->at, ask->text);
    if (event->error || ask->kind == ADMIN || ask->kind == GRAB) return;
    if (!text_p(event->args[0], ask->text)) broken("%d: the answer to %s is another's", peer->at, ask->text);
}

static void done(peer_t *peer, ask_t *ask, const evg_event_t *event)
{
    if (event->error == EVG_ECOMMAND_TIMEOUT) check_timeout(peer, ask, event->delivery);
    bool reply = !event->error || evg_error_fault(event->error) == EVG_SERVER;
    if (reply && !ask->created) peer->replied_at = world.now; /* a job's end is an event */
    if (ask->kind <= BACKGROUND)
        submission_done(peer, ask, event);
    else
        question_done(peer, ask, event);
    ask->used = false;
}

static void created(peer_t *peer, ask_t *ask)
{
    if (ask->created || ask->kind != FOREGROUND) broken("%d: %u is created again", peer->at, ask->id);
    ask->created = true;
    peer->replied_at = world.now;
}

bool client_event(peer_t *peer, const evg_event_t *event)
{
    if (!event->request || event->type == EVG_EVENT_ASSIGNED) return false;
    ask_t *ask = event->request->owner;
    if (!ask->used) broken("%d: %u is told after its end", peer->at, ask->id);
    if (ask->at != peer->at) broken("%d: %u is told by another's server", peer->at, ask->id);
    if (event->type == EVG_EVENT_DONE) done(peer, ask, event);
    if (event->type == EVG_EVENT_CREATED) created(peer, ask);
    if (event->type == EVG_EVENT_DATA) check_report(peer, ask, 'D', event->args[0]);
    if (event->type == EVG_EVENT_WARNING) check_report(peer, ask, 'W', event->args[0]);
    return true;
}

bool client_rests_p(const peer_t *peer)
{
    return evg_session_unresolved(&peer->s) == 0;
}
