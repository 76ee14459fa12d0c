#include "binding/binding.h"
#include "binding/rb_client.h"
#include "binding/rb_error.h"

enum { EXCEPTION_MAX = 64 * 1024 };
static const double quick = 0.0005; /* seconds: a handler that takes longer has its answer written at once */

static VALUE job_class;
static ID id_call, id_message;
static uint64_t numbers; /* of jobs, ever: keys of client->on_lost */

typedef struct {
    evg_job_t job;
    client_t *client;
    VALUE client_value;
    VALUE handler; /* Handler, or nil */
    VALUE function, unique, workload;
    uint64_t number;
    double assigned_at;
    bool answered; /* complete, fail or exception was called */
    bool in_handler;
} rb_job_t;

static void job_mark(void *ptr)
{
    rb_job_t *job = ptr;
    rb_gc_mark(job->client_value);
    rb_gc_mark(job->handler);
    rb_gc_mark(job->function);
    rb_gc_mark(job->unique);
    rb_gc_mark(job->workload);
}

/* A job that nobody can finish any more fails, or its client would wait for ever. */
static void job_free(void *ptr)
{
    rb_job_t *job = ptr;
    if (job->client && job->job.state == EVG_JOB_HELD) {
        evg_session_t *s = &job->client->c->session;
        if (evg_job_fail(s, &job->job) == 0) evg_connection_changed(job->client->c);
        evg_job_forget(s, &job->job);
    }
    evg_list_unlink(&job->job.link);
    ruby_xfree(job);
}

static size_t job_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_job_t);
}

