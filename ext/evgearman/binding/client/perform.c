#include "binding/client/perform.h"

#include "binding/client/handler.h"
#include "binding/client/hooks.h"
#include "binding/client/job.h"
#include "binding/drive/attend.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/loop/deputy.h"
#include "binding/values/assignment.h"
#include "binding/values/coding.h"
#include "binding/values/forks.h"

static const double quick = 0.0005; /* seconds: a handler that takes longer has its answer written at once */

/* -- its value ----------------------------------------------------------------------------------------------------- */

/* Without a coder nil is "", and what is no String is a mistake. */
static VALUE bytes_to_send(VALUE coder, VALUE value)
{
    if (!NIL_P(coder)) return coding_dump(coder, value, "result");
    if (NIL_P(value)) return rb_str_new(NULL, 0);
    VALUE bytes = rb_check_string_type(value);
    if (!NIL_P(bytes)) return bytes;
    rb_raise(rb_eTypeError, "a handler's value must be a String or nil, not %" PRIsVALUE, rb_obj_class(value));
}

static void complete_with(rb_job_t *job, VALUE value)
{
    VALUE bytes = bytes_to_send(job_handler(job)->coding.coder, value);
    if (!job->common.answered && assignment_complete(&job->common, bytes)) evg_connection_asked(job->link->c);
}

static VALUE handle(VALUE self)
{
    rb_job_t *job = job_at(self);
    VALUE value = rb_funcall(job_handler(job)->callable, rb_intern("call"), 1, self);
    if (!job_handler(job)->async && !job->common.answered) complete_with(job, value);
    return Qnil;
}

/* -- its exception ------------------------------------------------------------------------------------------------- */

/* A Timeout of who drives ends his wait, as a throw does; one inside the handler has become a Timeout::Error. */
static bool timeout_p(VALUE error)
{
    return strcmp(rb_obj_classname(error), "Timeout::ExitException") == 0;
}

/* The process is to end, or whoever drives is: that is not for the job to say. */
static void go_on_if_leaving(VALUE error)
{
    bool ends = RTEST(rb_obj_is_kind_of(error, rb_eSystemExit)) || RTEST(rb_obj_is_kind_of(error, rb_eSignal));
    if (ends || timeout_p(error)) rb_exc_raise(error);
}

static VALUE message_of(VALUE error)
{
    VALUE message = rb_funcall(error, rb_intern("message"), 0);
    return StringValue(message);
}

static VALUE no_message(VALUE unused, VALUE failure)
{
    (void)unused;
    go_on_if_leaving(failure);
    return rb_class_name(rb_obj_class(failure));
}

typedef struct {
    VALUE job, error;
} failed_t;

/* Its message goes to the client, if the exceptions option is on. */
static VALUE fail_with(VALUE arg)
{
    const failed_t *failed = (const failed_t *)arg;
    rb_job_t *job = job_at(failed->job);
    bool told = link_session(job->link)->options.exceptions;
    VALUE message = told ? rb_rescue2(message_of, failed->error, no_message, Qnil, rb_eException, (VALUE)0) : Qnil;
    if (job->common.answered) return Qnil;
    return told ? assignment_exception(failed->job, message) : assignment_fail(failed->job);
}

/* There was no memory to say so, and its connection has to: see `leave`. */
static VALUE not_failed(VALUE unused, VALUE failure)
{
    (void)unused;
    go_on_if_leaving(failure);
    return Qnil;
}

/* Whatever a handler raises is its job's end and no more, unless it is meant for others. Answers it. */
static VALUE failed(VALUE self, VALUE error)
{
    go_on_if_leaving(error);
    failed_t failed = {self, error};
    const rb_job_t *job = job_at(self);
    VALUE where = job_where(job);
    rb_rescue2(fail_with, (VALUE)&failed, not_failed, Qnil, rb_eException, (VALUE)0);
    hook_report(job->agent, error, where);
    return error;
}

static VALUE handle_or_fail(VALUE self)
{
    return rb_rescue2(handle, self, failed, self, rb_eException, (VALUE)0);
}

/* -- running ------------------------------------------------------------------------------------------------------- */

/* Neither answered nor failed: what leaves the process, a throw or a killed thread goes through. The job is handed back
 * by closing the connection; the server gives it to somebody else. */
static VALUE leave(VALUE self)
{
    rb_job_t *job = job_at(self);
    evg_connection_t *c = job->link->c;
    bool jumped = job->common.job.entered && !job_handler(job)->async && !job->common.answered &&
                  job->common.job.state == EVG_JOB_HELD;
    evg_job_left(&c->session, &job->common.job);
    if (jumped) evg_connection_hand_back(c);
    return Qnil;
}

