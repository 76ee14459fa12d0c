#include "support/session_kit.h"

#include "support/event_name.h"
#include "support/packet_header.h"

kit_t kit;
size_t kit_step;

static const char *const deliveries[] = {
    [EVG_DELIVERY_NONE] = "NO_DELIVERY", [EVG_NOT_SENT] = "NOT_SENT", [EVG_UNACKNOWLEDGED] = "UNACKNOWLEDGED",
    [EVG_ACCEPTED] = "ACCEPTED",         [EVG_RUNNING] = "RUNNING",
};

/* -- text ---------------------------------------------------------------------------------------------------------- */

static void add_char(char *text, char c)
{
    size_t len = strlen(text);
    assert_true(len + 2 < KIT_TEXT);
    text[len] = c;
    text[len + 1] = 0;
}

static void add(char *text, const char *words)
{
    for (; *words; words++) add_char(text, *words);
}

static void add_word(char *text, const char *word)
{
    add_char(text, ' ');
    add(text, word);
}

/* Unprintable bytes as \0 or \xff. */
static void add_bytes(char *text, evg_bytes_t bytes)
{
    add_char(text, ' ');
    for (size_t i = 0; i < bytes.len; i++) {
        char hex[8];
        snprintf(hex, sizeof hex, bytes.at[i] ? "\\x%02x" : "\\0", bytes.at[i]);
        if (bytes.at[i] >= ' ' && bytes.at[i] < 127)
            add_char(text, (char)bytes.at[i]);
        else
            add(text, hex);
    }
}

static void begin_item(char *text)
{
    if (*text) add(text, "; ");
}

/* "a" to "z", then "r26" and so on. */
static void add_request(kit_t *kit, const evg_request_t *request)
{
    size_t n = (size_t)(request - kit->requests);
    char name[24];
    assert_true(n < kit->made);
    if (n < 26)
        snprintf(name, sizeof name, "%c ", 'a' + (int)n);
    else
        snprintf(name, sizeof name, "r%zu ", n);
    add(kit->told, name);
}

/* -- audit --------------------------------------------------------------------------------------------------------- */

static size_t count(const evg_list_t *head)
{
    size_t n = 0;
    for (evg_list_t *at = head->next; at != head; at = at->next) n++;
    return n;
}

/* What is owed lies in the order of its bytes, and inside of what was or is to be written: first what was, to the last
 * byte; and of what never will be, all bytes are known. */
static void audit_owed(const evg_session_t *s)
{
    size_t callers = count(&s->put_off), unwritten = callers, holes = 0, live = 0;
    uint64_t at = 0, first_hole = UINT64_MAX;
    bool written = s->last_written != &s->owed, ours = s->last_ours != &s->owed;
    for (evg_list_t *link = s->owed.next; link != &s->owed; link = link->next) {
        const evg_request_t *request = evg_container(link, evg_request_t, link);
        bool callers_p = request->purpose == EVG_FOR_CALLER, hole = request->purpose == EVG_FOR_HOLE;
        assert_int_equal(request->state, EVG_REQUEST_OWED);
        assert_true(request->start >= at);
        at = request->start + request->length;
        assert_int_equal(request->written, written);
        assert_int_equal(request->written, at <= s->wire.out.consumed);
        if (ours) assert_false(callers_p);
        if (hole && holes == 0) first_hole = request->start;
        holes += hole ? request->length : 0;
        live += callers_p && !request->written ? request->length : 0;
        unwritten += callers_p && !request->written;
        callers += callers_p;
        if (link == s->last_written) written = false;
        if (link == s->last_ours) ours = false;
    }
    assert_false(written || ours);
    assert_true(at <= evg_buffer_position(&s->wire.out));
    assert_int_equal(callers, s->owed_count);
    assert_int_equal(unwritten, s->unwritten_count);
    assert_int_equal(evg_session_waiting_count(s) + evg_session_pending_count(s), callers);
    assert_true(s->clear_to == first_hole);
    assert_int_equal(s->dead, s->state == EVG_OPEN ? holes : evg_buffer_len(&s->wire.out) - live);
}

