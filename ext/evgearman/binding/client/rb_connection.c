/* What Client and Worker have in common: one connection, its hooks, and the Tasks that are under way on it. */
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
static void rest(const client_t *client)
{
    if (client->c && !isinf(client->c->session.wire.trim_at) && !client->loop->net->turning) {
        evg_wire_rest(&client->c->session.wire, evg_monotonic());
    }
}

static void client_mark(void *ptr)
{
    client_t *client = ptr;
    rest(client);
    client->marked_in = lifetime_marked();
    rb_gc_mark(client->self); /* it must not be moved */
    for (size_t i = 0; i < client->pending_count; i++) rb_gc_mark(client->pending[i]);
    for (int i = 0; i < HOOKS; i++) rb_gc_mark(client->hooks[i]);
    rb_gc_mark(client->coding.coder);
    rb_gc_mark(client->unique);
    rb_gc_mark(client->loop_value);
    rb_gc_mark(client->handlers);
    rb_gc_mark(client->pool);
    rb_gc_mark(client->shared);
    rb_gc_mark(client->on_lost);
    rb_gc_mark(client->last_error);
}

bool client_kept_p(const client_t *client)
{
    const evg_worker_session_t *worker = &client->c->session.worker;
    return client->pending_count > 0 || worker->held_count > 0 || evg_worker_working_p(&client->c->session);
}

void client_dispose(client_t *client)
{
    if (!client->c) return;
    for (size_t i = 0; i < client->pending_count; i++) {
        ((task_t *)RTYPEDDATA_DATA(client->pending[i]))->client = NULL;
    }
    client->pending_count = 0;
    evg_session_abandon(&client->c->session);
    evg_connection_free(client->c);
    client->c = NULL;
    memory_tell(&client->told, 0);
}

static void client_free(void *ptr)
{
    client_t *client = ptr;
    evg_list_unlink(&client->member.link);
    evg_list_clear(&client->waiters);
    client_dispose(client);
    trace_free(client);
    ruby_xfree(client->pending);
    ruby_xfree(client);
}

static size_t buffers_of(const client_t *client)
{
    return client->c->session.wire.in.cap + client->c->session.wire.out.cap;
}

static size_t client_size(const void *ptr)
{
    const client_t *client = ptr;
    size_t size = sizeof *client + client->pending_cap * sizeof *client->pending;
    size += trace_memsize(client);
    if (client->c) size += sizeof *client->c + buffers_of(client);
    return size;
}

