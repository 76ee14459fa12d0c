#include "binding/client/job.h"

#include "binding/client/hooks.h"
#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/lifetime.h"
#include "binding/values/strings.h"

static VALUE job_class;
static uint64_t numbers; /* of jobs, ever: keys of agent->on_lost */

static void job_mark(void *ptr)
{
    rb_job_t *job = ptr;
    assignment_mark(&job->common);
    rb_gc_mark(job->agent_value);
    rb_gc_mark(job->thread);
    rb_gc_mark(job->handler);
}

/* A job that nobody can finish any more fails, or its client would wait for ever. */
static void job_free(void *ptr)
{
    rb_job_t *job = ptr;
    evg_job_t *core = &job->common.job;
    bool held = core->state == EVG_JOB_HELD;
    if (job->agent && (held || evg_list_linked_p(&core->stuck))) {
        evg_session_t *s = link_session(job->link);
        if (held) (void)evg_job_fail(s, core);
        evg_job_forget(s, core);
        evg_connection_changed(job->link->c);
    }
    evg_list_unlink(&core->link);
    evg_list_unlink(&job->handling); /* its handler was left for good, with its fiber */
    ruby_xfree(job);
}

static void job_moved(void *ptr)
{
    assignment_moved(ptr);
}

static size_t job_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_job_t);
}

static const rb_data_type_t job_type = {
    .wrap_struct_name = "EVGearman::Job",
    .function = {.dmark = job_mark, .dfree = job_free, .dsize = job_size, .dcompact = job_moved},
    .parent = &assignment_type,
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

rb_job_t *job_of(VALUE self)
{
    rb_job_t *job;
    TypedData_Get_Struct(self, rb_job_t, &job_type, job);
    loop_follow_fork(job->agent->loop);
    return job;
}

/* -- what is said about it ------------------------------------------------------------------------------------------ */

static void used(assignment_t *common)
{
    loop_follow_fork(((rb_job_t *)common)->agent->loop);
}

/* Nobody else may write while its handler runs, so that is done before max_unsent is judged. */
static evg_session_t *session_of(assignment_t *common, bool room)
{
    evg_connection_t *c = ((rb_job_t *)common)->link->c;
    evg_session_t *s = &c->session;
    evg_connection_clock(c);
    if (room && evg_session_full_p(s)) evg_connection_flush(c);
    return s;
}

/* Leaves at once, also from inside a running handler: a progress bar must move. */
static void said(assignment_t *common)
{
    evg_connection_flush(((rb_job_t *)common)->link->c);
}

static void answered(assignment_t *common, bool sent)
{
    const rb_job_t *job = (rb_job_t *)common;
    agent_t *agent = job->agent;
    if (RHASH_SIZE(agent->on_lost)) rb_hash_delete(agent->on_lost, ULL2NUM(job->number));
    if (sent) agent->jobs_finished++;
}

/* -- its beginning -------------------------------------------------------------------------------------------------- */

VALUE job_new(link_t *link, const evg_event_t *event)
{
    static const assignment_ops_t ops = {.used = used, .session = session_of, .said = said, .answered = answered};
    rb_job_t *job;
    VALUE self = TypedData_Make_Struct(job_class, rb_job_t, &job_type, job);
    evg_list_init(&job->handling);
    job->thread = job->agent_value = job->handler = Qnil;
    assignment_init(&job->common, self, &ops, event);
    job->number = ++numbers;
    job->agent = link->agent;
    job->link = link;
    job->agent_value = link->agent->self;
    job->common.server = server_of(link);
    evg_worker_accept(link_session(link), &job->common.job, event, job);
    job->assigned_at = link_session(link)->wire.now;
    handler_t *handler = job->common.job.function ? job->common.job.function->owner : NULL;
    job->handler = handler ? handler->self : Qnil;
    job->common.function = handler ? handler->name : name_string(event->args[1]);
    coding_tag(job->common.workload, job_coding(job)->encoding);
    return self;
}

VALUE job_where(const rb_job_t *job)
{
    VALUE where = rb_str_new_cstr("job ");
    if (!lifetime_over_p(job->common.marked_in)) {
        rb_str_cat(where, RSTRING_PTR(job->common.function), RSTRING_LEN(job->common.function));
        rb_str_cat(where, " ", 1);
    }
    rb_str_cat(where, job->common.job.handle, job->common.job.handle_len);
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

void job_expired(link_t *link, const evg_event_t *event)
{
    agent_t *agent = link->agent;
    const rb_job_t *job = event->job->owner;
    const failure_t error = {.code = event->error,
                             .text = event->text,
                             .function = lifetime_over_p(job->common.marked_in) ? Qnil : job->common.function,
                             .handle = evg_bytes(job->common.job.handle, job->common.job.handle_len),
                             .server = server_of(link),
                             .data = Qnil};
    if (!agent->loop->muted) hook_report(agent, error_new(&error), job_where(job));
}

static void add_held(VALUE jobs, evg_session_t *s)
{
    for (evg_job_t *at = NULL; (at = evg_worker_next_job(s, at));) {
        const rb_job_t *job = at->owner;
        if (!lifetime_over_p(job->common.marked_in)) rb_ary_push(jobs, job->common.self);
    }
}

VALUE jobs_in_flight(const agent_t *agent)
{
    VALUE jobs = rb_ary_new();
    for (link_t *at = agent->view.links; at < links_end(&agent->view); at++) add_held(jobs, link_session(at));
    return jobs;
}

void Init_evg_job_class(void)
{
    VALUE module = rb_define_module("EVGearman");
    job_class = rb_define_class_under(module, "Job", rb_cObject);
    rb_undef_alloc_func(job_class);
    rb_gc_register_mark_object(job_class);
}