const rb_data_type_t job_type = {
    .wrap_struct_name = "EVGearman::Job",
    .function = {.dmark = job_mark, .dfree = job_free, .dsize = job_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static rb_job_t *job_of(VALUE self)
{
    rb_job_t *job;
    TypedData_Get_Struct(self, rb_job_t, &job_type, job);
    loop_follow_fork(job->client->loop);
    return job;
}

VALUE job_new(client_t *client, const evg_event_t *event)
{
    rb_job_t *job;
    VALUE self = TypedData_Make_Struct(job_class, rb_job_t, &job_type, job);
    evg_list_init(&job->job.link);
    job->job.state = EVG_JOB_FINISHED; /* not ours until it is accepted */
    job->client_value = job->handler = job->function = job->unique = job->workload = Qnil;
    job->unique = event->args[2].len ? name_string(event->args[2]) : Qnil;
    job->workload = binary_string(event->args[3]);
    job->number = ++numbers;
    job->client = client;
    job->client_value = client->self;
    evg_worker_accept(&client->c->session, &job->job, event, job);
    job->assigned_at = client->c->session.now;
    handler_t *handler = job->job.function ? job->job.function->owner : NULL;
    job->handler = handler ? handler->self : Qnil;
    job->function = handler ? handler->name : name_string(event->args[1]);
    return self;
}

/* -- saying something about it ------------------------------------------------------------------------------------- */

/* true: it will be sent. false: the job is not ours any more. Else raises. */
static bool taken_p(rb_job_t *job, int r)
{
    if (r == EVG_EJOB_LOST || r == EVG_EJOB_TIMEOUT) return false;
    error_check(job->client, r);
    client_changed(job->client);
    return true;
}

/* Leaves at once when said inside a running handler: a progress bar must move. */
static VALUE said(rb_job_t *job, int r)
{
    bool taken = taken_p(job, r);
    if (taken && job->client->loop->seat.in_block > 0) evg_connection_flush(job->client->c);
    return RBOOL(taken);
}

static evg_session_t *session_of(rb_job_t *job)
{
    if (job->answered) error_raise("JobFinishedError", evg_error_text(EVG_EFINISHED));
    evg_connection_clock(job->client->c);
    return &job->client->c->session;
}

static void forget_on_lost(rb_job_t *job)
{
    if (RHASH_SIZE(job->client->on_lost)) rb_hash_delete(job->client->on_lost, ULL2NUM(job->number));
}

static int answered(rb_job_t *job, int r)
{
    if (r < 0 && r != EVG_EJOB_LOST && r != EVG_EJOB_TIMEOUT) return r;
    job->answered = true;
    forget_on_lost(job);
    if (r == 0) job->client->jobs_finished++;
    return r;
}

static int complete(rb_job_t *job, VALUE result)
{
    int r = evg_job_complete(session_of(job), &job->job, bytes_of(result));
    RB_GC_GUARD(result);
    return answered(job, r);
}

static VALUE job_complete(int argc, VALUE *argv, VALUE self)
{
    rb_job_t *job = job_of(self);
    rb_check_arity(argc, 0, 1);
    VALUE result = argc ? argv[0] : rb_str_new(NULL, 0);
    StringValue(result);
    return said(job, complete(job, result));
}

static VALUE job_fail(VALUE self)
{
    rb_job_t *job = job_of(self);
    return said(job, answered(job, evg_job_fail(session_of(job), &job->job)));
}

static evg_bytes_t at_most(evg_bytes_t bytes, size_t most)
{
    return evg_bytes(bytes.at, bytes.len < most ? bytes.len : most);
}

static VALUE job_exception(VALUE self, VALUE data)
{
    rb_job_t *job = job_of(self);
    if (RTEST(rb_obj_is_kind_of(data, rb_eException))) data = rb_funcall(data, id_message, 0);
    StringValue(data);
    int r = evg_job_exception(session_of(job), &job->job, at_most(bytes_of(data), EXCEPTION_MAX));
    RB_GC_GUARD(data);
    return said(job, answered(job, r));
}

static VALUE job_send_data(VALUE self, VALUE data)
{
    rb_job_t *job = job_of(self);
    StringValue(data);
    VALUE sent = said(job, evg_job_data(session_of(job), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

static VALUE job_warning(VALUE self, VALUE data)
{
    rb_job_t *job = job_of(self);
    StringValue(data);
    VALUE sent = said(job, evg_job_warning(session_of(job), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

static uint32_t count_of(VALUE number)
{
    double count = RB_INTEGER_TYPE_P(number) ? NUM2DBL(number) : -1;
    if (evg_check_count(count) < 0) rb_raise(rb_eArgError, "progress must be two whole numbers from 0 to 2**32 - 1");
    return (uint32_t)count;
}

static VALUE job_status(VALUE self, VALUE numerator, VALUE denominator)
{
    rb_job_t *job = job_of(self);
    uint32_t upper = count_of(numerator), lower = count_of(denominator);
    return said(job, evg_job_status(session_of(job), &job->job, upper, lower));
}

/* -- running its handler --------------------------------------------------------------------------------------------- */

static VALUE call_handler(VALUE self)
{
    rb_job_t *job = job_of(self);
    handler_t *handler = RTYPEDDATA_DATA(job->handler);
    return rb_funcall(handler->callable, id_call, 1, self);
}

/* What the handler's value means: a String (nil is "") completes, anything else is a mistake. */
static void complete_with(rb_job_t *job, VALUE value)
{
    if (NIL_P(value)) value = rb_str_new(NULL, 0);
    VALUE bytes = rb_check_string_type(value);
    if (NIL_P(bytes)) {
        rb_raise(rb_eTypeError, "a handler's value must be a String or nil, not %" PRIsVALUE, rb_obj_class(value));
    }
    taken_p(job, complete(job, bytes)); /* answers of quick handlers leave together: see write_if_late */
}

static VALUE handle(VALUE self)
{
    rb_job_t *job = job_of(self);
    handler_t *handler = RTYPEDDATA_DATA(job->handler);
    VALUE value = call_handler(self);
    if (!handler->async && !job->answered) complete_with(job, value);
    return Qnil;
}

static VALUE message_of(VALUE error)
{
    VALUE message = rb_funcall(error, id_message, 0);
    return StringValue(message);
}

static VALUE no_message(VALUE unused, VALUE failure)
{
    (void)unused;
    return rb_class_name(rb_obj_class(failure));
}

/* Goes to on_callback_error. The gate takes only StandardErrors there: anything else ends the run of whoever drives. */
static VALUE report(rb_job_t *job, VALUE error)
{
    VALUE hook = job->client->hooks[HOOK_CALLBACK_ERROR];
    if (RTEST(rb_obj_is_kind_of(error, rb_eStandardError))) rb_exc_raise(error);
    if (NIL_P(hook)) {
        VALUE module = rb_const_get(rb_cObject, rb_intern("EVGearman"));
        hook = rb_funcall(module, rb_intern("method"), 1, ID2SYM(rb_intern("_warn_callback_error")));
    }
    return rb_funcall(hook, rb_intern("call"), 2, error, rb_str_new_cstr("job"));
}

/* A handler that failed fails its job: with its message, if the exceptions option is on. */
static VALUE fail_with(VALUE self, VALUE error)
{
    rb_job_t *job = job_of(self);
    if (job->answered) return report(job, error);
    if (job->client->c->session.options.exceptions) {
        job_exception(self, rb_rescue2(message_of, error, no_message, Qnil, rb_eStandardError, (VALUE)0));
    } else {
        job_fail(self);
    }
    return report(job, error);
}

static VALUE handle_rescued(VALUE self)
{
    return rb_rescue2(handle, self, fail_with, self, rb_eStandardError, rb_eScriptError, (VALUE)0);
}

/* Neither answered nor failed: an Exception, a throw or a killed thread goes through. The job is handed back by
 * closing the connection; the server gives it to somebody else. */
static VALUE hand_back_if_unanswered(VALUE self)
{
    rb_job_t *job = job_of(self);
    handler_t *handler = RTYPEDDATA_DATA(job->handler);
    bool jumped = job->in_handler && !handler->async && !job->answered && job->job.state == EVG_JOB_HELD;
    job->in_handler = false;
    if (jumped) evg_connection_drop(job->client->c);
    return Qnil;
}

/* Answers of quick jobs go out together, at the end of the turn; but none waits for a handler that may be slow. */
static void write_before(rb_job_t *job, const handler_t *handler)
{
    bool known_quick = handler->longest > 0 && handler->longest <= quick;
    evg_connection_t *c = job->client->c;
    if (!known_quick && evg_session_unsent(&c->session) > 0) evg_connection_flush(c);
}

/* By the clock of its answer. */
static void write_if_late(rb_job_t *job, handler_t *handler)
{
    evg_connection_t *c = job->client->c;
    double took = c->session.now - job->job.started_at;
    handler->longest = took > handler->longest ? took : 0.99 * handler->longest + 1e-9;
    if (took > quick) evg_connection_flush(c);
}

VALUE job_run(VALUE self)
{
    rb_job_t *job = job_of(self);
    if (NIL_P(job->handler)) return Qnil;
    handler_t *handler = RTYPEDDATA_DATA(job->handler);
    write_before(job, handler);
    if (job->job.state != EVG_JOB_HELD) return Qnil; /* lost while it waited */
    evg_connection_clock(job->client->c);
    evg_job_started(&job->client->c->session, &job->job);
    job->in_handler = true;
    rb_ensure(handle_rescued, self, hand_back_if_unanswered, self);
    write_if_late(job, handler);
    return Qnil;
}

/* -- losing it --------------------------------------------------------------------------------------------------------- */

void job_lost(client_t *client, evg_job_t *lost)
{
    rb_job_t *job = lost->owner;
    VALUE blocks = rb_hash_delete(client->on_lost, ULL2NUM(job->number));
    if (NIL_P(blocks) || client->loop->muted) return;
    for (long i = 0; i < RARRAY_LEN(blocks); i++) {
        call_t call = {.callable = RARRAY_AREF(blocks, i), .subject = client->self, .args = {Qnil, Qnil}, .where = "on_lost"};
        calls_push(&client->loop->done, &call);
    }
}

static VALUE job_on_lost(VALUE self)
{
    rb_job_t *job = job_of(self);
    VALUE number = ULL2NUM(job->number), block = rb_block_proc();
    if (job->job.state != EVG_JOB_HELD || job->answered) return self;
    VALUE blocks = rb_hash_lookup(job->client->on_lost, number);
    if (NIL_P(blocks)) rb_hash_aset(job->client->on_lost, number, blocks = rb_ary_new());
    rb_ary_push(blocks, block);
    return self;
}

/* -- asking --------------------------------------------------------------------------------------------------------------- */

static VALUE job_handle(VALUE self)
{
    rb_job_t *job = job_of(self);
    return name_string(evg_bytes(job->job.handle, job->job.handle_len));
}

static VALUE job_function(VALUE self)
{
    return job_of(self)->function;
}

static VALUE job_unique(VALUE self)
{
    return job_of(self)->unique;
}

static VALUE job_workload(VALUE self)
{
    return job_of(self)->workload;
}

static VALUE job_finished_p(VALUE self)
{
    return RBOOL(job_of(self)->answered);
}

static VALUE job_lost_p(VALUE self)
{
    return RBOOL(job_of(self)->job.state == EVG_JOB_LOST);
}

static VALUE job_elapsed(VALUE self)
{
    return DBL2NUM(evg_monotonic() - job_of(self)->assigned_at);
}

static VALUE job_stopping_p(VALUE self)
{
    return RBOOL(!evg_worker_working_p(&job_of(self)->client->c->session));
}

VALUE job_client(VALUE self)
{
    return job_of(self)->client_value;
}

void Init_evg_job(VALUE module)
{
    job_class = rb_define_class_under(module, "Job", rb_cObject);
    id_call = rb_intern("call");
    id_message = rb_intern("message");
    rb_undef_alloc_func(job_class);
    rb_gc_register_mark_object(job_class);
    rb_define_method(job_class, "handle", job_handle, 0);
    rb_define_method(job_class, "function", job_function, 0);
    rb_define_method(job_class, "unique", job_unique, 0);
    rb_define_method(job_class, "workload", job_workload, 0);
    rb_define_method(job_class, "worker", job_client, 0);
    rb_define_method(job_class, "complete", job_complete, -1);
    rb_define_method(job_class, "fail", job_fail, 0);
    rb_define_method(job_class, "exception", job_exception, 1);
    rb_define_method(job_class, "send_data", job_send_data, 1);
    rb_define_method(job_class, "warning", job_warning, 1);
    rb_define_method(job_class, "status", job_status, 2);
    rb_define_method(job_class, "finished?", job_finished_p, 0);
    rb_define_method(job_class, "lost?", job_lost_p, 0);
    rb_define_method(job_class, "elapsed", job_elapsed, 0);
    rb_define_method(job_class, "stopping?", job_stopping_p, 0);
    rb_define_method(job_class, "on_lost", job_on_lost, 0);
}
