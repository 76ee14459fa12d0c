/* Deadlines: they judge the silence of the server, not our own waiting.
 *
 * Waiting: a request of which no byte was written has command_timeout from when it was made; behind that it is not
 * written any more, which is why the output judges it too.
 *
 * Written: replies come in the order of the requests, so one clock is enough for all that await one. It starts with the
 * last reply or when the request was written, whichever is later, and is looked at for the oldest one of the caller.
 * Over, and nothing was heard since: the connection is dead. Over, but other bytes came: that request fails alone, and a
 * request of ours takes its reply. What is ours from the start has no such end; it only needs the server not to be silent.
 *
 * Under way: who waits behind a packet that arrives, or that leaves through a full socket, does not wait for nothing. A
 * deadline that passes meanwhile is judged when that packet is through, or has not moved for command_timeout. It is one
 * packet, the one that was under way then: so a server that never stops talking puts nothing off.
 *
 * In flight: what the socket took may lie in our kernel for long. Nobody tells when it leaves, so it is looked at before a
 * tick. Each look that sees some of it gone starts the clock of the request anew that was there or behind it; where that
 * stands still, the clock goes on. The last such look is the one that finds it landed.
 *
 * The timeout of a job is none of this: it is a bound, from the call to the terminal packet. */
#include "session/silence.h"

#include <math.h>

#include "base/least.h"
#include "session/echo.h"
#include "session/exchange.h"
#include "session/output.h"

static evg_request_t *request_at(evg_list_t *link)
{
    return evg_container(link, evg_request_t, link);
}

/* -- under way ----------------------------------------------------------------------------------------------------- */

static double or_never(double seconds)
{
    return seconds > 0 ? seconds : INFINITY;
}

/* How long a packet that is under way may stand still. */
static double patience(const evg_session_t *s)
{
    return or_never(s->options.command_timeout > 0 ? s->options.command_timeout : s->options.heartbeat);
}

double evg_session_judged_at(const evg_session_t *s, double due)
{
    return s->state == EVG_OPEN ? evg_wire_judged_at(&s->wire, due, patience(s)) : due;
}

bool evg_session_under_way_p(const evg_session_t *s)
{
    return evg_session_judged_at(s, s->wire.now) > s->wire.now;
}

/* -- waiting ------------------------------------------------------------------------------------------------------- */

double evg_session_waits_until(const evg_session_t *s)
{
    double due = evg_deadlines_at(&s->waits);
    return due > s->wire.now ? due : evg_session_judged_at(s, due);
}

static int wait_error(const evg_session_t *s)
{
    return s->open_error ? s->open_error : EVG_ECOMMAND_TIMEOUT;
}

static evg_request_t *first_in(const evg_deadlines_t *deadlines)
{
    return evg_container(evg_deadlines_first(deadlines), evg_request_t, due);
}

/* One with a timeout of its own, which nothing puts off; if something does so to the other, this one is all it has. */
static int look_at_bound(evg_session_t *s, evg_request_t *request)
{
    if (request->finish_by <= s->wire.now) return evg_session_withdraw(s, request, EVG_EJOB_TIMEOUT);
    if (evg_session_judged_at(s, request->write_by) <= s->wire.now)
        return evg_session_withdraw(s, request, wait_error(s));
    return evg_deadlines_move(&s->bounds, &request->due, request->finish_by);
}

int evg_session_expire_overdue(evg_session_t *s)
{
    int r = 0;
    while (r == 0 && evg_deadlines_at(&s->bounds) <= s->wire.now) r = look_at_bound(s, first_in(&s->bounds));
    while (r == 0 && evg_session_waits_until(s) <= s->wire.now)
        r = evg_session_withdraw(s, first_in(&s->waits), wait_error(s));
    return r;
}

/* -- written ------------------------------------------------------------------------------------------------------- */

/* The oldest request of the caller that awaits an answer, or is being written; or NULL. */
static evg_request_t *oldest_asked(const evg_session_t *s)
{
    if (s->owed_count == 0) return NULL;
    for (evg_list_t *at = s->last_ours->next; at != &s->owed && request_at(at)->begun; at = at->next) {
        if (evg_request_callers_p(request_at(at))) return request_at(at);
    }
    return NULL;
}

/* The first of all, if it is our own. While nobody reads its answer may lie in the socket. */
static evg_request_t *own_head(const evg_session_t *s)
{
    evg_list_t *first = evg_list_first(&s->owed);
    evg_request_t *head = first && !s->paused ? request_at(first) : NULL;
    return head && head->begun && !evg_request_callers_p(head) ? head : NULL;
}

static bool flies_p(const evg_session_t *s, const evg_request_t *request)
{
    return request->written && request->sent_to > s->wire.landed;
}

/* When it was written, or last seen to leave our kernel; or what lies before it: as long as it flies, what has landed is
 * believed to have lain there. */
static double left_at(const evg_session_t *s, const evg_request_t *request)
{
    return flies_p(s, request) ? evg_most(request->written_at, s->wire.landed_at) : request->written_at;
}

/* When its clock started. */
static double clock_of(const evg_session_t *s, const evg_request_t *request)
{
    return evg_most(request->written ? left_at(s, request) : s->wire.wrote_at, s->reply_at);
}

