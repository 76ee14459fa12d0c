#include "sim/watch.h"

#include <stdio.h>

enum { EXPECTED = 1024 };

/* What a connection is to be told. ERROR: that a job it reported about is not its own. */
typedef struct {
    evg_command_t type;
    unsigned number; /* of the handle */
    uint64_t turn;
} expected_t;

view_t views[PEERS];
static expected_t expected[PEERS][EXPECTED];

/* -- what is expected ---------------------------------------------------------------------------------------------- */

void watch_expect(view_t *view, evg_command_t type, unsigned number)
{
    if (view->to == EXPECTED) broken("too much is expected");
    expected[view_number(view)][view->to++] = (expected_t){type, number, view->ledger->turn};
}

void watch_expects(const entry_t *entry, evg_command_t type)
{
    for (int at = 0; at < PEERS; at++) {
        bool hidden = type == EVG_WORK_EXCEPTION && !views[at].exceptions;
        for (unsigned i = 0; i < entry->waiters[at]; i++)
            watch_expect(&views[at], hidden ? EVG_WORK_FAIL : type, entry->number);
    }
}

void watch_wakes(ledger_t *ledger, int function)
{
    ledger->waking |= 1u << function;
    for (int at = 0; at < PEERS; at++) {
        if (view_of_p(&views[at], ledger)) views[at].excused &= ~(1u << function);
    }
}

/* -- what was said ------------------------------------------------------------------------------------------------- */

evg_bytes_t watch_unseen(const view_t *view)
{
    const evg_buffer_t *out = &view->session->wire.out;
    size_t seen = (size_t)(view->seen - out->consumed), len = evg_buffer_len(out) - seen;
    return len ? evg_bytes(evg_buffer_data(out) + seen, len) : evg_bytes(NULL, 0);
}

static void woken(view_t *view)
{
    bool cause = false;
    if (!view->asleep) broken("%d is woken, and was awake", view_number(view));
    for (int f = 0; f < FUNCTIONS; f++) cause |= view->able[f] && view->ledger->waking & 1u << f;
    if (!cause) broken("%d is woken for nothing", view_number(view));
    view->asleep = false;
    view->noop_sent = true;
}

static bool right_p(const expected_t *expected, const evg_packet_t *packet)
{
    char room[WORK];
    if (packet->type != expected->type) return false;
    snprintf(room, sizeof room, "H:vm:%u", expected->number);
    return packet->type == EVG_ERROR || text_p(evg_bytes_cut(packet->args[0]), room);
}

/* Any of those that became due together. */
void watch_told(view_t *view, const evg_packet_t *packet)
{
    const char *name = evg_commands[packet->type].name;
    expected_t *all = expected[view_number(view)], *next = all + view->from, *end = all + view->to, *at = next;
    while (at < end && at->turn == next->turn && !right_p(at, packet)) at++;
    if (at == end || at->turn != next->turn)
        broken("%d is told %s %.*s", view_number(view), name, packet->argc ? (int)packet->args[0].len : 0,
               packet->args[0].at);
    *at = *next;
    view->from++;
}

static bool event_p(const view_t *view, const evg_packet_t *packet)
{
    switch (packet->type) {
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_WORK_STATUS:
    case EVG_WORK_COMPLETE:
    case EVG_WORK_FAIL:
    case EVG_WORK_EXCEPTION: return true;
    case EVG_ERROR: return view->from < view->to && text_p(packet->args[0], "JOB_NOT_FOUND");
    default: return false;
    }
}

/* What servers with such habits say besides to who asks for a job. */
static bool odd_p(const view_t *view, const evg_packet_t *packet)
{
    if (packet->type == EVG_NOOP) return ledger_quirk_p(view->ledger, EVG_QUIRK_EARLY_NOOP);
    return packet->type == EVG_ERROR && ledger_quirk_p(view->ledger, EVG_QUIRK_STRAY_ERROR);
}

