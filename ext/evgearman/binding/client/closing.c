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

/* All of its links are so. */
static bool all_p(const view_t *view, bool (*so)(const link_t *link))
{
    for (link_t *at = view->links; at < links_end(view); at++) {
        if (!so(at)) return false;
    }
    return true;
}

/* What waits for a connection is owed too. */
static bool link_written_p(const link_t *link)
{
    return evg_session_unsent(link_session(link)) == 0;
}

static bool link_flushed_p(const link_t *link)
{
    return evg_session_flushed_p(link_session(link));
}

static bool link_arrived_p(const link_t *link)
{
    return evg_transport_in_flight(&link->c->pipe.transport) == 0;
}

static bool link_done_p(const link_t *link)
{
    return link_session(link)->state != EVG_OPEN || link_arrived_p(link);
}

static bool written_p(const goal_t *goal)
{
    return all_p(goal->subject, link_written_p);
}

static bool flushed_p(const goal_t *goal)
{
    return all_p(goal->subject, link_flushed_p);
}

static bool arrived_p(const goal_t *goal)
{
    return all_p(goal->subject, link_arrived_p);
}

static bool wait_for(view_t *view, bool (*reached)(const goal_t *goal), double deadline)
{
    agent_t *agent = view->agent;
    const goal_t goal = {.reached = reached, .subject = view, .waiters = &agent->waiters, .about = view->links->c};
    return loop_wait(agent->loop, &goal, deadline);
}

static VALUE connection_flush(VALUE self, VALUE timeout)
{
    view_t *view = open_view_of(self);
    double deadline = deadline_of(timeout);
    bool flushed = wait_for(view, flushed_p, deadline);
    RB_GC_GUARD(self);
    return RBOOL(flushed);
}

/* A reply that meets a closed socket resets the connection, and what was still on its way is lost. */
static void wait_for_arrival(view_t *view, double deadline)
{
    static const double look = 0.002; /* nobody tells when it has come */
    for (double now; (now = evg_monotonic()) < deadline && !view->agent->loop->closed;) {
        if (wait_for(view, arrived_p, fmin(deadline, now + look))) return;
    }
}

static void flush_all(const view_t *view)
{
    for (link_t *at = view->links; at < links_end(view); at++) evg_connection_flush(at->c);
}

typedef struct {
    view_t *view;
    double deadline;
} writing_t;

/* Who answers into a closed socket may drop what he has not read yet, so the answers are waited for, too. */
static VALUE write_all(VALUE arg)
{
    const writing_t *writing = (const writing_t *)arg;
    view_t *view = writing->view;
    flush_all(view);
    if (!wait_for(view, written_p, writing->deadline)) return Qfalse;
    wait_for_arrival(view, writing->deadline);
    if (!wait_for(view, flushed_p, writing->deadline)) return Qfalse;
    return RBOOL(all_p(view, link_done_p));
}

static VALUE unmute(VALUE arg)
{
    ((const writing_t *)arg)->view->agent->loop->muted = false;
    return Qnil;
}

/* For the end of the process, where nobody hears of answers any more. true: done, or given up. */
static VALUE connection_write_out(VALUE self, VALUE timeout)
{
    writing_t writing = {view_of(self), evg_monotonic() + seconds_of(timeout, "timeout")};
    writing.view->agent->loop->muted = true;
    VALUE written = rb_ensure(write_all, (VALUE)&writing, unmute, (VALUE)&writing);
    RB_GC_GUARD(self);
    return written;
}

static bool link_settled_p(const link_t *link)
{
    const evg_session_t *s = link_session(link);
    return evg_session_unsent(s) == 0 && evg_session_waiting_count(s) == 0;
}

/* Something waits to be written. */
static VALUE connection_unwritten_p(VALUE self)
{
    return RBOOL(!all_p(view_of(self), link_settled_p));
}

static VALUE connection_not_sent(VALUE self)
{
    const view_t *view = view_of(self);
    uint64_t not_sent = 0;
    for (link_t *at = view->links; at < links_end(view); at++) not_sent += link_session(at)->not_sent;
    return ULL2NUM(not_sent);
}

static VALUE connection_close(VALUE self, VALUE timeout)
{
    view_t *view = view_of(self);
    loop_t *loop = view->agent->loop;
    double seconds = NIL_P(timeout) ? INFINITY : seconds_of(timeout, "timeout"), deadline = evg_monotonic() + seconds;
    if (view_shut_p(view) || loop->closed) return self;
    flush_all(view);
    if (seconds > 0 && wait_for(view, written_p, deadline)) wait_for_arrival(view, deadline);
    for (link_t *at = view->links; at < links_end(view); at++) {
        evg_connection_clock(at->c);
        evg_connection_shut(at->c);
    }
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