void kit_audit(kit_t *kit)
{
    const evg_session_t *s = &kit->s;
    size_t told = 0;
    for (size_t i = 0; i < kit->made; i++) told += kit->told_done[i];
    assert_int_equal(s->stats.submitted, kit->made);
    assert_int_equal(s->stats.submitted, s->stats.resolved + s->owed_count + s->created_count);
    assert_int_equal(s->stats.resolved, told + count(&s->ended));
    assert_int_equal(s->created_count, count(&s->client.created));
    assert_int_equal(s->client.stand_in_count, count(&s->client.stand_ins));
    assert_int_equal(s->spare_count, count(&s->spare));
    if (s->state != EVG_OPEN) assert_int_equal(s->created_count + s->client.stand_in_count, 0);
    assert_true(s->client.waiters.table.count <= s->created_count + s->client.stand_in_count);
    audit_owed(s);
}

/* -- events -------------------------------------------------------------------------------------------------------- */

static void add_failure(kit_t *kit, const evg_event_t *event)
{
    add(kit->told, "FAILED ");
    add(kit->told, evg_error_name(event->error));
    add_word(kit->told, deliveries[event->delivery]);
    assert_true(event->delivery != EVG_DELIVERY_NONE);
    if (event->argc == 2) assert_true(evg_bytes_equal_p(event->text, event->args[1]));
}

static void add_event(kit_t *kit, const evg_event_t *event)
{
    begin_item(kit->told);
    if (event->request) {
        add_request(kit, event->request);
        bool *done = &kit->told_done[event->request - kit->requests];
        assert_false(*done);
        *done = event->type == EVG_EVENT_DONE;
        assert_int_equal(*done, event->request->state == EVG_REQUEST_DONE && event->type != EVG_EVENT_ASSIGNED);
    }
    if (event->request && event->error)
        add_failure(kit, event);
    else
        add(kit->told, event_name(event->type));
    if (!event->error) assert_true(event->delivery == EVG_DELIVERY_NONE && event->text.len == 0);
    if (event->type == EVG_EVENT_ERROR) add_word(kit->told, evg_error_name(event->error));
    if (event->type == EVG_EVENT_CREATED) add_bytes(kit->told, evg_request_handle(event->request));
    for (int i = 0; i < event->argc; i++) add_bytes(kit->told, event->args[i]);
    if (event->argc == 0 && event->text.len) add_bytes(kit->told, event->text);
}

static void obey(kit_t *kit, int reason)
{
    begin_item(kit->told);
    add(kit->told, "CLOSE ");
    add(kit->told, evg_error_name(reason));
    kit_lose(kit, reason, NULL);
}

void kit_tell(kit_t *kit)
{
    evg_event_t event;
    int r;
    while ((r = evg_session_next(&kit->s, &event)) > 0) {
        add_event(kit, &event);
        kit_audit(kit);
    }
    kit_audit(kit);
    if (r < 0) obey(kit, r);
}

const char *kit_told(kit_t *kit)
{
    static char text[KIT_TEXT];
    kit_tell(kit);
    memcpy(text, kit->told, sizeof text);
    *kit->told = 0;
    return text;
}

/* -- a life -------------------------------------------------------------------------------------------------------- */

void kit_init(kit_t *kit)
{
    memset(kit, 0, sizeof *kit);
    kit->live_before = evg_alloc_live();
    memset(&kit->s, 0xee, sizeof kit->s);
    evg_session_init(&kit->s, 1, 2, KIT_NOW);
    kit->s.options.heartbeat = 0;
    kit->s.options.lost_check = 0;
    kit->s.options.exceptions = false;
    kit->submission.type = EVG_SUBMIT_JOB;
    kit->submission.function = evg_bytes_of("f");
}

void kit_open(kit_t *kit)
{
    evg_session_opening(&kit->s);
    kit->wire_len = 0;
    int r = evg_session_opened(&kit->s);
    kit_audit(kit);
    if (r < 0) obey(kit, r);
}

void kit_lose(kit_t *kit, int reason, const char *text)
{
    evg_session_closed(&kit->s, reason, text);
    kit->wire_len = 0;
    kit_audit(kit);
    kit_tell(kit);
}

void kit_introduce(kit_t *kit, const char *version)
{
    kit_write_all(kit);
    kit_text(kit, version);
    kit_told(kit);
    kit_sent(kit);
}

void kit_start(kit_t *kit)
{
    kit_init(kit);
    kit_open(kit);
    kit_introduce(kit, "OK 1.1.20\n");
}

