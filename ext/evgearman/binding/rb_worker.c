#include "binding/binding.h"
#include "binding/rb_client.h"
#include "binding/rb_error.h"

/* A registered handler, shared by the abilities and jobs that need it. */
static void handler_mark(void *ptr)
{
    const handler_t *handler = ptr;
    rb_gc_mark(handler->name);
    rb_gc_mark(handler->self); /* it must not be moved */
    rb_gc_mark(handler->callable);
}

static const rb_data_type_t handler_type = {
    .wrap_struct_name = "EVGearman::Worker::Handler",
    .function = {.dmark = handler_mark, .dfree = RUBY_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE handler_new(VALUE name, VALUE callable, bool async, handler_t **out)
{
    VALUE self = TypedData_Make_Struct(0, handler_t, &handler_type, *out);
    (*out)->name = (*out)->callable = Qnil;
    (*out)->name = rb_obj_freeze(name_string(bytes_of(name)));
    (*out)->callable = callable;
    (*out)->async = async;
    (*out)->self = self;
    return self;
}

/* Those that no ability points at are dropped; jobs keep theirs alive themselves. */
static void keep_handlers(client_t *client)
{
    VALUE kept = rb_ary_new();
    evg_list_t *functions = &client->c->session.worker.functions;
    for (evg_list_t *at = functions->next; at != functions; at = at->next) {
        handler_t *handler = evg_container(at, evg_function_t, link)->owner;
        if (handler) rb_ary_push(kept, handler->self);
    }
    client->handlers = kept;
}

static VALUE worker_register(VALUE self, VALUE name, VALUE callable, VALUE timeout, VALUE server_timeout, VALUE async)
{
    StringValue(name);
    double ours = seconds_of(timeout), theirs = seconds_of(server_timeout);
    client_t *client = open_client_of(self);
    handler_t *handler = NULL;
    if (!NIL_P(callable)) rb_ary_push(client->handlers, handler_new(name, callable, RTEST(async), &handler));
    evg_connection_clock(client->c);
    error_check(client, evg_worker_can_do(&client->c->session, bytes_of(name), ours, theirs, handler));
    keep_handlers(client);
    client_changed(client);
    return self;
}

static VALUE worker_cant_do(VALUE self, VALUE name)
{
    StringValue(name);
    client_t *client = open_client_of(self);
    error_check(client, evg_worker_cant_do(&client->c->session, bytes_of(name)));
    keep_handlers(client);
    client_changed(client);
    return self;
}

static VALUE worker_reset_abilities(VALUE self)
{
    client_t *client = open_client_of(self);
    error_check(client, evg_worker_reset_abilities(&client->c->session));
    keep_handlers(client);
    client_changed(client);
    return self;
}

static VALUE worker_functions(VALUE self)
{
    VALUE names = rb_ary_new();
    evg_session_t *s = &client_of(self)->c->session;
    for (evg_function_t *f = NULL; (f = evg_worker_next_function(s, f));) {
        rb_ary_push(names, name_string(evg_bytes(f->name, f->name_len)));
    }
    return names;
}

static VALUE worker_work(VALUE self)
{
    client_t *client = open_client_of(self);
    evg_connection_clock(client->c);
    error_check(client, evg_worker_work(&client->c->session));
    client_changed(client);
    return self;
}

/* A trap handler may call it. */
static VALUE worker_work_stop(VALUE self)
{
    client_t *client = client_of(self);
    evg_worker_stop(&client->c->session);
    client_changed(client);
    return self;
}

static VALUE worker_working_p(VALUE self)
{
    return RBOOL(evg_worker_working_p(&client_of(self)->c->session));
}

/* Nothing is held, and nothing was asked for. */
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

static VALUE worker_busy_count(VALUE self)
{
    return SIZET2NUM(client_of(self)->c->session.worker.held_count);
}

static VALUE worker_held_handles(VALUE self)
{
    VALUE handles = rb_ary_new();
    const evg_list_t *held = &client_of(self)->c->session.worker.held;
    for (const evg_list_t *at = held->next; at != held; at = at->next) {
        const evg_job_t *job = evg_container(at, evg_job_t, link);
        rb_ary_push(handles, name_string(evg_bytes(job->handle, job->handle_len)));
    }
    return handles;
}

static VALUE worker_jobs_finished(VALUE self)
{
    return ULL2NUM(client_of(self)->jobs_finished);
}

void Init_evg_worker(VALUE module, VALUE connection_class)
{
    VALUE klass = rb_define_class_under(module, "Worker", connection_class);
    rb_define_private_method(klass, "_register", worker_register, 5);
    rb_define_private_method(klass, "_work", worker_work, 0);
    rb_define_private_method(klass, "_held_handles", worker_held_handles, 0);
    rb_define_private_method(klass, "_jobs_finished", worker_jobs_finished, 0);
    rb_define_private_method(klass, "_drained?", worker_drained_p, 0);
    rb_define_method(klass, "cant_do", worker_cant_do, 1);
    rb_define_method(klass, "reset_abilities", worker_reset_abilities, 0);
    rb_define_method(klass, "functions", worker_functions, 0);
    rb_define_method(klass, "work_stop", worker_work_stop, 0);
    rb_define_method(klass, "working?", worker_working_p, 0);
    rb_define_method(klass, "idle?", worker_idle_p, 0);
    rb_define_method(klass, "busy_count", worker_busy_count, 0);
}
