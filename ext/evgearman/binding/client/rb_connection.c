/* What Client and Worker have in common, both agents: one connection. */
#include <math.h>

#include "binding/client/client.h"
#include "binding/client/rb_client.h"
#include "binding/client/trace.h"
#include "binding/drive/goal.h"
#include "binding/drive/loop.h"
#include "binding/drive/mark.h"
#include "binding/drive/seat.h"
#include "binding/drive/turn.h"
#include "binding/drive/wait.h"
#include "binding/loop/loop_life.h"
#include "binding/values/addresses.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"
#include "binding/values/unique.h"

static const double undriven = 1; /* a loop that nobody drove for so many seconds looks before it speaks */

/* -- life ---------------------------------------------------------------------------------------------------------- */

/* On a loop that nobody turns the GC is who gives large buffers back. */
static void rest(const agent_t *agent)
{
    if (agent->c && !isinf(agent->c->session.wire.trim_at) && !agent->loop->net->turning) {
        evg_wire_rest(&agent->c->session.wire, evg_monotonic());
    }
}

static void agent_mark(void *ptr)
{
    agent_t *agent = ptr;
    rest(agent);
    agent->marked_in = lifetime_marked();
    rb_gc_mark(agent->self); /* it must not be moved */
    for (size_t i = 0; i < agent->pending_count; i++) rb_gc_mark(agent->pending[i]);
    for (int i = 0; i < HOOKS; i++) rb_gc_mark(agent->hooks[i]);
    rb_gc_mark(agent->coding.coder);
    rb_gc_mark(agent->unique);
    rb_gc_mark(agent->loop_value);
    rb_gc_mark(agent->handlers);
    rb_gc_mark(agent->pool);
    rb_gc_mark(agent->shared);
    rb_gc_mark(agent->on_lost);
    rb_gc_mark(agent->last_error);
}

bool agent_kept_p(const agent_t *agent)
{
    const evg_worker_session_t *worker = &agent->c->session.worker;
    return agent->pending_count > 0 || worker->held_count > 0 || evg_worker_working_p(&agent->c->session);
}

void agent_dispose(agent_t *agent)
{
    if (!agent->c) return;
    for (size_t i = 0; i < agent->pending_count; i++) {
        ((task_t *)RTYPEDDATA_DATA(agent->pending[i]))->agent = NULL;
    }
    agent->pending_count = 0;
    evg_session_abandon(&agent->c->session);
    evg_connection_free(agent->c);
    agent->c = NULL;
    memory_tell(&agent->told, 0);
}

static void agent_free(void *ptr)
{
    agent_t *agent = ptr;
    evg_list_unlink(&agent->member.link);
    evg_list_clear(&agent->waiters);
    agent_dispose(agent);
    trace_free(agent);
    ruby_xfree(agent->pending);
    ruby_xfree(agent);
}

static size_t buffers_of(const agent_t *agent)
{
    return agent->c->session.wire.in.cap + agent->c->session.wire.out.cap;
}

static size_t agent_size(const void *ptr)
{
    const agent_t *agent = ptr;
    size_t size = sizeof *agent + agent->pending_cap * sizeof *agent->pending;
    size += trace_memsize(agent);
    if (agent->c) size += sizeof *agent->c + buffers_of(agent);
    return size;
}

