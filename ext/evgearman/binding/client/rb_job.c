#include "binding/client/client.h"
#include "binding/client/job.h"
#include "binding/client/rb_client.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

static VALUE job_class;
static uint64_t numbers; /* of jobs, ever: keys of agent->on_lost */

static void job_mark(void *ptr)
{
    rb_job_t *job = ptr;
    job->marked_in = lifetime_marked();
    rb_gc_mark(job->agent_value);
    rb_gc_mark(job->thread);
    rb_gc_mark(job->handler);
    rb_gc_mark(job->function);
    rb_gc_mark(job->unique);
    rb_gc_mark(job->workload);
}

/* A job that nobody can finish any more fails, or its client would wait for ever. */
static void job_free(void *ptr)
{
    rb_job_t *job = ptr;
    bool held = job->job.state == EVG_JOB_HELD;
    if (job->agent && (held || evg_list_linked_p(&job->job.stuck))) {
        evg_session_t *s = &job->agent->c->session;
        if (held) (void)evg_job_fail(s, &job->job);
        evg_job_forget(s, &job->job);
        evg_connection_changed(job->agent->c);
    }
    evg_list_unlink(&job->job.link);
    evg_list_unlink(&job->handling); /* its handler was left for good, with its fiber */
    ruby_xfree(job);
}

static void job_moved(void *ptr)
{
    rb_job_t *job = ptr;
    job->self = rb_gc_location(job->self);
}

static size_t job_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_job_t);
}

