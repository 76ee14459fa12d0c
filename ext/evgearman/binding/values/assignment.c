#include "binding/values/assignment.h"

#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

const rb_data_type_t assignment_type = {.wrap_struct_name = "EVGearman::Job or Protocol::WorkerSession::Job"};

void assignment_init(assignment_t *job, VALUE self, const assignment_ops_t *ops, const evg_event_t *event)
{
    evg_job_init(&job->job);
    job->ops = ops;
    job->self = self;
    job->marked_in = lifetime_new();
    job->function = job->unique = job->workload = Qnil;
    job->unique = event->args[2].len ? name_string(event->args[2]) : Qnil;
    job->workload = binary_string(event->args[3]);
}

void assignment_mark(assignment_t *job)
{
    job->marked_in = lifetime_marked();
    rb_gc_mark(job->function);
    rb_gc_mark(job->unique);
    rb_gc_mark(job->workload);
}

void assignment_moved(assignment_t *job)
{
    job->self = rb_gc_location(job->self);
}

static assignment_t *assignment_of(VALUE self)
{
    assignment_t *job = rb_check_typeddata(self, &assignment_type);
    if (job->ops->used) job->ops->used(job);
    return job;
}

/* -- saying something about it ------------------------------------------------------------------------------------- */

static bool taken_p(const assignment_t *job, int r)
{
    return r == 0 || error_job_taken_p(job->server, job->function, &job->job, r);
}

static VALUE said(assignment_t *job, int r)
{
    bool taken = taken_p(job, r);
    if (taken && job->ops->said) job->ops->said(job);
    return RBOOL(taken);
}

static evg_session_t *unanswered(assignment_t *job, bool room)
{
    if (job->answered) taken_p(job, EVG_EFINISHED);
    return job->ops->session(job, room);
}

static int answered(assignment_t *job, int r)
{
    if (r < 0 && r != EVG_EJOB_LOST && r != EVG_EJOB_TIMEOUT) return r;
    job->answered = true;
    if (job->ops->answered) job->ops->answered(job, r == 0);
    return r;
}

static int complete(assignment_t *job, VALUE result)
{
    int r = evg_job_complete(unanswered(job, false), &job->job, bytes_of(result));
    RB_GC_GUARD(result);
    return answered(job, r);
}

bool assignment_complete(assignment_t *job, VALUE result)
{
    return taken_p(job, complete(job, result));
}

VALUE assignment_complete_now(VALUE self, VALUE result)
{
    assignment_t *job = assignment_of(self);
    return said(job, complete(job, result));
}

VALUE assignment_fail(VALUE self)
{
    assignment_t *job = assignment_of(self);
    return said(job, answered(job, evg_job_fail(unanswered(job, false), &job->job)));
}

VALUE assignment_exception(VALUE self, VALUE error)
{
    assignment_t *job = assignment_of(self);
    if (RTEST(rb_obj_is_kind_of(error, rb_eException))) error = rb_funcall(error, rb_intern("message"), 0);
    error = string_of(error, "error");
    int r = evg_job_exception(unanswered(job, false), &job->job, bytes_of(error));
    RB_GC_GUARD(error);
    return said(job, answered(job, r));
}

typedef int send_t(evg_session_t *s, evg_job_t *job, evg_bytes_t data);

static VALUE send_bytes(VALUE self, send_t *send, VALUE data)
{
    assignment_t *job = assignment_of(self);
    data = string_of(data, "data");
    VALUE sent = said(job, send(unanswered(job, true), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

VALUE assignment_send_data(VALUE self, VALUE data)
{
    return send_bytes(self, evg_job_data, data);
}

VALUE assignment_warning(VALUE self, VALUE data)
{
    return send_bytes(self, evg_job_warning, data);
}

VALUE assignment_status(VALUE self, VALUE numerator, VALUE denominator)
{
    assignment_t *job = assignment_of(self);
    uint32_t upper = progress_of(numerator), lower = progress_of(denominator);
    return said(job, evg_job_status(unanswered(job, true), &job->job, upper, lower));
}

/* -- what there is to know ----------------------------------------------------------------------------------------- */

VALUE assignment_handle(VALUE self)
{
    const evg_job_t *job = &assignment_of(self)->job;
    return name_string(evg_bytes(job->handle, job->handle_len));
}

VALUE assignment_function(VALUE self)
{
    return assignment_of(self)->function;
}

VALUE assignment_unique(VALUE self)
{
    return assignment_of(self)->unique;
}

VALUE assignment_finished_p(VALUE self)
{
    return RBOOL(assignment_of(self)->answered);
}

VALUE assignment_lost_p(VALUE self)
{
    return RBOOL(assignment_of(self)->job.state == EVG_JOB_LOST);
}