static const rb_data_type_t agent_type = {
    .wrap_struct_name = "EVGearman::Connection",
    .function = {.dmark = agent_mark, .dfree = agent_free, .dsize = agent_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE agent_allocate(VALUE klass)
{
    agent_t *agent;
    VALUE self = TypedData_Make_Struct(klass, agent_t, &agent_type, agent);
    evg_list_init(&agent->member.link);
    evg_list_init(&agent->waiters);
    agent->self = self;
    agent->marked_in = lifetime_new();
    agent->loop_value = agent->coding.coder = agent->last_error = Qnil;
    agent->unique = unique_auto();
    agent->handlers = agent->on_lost = agent->pool = agent->shared = Qnil;
    for (int i = 0; i < HOOKS; i++) agent->hooks[i] = Qnil;
    return self;
}

agent_t *agent_of(VALUE self)
{
    agent_t *agent;
    TypedData_Get_Struct(self, agent_t, &agent_type, agent);
    if (!NIL_P(agent->shared)) return agent_of(agent->shared);
    if (!agent->c) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    loop_used(agent->loop);
    return agent;
}

agent_t *open_agent_of(VALUE self)
{
    agent_t *agent = agent_of(self);
    if (agent->c->session.state == EVG_SHUT || agent->loop->closed)
        error_raise(server_of(agent), "ConnectionError", "closed");
    return agent;
}

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
    agent_t *agent = agent_of_member(member);
    evg_session_loop_runs(&agent->c->session);
    agent_changed(agent);
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
        if (agent_kept_p(agent) || !lifetime_over_p(agent->marked_in)) rb_ary_push(clients, agent->self);
    }
    return clients;
}

/* Who waits in flush or close is woken by the step that gets there; a worker's `run`, when there is no hope. */
static void stepped(void *owner)
{
    agent_t *agent = owner;
    memory_tell(&agent->told, buffers_of(agent));
    if (!evg_list_empty_p(&agent->waiters)) goal_wake_reached(&agent->waiters);
    if (agent->c->session.state == EVG_DOWN && agent_hopeless_p(agent)) agent_rouse(agent);
}

