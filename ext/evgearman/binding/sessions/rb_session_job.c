/* A Protocol::WorkerSession's abilities, its work loop, and the jobs it is given. */
#include "binding/sessions/rb_session_job.h"

#include "binding/sessions/session_life.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/function_names.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

static VALUE job_class;

typedef struct {
    evg_job_t job;
    VALUE self; /* for events only: nobody keeps a job that its user has forgotten */
    rb_session_t *session;
    VALUE session_value;
    VALUE function, unique, workload;
    size_t marked_in; /* see lifetime.h */
    bool answered;    /* complete, fail or exception was called */
} rb_session_job_t;

/* -- memory -------------------------------------------------------------------------------------------------------- */

static void job_mark(void *ptr)
{
    rb_session_job_t *job = ptr;
    job->marked_in = lifetime_marked();
    rb_gc_mark(job->self); /* it must not be moved */
    rb_gc_mark(job->session_value);
    rb_gc_mark(job->function);
    rb_gc_mark(job->unique);
    rb_gc_mark(job->workload);
}

/* A job that nobody can finish any more fails. */
static void job_free(void *ptr)
{
    rb_session_job_t *job = ptr;
    if (job->session && !job->session->dead) {
        (void)evg_job_fail(&job->session->s, &job->job);
        evg_job_forget(&job->session->s, &job->job);
    }
    if (job->session) session_leave(job->session);
    ruby_xfree(job);
}

static size_t job_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_session_job_t);
}

