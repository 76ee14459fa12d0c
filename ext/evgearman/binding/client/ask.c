#include "binding/client/ask.h"

#include "binding/client/pending.h"
#include "binding/client/task.h"
#include "binding/drive/loop.h"
#include "binding/drive/seat.h"
#include "binding/drive/turn.h"
#include "binding/values/errors.h"

static const double undriven = 1; /* a loop that nobody drove for so many seconds looks before it speaks */

/* A connection that died while nobody looked is to be found dead before a byte is written to it. */
static void look(agent_t *agent)
{
    evg_loop_t *net = agent->loop->net;
    double now = evg_loop_now(net);
    bool open = false;
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        evg_wire_clock(&link_session(at)->wire, now);
        open |= link_session(at)->state == EVG_OPEN;
    }
    if (open && now - net->polled_at > undriven && seat_free_p(agent->loop) && !net->turning) loop_glance(agent->loop);
}

void agent_prepare(agent_t *agent)
{
    pending_reserve(&agent->pending);
    look(agent);
}

VALUE link_ask(link_t *link, VALUE function, VALUE unique, VALUE block, ask_t *ask, const void *arg)
{
    task_t *task;
    agent_t *agent = link->agent;
    VALUE self = task_new(link, function, unique, block, &task);
    agent_prepare(agent);
    int r = ask(link_session(link), &task->request, arg);
    if (r < 0) {
        const failure_t about = {.function = function, .server = server_of(link), .data = Qnil};
        error_check_about(&about, r);
    }
    pending_add(&agent->pending, self, &task->place);
    evg_connection_asked(link->c);
    return self;
}

int link_ask_again(link_t *link, task_t *task, ask_t *ask, const void *arg)
{
    evg_request_init(&task->request, task);
    evg_connection_clock(link->c);
    int r = ask(link_session(link), &task->request, arg);
    if (r == 0) evg_connection_changed(link->c);
    return r;
}