static VALUE connection_init(VALUE self, VALUE loop_value, VALUE host, VALUE port, VALUE path)
{
    agent_t *agent;
    evg_address_t address;
    uint64_t seed[2];
    TypedData_Get_Struct(self, agent_t, &agent_type, agent);
    if (agent->c) rb_raise(rb_eTypeError, "already initialized");
    loop_t *loop = open_loop_of(loop_value);
    address_of(&address, host, port, path);
    random_seeds(seed);
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

/* Becomes another view of a Worker's connection. */
static VALUE connection_share(VALUE self, VALUE worker)
{
    agent_t *agent;
    agent_of(worker);
    TypedData_Get_Struct(self, agent_t, &agent_type, agent);
    agent->shared = worker;
    return self;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

void agent_changed(agent_t *agent)
{
    evg_connection_changed(agent->c);
}

/* A connection that died while nobody looked is to be found dead before a byte is written to it. */
void agent_before_request(agent_t *agent)
{
    evg_connection_clock(agent->c);
    const evg_loop_t *net = agent->loop->net;
    bool asleep = agent->c->session.wire.now - net->polled_at > undriven;
    if (asleep && agent->c->session.state == EVG_OPEN && seat_free_p(agent->loop) && !net->turning) {
        loop_glance(agent->loop);
    }
}

static void reserve_pending(agent_t *agent)
{
    if (agent->pending_count < agent->pending_cap) return;
    size_t cap = agent->pending_cap ? agent->pending_cap * 2 : 16;
    agent->pending = ruby_xrealloc2(agent->pending, cap, sizeof *agent->pending);
    agent->pending_cap = cap;
}

void agent_prepare(agent_t *agent)
{
    reserve_pending(agent);
    agent_before_request(agent);
}

static void refuse(const agent_t *agent, VALUE function, int code)
{
    const failure_t about = {.function = function, .server = server_of(agent), .data = Qnil};
    error_check_about(&about, code);
}

VALUE agent_ask(agent_t *agent, VALUE function, VALUE unique, VALUE block, ask_t *ask, void *arg)
{
    task_t *task;
    VALUE self = task_new(agent, function, unique, block, &task);
    agent_prepare(agent);
    int r = ask(agent, &task->request, arg);
    if (r < 0) refuse(agent, function, r);
    task_pending(agent, self, task);
    evg_connection_asked(agent->c);
    return self;
}

static int ask_echo(agent_t *agent, evg_request_t *request, void *data)
{
    return evg_session_echo(&agent->c->session, request, bytes_of(*(VALUE *)data));
}

/* call-seq: echo(data) -> task
 *           echo(data) { |data, error| ... } -> task
 *
 * Sends ECHO_REQ. The answer, the same bytes, tells that all that was sent before has been taken in. */
static VALUE connection_echo(VALUE self, VALUE data)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    data = string_of(data, "data");
    return agent_ask(open_agent_of(self), Qnil, Qnil, block, ask_echo, &data);
}

/* call-seq: set_client_id(id) -> self
 *
 * Sends SET_CLIENT_ID, now and on every connect: what the server lists under `workers`. */
static VALUE connection_set_client_id(VALUE self, VALUE id)
{
    id = string_of(id, "client_id");
    agent_t *agent = open_agent_of(self);
    error_check(server_of(agent), evg_session_set_client_id(&agent->c->session, bytes_of(id)));
    agent_changed(agent);
    return self;
}

/* -- connecting ---------------------------------------------------------------------------------------------------- */

/* A connection is being made, or will be in the next turn. */
static bool connecting_p(const agent_t *agent)
{
    const evg_session_t *s = &agent->c->session;
    return s->state == EVG_OPENING || (s->state == EVG_DOWN && s->wanted && s->retry_at == 0);
}

static VALUE connection_connect(VALUE self, VALUE host, VALUE port, VALUE path)
{
    evg_address_t address;
    agent_t *agent = open_agent_of(self);
    evg_connection_t *c = agent->c;
    address_of(&address, host, port, path);
    bool busy = c->session.state == EVG_OPENING || c->session.state == EVG_OPEN;
    if (agent->asked && (busy || connecting_p(agent))) error_check(server_of(agent), EVG_EALREADY);
    agent->asked = true;
    evg_connection_clock(c);
    if (!evg_address_equal_p(&address, &c->address)) evg_connection_move(c, &address);
    if (!busy) c->session.retry_at = 0;
    evg_session_want(&c->session);
    agent_changed(agent);
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
    return evg_transport_arrived_p(&((const agent_t *)goal->subject)->c->transport);
}

/* A reply that meets a closed socket resets the connection, and what was still on its way is lost. */
static void wait_for_arrival(agent_t *agent, double deadline)
{
    static const double look = 0.002; /* nobody tells when it has come */
    for (double now; (now = evg_monotonic()) < deadline && !agent->loop->closed;) {
        if (wait_for(agent, arrived_p, fmin(deadline, now + look))) return;
    }
}

/* For the end of the process. true: done, or given up. */
static VALUE connection_write_out(VALUE self, VALUE timeout)
{
    agent_t *agent = agent_of(self);
    double deadline = evg_monotonic() + seconds_of(timeout, "timeout");
    evg_connection_flush(agent->c);
    bool written = wait_for(agent, written_p, deadline);
    if (written) wait_for_arrival(agent, deadline);
    /* Who answers into a closed socket may drop what he has not read yet. Nobody hears of the answers any more. */
    agent->loop->muted = true;
    bool taken = written && wait_for(agent, flushed_p, deadline);
    agent->loop->muted = false;
    RB_GC_GUARD(self);
    return RBOOL(taken && (agent->c->session.state != EVG_OPEN || evg_transport_arrived_p(&agent->c->transport)));
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

void Init_evg_connection(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_alloc_func(klass, agent_allocate);
    refuse_copies(klass);
    rb_define_private_method(klass, "_init", connection_init, 4);
    rb_define_private_method(klass, "_share", connection_share, 1);
    rb_define_private_method(klass, "_connect", connection_connect, 3);
    rb_define_private_method(klass, "_loop_runs", connection_loop_runs, 0);
    rb_define_private_method(klass, "_close", connection_close, 1);
    rb_define_private_method(klass, "_flush", connection_flush, 1);
    rb_define_private_method(klass, "_write_out", connection_write_out, 1);
    rb_define_private_method(klass, "_unwritten?", connection_unwritten_p, 0);
    rb_define_private_method(klass, "_not_sent", connection_not_sent, 0);
    rb_define_method(klass, "echo", connection_echo, 1);
    rb_define_method(klass, "set_client_id", connection_set_client_id, 1);
    rb_define_method(klass, "disconnect", connection_disconnect, 0);
    rb_define_private_method(rb_define_class_under(module, "Loop", rb_cObject), "_clients", loop_clients, 0);
}
