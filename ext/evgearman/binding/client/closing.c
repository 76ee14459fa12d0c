/* Waiting until what was asked is written, or answered, and closing behind that. */
#include <math.h>

#include "binding/client/agent.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/drive/mark.h"
#include "binding/drive/seat.h"
#include "binding/drive/wait.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"

/* What waits for a connection is owed too. */
static bool written_p(const goal_t *goal)
{
    const agent_t *agent = goal->subject;
    return evg_session_unsent(&agent->c->session) == 0 || agent->c->session.state == EVG_SHUT;
}

static bool flushed_p(const goal_t *goal)
{
    return evg_session_flushed_p(&((const agent_t *)goal->subject)->c->session);
}

static bool wait_for(agent_t *agent, bool (*reached)(const goal_t *goal), double deadline)
{
    const goal_t goal = {.reached = reached, .subject = agent, .waiters = &agent->waiters, .about = agent->c};
    return loop_wait(agent->loop, &goal, deadline);
}

static VALUE connection_flush(VALUE self, VALUE timeout)
{
    agent_t *agent = open_agent_of(self);
    double deadline = deadline_of(timeout);
    bool flushed = wait_for(agent, flushed_p, deadline);
    RB_GC_GUARD(self);
    return RBOOL(flushed);
}

static bool arrived_p(const goal_t *goal)
{
    return evg_transport_in_flight(&((const agent_t *)goal->subject)->c->pipe.transport) == 0;
}

/* A reply that meets a closed socket resets the connection, and what was still on its way is lost. */
static void wait_for_arrival(agent_t *agent, double deadline)
{
    static const double look = 0.002; /* nobody tells when it has come */
    for (double now; (now = evg_monotonic()) < deadline && !agent->loop->closed;) {
        if (wait_for(agent, arrived_p, fmin(deadline, now + look))) return;
    }
}

typedef struct {
    agent_t *agent;
    double deadline;
} writing_t;

/* Who answers into a closed socket may drop what he has not read yet, so the answers are waited for, too. */
static VALUE write_all(VALUE arg)
{
    const writing_t *writing = (const writing_t *)arg;
    agent_t *agent = writing->agent;
    evg_connection_flush(agent->c);
    if (!wait_for(agent, written_p, writing->deadline)) return Qfalse;
    wait_for_arrival(agent, writing->deadline);
    if (!wait_for(agent, flushed_p, writing->deadline)) return Qfalse;
    return RBOOL(agent->c->session.state != EVG_OPEN || evg_transport_in_flight(&agent->c->pipe.transport) == 0);
}

static VALUE unmute(VALUE arg)
{
    ((const writing_t *)arg)->agent->loop->muted = false;
    return Qnil;
}

/* For the end of the process, where nobody hears of answers any more. true: done, or given up. */
static VALUE connection_write_out(VALUE self, VALUE timeout)
{
    writing_t writing = {agent_of(self), evg_monotonic() + seconds_of(timeout, "timeout")};
    writing.agent->loop->muted = true;
    VALUE written = rb_ensure(write_all, (VALUE)&writing, unmute, (VALUE)&writing);
    RB_GC_GUARD(self);
    return written;
}

/* Something waits to be written. */
static VALUE connection_unwritten_p(VALUE self)
{
    const evg_session_t *s = &agent_of(self)->c->session;
    return RBOOL(evg_session_unsent(s) > 0 || evg_session_waiting_count(s) > 0);
}

static VALUE connection_not_sent(VALUE self)
{
    return ULL2NUM(agent_of(self)->c->session.not_sent);
}

static VALUE connection_close(VALUE self, VALUE timeout)
{
    agent_t *agent = agent_of(self);
    loop_t *loop = agent->loop;
    double seconds = NIL_P(timeout) ? INFINITY : seconds_of(timeout, "timeout"), deadline = evg_monotonic() + seconds;
    if (agent->c->session.state == EVG_SHUT || loop->closed) return self;
    evg_connection_flush(agent->c);
    if (seconds > 0 && wait_for(agent, written_p, deadline)) wait_for_arrival(agent, deadline);
    evg_connection_clock(agent->c);
    evg_connection_shut(agent->c);
    if (!seat_in_block_p(loop)) mark_wait(loop, fmax(deadline, evg_monotonic() + 1));
    RB_GC_GUARD(self);
    return self;
}

void Init_evg_closing(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_close", connection_close, 1);
    rb_define_private_method(connection_class, "_flush", connection_flush, 1);
    rb_define_private_method(connection_class, "_write_out", connection_write_out, 1);
    rb_define_private_method(connection_class, "_unwritten?", connection_unwritten_p, 0);
    rb_define_private_method(connection_class, "_not_sent", connection_not_sent, 0);
}
