/* What Client and Worker have in common, both agents: connections. */
#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/conversion.h"
#include "binding/client/each.h"
#include "binding/client/events.h"
#include "binding/client/routing.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/loop/loop_life.h"
#include "binding/values/addresses.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"
#include "binding/values/tls_object.h"

/* -- on its loop --------------------------------------------------------------------------------------------------- */

static agent_t *agent_of_member(const member_t *member)
{
    return evg_container(member, agent_t, member);
}

static void member_mark(const member_t *member)
{
    const agent_t *agent = agent_of_member(member);
    if (agent_kept_p(agent)) rb_gc_mark(agent->self);
}

static void member_runs(member_t *member)
{
    const view_t *view = &agent_of_member(member)->view;
    for (link_t *at = view->links; at < links_end(view); at++) {
        evg_session_loop_runs(link_session(at));
        evg_connection_changed(at->c);
    }
}

static void member_shut(member_t *member)
{
    const view_t *view = &agent_of_member(member)->view;
    for (link_t *at = view->links; at < links_end(view); at++) evg_connection_shut(at->c);
}

/* Who waits is on a stack that is gone. */
static void member_forked(member_t *member)
{
    agent_t *agent = agent_of_member(member);
    evg_list_clear(&agent->waiters);
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) evg_connection_pump(at->c);
    conversions_after_fork(agent);
}

static void member_gone(member_t *member)
{
    agent_of_member(member)->loop = NULL;
}

static const member_ops_t member_ops = {
    .mark = member_mark, .runs = member_runs, .shut = member_shut, .forked = member_forked, .gone = member_gone};

/* Those that are nobody's any more are left out, though they may not be swept yet. */
static VALUE loop_clients(VALUE self)
{
    loop_t *loop = loop_of(self);
    VALUE clients = rb_ary_new();
    for (member_t *at = NULL; (at = loop_next_member(loop, at, &member_ops));) {
        const agent_t *agent = agent_of_member(at);
        if (!agent_over_p(agent)) rb_ary_push(clients, agent->self);
    }
    return clients;
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

/* Of a worker at several servers: another one may be asked now. */
static void stir_others(const link_t *link)
{
    agent_t *agent = link->agent;
    if (!evg_crew_stirred(&agent->crew)) return;
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) {
        if (at != link) evg_connection_changed(at->c);
    }
}

/* Who waits in flush or close is woken by the step that gets there; a worker's `run`, when there is no hope. */
static void stepped(void *owner)
{
    link_t *link = owner;
    agent_t *agent = link->agent;
    link_weigh(link);
    stir_others(link);
    routing_settle(agent);
    if (!evg_list_empty_p(&agent->waiters)) goal_wake_reached(&agent->waiters);
    if (link_session(link)->state == EVG_DOWN && agent_hopeless_p(agent)) agent_rouse(agent);
}

static void add_link(agent_t *agent, const evg_address_t *address)
{
    link_t *link = links_end(&agent->view);
    char room[EVG_HOST_MAX + sizeof address->path];
    if (!link_make(link, agent, agent->loop->net, address)) rb_raise(rb_eNoMemError, "cannot make a connection");
    agent->view.count++;
    link->c->on_event = link_event;
    link->c->on_step = stepped;
    evg_bytes_t name = evg_bytes_of(evg_address_text(address, room, sizeof room));
    evg_fleet_add(&agent->fleet, &link->member, link_session(link), name);
}

/* Each of them as host, port, path. */
static void add_links(agent_t *agent, VALUE places)
{
    long count = RARRAY_LEN(places);
    VALUE room;
    evg_address_t *addresses = ALLOCV_N(evg_address_t, room, count);
    for (long i = 0; i < count; i++) {
        VALUE place = rb_ary_entry(places, i);
        address_of(&addresses[i], rb_ary_entry(place, 0), rb_ary_entry(place, 1), rb_ary_entry(place, 2));
    }
    agent->view.links = ruby_xcalloc((size_t)count, sizeof *agent->view.links);
    agent->view.agent = agent;
    for (long i = 0; i < count; i++) add_link(agent, &addresses[i]);
    ALLOCV_END(room);
}

static VALUE connection_init(VALUE self, VALUE loop_value, VALUE places)
{
    agent_t *agent = RTYPEDDATA_DATA(self);
    if (agent->view.agent) rb_raise(rb_eTypeError, "already initialized");
    loop_t *loop = open_loop_of(loop_value);
    agent->handlers = hidden_array();
    agent->on_lost = rb_hash_new();
    agent->loop_value = loop_value;
    agent->loop = loop;
    evg_fleet_init(&agent->fleet, EVG_ROUTE_SPREAD);
    add_links(agent, places);
    loop_add(loop, &agent->member, &member_ops);
    return self;
}