void kit_stop(kit_t *kit)
{
    kit_audit(kit);
    evg_session_deinit(&kit->s);
    assert_int_equal(evg_alloc_live(), kit->live_before);
}

int kit_setup(void **state)
{
    (void)state;
    kit_start(&kit);
    return 0;
}

int kit_teardown(void **state)
{
    (void)state;
    kit_stop(&kit);
    return 0;
}

void say(evg_command_t type, const char *handle, const char *data)
{
    if (type == EVG_JOB_CREATED || type == EVG_WORK_FAIL)
        kit_say(&kit, type, handle, NULL);
    else
        kit_say(&kit, type, handle, data, NULL);
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

evg_request_t *kit_last(kit_t *kit)
{
    return &kit->requests[kit->made - 1];
}

static evg_request_t *fresh(kit_t *kit)
{
    assert_true(kit->made < KIT_REQUESTS);
    evg_request_init(&kit->requests[kit->made], kit);
    return &kit->requests[kit->made];
}

static int made(kit_t *kit, int r)
{
    if (r == 0) kit->made++;
    kit_audit(kit);
    return r;
}

int kit_submit_within(kit_t *kit, const char *unique, const char *workload, double timeout)
{
    kit->submission.unique = evg_bytes_of(unique);
    kit->submission.workload = evg_bytes_of(workload);
    kit->submission.timeout = timeout;
    return made(kit, evg_client_submit(&kit->s, fresh(kit), &kit->submission));
}

int kit_submit(kit_t *kit, const char *unique, const char *workload)
{
    return kit_submit_within(kit, unique, workload, 0);
}

int kit_submit_as(kit_t *kit, evg_command_t type, const char *workload)
{
    kit->submission.type = type;
    int r = kit_submit(kit, "", workload);
    kit->submission.type = EVG_SUBMIT_JOB;
    return r;
}

int kit_echo(kit_t *kit, const char *data)
{
    return made(kit, evg_session_echo(&kit->s, fresh(kit), evg_bytes_of(data)));
}

int kit_status(kit_t *kit, const char *handle)
{
    return made(kit, evg_client_get_status(&kit->s, fresh(kit), evg_bytes_of(handle)));
}

int kit_status_unique(kit_t *kit, const char *unique)
{
    return made(kit, evg_client_get_status_unique(&kit->s, fresh(kit), evg_bytes_of(unique)));
}

int kit_option(kit_t *kit, const char *name)
{
    return made(kit, evg_session_option(&kit->s, fresh(kit), evg_bytes_of(name)));
}

int kit_admin(kit_t *kit, const char *line, evg_shape_t shape)
{
    return made(kit, evg_session_admin(&kit->s, fresh(kit), evg_bytes_of(line), shape));
}

int kit_grab(kit_t *kit)
{
    return made(kit, evg_worker_grab(&kit->s, fresh(kit)));
}

/* -- the server and the clock -------------------------------------------------------------------------------------- */

/* Without evg_alloc, so that a scenario's failing allocations are those of the session alone. */
evg_bytes_t kit_packet(evg_command_t type, const evg_bytes_t *args, int argc)
{
    static uint8_t packet[2 * KIT_TEXT];
    size_t at = EVG_HEADER_LEN;
    for (int i = 0; i < argc; i++) {
        assert_true(at + args[i].len + 1 < sizeof packet);
        if (i > 0) packet[at++] = 0;
        if (args[i].len) memcpy(packet + at, args[i].at, args[i].len);
        at += args[i].len;
    }
    packet_header(packet, "\0RES", type, (uint32_t)(at - EVG_HEADER_LEN));
    return evg_bytes(packet, at);
}

void kit_feed(kit_t *kit, evg_bytes_t bytes)
{
    while (bytes.len) {
        size_t len = kit_step && kit_step < bytes.len ? kit_step : bytes.len;
        if (kit->s.state != EVG_OPEN) return;
        int r = evg_wire_feed(&kit->s.wire, evg_bytes(bytes.at, len));
        kit_tell(kit);
        if (r < 0) obey(kit, r);
        bytes = evg_bytes(bytes.at + len, bytes.len - len);
    }
}

void kit_text(kit_t *kit, const char *text)
{
    kit_feed(kit, evg_bytes_of(text));
}

void kit_say_args(kit_t *kit, evg_command_t type, const evg_bytes_t *args, int argc)
{
    kit_feed(kit, kit_packet(type, args, argc));
}

void kit_say(kit_t *kit, evg_command_t type, ...)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    const char *arg;
    int argc = 0;
    va_list rest;
    va_start(rest, type);
    while ((arg = va_arg(rest, const char *))) args[argc++] = evg_bytes_of(arg);
    va_end(rest);
    kit_say_args(kit, type, args, argc);
}

