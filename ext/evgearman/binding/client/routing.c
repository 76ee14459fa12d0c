#include "binding/client/routing.h"

#include "binding/client/batch.h"
#include "binding/client/task.h"
#include "binding/values/addresses.h"
#include "binding/values/blame.h"
#include "binding/values/strings.h"

/* -- routes -------------------------------------------------------------------------------------------------------- */

/* Those that are not away, or all. */
static VALUE present(const view_t *view)
{
    VALUE servers = rb_ary_new_capa((long)view->count);
    for (int all = 0; all < 2 && RARRAY_LEN(servers) == 0; all++) {
        for (link_t *at = view->links; at < links_end(view); at++) {
            if (all || !link_session(at)->away) rb_ary_push(servers, address_string(server_of(at)));
        }
    }
    return rb_ary_freeze(servers);
}

static link_t *link_named(const view_t *view, VALUE server)
{
    for (link_t *at = view->links; at < links_end(view); at++) {
        if (RTEST(rb_equal(address_string(server_of(at)), server))) return at;
    }
    blame_caller(rb_eArgError, "route: must answer one of the servers that it was given, not %+" PRIsVALUE, server);
}

static link_t *ask_route(const view_t *view, VALUE function, VALUE unique)
{
    VALUE route = view->agent->route;
    return link_named(view, rb_funcall(route, rb_intern("call"), 3, function, unique, present(view)));
}

static link_t *pick(const view_t *view, VALUE function, VALUE unique)
{
    agent_t *agent = view->agent;
    if (!NIL_P(agent->route)) return ask_route(view, function, unique);
    evg_bytes_t key = NIL_P(unique) ? evg_bytes("", 0) : bytes_of(unique);
    return evg_container(evg_fleet_pick(&agent->fleet, bytes_of(function), key, !NIL_P(unique)), link_t, member);
}

link_t *routing_pick(const view_t *view, VALUE function, VALUE unique)
{
    link_t *link = pick(view, function, unique);
    if (!evg_fleet_seek(&view->agent->fleet, &link->member)) return link;
    for (link_t *at = view->links; at < links_end(view); at++) evg_connection_changed(at->c);
    return link;
}

static VALUE connection_set_route(VALUE self, VALUE route)
{
    agent_t *agent = agent_of(self);
    bool symbol = RB_SYMBOL_P(route);
    agent->route = symbol ? Qnil : route;
    /* where no Ruby code can be asked it is the first that is there */
    agent->fleet.route = route == ID2SYM(rb_intern("spread")) ? EVG_ROUTE_SPREAD : EVG_ROUTE_FIRST;
    return self;
}

/* -- moving -------------------------------------------------------------------------------------------------------- */

static void moved(void *context, evg_request_t *request, evg_fleet_member_t *to)
{
    (void)context;
    link_t *link = evg_container(to, link_t, member);
    task_t *task = request->owner;
    if (task->batch) batch_moved(task->batch, request, link);
    if (!task->batch || request == &task->batch->parts->request) task->link = link;
}

/* What waits with servers that are away. */
static size_t stranded(const view_t *view)
{
    size_t count = 0;
    for (link_t *at = view->links; at < links_end(view); at++) {
        const evg_session_t *s = link_session(at);
        if (s->away) count += s->unwritten_count;
    }
    return count;
}

/* Without memory it stays, and is looked at again at the next step. */
void routing_move(agent_t *agent)
{
    const view_t *view = &agent->view;
    size_t before = stranded(view);
    if (before == 0) return;
    (void)evg_fleet_settle(&agent->fleet, moved, NULL);
    if (stranded(view) == before) return;
    for (link_t *at = view->links; at < links_end(view); at++) evg_connection_changed(at->c);
}

void Init_evg_routing(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_set_route", connection_set_route, 1);
}