/* From the next connection on, of each in the order of its servers; nil: in the clear. */
static VALUE connection_set_tls(VALUE self, VALUE tls)
{
    const view_t *view = view_of(self);
    for (size_t i = 0; i < view->count; i++) {
        evg_connection_set_tls(view->links[i].c, tls_context_of(rb_ary_entry(tls, (long)i)));
    }
    return self;
}

/* Whose links they are that it speaks to, or nil: its own. */
static VALUE connection_whole(VALUE self)
{
    return ((agent_t *)RTYPEDDATA_DATA(self))->whole;
}

/* A Client for one of its links. */
static VALUE connection_at(VALUE self, VALUE place)
{
    const view_t *view = view_of(self);
    size_t at = NUM2SIZET(place);
    if (at >= view->count) rb_raise(rb_eIndexError, "no such server");
    return view_new(rb_path2class("EVGearman::Client"), view->agent, view->links + at, 1);
}

/* call-seq: servers -> array
 *
 * Where they are, each as of `server`. */
static VALUE connection_servers(VALUE self)
{
    return each_servers(view_of(self));
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

/* call-seq: set_client_id(id) -> self
 *
 * Sends SET_CLIENT_ID, now and on every connect: what the server lists under `workers`. */
static VALUE connection_set_client_id(VALUE self, VALUE id)
{
    id = string_of(id, "client_id");
    const view_t *view = open_view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) {
        error_check(server_of(at), evg_session_set_client_id(link_session(at), bytes_of(id)));
        evg_connection_changed(at->c);
    }
    return self;
}

/* -- connecting ---------------------------------------------------------------------------------------------------- */

/* It was asked for, and that is not over. */
static void refuse_twice(const link_t *link)
{
    const evg_session_t *s = link_session(link);
    bool busy = s->state == EVG_OPEN || evg_session_connecting_p(s);
    if (link->asked && busy) error_check(server_of(link), EVG_EALREADY);
}

static void begin(link_t *link)
{
    link->asked = true;
    evg_connection_clock(link->c);
    evg_session_retry_now(link_session(link));
    evg_session_want(link_session(link));
    evg_connection_changed(link->c);
}

/* Where it is. */
static VALUE connection_connect(VALUE self)
{
    const view_t *view = open_view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) refuse_twice(at);
    for (link_t *at = view->links; at < links_end(view); at++) begin(at);
    return self;
}

/* Somewhere else, from now on. */
static VALUE connection_connect_to(VALUE self, VALUE host, VALUE port, VALUE path)
{
    evg_address_t address;
    link_t *link = open_view_of(self)->links;
    address_of(&address, host, port, path);
    refuse_twice(link);
    evg_connection_clock(link->c);
    if (!evg_address_equal_p(&address, server_of(link))) evg_connection_move(link->c, &address);
    begin(link);
    return self;
}

/* It was made on a loop that runs. */
static VALUE connection_loop_runs(VALUE self)
{
    member_runs(&agent_of(self)->member);
    return self;
}

/* call-seq: disconnect -> self
 *
 * Every Task fails with DisconnectedError "disconnected" before this returns; blocks run in the next turn. Down until
 * `connect` or the next request. Idempotent. */
static VALUE connection_disconnect(VALUE self)
{
    const view_t *view = view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) {
        at->asked = false;
        evg_connection_clock(at->c);
        evg_connection_disconnect(at->c);
    }
    return self;
}

static VALUE set_paused(VALUE self, bool paused)
{
    const view_t *view = view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) {
        evg_session_pause(link_session(at), paused);
        evg_connection_changed(at->c);
    }
    return self;
}

/* call-seq: pause_reading -> self
 *
 * Reads nothing from the server until `resume_reading`: what it sends piles up there. Meanwhile there are no
 * heartbeats, and no questions about silent jobs; requests and jobs still have their timeouts. */
static VALUE connection_pause_reading(VALUE self)
{
    return set_paused(self, true);
}

/* call-seq: resume_reading -> self
 *
 * Ends `pause_reading`. */
static VALUE connection_resume_reading(VALUE self)
{
    return set_paused(self, false);
}

void Init_evg_connection(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(klass, "_init", connection_init, 2);
    rb_define_private_method(klass, "_set_tls", connection_set_tls, 1);
    rb_define_private_method(klass, "_at", connection_at, 1);
    rb_define_method(klass, "servers", connection_servers, 0);
    rb_define_private_method(klass, "_whole", connection_whole, 0);
    rb_define_private_method(klass, "_connect", connection_connect, 0);
    rb_define_private_method(klass, "_connect_to", connection_connect_to, 3);
    rb_define_private_method(klass, "_loop_runs", connection_loop_runs, 0);
    rb_define_method(klass, "set_client_id", connection_set_client_id, 1);
    rb_define_method(klass, "disconnect", connection_disconnect, 0);
    rb_define_method(klass, "pause_reading", connection_pause_reading, 0);
    rb_define_method(klass, "resume_reading", connection_resume_reading, 0);
    rb_define_private_method(rb_define_class_under(module, "Loop", rb_cObject), "_clients", loop_clients, 0);
}