static const rb_data_type_t client_type = {
    .wrap_struct_name = "EVGearman::Connection",
    .function = {.dmark = client_mark, .dfree = client_free, .dsize = client_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE client_allocate(VALUE klass)
{
    client_t *client;
    VALUE self = TypedData_Make_Struct(klass, client_t, &client_type, client);
    evg_list_init(&client->member.link);
    evg_list_init(&client->waiters);
    client->self = self;
    client->marked_in = lifetime_new();
    client->loop_value = client->coding.coder = client->last_error = Qnil;
    client->unique = unique_auto();
    client->handlers = client->on_lost = client->pool = client->shared = Qnil;
    for (int i = 0; i < HOOKS; i++) client->hooks[i] = Qnil;
    return self;
}

client_t *client_of(VALUE self)
{
    client_t *client;
    TypedData_Get_Struct(self, client_t, &client_type, client);
    if (!NIL_P(client->shared)) return client_of(client->shared);
    if (!client->c) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    loop_used(client->loop);
    return client;
}

client_t *open_client_of(VALUE self)
{
    client_t *client = client_of(self);
    if (client->c->session.state == EVG_SHUT || client->loop->closed)
        error_raise(server_of_client(client), "ConnectionError", "closed");
    return client;
}

/* -- on its loop --------------------------------------------------------------------------------------------------- */

static client_t *client_of_member(const member_t *member)
{
    return evg_container(member, client_t, member);
}

static void member_mark(const member_t *member)
{
    const client_t *client = client_of_member(member);
    if (client_kept_p(client)) rb_gc_mark(client->self);
}

static void member_runs(member_t *member)
{
    client_t *client = client_of_member(member);
    evg_session_loop_runs(&client->c->session);
    client_changed(client);
}

static void member_shut(member_t *member)
{
    evg_connection_shut(client_of_member(member)->c);
}

/* Who waits is on a stack that is gone. */
static void member_forked(member_t *member)
{
    client_t *client = client_of_member(member);
    evg_list_clear(&client->waiters);
    evg_connection_pump(client->c);
    conversions_after_fork(client);
}

static void member_gone(member_t *member)
{
    client_of_member(member)->loop = NULL;
}

static const member_ops_t member_ops = {
    .mark = member_mark, .runs = member_runs, .shut = member_shut, .forked = member_forked, .gone = member_gone};

/* Those that are nobody's any more are left out, though they may not be swept yet. */
static VALUE loop_clients(VALUE self)
{
    loop_t *loop = loop_of(self);
    VALUE clients = rb_ary_new();
    for (member_t *at = NULL; (at = loop_next_member(loop, at, &member_ops));) {
        const client_t *client = client_of_member(at);
        if (client_kept_p(client) || !lifetime_over_p(client->marked_in)) rb_ary_push(clients, client->self);
    }
    return clients;
}

/* Who waits in flush or close is woken by the step that gets there; a worker's `run`, when there is no hope. */
static void stepped(void *owner)
{
    client_t *client = owner;
    memory_tell(&client->told, buffers_of(client));
    if (!evg_list_empty_p(&client->waiters)) goal_wake_reached(&client->waiters);
    if (client->c->session.state == EVG_DOWN && client_hopeless_p(client)) worker_rouse(client);
}

static VALUE client_init(VALUE self, VALUE loop_value, VALUE host, VALUE port, VALUE path)
{
    client_t *client;
    evg_address_t address;
    uint64_t seed[2];
    TypedData_Get_Struct(self, client_t, &client_type, client);
    if (client->c) rb_raise(rb_eTypeError, "already initialized");
    loop_t *loop = open_loop_of(loop_value);
    address_of(&address, host, port, path);
    random_seeds(seed);
    client->handlers = hidden_array();
    client->on_lost = rb_hash_new();
    client->loop_value = loop_value;
    client->loop = loop;
    client->c = evg_connection_new(loop->net, &address, seed[0], seed[1]);
    if (!client->c) rb_raise(rb_eNoMemError, "cannot make a connection");
    client->c->owner = client;
    client->c->on_event = client_event;
    client->c->on_step = stepped;
    loop_add(loop, &client->member, &member_ops);
    return self;
}

/* Becomes another view of a Worker's connection. */
static VALUE client_share(VALUE self, VALUE worker)
{
    client_t *client;
    client_of(worker);
    TypedData_Get_Struct(self, client_t, &client_type, client);
    client->shared = worker;
    return self;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

void client_changed(client_t *client)
{
    evg_connection_changed(client->c);
}

/* A connection that died while nobody looked is to be found dead before a byte is written to it. */
void client_before_request(client_t *client)
{
    evg_connection_clock(client->c);
    const evg_loop_t *net = client->loop->net;
    bool asleep = client->c->session.wire.now - net->polled_at > undriven;
    if (asleep && client->c->session.state == EVG_OPEN && seat_free_p(client->loop) && !net->turning) {
        loop_glance(client->loop);
    }
}

static void reserve_pending(client_t *client)
{
    if (client->pending_count < client->pending_cap) return;
    size_t cap = client->pending_cap ? client->pending_cap * 2 : 16;
    client->pending = ruby_xrealloc2(client->pending, cap, sizeof *client->pending);
    client->pending_cap = cap;
}

void client_prepare(client_t *client)
{
    reserve_pending(client);
    client_before_request(client);
}

static void refuse(const client_t *client, VALUE function, int code)
{
    const failure_t about = {.function = function, .server = server_of_client(client), .data = Qnil};
    error_check_about(&about, code);
}

VALUE client_ask(client_t *client, VALUE function, VALUE unique, VALUE block, ask_t *ask, void *arg)
{
    task_t *task;
    VALUE self = task_new(client, function, unique, block, &task);
    client_prepare(client);
    int r = ask(client, &task->request, arg);
    if (r < 0) refuse(client, function, r);
    task_pending(client, self, task);
    evg_connection_asked(client->c);
    return self;
}

static int ask_echo(client_t *client, evg_request_t *request, void *data)
{
    return evg_session_echo(&client->c->session, request, bytes_of(*(VALUE *)data));
}

/* call-seq: echo(data) -> task
 *           echo(data) { |data, error| ... } -> task
 *
 * Sends ECHO_REQ. The answer, the same bytes, tells that all that was sent before has been taken in. */
static VALUE client_echo(VALUE self, VALUE data)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    data = string_of(data, "data");
    return client_ask(open_client_of(self), Qnil, Qnil, block, ask_echo, &data);
}

/* call-seq: set_client_id(id) -> self
 *
 * Sends SET_CLIENT_ID, now and on every connect: what the server lists under `workers`. */
static VALUE client_set_client_id(VALUE self, VALUE id)
{
    id = string_of(id, "client_id");
    client_t *client = open_client_of(self);
    error_check(server_of_client(client), evg_session_set_client_id(&client->c->session, bytes_of(id)));
    client_changed(client);
    return self;
}

/* -- connecting ---------------------------------------------------------------------------------------------------- */

/* A connection is being made, or will be in the next turn. */
static bool connecting_p(const client_t *client)
{
    const evg_session_t *s = &client->c->session;
    return s->state == EVG_OPENING || (s->state == EVG_DOWN && s->wanted && s->retry_at == 0);
}

static VALUE client_connect(VALUE self, VALUE host, VALUE port, VALUE path)
{
    evg_address_t address;
    client_t *client = open_client_of(self);
    evg_connection_t *c = client->c;
    address_of(&address, host, port, path);
    bool busy = c->session.state == EVG_OPENING || c->session.state == EVG_OPEN;
    if (client->asked && (busy || connecting_p(client))) error_check(server_of_client(client), EVG_EALREADY);
    client->asked = true;
    evg_connection_clock(c);
    if (!evg_address_equal_p(&address, &c->address)) evg_connection_move(c, &address);
    if (!busy) c->session.retry_at = 0;
    evg_session_want(&c->session);
    client_changed(client);
    return self;
}

/* It was made on a loop that runs. */
static VALUE client_loop_runs(VALUE self)
{
    member_runs(&client_of(self)->member);
    return self;
}

/* call-seq: disconnect -> self
 *
 * Every Task fails with DisconnectedError "disconnected" before this returns; blocks run in the next turn. Down until
 * `connect` or the next request. Idempotent. */
static VALUE client_disconnect(VALUE self)
{
    client_t *client = client_of(self);
    client->asked = false;
    evg_connection_clock(client->c);
    evg_connection_disconnect(client->c);
    return self;
}

/* What waits for a connection is owed too. */
static bool written_p(const goal_t *goal)
{
    const client_t *client = goal->subject;
    return evg_session_unsent(&client->c->session) == 0 || client->c->session.state == EVG_SHUT;
}

static bool flushed_p(const goal_t *goal)
{
    return evg_session_flushed_p(&((const client_t *)goal->subject)->c->session);
}

static bool wait_for(client_t *client, bool (*reached)(const goal_t *goal), double deadline)
{
    const goal_t goal = {.reached = reached, .subject = client, .waiters = &client->waiters, .about = client->c};
    return loop_wait(client->loop, &goal, deadline);
}

static VALUE client_flush(VALUE self, VALUE timeout)
{
    client_t *client = open_client_of(self);
    double deadline = deadline_of(timeout);
    bool flushed = wait_for(client, flushed_p, deadline);
    RB_GC_GUARD(self);
    return RBOOL(flushed);
}

static bool arrived_p(const goal_t *goal)
{
    return evg_transport_arrived_p(&((const client_t *)goal->subject)->c->transport);
}

/* A reply that meets a closed socket resets the connection, and what was still on its way is lost. */
static void wait_for_arrival(client_t *client, double deadline)
{
    static const double look = 0.002; /* nobody tells when it has come */
    for (double now; (now = evg_monotonic()) < deadline && !client->loop->closed;) {
        if (wait_for(client, arrived_p, fmin(deadline, now + look))) return;
    }
}

/* For the end of the process. true: done, or given up. */
static VALUE client_write_out(VALUE self, VALUE timeout)
{
    client_t *client = client_of(self);
    double deadline = evg_monotonic() + seconds_of(timeout, "timeout");
    evg_connection_flush(client->c);
    bool written = wait_for(client, written_p, deadline);
    if (written) wait_for_arrival(client, deadline);
    /* Who answers into a closed socket may drop what he has not read yet. Nobody hears of the answers any more. */
    client->loop->muted = true;
    bool taken = written && wait_for(client, flushed_p, deadline);
    client->loop->muted = false;
    RB_GC_GUARD(self);
    return RBOOL(taken && (client->c->session.state != EVG_OPEN || evg_transport_arrived_p(&client->c->transport)));
}

/* Something waits to be written. */
static VALUE client_unwritten_p(VALUE self)
{
    const evg_session_t *s = &client_of(self)->c->session;
    return RBOOL(evg_session_unsent(s) > 0 || evg_session_waiting_count(s) > 0);
}

static VALUE client_not_sent(VALUE self)
{
    return ULL2NUM(client_of(self)->c->session.not_sent);
}

static VALUE client_close(VALUE self, VALUE timeout)
{
    client_t *client = client_of(self);
    loop_t *loop = client->loop;
    double seconds = NIL_P(timeout) ? INFINITY : seconds_of(timeout, "timeout"), deadline = evg_monotonic() + seconds;
    if (client->c->session.state == EVG_SHUT || loop->closed) return self;
    evg_connection_flush(client->c);
    if (seconds > 0 && wait_for(client, written_p, deadline)) wait_for_arrival(client, deadline);
    evg_connection_clock(client->c);
    evg_connection_shut(client->c);
    if (!seat_in_block_p(loop)) mark_wait(loop, fmax(deadline, evg_monotonic() + 1));
    RB_GC_GUARD(self);
    return self;
}

void Init_evg_connection(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_alloc_func(klass, client_allocate);
    refuse_copies(klass);
    rb_define_private_method(klass, "_init", client_init, 4);
    rb_define_private_method(klass, "_share", client_share, 1);
    rb_define_private_method(klass, "_connect", client_connect, 3);
    rb_define_private_method(klass, "_loop_runs", client_loop_runs, 0);
    rb_define_private_method(klass, "_close", client_close, 1);
    rb_define_private_method(klass, "_flush", client_flush, 1);
    rb_define_private_method(klass, "_write_out", client_write_out, 1);
    rb_define_private_method(klass, "_unwritten?", client_unwritten_p, 0);
    rb_define_private_method(klass, "_not_sent", client_not_sent, 0);
    rb_define_method(klass, "echo", client_echo, 1);
    rb_define_method(klass, "set_client_id", client_set_client_id, 1);
    rb_define_method(klass, "disconnect", client_disconnect, 0);
    rb_define_private_method(rb_define_class_under(module, "Loop", rb_cObject), "_clients", loop_clients, 0);
}