static const rb_data_type_t session_job_type = {
    .wrap_struct_name = "EVGearman::Protocol::WorkerSession::Job",
    .function = {.dmark = job_mark, .dfree = job_free, .dsize = job_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static rb_session_job_t *job_ptr(VALUE self)
{
    return rb_check_typeddata(self, &session_job_type);
}

VALUE session_job_new(VALUE session, const evg_event_t *event)
{
    rb_session_job_t *job;
    VALUE self = TypedData_Make_Struct(job_class, rb_session_job_t, &session_job_type, job);
    evg_job_init(&job->job);
    job->self = self;
    job->marked_in = lifetime_new();
    job->session_value = job->function = job->unique = job->workload = Qnil;
    job->function = name_string(event->args[1]);
    job->unique = event->args[2].len ? name_string(event->args[2]) : Qnil;
    job->workload = binary_string(event->args[3]);
    job->session_value = session;
    job->session = session_use(session);
    evg_worker_accept(&job->session->s, &job->job, event, job);
    evg_job_started(&job->session->s, &job->job);
    return self;
}

VALUE session_job_of(const evg_job_t *job)
{
    const rb_session_job_t *owner = job->owner;
    return lifetime_over_p(owner->marked_in) ? Qnil : owner->self;
}

/* -- saying something about it ------------------------------------------------------------------------------------- */

static VALUE said(const rb_session_job_t *job, int r)
{
    return RBOOL(error_job_taken_p(NULL, job->function, &job->job, r));
}

static evg_session_t *unanswered(rb_session_job_t *job)
{
    if (job->answered) said(job, EVG_EFINISHED);
    return &job->session->s;
}

static VALUE answered(rb_session_job_t *job, int r)
{
    VALUE sent = said(job, r);
    job->answered = true;
    return sent;
}

/* call-seq: complete(result = "") -> true or false
 *
 * Sends WORK_COMPLETE. false: the job is lost or past its timeout, nothing is sent. Raises JobFinishedError when it
 * has its answer already. */
static VALUE job_complete(int argc, VALUE *argv, VALUE self)
{
    rb_session_job_t *job = job_ptr(self);
    rb_check_arity(argc, 0, 1);
    VALUE result = argc ? argv[0] : rb_str_new(NULL, 0);
    result = string_of(result, "result");
    int r = evg_job_complete(unanswered(job), &job->job, bytes_of(result));
    RB_GC_GUARD(result);
    return answered(job, r);
}

/* call-seq: fail -> true or false
 *
 * Sends WORK_FAIL. Answers and raises as `complete`. */
static VALUE job_fail(VALUE self)
{
    rb_session_job_t *job = job_ptr(self);
    return answered(job, evg_job_fail(unanswered(job), &job->job));
}

static VALUE job_exception(VALUE self, VALUE data)
{
    rb_session_job_t *job = job_ptr(self);
    data = string_of(data, "data");
    int r = evg_job_exception(unanswered(job), &job->job, bytes_of(data));
    RB_GC_GUARD(data);
    return answered(job, r);
}

typedef int send_t(evg_session_t *s, evg_job_t *job, evg_bytes_t data);

static VALUE send_bytes(VALUE self, send_t *send, VALUE data)
{
    rb_session_job_t *job = job_ptr(self);
    data = string_of(data, "data");
    VALUE sent = said(job, send(unanswered(job), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

/* call-seq: send_data(bytes) -> true or false
 *
 * Sends WORK_DATA. false: the job is not ours any more, nothing is sent. Raises UnsupportedCommandError for Perl's
 * server, which does not know it. */
static VALUE job_send_data(VALUE self, VALUE data)
{
    return send_bytes(self, evg_job_data, data);
}

/* call-seq: warning(bytes) -> true or false
 *
 * Sends WORK_WARNING. Answers and raises as `send_data`. */
static VALUE job_warning(VALUE self, VALUE data)
{
    return send_bytes(self, evg_job_warning, data);
}

/* call-seq: status(numerator, denominator) -> true or false
 *
 * Sends WORK_STATUS: how far it is, in numbers from 0 to 2**32 - 1. false: the job is not ours any more, nothing is
 * sent. */
static VALUE job_status(VALUE self, VALUE numerator, VALUE denominator)
{
    rb_session_job_t *job = job_ptr(self);
    uint32_t upper = progress_of(numerator), lower = progress_of(denominator);
    return said(job, evg_job_status(unanswered(job), &job->job, upper, lower));
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

/* call-seq: handle -> string
 *
 * What its server calls it. */
static VALUE job_handle(VALUE self)
{
    const evg_job_t *job = &job_ptr(self)->job;
    return name_string(evg_bytes(job->handle, job->handle_len));
}

/* call-seq: function -> string
 *
 * What is to be done. */
static VALUE job_function(VALUE self)
{
    return job_ptr(self)->function;
}

/* call-seq: unique -> string or nil
 *
 * Its unique key; nil without one, and without `grab_unique:`. */
static VALUE job_unique(VALUE self)
{
    return job_ptr(self)->unique;
}

/* call-seq: workload -> string
 *
 * Its bytes, BINARY. Also called `data`. */
static VALUE job_workload(VALUE self)
{
    return job_ptr(self)->workload;
}

/* call-seq: finished? -> true or false
 *
 * Was it answered? */
static VALUE job_finished_p(VALUE self)
{
    return RBOOL(job_ptr(self)->answered);
}

/* call-seq: lost? -> true or false
 *
 * Did its connection end before the answer? The server gives it to somebody else. */
static VALUE job_lost_p(VALUE self)
{
    return RBOOL(job_ptr(self)->job.state == EVG_JOB_LOST);
}

/* call-seq: expired? -> true or false
 *
 * Was its time up before the answer? */
static VALUE job_expired_p(VALUE self)
{
    return RBOOL(job_ptr(self)->job.state == EVG_JOB_EXPIRED);
}

/* -- abilities and the work loop ----------------------------------------------------------------------------------- */

/* Every ability has an owner here, or the work loop would refuse its jobs. */
static VALUE worker_can_do(VALUE self, VALUE name, VALUE timeout, VALUE server_timeout)
{
    rb_session_t *session = session_of(self);
    double ours = limit_of(timeout, "timeout"), theirs = limit_of(server_timeout, "server_timeout");
    name = string_of(name, "function");
    error_check(NULL, evg_worker_can_do(&session->s, bytes_of(name), ours, theirs, session));
    return self;
}

/* call-seq: cant_do(name) -> self
 *
 * Takes an ability back (CANT_DO), before whatever is asked next. If jobs of that function are held, it waits for
 * their end, and no job is asked for before that, nor by `grab_job`. */
static VALUE worker_cant_do(VALUE self, VALUE name)
{
    name = string_of(name, "function");
    error_check(NULL, evg_worker_cant_do(&session_of(self)->s, bytes_of(name)));
    return self;
}

/* call-seq: reset_abilities -> self
 *
 * Takes all abilities back (RESET_ABILITIES), as `cant_do` does one. */
static VALUE worker_reset_abilities(VALUE self)
{
    error_check(NULL, evg_worker_reset_abilities(&session_of(self)->s));
    return self;
}

/* call-seq: functions -> array
 *
 * Names that are registered. */
static VALUE worker_functions(VALUE self)
{
    return function_names(&session_of(self)->s);
}

/* call-seq: work -> self
 *
 * Asks for jobs from now on, as many as `concurrency:` and `prefetch:` allow: GRAB_JOB_UNIQ or GRAB_JOB, PRE_SLEEP
 * when there is none. */
static VALUE worker_work(VALUE self)
{
    error_check(NULL, evg_worker_work(&session_of(self)->s));
    return self;
}

/* call-seq: work_one -> self
 *
 * Asks for exactly one job, sleeping until there is one; `:stopped` is told when that is finished. */
static VALUE worker_work_one(VALUE self)
{
    error_check(NULL, evg_worker_work_one(&session_of(self)->s));
    return self;
}

/* call-seq: work_stop -> self
 *
 * Asks for no more jobs. `:stopped` is told when all that are held, or come for what was asked, are finished. */
static VALUE worker_work_stop(VALUE self)
{
    evg_worker_stop(&session_of(self)->s);
    return self;
}

/* call-seq: working? -> true or false
 *
 * Does it ask for jobs? */
static VALUE worker_working_p(VALUE self)
{
    return RBOOL(evg_worker_working_p(&session_of(self)->s));
}

/* call-seq: busy_count -> integer
 *
 * Jobs that were assigned and are not finished. */
static VALUE worker_busy_count(VALUE self)
{
    return SIZET2NUM(session_of(self)->s.worker.held_count);
}

static void define_job(VALUE worker_class)
{
    job_class = rb_define_class_under(worker_class, "Job", rb_cObject);
    rb_undef_alloc_func(job_class);
    rb_gc_register_mark_object(job_class);
    rb_define_method(job_class, "handle", job_handle, 0);
    rb_define_method(job_class, "function", job_function, 0);
    rb_define_method(job_class, "unique", job_unique, 0);
    rb_define_method(job_class, "workload", job_workload, 0);
    rb_define_method(job_class, "complete", job_complete, -1);
    rb_define_method(job_class, "fail", job_fail, 0);
    rb_define_private_method(job_class, "_exception", job_exception, 1);
    rb_define_method(job_class, "send_data", job_send_data, 1);
    rb_define_method(job_class, "warning", job_warning, 1);
    rb_define_method(job_class, "status", job_status, 2);
    rb_define_method(job_class, "finished?", job_finished_p, 0);
    rb_define_method(job_class, "lost?", job_lost_p, 0);
    rb_define_method(job_class, "expired?", job_expired_p, 0);
}

void Init_evg_session_job(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE protocol = rb_define_module_under(module, "Protocol");
    VALUE session_class = rb_define_class_under(protocol, "Session", rb_cObject);
    VALUE worker_class = rb_define_class_under(protocol, "WorkerSession", session_class);
    define_job(worker_class);
    rb_define_private_method(worker_class, "_can_do", worker_can_do, 3);
    rb_define_method(worker_class, "cant_do", worker_cant_do, 1);
    rb_define_method(worker_class, "reset_abilities", worker_reset_abilities, 0);
    rb_define_method(worker_class, "functions", worker_functions, 0);
    rb_define_method(worker_class, "work", worker_work, 0);
    rb_define_method(worker_class, "work_one", worker_work_one, 0);
    rb_define_method(worker_class, "work_stop", worker_work_stop, 0);
    rb_define_method(worker_class, "working?", worker_working_p, 0);
    rb_define_method(worker_class, "busy_count", worker_busy_count, 0);
}
