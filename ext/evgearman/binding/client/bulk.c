/* Many background jobs in one go, and one Task for all of them. */
#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/batch.h"
#include "binding/client/batch_end.h"
#include "binding/client/routing.h"
#include "binding/client/pending.h"
#include "binding/client/task.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/errors.h"
#include "binding/values/strings.h"
#include "binding/values/packets.h"
#include "binding/values/unique.h"

/* The arguments of _submit_bg. What is sent of all jobs lies in one flat Array, so many columns for each. */
enum { FUNCTION, WORKLOAD, UNIQUE, COMMAND, RUN_AT, COLUMNS, CODER = COLUMNS, ARGUMENTS };

static VALUE cell(VALUE table, long row, long column)
{
    return RARRAY_AREF(table, row * COLUMNS + column);
}

/* A job is [function], [function, workload], or all arguments; what it lacks is as usual. Runs Ruby code. */
static void add_row(VALUE table, VALUE job, const VALUE usual[ARGUMENTS])
{
    VALUE row[ARGUMENTS];
    long given = RB_TYPE_P(job, T_ARRAY) ? RARRAY_LEN(job) : 0;
    if (given < 1 || (given > 2 && given != ARGUMENTS)) {
        blame_caller(rb_eArgError, "a job is an Array of function, workload and a Hash of options");
    }
    memcpy(row, usual, sizeof row);
    for (long i = 0; i < given; i++) row[i] = RARRAY_AREF(job, i);
    row[FUNCTION] = string_of(row[FUNCTION], "function");
    row[UNIQUE] = unique_option(row[UNIQUE], usual[UNIQUE]);
    row[WORKLOAD] = coding_dump(coder_of(row[CODER], usual[CODER]), row[WORKLOAD], "workload");
    if (!NIL_P(row[UNIQUE]) && !unique_auto_p(row[UNIQUE])) row[UNIQUE] = string_of(row[UNIQUE], "unique");
    rb_ary_cat(table, row, COLUMNS);
}

/* Bytes of everything, before anything is looked at. */
static VALUE table_of(VALUE jobs, VALUE unique, VALUE coder)
{
    VALUE usual[ARGUMENTS] = {Qnil, rb_str_new(NULL, 0), unique, packet_name(EVG_SUBMIT_JOB_BG), Qnil, coder};
    VALUE table = rb_ary_new_capa(RARRAY_LEN(jobs) * COLUMNS);
    for (long i = 0; i < RARRAY_LEN(jobs); i++) add_row(table, RARRAY_AREF(jobs, i), usual);
    return table;
}

static evg_submission_t submission_in(VALUE table, long row)
{
    VALUE unique = cell(table, row, UNIQUE), run_at = cell(table, row, RUN_AT);
    bool given = !NIL_P(unique) && !unique_auto_p(unique);
    return (evg_submission_t){.type = submission_type(cell(table, row, COMMAND)),
                              .function = bytes_of(cell(table, row, FUNCTION)),
                              .unique = given ? bytes_of(unique) : evg_bytes("", 0),
                              .workload = bytes_of(cell(table, row, WORKLOAD)),
                              .run_at = NIL_P(run_at) ? 0 : NUM2LL(run_at)};
}

/* That its program gave it, or nil. */
static VALUE key_in(VALUE table, long row)
{
    VALUE unique = cell(table, row, UNIQUE);
    bool given = !NIL_P(unique) && !unique_auto_p(unique) && RSTRING_LEN(unique) > 0;
    return given ? unique : Qnil;
}

static void check_table(const link_t *link, VALUE table, long count)
{
    for (long i = 0; i < count; i++) {
        const evg_submission_t submission = submission_in(table, i);
        const failure_t about = {.function = cell(table, i, FUNCTION), .server = server_of(link), .data = Qnil};
        error_check_about(&about, evg_client_check(link_session(link), &submission));
    }
}

/* For their errors. Neighbours of one name share a String: mostly there is but one. */
static VALUE functions_of(VALUE table, long count)
{
    VALUE functions = rb_ary_new_capa(count), last = Qnil;
    for (long i = 0; i < count; i++) {
        VALUE name = cell(table, i, FUNCTION);
        if (NIL_P(last) || !RTEST(rb_str_equal(last, name))) last = rb_str_new_frozen(name);
        rb_ary_push(functions, last);
    }
    return functions;
}

/* Before any is asked: a route may be Ruby code. */
static void choose_all(const view_t *view, batch_t *batch, VALUE table, long count)
{
    for (long i = 0; i < count; i++) {
        batch->parts[i].link = routing_choose(view, cell(table, i, FUNCTION), key_in(table, i));
    }
}

/* Takes as many as it can; the error of the first that it cannot. */
static int ask_all(const view_t *view, batch_t *batch, VALUE table, long count)
{
    for (long i = 0; i < count; i++) {
        evg_submission_t submission = submission_in(table, i);
        part_t *part = &batch->parts[i];
        if (unique_auto_p(cell(table, i, UNIQUE))) submission.unique = unique_key();
        int r = evg_client_submit(link_session(part->link), &part->request, &submission);
        if (r < 0) return r;
        routing_take(view, &part->request, !NIL_P(key_in(table, i)));
        batch->left++;
        evg_connection_asked(part->link->c);
    }
    return 0;
}

/* One Error for neighbours of one name. */
static void refuse_rest(batch_t *batch, int code, long count)
{
    const link_t *link = batch->parts[batch->left].link;
    failure_t failure = {.code = code, .delivery = EVG_NOT_SENT, .server = server_of(link), .data = Qnil};
    VALUE error = Qnil;
    for (long i = (long)batch->left; i < count; i++) {
        VALUE function = RARRAY_AREF(batch->functions, i);
        if (function != failure.function) {
            failure.function = function;
            error = error_new(&failure);
        }
        rb_ary_store(batch->results, i, error);
    }
}

static VALUE client_submit_all(VALUE self, VALUE jobs, VALUE coder)
{
    task_t *task;
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    Check_Type(jobs, T_ARRAY);
    VALUE table = table_of(jobs, agent_of(self)->unique, coder_of(coder, agent_of(self)->coding.coder));
    long count = RARRAY_LEN(table) / COLUMNS;
    view_t *view = open_view_of(self);
    agent_t *agent = view->agent;
    check_table(view->links, table, count);
    unique_key(); /* the first one draws random bytes: that may raise, and is not to do so half way */
    VALUE task_value = task_new(view->links, Qnil, Qnil, block, &task);
    task->batch = batch_new(task_value, task, functions_of(table, count), count);
    task->several = view->count > 1;
    choose_all(view, task->batch, table, count);
    if (count > 0) task->link = task->batch->parts->link;
    agent_prepare(agent);
    pending_add(&agent->pending, task_value, &task->place);
    int r = ask_all(view, task->batch, table, count);
    if (r < 0) refuse_rest(task->batch, r, count);
    if (task->batch->left == 0) batch_end(agent, task);
    RB_GC_GUARD(table);
    return task_value;
}

void Init_evg_bulk(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE client_class = rb_define_class_under(module, "Client", connection_class);
    rb_define_private_method(client_class, "_submit_all", client_submit_all, 2);
}
