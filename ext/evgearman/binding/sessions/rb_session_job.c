/* A Protocol::WorkerSession's abilities, its work loop, and the jobs it is given. */
#include "binding/sessions/rb_session_job.h"

#include "binding/sessions/session_life.h"
#include "binding/values/assignment.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/function_names.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

static VALUE job_class;

typedef struct {
    assignment_t common; /* first */
    rb_session_t *session;
    VALUE session_value;
} rb_session_job_t;

/* -- memory -------------------------------------------------------------------------------------------------------- */

static void job_mark(void *ptr)
{
    rb_session_job_t *job = ptr;
    assignment_mark(&job->common);
    rb_gc_mark(job->session_value);
}

/* A job that nobody can finish any more fails. */
static void job_free(void *ptr)
{
    rb_session_job_t *job = ptr;
    if (job->session && !job->session->dead) {
        (void)evg_job_fail(&job->session->s, &job->common.job);
        evg_job_forget(&job->session->s, &job->common.job);
    }
    if (job->session) session_leave(job->session);
    ruby_xfree(job);
}

static void job_moved(void *ptr)
{
    assignment_moved(ptr);
}

static size_t job_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_session_job_t);
}

static const rb_data_type_t session_job_type = {
    .wrap_struct_name = "EVGearman::Protocol::WorkerSession::Job",
    .function = {.dmark = job_mark, .dfree = job_free, .dsize = job_size, .dcompact = job_moved},
    .parent = &assignment_type,
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static evg_session_t *session_of_job(assignment_t *common, bool room)
{
    (void)room;
    return &((rb_session_job_t *)common)->session->s;
}

static rb_session_job_t *job_ptr(VALUE self)
{
    return rb_check_typeddata(self, &session_job_type);
}

VALUE session_job_new(VALUE session, const evg_event_t *event)
{
    static const assignment_ops_t ops = {.session = session_of_job};
    rb_session_job_t *job;
    VALUE self = TypedData_Make_Struct(job_class, rb_session_job_t, &session_job_type, job);
    job->session_value = Qnil;
    assignment_init(&job->common, self, &ops, event);
    job->common.function = name_string(event->args[1]);
    job->session_value = session;
    job->session = session_use(session);
    evg_worker_accept(&job->session->s, &job->common.job, event, job);
    evg_job_started(&job->session->s, &job->common.job);
    return self;
}

VALUE session_job_of(const evg_job_t *job)
{
    const assignment_t *common = job->owner;
    return lifetime_over_p(common->marked_in) ? Qnil : common->self;
}

/* -- its methods: those of assignment.h, and three ------------------------------------------------------------------- */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#handle
 *
 * call-seq: handle -> string
 *
 * What its server calls it. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#function
 *
 * call-seq: function -> string
 *
 * What is to be done. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#unique
 *
 * call-seq: unique -> string or nil
 *
 * Its unique key; nil without one, and without `grab_unique:`. */

/* call-seq: workload -> string
 *
 * Its bytes, BINARY. Also called `data`. */
static VALUE job_workload(VALUE self)
{
    return job_ptr(self)->common.workload;
}

/* call-seq: complete(result = "") -> true or false
 *
 * Sends WORK_COMPLETE. false: the job is lost or past its timeout, nothing is sent. Raises JobFinishedError when it
 * has its answer already. */
static VALUE job_complete(int argc, VALUE *argv, VALUE self)
{
    rb_check_arity(argc, 0, 1);
    return assignment_complete_now(self, argc ? string_of(argv[0], "result") : rb_str_new(NULL, 0));
}

/* Document-method: EVGearman::Protocol::WorkerSession::Job#fail
 *
 * call-seq: fail -> true or false
 *
 * Sends WORK_FAIL. Answers and raises as `complete`. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#exception
 *
 * call-seq: exception(error) -> true or false
 *
 * Sends WORK_EXCEPTION, which ends the job (with a WORK_FAIL behind it to Perl's server): at most 64 KiB of the
 * message. Answers and raises as `complete`. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#send_data
 *
 * call-seq: send_data(bytes) -> true or false
 *
 * Sends WORK_DATA. false: the job is not ours any more, nothing is sent. Raises UnsupportedCommandError for Perl's
 * server, which does not know it. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#warning
 *
 * call-seq: warning(bytes) -> true or false
 *
 * Sends WORK_WARNING. Answers and raises as `send_data`. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#status
 *
 * call-seq: status(numerator, denominator) -> true or false
 *
 * Sends WORK_STATUS: how far it is, in numbers from 0 to 2**32 - 1. false: the job is not ours any more, nothing is
 * sent. */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#finished?
 *
 * call-seq: finished? -> true or false
 *
 * Was it answered? */

/* Document-method: EVGearman::Protocol::WorkerSession::Job#lost?
 *
 * call-seq: lost? -> true or false
 *
 * Did its connection end before the answer? The server gives it to somebody else. */

/* call-seq: expired? -> true or false
 *
 * Was its time up before the answer? */
static VALUE job_expired_p(VALUE self)
{
    return RBOOL(job_ptr(self)->common.job.state == EVG_JOB_EXPIRED);
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
    evg_worker_reset_abilities(&session_of(self)->s);
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
    rb_define_method(job_class, "handle", assignment_handle, 0);
    rb_define_method(job_class, "function", assignment_function, 0);
    rb_define_method(job_class, "unique", assignment_unique, 0);
    rb_define_method(job_class, "workload", job_workload, 0);
    rb_define_method(job_class, "complete", job_complete, -1);
    rb_define_method(job_class, "fail", assignment_fail, 0);
    rb_define_method(job_class, "exception", assignment_exception, 1);
    rb_define_method(job_class, "send_data", assignment_send_data, 1);
    rb_define_method(job_class, "warning", assignment_warning, 1);
    rb_define_method(job_class, "status", assignment_status, 2);
    rb_define_method(job_class, "finished?", assignment_finished_p, 0);
    rb_define_method(job_class, "lost?", assignment_lost_p, 0);
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
