/* What Client and Worker have in common, both agents: one connection. */
#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/conversion.h"
#include "binding/client/events.h"
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
    evg_connection_t *c = agent_of_member(member)->c;
    evg_session_loop_runs(&c->session);
    evg_connection_changed(c);
}

static void member_shut(member_t *member)
{
    evg_connection_shut(agent_of_member(member)->c);
}

/* Who waits is on a stack that is gone. */
static void member_forked(member_t *member)
{
    agent_t *agent = agent_of_member(member);
    evg_list_clear(&agent->waiters);
    evg_connection_pump(agent->c);
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

/* Who waits in flush or close is woken by the step that gets there; a worker's `run`, when there is no hope. */
static void stepped(void *owner)
{
    agent_t *agent = owner;
    agent_weigh(agent);
    if (!evg_list_empty_p(&agent->waiters)) goal_wake_reached(&agent->waiters);
    if (agent->c->session.state == EVG_DOWN && agent_hopeless_p(agent)) agent_rouse(agent);
}

static VALUE connection_init(VALUE self, VALUE loop_value, VALUE host, VALUE port, VALUE path)
{
    agent_t *agent = RTYPEDDATA_DATA(self);
    evg_address_t address;
    uint64_t seed[2];
    if (agent->c) rb_raise(rb_eTypeError, "already initialized");
    loop_t *loop = open_loop_of(loop_value);
    address_of(&address, host, port, path);
    random_bytes(seed, sizeof seed);
    agent->handlers = hidden_array();
    agent->on_lost = rb_hash_new();
    agent->loop_value = loop_value;
    agent->loop = loop;
    agent->c = evg_connection_new(loop->net, &address, seed[0], seed[1]);
    if (!agent->c) rb_raise(rb_eNoMemError, "cannot make a connection");
    agent->c->owner = agent;
    agent->c->on_event = agent_event;
    agent->c->on_step = stepped;
    loop_add(loop, &agent->member, &member_ops);
    return self;
}

/* From the next connection on; nil: in the clear. */
static VALUE connection_set_tls(VALUE self, VALUE tls)
{
    evg_connection_set_tls(agent_of(self)->c, tls_context_of(tls));
    return self;
}

/* The Worker whose connection it is another view of, or nil. */
static VALUE connection_shared(VALUE self)
{
    return ((agent_t *)RTYPEDDATA_DATA(self))->shared;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

/* call-seq: echo(data) -> task
 *           echo(data) { |data, error| ... } -> task
 *
 * Sends ECHO_REQ. The answer, the same bytes, tells that all that was sent before has been taken in. */
static VALUE connection_echo(VALUE self, VALUE data)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    data = string_of(data, "data");
    const question_t question = {.text = data};
    VALUE task = agent_ask(open_agent_of(self), Qnil, Qnil, block, ask_echo, &question);
    RB_GC_GUARD(data);
    return task;
}

/* call-seq: set_client_id(id) -> self
 *
 * Sends SET_CLIENT_ID, now and on every connect: what the server lists under `workers`. */
static VALUE connection_set_client_id(VALUE self, VALUE id)
{
    id = string_of(id, "client_id");
    agent_t *agent = open_agent_of(self);
    error_check(server_of(agent), evg_session_set_client_id(&agent->c->session, bytes_of(id)));
    evg_connection_changed(agent->c);
    return self;
}

/* -- connecting ---------------------------------------------------------------------------------------------------- */

static VALUE connection_connect(VALUE self, VALUE host, VALUE port, VALUE path)
{
    evg_address_t address;
    agent_t *agent = open_agent_of(self);
    evg_connection_t *c = agent->c;
    address_of(&address, host, port, path);
    bool busy = c->session.state == EVG_OPEN || evg_session_connecting_p(&c->session);
    if (agent->asked && busy) error_check(server_of(agent), EVG_EALREADY);
    agent->asked = true;
    evg_connection_clock(c);
    if (!evg_address_equal_p(&address, &c->address)) evg_connection_move(c, &address);
    evg_session_retry_now(&c->session);
    evg_session_want(&c->session);
    evg_connection_changed(agent->c);
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
    agent_t *agent = agent_of(self);
    agent->asked = false;
    evg_connection_clock(agent->c);
    evg_connection_disconnect(agent->c);
    return self;
}

static VALUE set_paused(VALUE self, bool paused)
{
    agent_t *agent = agent_of(self);
    agent->c->session.paused = paused;
    evg_connection_changed(agent->c);
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
    rb_define_private_method(klass, "_init", connection_init, 4);
    rb_define_private_method(klass, "_set_tls", connection_set_tls, 1);
    rb_define_private_method(klass, "_shared", connection_shared, 0);
    rb_define_private_method(klass, "_connect", connection_connect, 3);
    rb_define_private_method(klass, "_loop_runs", connection_loop_runs, 0);
    rb_define_method(klass, "echo", connection_echo, 1);
    rb_define_method(klass, "set_client_id", connection_set_client_id, 1);
    rb_define_method(klass, "disconnect", connection_disconnect, 0);
    rb_define_method(klass, "pause_reading", connection_pause_reading, 0);
    rb_define_method(klass, "resume_reading", connection_resume_reading, 0);
    rb_define_private_method(rb_define_class_under(module, "Loop", rb_cObject), "_clients", loop_clients, 0);
}
