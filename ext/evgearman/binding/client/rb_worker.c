#include "binding/client/client.h"
#include "binding/client/rb_client.h"
#include "binding/drive/loop.h"
#include "binding/drive/runs.h"
#include "binding/loop/loop_life.h"
#include "binding/loop/rb_loop.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/forks.h"
#include "binding/values/function_names.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

/* Those that no ability points at are dropped; jobs keep theirs alive themselves. */
static void keep_handlers(client_t *client)
{
    VALUE kept = hidden_array();
    evg_list_t *functions = &client->c->session.worker.functions;
    for (evg_list_t *at = functions->next; at != functions; at = at->next) {
        handler_t *handler = evg_container(at, evg_function_t, link)->owner;
        if (handler) rb_ary_push(kept, handler->self);
    }
    client->handlers = kept;
}

static VALUE worker_register(VALUE self, VALUE name, VALUE callable, VALUE timeout, VALUE server_timeout, VALUE async,
                             VALUE coder, VALUE encoding)
{
    name = string_of(name, "function");
    double ours = limit_of(timeout, "timeout"), theirs = limit_of(server_timeout, "server_timeout");
    client_t *client = open_client_of(self);
    coding_t coding = {coder_of(coder, client->coding.coder), encoding_of(encoding, client->coding.encoding)};
    handler_t *handler = NULL;
    if (!NIL_P(callable)) rb_ary_push(client->handlers, handler_new(name, callable, RTEST(async), &coding, &handler));
    evg_connection_clock(client->c);
    error_check(server_of_client(client),
                evg_worker_can_do(&client->c->session, bytes_of(name), ours, theirs, handler));
    keep_handlers(client);
    client_changed(client);
    return self;
}

/* call-seq: cant_do(name) -> self
 *
 * Takes an ability back (CANT_DO), before whatever is asked next. If jobs of that function are held, it waits for
 * their end, and no job is asked for before that, nor by `grab_job`. */
static VALUE worker_cant_do(VALUE self, VALUE name)
{
    name = string_of(name, "function");
    client_t *client = open_client_of(self);
    error_check(server_of_client(client), evg_worker_cant_do(&client->c->session, bytes_of(name)));
    keep_handlers(client);
    client_changed(client);
    return self;
}

/* call-seq: reset_abilities -> self
 *
 * Takes all abilities back (RESET_ABILITIES), as `cant_do` does one. */
static VALUE worker_reset_abilities(VALUE self)
{
    client_t *client = open_client_of(self);
    error_check(server_of_client(client), evg_worker_reset_abilities(&client->c->session));
    keep_handlers(client);
    client_changed(client);
    return self;
}

/* call-seq: functions -> array
 *
 * Names that are registered. */
static VALUE worker_functions(VALUE self)
{
    return function_names(&client_of(self)->c->session);
}

static VALUE worker_work(VALUE self)
{
    client_t *client = open_client_of(self);
    evg_connection_clock(client->c);
    error_check(server_of_client(client), evg_worker_work(&client->c->session));
    client_changed(client);
    return self;
}

/* call-seq: work_stop -> self
 *
 * Asks for no more jobs; what is held, or comes for what was asked, is still run. */
static VALUE worker_work_stop(VALUE self)
{
    /* A trap handler may call it. */
    client_t *client = client_of(self);
    evg_worker_stop(&client->c->session);
    client_changed(client);
    return self;
}

/* One job of the work loop, and no more. */
static VALUE worker_work_one(VALUE self)
{
    client_t *client = open_client_of(self);
    evg_connection_clock(client->c);
    error_check(server_of_client(client), evg_worker_work_one(&client->c->session));
    client_changed(client);
    return self;
}

static int ask_grab(client_t *client, evg_request_t *request, void *unused)
{
    (void)unused;
    return evg_worker_grab(&client->c->session, request);
}

/* call-seq: grab_job -> task
 *           grab_job { |job, error| ... } -> task
 *
 * Asks once, with GRAB_JOB_UNIQ or GRAB_JOB, for a job of any function that was announced; NoJobError "no job" when
 * there is none. Whoever gets it finishes it. */
