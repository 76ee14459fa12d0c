#include "binding/client/answers.h"

#include "binding/client/agent.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

static bool taken_p(const rb_job_t *job, int r)
{
    return error_job_taken_p(server_of(job->agent), job->function, &job->job, r);
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
    if (job->answered) taken_p(job, EVG_EFINISHED);
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
    VALUE result = coding_dump(job_coding(job)->coder, argc ? argv[0] : rb_str_new(NULL, 0), "result");
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

typedef int send_t(evg_session_t *s, evg_job_t *job, evg_bytes_t data);

static VALUE send_bytes(VALUE self, send_t *send, VALUE data)
{
    rb_job_t *job = job_of(self);
    data = string_of(data, "data");
    VALUE sent = said(job, send(session_with_room(job), &job->job, bytes_of(data)));
    RB_GC_GUARD(data);
    return sent;
}

/* call-seq: send_data(bytes) -> true or false
 *
 * Sends WORK_DATA at once: a part of the result, or whatever its client wants to hear. false: the job is not ours any
 * more, nothing is sent. Raises BackpressureError when `max_unsent` bytes wait to be written. */
static VALUE job_send_data(VALUE self, VALUE data)
{
    return send_bytes(self, evg_job_data, data);
}

/* call-seq: warning(bytes) -> true or false
 *
 * Sends WORK_WARNING at once. Answers and raises as `send_data`. */
static VALUE job_warning(VALUE self, VALUE data)
{
    return send_bytes(self, evg_job_warning, data);
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

void Init_evg_answers(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE job_class = rb_define_class_under(module, "Job", rb_cObject);
    rb_define_method(job_class, "complete", job_complete_now, -1);
    rb_define_method(job_class, "fail", job_fail, 0);
    rb_define_method(job_class, "exception", job_exception, 1);
    rb_define_method(job_class, "send_data", job_send_data, 1);
    rb_define_method(job_class, "warning", job_warning, 1);
    rb_define_method(job_class, "status", job_status, 2);
}