/* Answers what the handler raised, or nil. */
static VALUE run(rb_job_t *job, VALUE self)
{
    evg_session_t *s = link_session(job->link);
    evg_connection_clock(job->link->c);
    evg_job_started(s, &job->common.job);
    if (job->common.job.function && job->common.job.function->timeout > 0)
        evg_connection_changed(job->link->c); /* its deadline is new */
    evg_job_entered(&job->common.job);
    return rb_ensure(handle_or_fail, self, leave, self);
}

/* Answers of quick jobs go out together, at the end of the turn; but none waits for a handler that may be slow. */
static void write_before(rb_job_t *job)
{
    double longest = job_handler(job)->longest;
    bool known_quick = longest > 0 && longest <= quick;
    evg_connection_t *c = job->link->c;
    if (!known_quick && evg_session_unsent(&c->session) > 0) evg_connection_flush(c);
}

/* By the clock of its answer. */
static void write_if_late(rb_job_t *job)
{
    handler_t *handler = job_handler(job);
    evg_connection_t *c = job->link->c;
    double took = c->session.wire.now - job->common.job.started_at;
    handler->longest = took > handler->longest ? took : 0.99 * handler->longest + 1e-9;
    if (took > quick) evg_connection_flush(c);
}

static bool for_pool_p(const rb_job_t *job)
{
    return !NIL_P(job->agent->pool) && !job_handler(job)->async;
}

/* An interrupt of this thread may hit the first and the last call: then job_run comes again. */
static VALUE to_pool(rb_job_t *job, VALUE self)
{
    agent_t *agent = job->agent;
    VALUE pool = agent->pool;
    if (agent->pool_forks != evg_forks) {
        rb_funcall(pool, rb_intern("begin_anew"), 0);
        agent->pool_forks = evg_forks;
    }
    if (!job->pooled) {
        VALUE jobs = rb_funcall(pool, rb_intern("jobs"), 0);
        if (NIL_P(jobs)) return Qnil;
        rb_funcall(jobs, rb_intern("push"), 1, self);
        job->pooled = true;
    }
    return rb_funcall(pool, rb_intern("attend"), 0);
}

/* On the thread that drives. */
static VALUE job_run(const call_t *call)
{
    VALUE self = call->subject;
    rb_job_t *job = job_at(self);
    if (NIL_P(job->handler)) return Qnil;
    if (for_pool_p(job)) return to_pool(job, self);
    write_before(job);
    if (job->common.job.state != EVG_JOB_HELD) return Qnil; /* lost while it waited */
    run(job, self);
    write_if_late(job);
    return Qnil;
}

static rb_job_t *job_of_call(const call_t *call)
{
    return RTYPEDDATA_DATA(call->subject);
}

static bool job_begins(const call_t *call, uint64_t seat)
{
    (void)seat;
    rb_job_t *job = job_of_call(call);
    loop_t *loop = job->agent->loop;
    job->thread = loop->seat.thread;
    evg_list_append(&loop->handling, &job->handling);
    if (!evg_list_empty_p(&loop->deputies)) deputies_wake(loop);
    return true;
}

static void job_ends(const call_t *call, uint64_t seat)
{
    (void)seat;
    rb_job_t *job = job_of_call(call);
    evg_list_unlink(&job->handling);
    loop_t *loop = job->agent->loop;
    if (!evg_list_empty_p(&loop->deputies)) deputies_relieve(loop);
}

/* On its way to the pool. One whose handler was left is handed back already. */
static void job_interrupted(const call_t *call)
{
    rb_job_t *job = job_of_call(call);
    if (!NIL_P(job->handler) && for_pool_p(job) && job->common.job.state == EVG_JOB_HELD)
        calls_put_back(&job->agent->loop->jobs, call);
}

void job_queue(agent_t *agent, VALUE job)
{
    static const call_kind_t handling = {
        .run = job_run, .begin = job_begins, .end = job_ends, .interrupted = job_interrupted};
    call_t call = {.kind = &handling,
                   .callable = Qnil,
                   .subject = job,
                   .agent = agent->self,
                   .args = {Qnil, Qnil},
                   .where = "job"};
    calls_push(&agent->loop->jobs, &call);
}

VALUE jobs_threads(const agent_t *agent)
{
    VALUE threads = rb_ary_new();
    const evg_list_t *handling = &agent->loop->handling;
    for (const evg_list_t *at = handling->next; at != handling; at = at->next) {
        const rb_job_t *job = evg_container(at, rb_job_t, handling);
        if (job->agent == agent) rb_ary_push(threads, job->thread);
    }
    return threads;
}

/* On a thread of the pool, or of whoever calls it: what the handler raises is answered, and goes to on_callback_error among
 * the blocks. */
static VALUE job_perform(VALUE self)
{
    rb_job_t *job = job_of(self);
    if (job->common.job.state != EVG_JOB_HELD) return Qnil;
    VALUE error = run(job, self);
    evg_connection_flush(job->link->c);
    return error;
}

void Init_evg_perform(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE job_class = rb_define_class_under(module, "Job", rb_cObject);
    rb_define_private_method(job_class, "_perform", job_perform, 0);
}