static const rb_data_type_t job_type = {
    .wrap_struct_name = "EVGearman::Job",
    .function = {.dmark = job_mark, .dfree = job_free, .dsize = job_size, .dcompact = job_moved},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

rb_job_t *job_of(VALUE self)
{
    rb_job_t *job;
    TypedData_Get_Struct(self, rb_job_t, &job_type, job);
    loop_follow_fork(job->agent->loop);
    return job;
}

static const coding_t *coding_of(const rb_job_t *job)
{
    return NIL_P(job->handler) ? &job->agent->coding : &((handler_t *)RTYPEDDATA_DATA(job->handler))->coding;
}

VALUE job_new(agent_t *agent, const evg_event_t *event)
{
    rb_job_t *job;
    VALUE self = TypedData_Make_Struct(job_class, rb_job_t, &job_type, job);
    evg_job_init(&job->job);
    evg_list_init(&job->handling);
    job->self = self;
    job->marked_in = lifetime_new();
    job->thread = job->agent_value = job->handler = job->function = job->unique = job->workload = Qnil;
    job->unique = event->args[2].len ? name_string(event->args[2]) : Qnil;
    job->workload = binary_string(event->args[3]);
    job->number = ++numbers;
    job->agent = agent;
    job->agent_value = agent->self;
    evg_worker_accept(&agent->c->session, &job->job, event, job);
    job->assigned_at = agent->c->session.wire.now;
    handler_t *handler = job->job.function ? job->job.function->owner : NULL;
    job->handler = handler ? handler->self : Qnil;
    job->function = handler ? handler->name : name_string(event->args[1]);
    coding_tag(job->workload, coding_of(job)->encoding);
    return self;
}

/* -- saying something about it ------------------------------------------------------------------------------------- */

/* Raises what is about this job. */
static void check(const rb_job_t *job, int code)
{
    const failure_t about = {.function = job->function,
                             .handle = evg_bytes(job->job.handle, job->job.handle_len),
                             .server = server_of(job->agent),
                             .data = Qnil};
    error_check_about(&about, code);
}

/* true: it will be sent. false: the job is not ours any more. Else raises. */
static bool taken_p(rb_job_t *job, int r)
{
    if (r == EVG_EJOB_LOST || r == EVG_EJOB_TIMEOUT) return false;
    if (r < 0) check(job, r);
    return true;
}

/* Leaves at once, also from inside a running handler: a progress bar must move. */
static VALUE said(rb_job_t *job, int r)
{
    bool taken = taken_p(job, r);
    if (taken) evg_connection_flush(job->agent->c);
    return RBOOL(taken);
}

static evg_session_t *unanswered(rb_job_t *job)
{
    if (job->answered) check(job, EVG_EFINISHED);
    evg_connection_clock(job->agent->c);
    return &job->agent->c->session;
}

/* For what max_unsent bounds. Nobody else may write while its handler runs, so that is done before it is judged. */
static evg_session_t *session_with_room(rb_job_t *job)
{
    evg_session_t *s = unanswered(job);
    if (evg_session_unsent(s) >= s->options.max_unsent) evg_connection_flush(job->agent->c);
    return s;
}

static void forget_on_lost(rb_job_t *job)
{
    if (RHASH_SIZE(job->agent->on_lost)) rb_hash_delete(job->agent->on_lost, ULL2NUM(job->number));
}

static int answered(rb_job_t *job, int r)
{
    if (r < 0 && r != EVG_EJOB_LOST && r != EVG_EJOB_TIMEOUT) return r;
    job->answered = true;
    forget_on_lost(job);
    if (r == 0) job->agent->jobs_finished++;
    return r;
}

static int complete(rb_job_t *job, VALUE result)
{
    int r = evg_job_complete(unanswered(job), &job->job, bytes_of(result));
    RB_GC_GUARD(result);
    return answered(job, r);
}

bool job_complete(rb_job_t *job, VALUE result)
{
    return taken_p(job, complete(job, result));
}

/* call-seq: complete(result = "") -> true or false
 *
 * Sends WORK_COMPLETE: it is done, and this is its result. false: the job is lost or past its deadline, nothing is
 * sent. Raises JobFinishedError when it has its answer already. */
static VALUE job_complete_now(int argc, VALUE *argv, VALUE self)
{
    rb_job_t *job = job_of(self);
    rb_check_arity(argc, 0, 1);
    VALUE result = coding_dump(coding_of(job)->coder, argc ? argv[0] : rb_str_new(NULL, 0), "result");
    return said(job, complete(job, result));
}

/* call-seq: fail -> true or false
 *
 * Sends WORK_FAIL: it could not be done. Answers and raises as `complete`. */
VALUE job_fail(VALUE self)
{
    rb_job_t *job = job_of(self);
    return said(job, answered(job, evg_job_fail(unanswered(job), &job->job)));
}

/* call-seq: exception(error) -> true or false
 *
 * Sends WORK_EXCEPTION, which ends the job (with a WORK_FAIL behind it to Perl's server): at most 64 KiB of the
 * message. Answers and raises as `complete`. */
VALUE job_exception(VALUE self, VALUE data)
{
    rb_job_t *job = job_of(self);
    if (RTEST(rb_obj_is_kind_of(data, rb_eException))) data = rb_funcall(data, rb_intern("message"), 0);
    data = string_of(data, "error");
    int r = evg_job_exception(unanswered(job), &job->job, bytes_of(data));
    RB_GC_GUARD(data);
    return said(job, answered(job, r));
}

/* call-seq: send_data(bytes) -> true or false
 *
 * Sends WORK_DATA at once: a part of the result, or whatever its client wants to hear. false: the job is not ours any
 * more, nothing is sent. Raises BackpressureError when `max_unsent` bytes wait to be written. */
static VALUE job_send_data(VALUE self, VALUE data)
{
    rb_job_t *job = job_of(self);
    data = string_of(data, "data");
    VALUE sent = said(job, evg_job_data(session_with_room(job), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

/* call-seq: warning(bytes) -> true or false
 *
 * Sends WORK_WARNING at once. Answers and raises as `send_data`. */
static VALUE job_warning(VALUE self, VALUE data)
{
    rb_job_t *job = job_of(self);
    data = string_of(data, "data");
    VALUE sent = said(job, evg_job_warning(session_with_room(job), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

/* call-seq: status(numerator, denominator) -> true or false
 *
 * Sends WORK_STATUS at once: how far it is, in numbers from 0 to 2**32 - 1. Answers and raises as `send_data`. */
static VALUE job_status(VALUE self, VALUE numerator, VALUE denominator)
{
    rb_job_t *job = job_of(self);
    uint32_t upper = progress_of(numerator), lower = progress_of(denominator);
    return said(job, evg_job_status(session_with_room(job), &job->job, upper, lower));
}

VALUE job_where(const rb_job_t *job)
{
    VALUE where = rb_str_new_cstr("job ");
    if (!lifetime_over_p(job->marked_in)) {
        rb_str_cat(where, RSTRING_PTR(job->function), RSTRING_LEN(job->function));
        rb_str_cat(where, " ", 1);
    }
    rb_str_cat(where, job->job.handle, job->job.handle_len);
    return name_of(where);
}

/* -- losing it ----------------------------------------------------------------------------------------------------- */

void job_lost(agent_t *agent, evg_job_t *lost)
{
    rb_job_t *job = lost->owner;
    VALUE blocks = rb_hash_delete(agent->on_lost, ULL2NUM(job->number));
    if (NIL_P(blocks) || agent->loop->muted) return;
    for (long i = 0; i < RARRAY_LEN(blocks); i++) {
        call_t call = {.callable = RARRAY_AREF(blocks, i),
                       .subject = Qnil,
                       .agent = agent->self,
                       .args = {Qnil, Qnil},
                       .where = "on_lost"};
        calls_push(&agent->loop->done, &call);
    }
}

void job_expired(agent_t *agent, const evg_event_t *event)
{
    failure_t error = {.code = event->error, .text = event->text, .server = server_of(agent), .data = Qnil};
    if (!agent->loop->muted) agent_report(agent, error_new(&error), job_where(event->job->owner));
}

/* call-seq: on_lost { ... } -> self
 *
 * The block is called once, on the thread that turns the loop, when the connection ends before the answer; never when
 * it has ended already. */
static VALUE job_on_lost(VALUE self)
{
    rb_job_t *job = job_of(self);
    VALUE number = ULL2NUM(job->number), block = block_of("on_lost");
    if (job->job.state != EVG_JOB_HELD || job->answered) return self;
    VALUE blocks = rb_hash_lookup(job->agent->on_lost, number);
    if (NIL_P(blocks)) rb_hash_aset(job->agent->on_lost, number, blocks = rb_ary_new());
    rb_ary_push(blocks, block);
    return self;
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

/* call-seq: handle -> string
 *
 * What its server calls it. */
static VALUE job_handle(VALUE self)
{
    rb_job_t *job = job_of(self);
    return name_string(evg_bytes(job->job.handle, job->job.handle_len));
}

/* call-seq: function -> string
 *
 * What is to be done. */
static VALUE job_function(VALUE self)
{
    return job_of(self)->function;
}

/* call-seq: unique -> string or nil
 *
 * Its unique key; nil without one, and without `grab_unique:`. */
static VALUE job_unique(VALUE self)
{
    return job_of(self)->unique;
}

/* call-seq: workload -> string or object
 *
 * Its bytes; with a coder what that makes of them, once. Raises what the coder raises, each time. Also called
 * `data`. */
static VALUE job_workload(VALUE self)
{
    rb_job_t *job = job_of(self);
    VALUE coder = coding_of(job)->coder;
    if (NIL_P(coder) || job->loaded) return job->workload;
    VALUE value = coding_load(coder, job->workload);
    job->loaded = true;
    return job->workload = value;
}

/* call-seq: finished? -> true or false
 *
 * Was it answered? */
static VALUE job_finished_p(VALUE self)
{
    return RBOOL(job_of(self)->answered);
}

/* call-seq: lost? -> true or false
 *
 * Did its connection end before the answer? The server gives it to somebody else. */
static VALUE job_lost_p(VALUE self)
{
    return RBOOL(job_of(self)->job.state == EVG_JOB_LOST);
}

/* call-seq: elapsed -> float
 *
 * How long ago it was assigned, in seconds. */
static VALUE job_elapsed(VALUE self)
{
    return DBL2NUM(evg_monotonic() - job_of(self)->assigned_at);
}

/* call-seq: stopping? -> true or false
 *
 * Was its worker told to stop? Then a long handler may end early. */
static VALUE job_stopping_p(VALUE self)
{
    return RBOOL(job_of(self)->agent->c->session.worker.stopping);
}

VALUE jobs_in_flight(const agent_t *agent)
{
    VALUE jobs = rb_ary_new();
    const evg_list_t *held = &agent->c->session.worker.held;
    for (const evg_list_t *at = held->next; at != held; at = at->next) {
        const rb_job_t *job = evg_container(at, evg_job_t, link)->owner;
        if (!lifetime_over_p(job->marked_in)) rb_ary_push(jobs, job->self);
    }
    return jobs;
}

/* call-seq: worker -> worker
 *
 * The Worker that was given it. */
VALUE job_client(VALUE self)
{
    return job_of(self)->agent_value;
}

void Init_evg_job(void)
{
    VALUE module = rb_define_module("EVGearman");
    job_class = rb_define_class_under(module, "Job", rb_cObject);
    rb_undef_alloc_func(job_class);
    rb_gc_register_mark_object(job_class);
    rb_define_private_method(job_class, "_perform", job_perform, 0); /* in handler.c */
    rb_define_method(job_class, "handle", job_handle, 0);
    rb_define_method(job_class, "function", job_function, 0);
    rb_define_method(job_class, "unique", job_unique, 0);
    rb_define_method(job_class, "workload", job_workload, 0);
    rb_define_method(job_class, "worker", job_client, 0);
    rb_define_method(job_class, "complete", job_complete_now, -1);
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