/* Seconds that it has. What others wait for who could go elsewhere has less. */
static double time_of(const evg_session_t *s, const evg_request_t *request)
{
    bool first = evg_session_held_back_p(s) && request->purpose == EVG_FOR_DIALECT;
    return first ? evg_least(patience(s), or_never(s->options.introduce_timeout))
                 : or_never(s->options.command_timeout);
}

static double due_of(const evg_session_t *s, const evg_request_t *request)
{
    double clock = clock_of(s, request);
    return (evg_request_callers_p(request) ? clock : evg_most(clock, s->wire.read_at)) + time_of(s, request);
}

double evg_session_answer_due(const evg_session_t *s)
{
    double at = INFINITY;
    if (s->state != EVG_OPEN) return at;
    evg_request_t *asked = oldest_asked(s), *own = own_head(s);
    if (asked) at = due_of(s, asked);
    if (own) at = evg_least(at, due_of(s, own));
    return at > s->wire.now ? at : evg_session_judged_at(s, at);
}

void evg_session_arrives(evg_session_t *s)
{
    const evg_wire_t *w = &s->wire;
    evg_request_t *asked = oldest_asked(s);
    if (asked && clock_of(s, asked) > w->arrives_since) s->reply_at = evg_most(s->reply_at, w->read_at);
}

/* The first one that is over hears why; the others that they are disconnected. */
static int give_up(evg_session_t *s)
{
    evg_request_t *asked = oldest_asked(s);
    if (asked && due_of(s, asked) <= s->wire.now) evg_session_end(s, asked, EVG_ECOMMAND_TIMEOUT, EVG_UNACKNOWLEDGED);
    return EVG_ECOMMAND_TIMEOUT;
}

/* May the connection outlive a request that is over? Not when nothing was heard since; nor for a GRAB, whose late answer
 * would be a job that nobody runs. */
static bool alone_p(const evg_session_t *s, const evg_request_t *request)
{
    return s->wire.read_at > clock_of(s, request) && !evg_command_grab_p((evg_command_t)request->type);
}

static void pass_ours(evg_session_t *s)
{
    for (evg_list_t *at; (at = s->last_ours->next) != &s->owed && !evg_request_callers_p(request_at(at));)
        s->last_ours = at;
}

int evg_session_judge_answers(evg_session_t *s)
{
    while (evg_session_answer_due(s) <= s->wire.now) {
        evg_request_t *asked = oldest_asked(s);
        if (!asked || due_of(s, asked) > s->wire.now || !alone_p(s, asked)) return give_up(s);
        if (!evg_session_stand_in(s, asked)) return give_up(s);
        evg_session_end(s, asked, EVG_ECOMMAND_TIMEOUT, EVG_UNACKNOWLEDGED);
        pass_ours(s);
    }
    return 0;
}

/* -- in flight ----------------------------------------------------------------------------------------------------- */

/* Those that have landed by now. The last look saw them fly, but for those that were written since: these were not seen to
 * move. */
static void land(evg_session_t *s, uint64_t looked_to)
{
    for (evg_list_t *at; (at = s->last_landed->next) != &s->owed; s->last_landed = at) {
        evg_request_t *request = request_at(at);
        if (!request->written || flies_p(s, request)) return;
        if (request->sent_to <= looked_to) request->written_at = s->wire.now;
    }
}

void evg_session_look(evg_session_t *s)
{
    uint64_t looked_to = s->wire.looked_to;
    evg_wire_look(&s->wire);
    land(s, looked_to);
}

double evg_session_look_due(const evg_session_t *s)
{
    return s->state == EVG_OPEN && !evg_list_empty_p(&s->owed) ? s->wire.look_at : INFINITY;
}

/* -- heartbeat ----------------------------------------------------------------------------------------------------- */

/* What waits in a full socket was not even asked. */
static double quiet_since(const evg_session_t *s)
{
    const evg_request_t *beat = s->beat;
    if (!beat) return s->wire.read_at;
    return evg_most(s->wire.read_at, beat->written ? left_at(s, beat) : evg_most(s->beat_at, s->wire.wrote_at));
}

/* Something landed since the heartbeat was made, and it has not: what lies before it may stand still for as long as in a
 * full socket. */
static double flies_until(const evg_session_t *s)
{
    bool moves = s->beat && flies_p(s, s->beat) && s->wire.landed_at > s->beat_at;
    return moves ? s->wire.landed_at + patience(s) : 0;
}

/* When silence will have lasted too long. */
double evg_session_beat_due(const evg_session_t *s)
{
    double period = s->options.heartbeat;
    if (s->state != EVG_OPEN || s->paused || period <= 0 || evg_session_held_back_p(s)) return INFINITY;
    return evg_most(evg_session_judged_at(s, quiet_since(s) + period), flies_until(s));
}

/* Quiet for long: is anybody there? Quiet for as long again: no. */
int evg_session_beat(evg_session_t *s)
{
    if (s->wire.now < evg_session_beat_due(s)) return 0;
    if (s->beat) return EVG_ECOMMAND_TIMEOUT;
    evg_request_t *request = evg_session_own(s, EVG_FOR_HEARTBEAT);
    if (!request) return EVG_ENOMEM;
    int r = evg_session_echo(s, request, evg_bytes_of("heartbeat"));
    if (r < 0) {
        evg_session_give_back(s, request);
        return r;
    }
    s->beat = request;
    s->beat_at = s->wire.now;
    return 0;
}
