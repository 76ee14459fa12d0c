/* What there is to know of a job, and to say about it. */
#include "binding/client/job.h"
#include "binding/values/addresses.h"
#include "binding/values/assignment.h"
#include "binding/values/coding.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

/* Document-method: EVGearman::Job#handle
 *
 * call-seq: handle -> string
 *
 * What its server calls it. */

/* Document-method: EVGearman::Job#function
 *
 * call-seq: function -> string
 *
 * What is to be done. */

/* Document-method: EVGearman::Job#unique
 *
 * call-seq: unique -> string or nil
 *
 * Its unique key; nil without one, and without `grab_unique:`. */

/* call-seq: workload -> string or object
 *
 * Its bytes; with a coder what that makes of them, once. Raises what the coder raises, each time. Also called
 * `data`. */
static VALUE job_workload(VALUE self)
{
    rb_job_t *job = job_of(self);
    VALUE coder = job_coding(job)->coder;
    if (NIL_P(coder) || job->loaded) return job->common.workload;
    VALUE value = coding_load(coder, job->common.workload);
    job->loaded = true;
    return job->common.workload = value;
}

/* Document-method: EVGearman::Job#finished?
 *
 * call-seq: finished? -> true or false
 *
 * Was it answered? */

/* Document-method: EVGearman::Job#lost?
 *
 * call-seq: lost? -> true or false
 *
 * Did its connection end before the answer? The server gives it to somebody else. */

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
    return RBOOL(link_session(job_of(self)->link)->worker.stopping);
}

/* call-seq: on_lost { ... } -> self
 *
 * The block is called once, on the thread that turns the loop, when the connection ends before the answer; never when
 * it has ended already. */
static VALUE job_on_lost(VALUE self)
{
    rb_job_t *job = job_of(self);
    VALUE number = ULL2NUM(job->number), block = block_of("on_lost");
    if (job->common.job.state != EVG_JOB_HELD || job->common.answered) return self;
    VALUE blocks = rb_hash_lookup(job->agent->on_lost, number);
    if (NIL_P(blocks)) rb_hash_aset(job->agent->on_lost, number, blocks = rb_ary_new());
    rb_ary_push(blocks, block);
    return self;
}

/* call-seq: server -> string
 *
 * The server that gave it. */
static VALUE job_server(VALUE self)
{
    return address_string(job_of(self)->common.server);
}

/* call-seq: worker -> worker
 *
 * The Worker that was given it. */
static VALUE job_worker(VALUE self)
{
    return job_of(self)->agent_value;
}

/* -- saying something about it ------------------------------------------------------------------------------------- */

/* call-seq: complete(result = "") -> true or false
 *
 * Sends WORK_COMPLETE: it is done, and this is its result. false: the job is lost or past its deadline, nothing is
 * sent. Raises JobFinishedError when it has its answer already. */
static VALUE job_complete(int argc, VALUE *argv, VALUE self)
{
    const rb_job_t *job = job_of(self);
    rb_check_arity(argc, 0, 1);
    VALUE result = argc ? argv[0] : rb_str_new(NULL, 0);
    return assignment_complete_now(self, coding_dump(job_coding(job)->coder, result, "result"));
}

/* Document-method: EVGearman::Job#fail
 *
 * call-seq: fail -> true or false
 *
 * Sends WORK_FAIL: it could not be done. Answers and raises as `complete`. */

/* Document-method: EVGearman::Job#exception
 *
 * call-seq: exception(error) -> true or false
 *
 * Sends WORK_EXCEPTION, which ends the job (with a WORK_FAIL behind it to Perl's server): at most 64 KiB of the
 * message. Answers and raises as `complete`. */

/* Document-method: EVGearman::Job#send_data
 *
 * call-seq: send_data(bytes) -> true or false
 *
 * Sends WORK_DATA at once: a part of the result, or whatever its client wants to hear. false: the job is not ours any
 * more, nothing is sent. Raises BackpressureError when `max_unsent` bytes wait to be written. */

/* Document-method: EVGearman::Job#warning
 *
 * call-seq: warning(bytes) -> true or false
 *
 * Sends WORK_WARNING at once. Answers and raises as `send_data`. */

/* Document-method: EVGearman::Job#status
 *
 * call-seq: status(numerator, denominator) -> true or false
 *
 * Sends WORK_STATUS at once: how far it is, in numbers from 0 to 2**32 - 1. Answers and raises as `send_data`. */

void Init_evg_job(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE job_class = rb_define_class_under(module, "Job", rb_cObject);
    rb_define_method(job_class, "handle", assignment_handle, 0);
    rb_define_method(job_class, "function", assignment_function, 0);
    rb_define_method(job_class, "unique", assignment_unique, 0);
    rb_define_method(job_class, "workload", job_workload, 0);
    rb_define_method(job_class, "worker", job_worker, 0);
    rb_define_method(job_class, "server", job_server, 0);
    rb_define_method(job_class, "finished?", assignment_finished_p, 0);
    rb_define_method(job_class, "lost?", assignment_lost_p, 0);
    rb_define_method(job_class, "elapsed", job_elapsed, 0);
    rb_define_method(job_class, "stopping?", job_stopping_p, 0);
    rb_define_method(job_class, "on_lost", job_on_lost, 0);
    rb_define_method(job_class, "complete", job_complete, -1);
    rb_define_method(job_class, "fail", assignment_fail, 0);
    rb_define_method(job_class, "exception", assignment_exception, 1);
    rb_define_method(job_class, "send_data", assignment_send_data, 1);
    rb_define_method(job_class, "warning", assignment_warning, 1);
    rb_define_method(job_class, "status", assignment_status, 2);
}
