/* What there is to know of a job. */
#include "binding/client/job.h"
#include "binding/values/coding.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

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
    VALUE coder = job_coding(job)->coder;
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

/* call-seq: worker -> worker
 *
 * The Worker that was given it. */
static VALUE job_worker(VALUE self)
{
    return job_of(self)->agent_value;
}

void Init_evg_job(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE job_class = rb_define_class_under(module, "Job", rb_cObject);
    rb_define_method(job_class, "handle", job_handle, 0);
    rb_define_method(job_class, "function", job_function, 0);
    rb_define_method(job_class, "unique", job_unique, 0);
    rb_define_method(job_class, "workload", job_workload, 0);
    rb_define_method(job_class, "worker", job_worker, 0);
    rb_define_method(job_class, "finished?", job_finished_p, 0);
    rb_define_method(job_class, "lost?", job_lost_p, 0);
    rb_define_method(job_class, "elapsed", job_elapsed, 0);
    rb_define_method(job_class, "stopping?", job_stopping_p, 0);
    rb_define_method(job_class, "on_lost", job_on_lost, 0);
}