static VALUE worker_grab_job(VALUE self)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    return client_ask(open_client_of(self), Qnil, Qnil, block, ask_grab, NULL);
}

static VALUE worker_set_pool(VALUE self, VALUE pool)
{
    client_t *client = client_of(self);
    client->pool = pool;
    client->pool_forks = evg_forks;
    return self;
}

bool client_hopeless_p(const client_t *client)
{
    const evg_session_t *s = &client->c->session;
    return s->state == EVG_DOWN && !s->wanted && evg_worker_working_p(s);
}

void worker_rouse(client_t *client)
{
    client->roused = true;
    runs_rouse(client->loop, client->self);
}

static VALUE worker_rouse_run(VALUE self)
{
    worker_rouse(client_of(self));
    return self;
}

/* Until it is roused (false), or its loop stopped (true). */
static VALUE worker_turn(VALUE self)
{
    client_t *client = client_of(self);
    return loop_run_by(open_loop_of(client->loop_value), self, &client->roused, INFINITY);
}

/* The last error, when there is no hope; else nil. */
static VALUE worker_hopeless(VALUE self)
{
    client_t *client = client_of(self);
    return client_hopeless_p(client) ? client->last_error : Qnil;
}

/* call-seq: in_flight -> array
 *
 * Jobs that are held: running, waiting for a thread, or asynchronous and not finished. */
static VALUE worker_in_flight(VALUE self)
{
    return jobs_in_flight(client_of(self));
}

static VALUE worker_handler_threads(VALUE self)
{
    return jobs_threads(client_of(self));
}

/* call-seq: working? -> true or false
 *
 * Does it ask for jobs? */
static VALUE worker_working_p(VALUE self)
{
    return RBOOL(evg_worker_working_p(&client_of(self)->c->session));
}

/* call-seq: idle? -> true or false
 *
 * Are all jobs finished that were assigned? */
static VALUE worker_idle_p(VALUE self)
{
    const evg_worker_session_t *w = &client_of(self)->c->session.worker;
    return RBOOL(w->held_count == 0);
}

static VALUE worker_drained_p(VALUE self)
{
    const evg_session_t *s = &client_of(self)->c->session;
    return RBOOL(s->worker.state == EVG_WORK_OFF && s->worker.held_count == 0);
}

/* call-seq: busy_count -> integer
 *
 * Jobs that were assigned and are not finished; lost ones and those past their deadline do not count. */
static VALUE worker_busy_count(VALUE self)
{
    return SIZET2NUM(client_of(self)->c->session.worker.held_count);
}

static VALUE worker_jobs_finished(VALUE self)
{
    return ULL2NUM(client_of(self)->jobs_finished);
}

void Init_evg_worker(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE klass = rb_define_class_under(module, "Worker", connection_class);
    rb_define_private_method(klass, "_register", worker_register, 7);
    rb_define_private_method(klass, "_work", worker_work, 0);
    rb_define_private_method(klass, "_work_one", worker_work_one, 0);
    rb_define_private_method(klass, "_set_pool", worker_set_pool, 1);
    rb_define_private_method(klass, "_jobs_finished", worker_jobs_finished, 0);
    rb_define_private_method(klass, "_handler_threads", worker_handler_threads, 0);
    rb_define_private_method(klass, "_rouse", worker_rouse_run, 0);
    rb_define_private_method(klass, "_turn", worker_turn, 0);
    rb_define_private_method(klass, "_hopeless", worker_hopeless, 0);
    rb_define_private_method(klass, "_drained?", worker_drained_p, 0);
    rb_define_method(klass, "cant_do", worker_cant_do, 1);
    rb_define_method(klass, "reset_abilities", worker_reset_abilities, 0);
    rb_define_method(klass, "grab_job", worker_grab_job, 0);
    rb_define_method(klass, "in_flight", worker_in_flight, 0);
    rb_define_method(klass, "functions", worker_functions, 0);
    rb_define_method(klass, "work_stop", worker_work_stop, 0);
    rb_define_method(klass, "working?", worker_working_p, 0);
    rb_define_method(klass, "idle?", worker_idle_p, 0);
    rb_define_method(klass, "busy_count", worker_busy_count, 0);
}
