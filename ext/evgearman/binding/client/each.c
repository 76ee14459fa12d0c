#include "binding/client/each.h"

#include "binding/client/ask.h"
#include "binding/client/batch.h"
#include "binding/client/routing.h"
#include "binding/values/addresses.h"
#include "binding/values/errors.h"

VALUE each_servers(const view_t *view)
{
    VALUE servers = rb_ary_new_capa((long)view->count);
    for (link_t *at = view->links; at < links_end(view); at++) {
        rb_ary_push(servers, rb_obj_freeze(address_string(server_of(at))));
    }
    return rb_ary_freeze(servers);
}

/* Of one: it is taken, or its Error is known. Answers what the core says. */
static int ask_one(batch_t *batch, long place, link_t *link, ask_t *ask, const void *arg)
{
    part_t *part = &batch->parts[place];
    part->link = link;
    int r = ask(link_session(link), &part->request, arg);
    if (r < 0) {
        const failure_t failure = {.code = r, .delivery = EVG_NOT_SENT, .server = server_of(link), .data = Qnil};
        rb_ary_store(batch->results, place, error_new(&failure));
        return r;
    }
    batch->left++;
    evg_fleet_brief(&part->request);
    return 0;
}

/* The last refusal, if nobody took it. */
static int ask_all(VALUE self, task_t *task, ask_t *ask, const void *arg)
{
    const view_t *view = &task->agent->view;
    int refusal = 0;
    task->batch = batch_new(self, task, rb_ary_new_capa(0), (long)view->count);
    for (size_t i = 0; i < view->count; i++) {
        int r = ask_one(task->batch, (long)i, &view->links[i], ask, arg);
        if (r < 0) refusal = r;
    }
    return task->batch->left ? 0 : refusal;
}

static void go(agent_t *agent)
{
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) evg_connection_asked(at->c);
    routing_settle(agent);
}

VALUE each_ask(const view_t *view, VALUE block, ask_t *ask, const void *arg)
{
    task_t *task;
    agent_t *agent = view->agent;
    VALUE self = task_new(view->links, Qnil, Qnil, block, &task);
    task->each = task->several = true;
    agent_prepare(agent);
    error_check(NULL, ask_all(self, task, ask, arg));
    pending_add(&agent->pending, self, &task->place);
    go(agent);
    return self;
}

void each_ask_on(VALUE self, ask_t *ask, const void *arg)
{
    task_t *task = RTYPEDDATA_DATA(self);
    int refusal = ask_all(self, task, ask, arg);
    if (refusal < 0) task_drop_batch(task);
    error_check(NULL, refusal);
    go(task->agent);
}