/* A deadline that tick leaves where it was would make a loop spin. */
static void assert_due_later(const evg_session_t *s)
{
    double due = evg_session_deadline(s);
    assert_true(due == due);
    if (!evg_session_wants_open(s)) assert_true(due > s->wire.now);
}

void kit_pass(kit_t *kit, double seconds)
{
    evg_wire_clock(&kit->s.wire, kit->s.wire.now + seconds);
    int r = evg_session_tick(&kit->s);
    kit_audit(kit);
    kit_tell(kit);
    if (r < 0)
        obey(kit, r);
    else
        assert_due_later(&kit->s);
}

/* Before its deadline a session has nothing to do. */
static void assert_idle_until(kit_t *kit, double due)
{
    size_t unsent = evg_session_unsent(&kit->s);
    uint64_t resolved = kit->s.stats.resolved;
    evg_wire_clock(&kit->s.wire, kit->s.wire.now + (due - kit->s.wire.now) / 2);
    if (kit->s.wire.now >= due) return;
    kit_pass(kit, 0);
    assert_true(evg_session_deadline(&kit->s) == due);
    assert_int_equal(evg_session_unsent(&kit->s), unsent);
    assert_int_equal(kit->s.stats.resolved, resolved);
}

void kit_live(kit_t *kit, double seconds)
{
    double end = kit->s.wire.now + seconds, due;
    for (int ticks = 0; (due = evg_session_deadline(&kit->s)) <= end && !evg_session_wants_open(&kit->s); ticks++) {
        assert_true(ticks < 1000);
        assert_idle_until(kit, due);
        evg_wire_clock(&kit->s.wire, due);
        kit_pass(kit, 0);
    }
    kit_pass(kit, end > kit->s.wire.now ? end - kit->s.wire.now : 0);
}

/* -- what came of it ----------------------------------------------------------------------------------------------- */

void kit_write(kit_t *kit, size_t len)
{
    evg_bytes_t out = evg_session_output(&kit->s);
    assert_true(len <= out.len && kit->wire_len + len <= KIT_TEXT);
    if (len == 0) return;
    memcpy(kit->wire + kit->wire_len, out.at, len);
    kit->wire_len += len;
    evg_session_written(&kit->s, len);
    kit_audit(kit);
    kit_tell(kit);
}

void kit_write_all(kit_t *kit)
{
    for (size_t len; (len = evg_session_output(&kit->s).len);) kit_write(kit, len);
    kit_tell(kit);
}

/* The packet or line at the front of `bytes`, as text; its length, 0 when it is not whole. */
static size_t add_packet(char *text, evg_bytes_t bytes)
{
    evg_packet_t packet;
    if (bytes.len == 0) return 0;
    if (*bytes.at) {
        const uint8_t *end = memchr(bytes.at, '\n', bytes.len);
        if (!end) return 0;
        begin_item(text);
        add(text, "text");
        add_bytes(text, evg_bytes(bytes.at, (size_t)(end - bytes.at)));
        return (size_t)(end - bytes.at) + 1;
    }
    ptrdiff_t len = evg_packet_decode(&packet, EVG_REQ, bytes, SIZE_MAX);
    assert_true(len >= 0);
    if (len == 0) return 0;
    begin_item(text);
    add(text, evg_command_info(packet.type)->name);
    for (int i = 0; i < packet.argc; i++) add_bytes(text, packet.args[i]);
    return (size_t)len;
}

const char *kit_sent(kit_t *kit)
{
    size_t at = 0, len;
    *kit->sent = 0;
    while ((len = add_packet(kit->sent, evg_bytes(kit->wire + at, kit->wire_len - at)))) at += len;
    memmove(kit->wire, kit->wire + at, kit->wire_len - at);
    kit->wire_len -= at;
    return kit->sent;
}

const char *kit_first(const char *text, size_t len)
{
    static char first[1024];
    snprintf(first, sizeof first, "%.*s", (int)len, text);
    return first;
}