/* The next packet that is a reply, behind what else it was told; false: there is none. */
static bool next_reply(view_t *view, evg_packet_t *packet, bool grabs)
{
    for (;;) {
        evg_bytes_t out = watch_unseen(view);
        if (!out.len || *out.at) return false;
        ptrdiff_t len = evg_packet_decode(packet, EVG_RES, out, SIZE_MAX);
        if (len <= 0) broken("%d is told what is no packet", view_number(view));
        view->seen += (uint64_t)len;
        if (event_p(view, packet))
            watch_told(view, packet);
        else if (grabs && odd_p(view, packet))
            continue;
        else if (packet->type == EVG_NOOP)
            woken(view);
        else
            return true;
    }
}

bool watch_text(view_t *view)
{
    evg_packet_t packet;
    if (next_reply(view, &packet, false)) broken("a line is answered by %s", evg_commands[packet.type].name);
    if (watch_unseen(view).len) return true;
    if (!view->session->ending) broken("%d gets no answer to a line", view_number(view));
    return false;
}

bool watch_reply(view_t *view, evg_packet_t *packet, evg_command_t request)
{
    if (next_reply(view, packet, evg_command_grab_p(request))) {
        if (evg_commands[request].draws & UINT64_C(1) << packet->type) return true;
        broken("%d is told %s", view_number(view), evg_commands[packet->type].name);
    }
    if (!view->session->ending) broken("%d gets no reply to %s", view_number(view), evg_commands[request].name);
    return false;
}

/* -- what happens -------------------------------------------------------------------------------------------------- */

static void begin(ledger_t *ledger)
{
    ledger->waking = 0;
    ledger->turn++;
}

/* All has been said that had to be, and nothing besides. */
static void settle(view_t *view)
{
    evg_packet_t packet;
    bool more = next_reply(view, &packet, false) || watch_unseen(view).len;
    if (more) broken("%d is told more than it asked for", view_number(view));
    const expected_t *next = &expected[view_number(view)][view->from];
    if (view->from < view->to && !view->session->ending)
        broken("%d is not told %s %u", view_number(view), evg_commands[next->type].name, next->number);
    view->from = view->to = 0;
}

static void end(ledger_t *ledger)
{
    for (int at = 0; at < PEERS; at++) {
        if (view_of_p(&views[at], ledger)) settle(&views[at]);
    }
    rules_check(ledger);
}

static void execute(view_t *view)
{
    evg_packet_t packet;
    evg_bytes_t in = evg_buffer_bytes(&view->asked);
    size_t len = evg_packet_span(in);
    view->ledger->turn++;
    if (*in.at)
        request_line(view, evg_bytes(in.at, len - 1));
    else if (evg_packet_decode(&packet, EVG_REQ, in, SIZE_MAX) > 0)
        request_packet(view, &packet);
    else
        broken("%d: what was executed is no request", view_number(view));
    evg_buffer_consume(&view->asked, len);
}

void watch_ran(int at, uint64_t requests)
{
    begin(views[at].ledger);
    for (uint64_t i = 0; i < requests; i++) execute(&views[at]);
    end(views[at].ledger);
}

void watch_heard(int at, evg_bytes_t bytes)
{
    if (evg_buffer_append(&views[at].asked, bytes) < 0) broken("no memory");
}

void watch_time_passed(ledger_t *ledger)
{
    begin(ledger);
    ledger_time_passed(ledger);
    end(ledger);
}

void watch_begin(void)
{
    memset(views, 0, sizeof views);
}

void watch_opened(int at, evg_server_session_t *session, ledger_t *ledger)
{
    views[at] = (view_t){.session = session, .ledger = ledger};
    evg_buffer_init(&views[at].asked);
}

void watch_resigns(view_t *view, int function)
{
    if (view->able[function] && !view->asleep) view->ledger->waking |= 1u << function;
    view->able[function] = false;
}

/* First it waits for nothing more, then its jobs go back. */
void watch_closed(int at)
{
    ledger_t *ledger = views[at].ledger;
    begin(ledger);
    for (int f = 0; f < FUNCTIONS; f++) watch_resigns(&views[at], f);
    evg_buffer_deinit(&views[at].asked);
    views[at] = (view_t){0};
    ledger_client_left(ledger, at);
    ledger_worker_left(ledger, at, -1);
    end(ledger);
}
