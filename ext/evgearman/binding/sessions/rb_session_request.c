/* Requests of a Protocol::Session: each an object with one outcome, kept by its session until that is told. */
#include "binding/sessions/rb_session_request.h"

#include "binding/sessions/session_life.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/objects.h"
#include "binding/values/packets.h"
#include "binding/values/seconds.h"
#include "binding/values/shapes.h"
#include "binding/values/strings.h"
#include "binding/values/unique.h"

typedef struct {
    evg_request_t request;
    rb_session_t *session;
    VALUE session_value;
    VALUE function, unique, block;
    VALUE converter; /* makes the value of what the server sent, in Ruby; nil: that is the value */
    VALUE reply, error;
    VALUE exception; /* what a worker reported before its WORK_FAIL */
    size_t slot;     /* in session->pending */
    bool pending, done;
} rb_request_t;

static VALUE request_class;

/* -- memory -------------------------------------------------------------------------------------------------------- */

static void request_mark(void *ptr)
{
    rb_request_t *request = ptr;
    rb_gc_mark(request->session_value);
    rb_gc_mark(request->function);
    rb_gc_mark(request->unique);
    rb_gc_mark(request->block);
    rb_gc_mark(request->converter);
    rb_gc_mark(request->reply);
    rb_gc_mark(request->error);
    rb_gc_mark(request->exception);
}

/* One that is pending is collected only together with its session. */
static void request_free(void *ptr)
{
    rb_request_t *request = ptr;
    if (request->session && request->pending) session_dispose(request->session);
    if (request->session) session_leave(request->session);
    ruby_xfree(request);
}

static size_t request_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_request_t);
}

static const rb_data_type_t request_type = {
    .wrap_struct_name = "EVGearman::Protocol::Session::Request",
    .function = {.dmark = request_mark, .dfree = request_free, .dsize = request_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static rb_request_t *request_ptr(VALUE self)
{
    return rb_check_typeddata(self, &request_type);
}

static VALUE request_new(VALUE session, VALUE converter, rb_request_t **out)
{
    rb_request_t *request;
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    VALUE self = TypedData_Make_Struct(request_class, rb_request_t, &request_type, request);
    evg_request_init(&request->request, request);
    request->function = request->unique = request->reply = request->error = request->exception = Qnil;
    request->session_value = request->block = request->converter = Qnil;
    RB_OBJ_WRITE(self, &request->session_value, session);
    RB_OBJ_WRITE(self, &request->block, block);
    RB_OBJ_WRITE(self, &request->converter, converter);
    request->session = session_use(session);
    *out = request;
    return self;
}

static void reserve_pending(rb_session_t *session)
{
    if (session->pending_count < session->pending_cap) return;
    size_t cap = session->pending_cap ? session->pending_cap * 2 : 16;
    session->pending = ruby_xrealloc2(session->pending, cap, sizeof *session->pending);
    session->pending_cap = cap;
}

VALUE session_ask(VALUE session_value, ask_t *ask, const void *arg, VALUE converter)
{
    rb_request_t *request;
    VALUE self = request_new(session_value, converter, &request);
    rb_session_t *session = request->session;
    reserve_pending(session);
    error_check(NULL, ask(&session->s, &request->request, arg));
    session_grew(session);
    request->pending = true;
    request->slot = session->pending_count;
    session->pending[session->pending_count++] = self;
    return self;
}

/* The last one takes its place. */
static void no_longer_pending(rb_request_t *request)
{
    rb_session_t *session = request->session;
    VALUE last = session->pending[--session->pending_count];
    session->pending[request->slot] = last;
    request_ptr(last)->slot = request->slot;
    request->pending = false;
}

/* -- its outcome --------------------------------------------------------------------------------------------------- */

VALUE request_of(const evg_event_t *event)
{
    const rb_request_t *request = event->request->owner;
    return request->session->pending[request->slot];
}

void request_reported(const evg_event_t *event, VALUE data)
{
    rb_request_t *request = event->request->owner;
    RB_OBJ_WRITE(request_of(event), &request->exception, data);
}

void request_assigned(const evg_event_t *event, VALUE job)
{
    rb_request_t *request = event->request->owner;
    RB_OBJ_WRITE(request_of(event), &request->reply, job);
}

/* A String, or several. */
static VALUE reply_of(const rb_request_t *request, const evg_event_t *event)
{
    evg_command_t type = (evg_command_t)request->request.type;
    if (evg_command_grab_p(type)) return request->reply;
    if (type == EVG_OPTION_REQ) return Qtrue;
    if (evg_command_submit_p(type) && !evg_command_foreground_p(type)) return name_string(event->args[0]);
    if (event->argc == 1) return binary_string(event->args[0]);
    VALUE reply = rb_ary_new_capa(event->argc);
    for (int i = 0; i < event->argc; i++) rb_ary_push(reply, name_string(event->args[i]));
    return reply;
}

static VALUE error_of(const rb_request_t *request, const evg_event_t *event)
{
    failure_t error = {.code = event->error,
                       .text = event->text,
                       .delivery = event->delivery,
                       .request = event->request,
                       .function = request->function,
                       .data = Qnil};
    if (evg_error_fault(event->error) == EVG_SERVER && event->argc == 2) error.server_code = event->args[0];
    if (event->error == EVG_EJOB_EXCEPTION) error.data = binary_string(event->args[0]);
    if (event->error == EVG_EJOB_FAILED && !NIL_P(request->exception)) {
        error.code = EVG_EJOB_EXCEPTION; /* told before, by a server where it does not end the job */
        error.data = request->exception;
    }
    return error_new(&error);
}

VALUE request_done(const evg_event_t *event)
{
    rb_request_t *request = event->request->owner;
    VALUE self = request_of(event);
    bool failed = event->error != 0;
    VALUE outcome = failed ? error_of(request, event) : reply_of(request, event);
    RB_OBJ_WRITE(self, failed ? &request->error : &request->reply, outcome);
    request->done = true;
    no_longer_pending(request);
    return self;
}

/* -- what there is to know ----------------------------------------------------------------------------------------- */

/* call-seq: done? -> true or false
 *
 * Has it its outcome? */
static VALUE request_done_p(VALUE self)
{
    return RBOOL(request_ptr(self)->done);
}

static VALUE request_reply(VALUE self)
{
    return request_ptr(self)->reply;
}

static VALUE request_error(VALUE self)
{
    return request_ptr(self)->error;
}

static VALUE request_converter(VALUE self)
{
    return request_ptr(self)->converter;
}

static VALUE request_block(VALUE self)
{
    return request_ptr(self)->block;
}

/* call-seq: handle -> string or nil
 *
 * The handle of a job, from JOB_CREATED on; of a question for its status, the handle or key that was asked for. */
static VALUE request_handle(VALUE self)
{
    const evg_request_t *request = &request_ptr(self)->request;
    return request->handle_len ? name_string(evg_request_handle(request)) : Qnil;
}

/* call-seq: function -> string or nil
 *
 * The function of a submission. */
static VALUE request_function(VALUE self)
{
    return request_ptr(self)->function;
}

/* call-seq: unique -> string or nil
 *
 * The unique key of a submission, also one that was made. */
static VALUE request_unique(VALUE self)
{
    return request_ptr(self)->unique;
}

/* -- questions ----------------------------------------------------------------------------------------------------- */

static VALUE ask(VALUE self, ask_t *how, VALUE text, evg_shape_t shape, VALUE converter)
{
    question_t question = {rb_str_new_frozen(text), shape};
    VALUE request = session_ask(self, how, &question, converter);
    RB_GC_GUARD(question.text);
    return request;
}

/* call-seq: echo(data) -> request
 *           echo(data) { |data, error| ... } -> request
 *
 * Sends ECHO_REQ, which is answered with the same bytes. */
static VALUE session_echo(VALUE self, VALUE data)
{
    return ask(self, ask_echo, string_of(data, "data"), EVG_LINE, Qnil);
}

/* call-seq: option(name) -> request
 *           option(name) { |true, error| ... } -> request
 *
 * Sends OPTION_REQ, now if open, and on every connect. */
static VALUE session_option(VALUE self, VALUE name)
{
    return ask(self, ask_option, string_of(name, "option"), EVG_LINE, Qnil);
}

static VALUE session_get_status(VALUE self, VALUE handle, VALUE converter)
{
    return ask(self, ask_status, string_of(handle, "handle"), EVG_LINE, converter);
}

static VALUE session_get_status_unique(VALUE self, VALUE unique, VALUE converter)
{
    return ask(self, ask_status_unique, string_of(unique, "unique"), EVG_LINE, converter);
}

static VALUE session_admin(VALUE self, VALUE line, VALUE multiline, VALUE converter)
{
    line = string_of(line, "admin command");
    return ask(self, ask_admin, line, admin_shape(line, multiline), converter);
}

/* call-seq: grab_job -> request
 *           grab_job { |job, error| ... } -> request
 *
 * Asks once for a job of any function that was registered. It comes as `:assigned`, too; fails with NoJobError "no
 * job". */
static VALUE session_grab_job(VALUE self)
{
    return session_ask(self, ask_grab, NULL, Qnil);
}

/* call-seq: set_client_id(id) -> self
 *
 * Sends SET_CLIENT_ID, now if open, and on every connect. */
static VALUE session_set_client_id(VALUE self, VALUE id)
{
    id = string_of(id, "client_id");
    error_check(NULL, evg_session_set_client_id(&session_of(self)->s, bytes_of(id)));
    return self;
}

/* -- submissions --------------------------------------------------------------------------------------------------- */

/* command, function, workload, unique, run_at, timeout */
static VALUE session_submit(VALUE self, VALUE command, VALUE function, VALUE workload, VALUE unique, VALUE run_at,
                            VALUE timeout)
{
    function = rb_str_new_frozen(string_of(function, "function"));
    workload = rb_str_new_frozen(string_of(workload, "workload"));
    unique = unique_of(unique);
    const submit_t submission = {.command = submission_type(command),
                                 .function = function,
                                 .unique = unique,
                                 .workload = workload,
                                 .run_at = NIL_P(run_at) ? 0 : NUM2LL(run_at),
                                 .timeout = limit_of(timeout, "timeout")};
    VALUE request = session_ask(self, ask_submit, &submission, Qnil);
    RB_OBJ_WRITE(request, &request_ptr(request)->function, function);
    RB_OBJ_WRITE(request, &request_ptr(request)->unique, unique);
    RB_GC_GUARD(workload);
    return request;
}

void Init_evg_session_request(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE protocol = rb_define_module_under(module, "Protocol");
    VALUE session_class = rb_define_class_under(protocol, "Session", rb_cObject);
    VALUE worker_class = rb_define_class_under(protocol, "WorkerSession", session_class);
    VALUE client_class = rb_define_class_under(protocol, "ClientSession", session_class);
    request_class = rb_define_class_under(session_class, "Request", rb_cObject);
    rb_undef_alloc_func(request_class);
    rb_gc_register_mark_object(request_class);
    rb_define_private_method(request_class, "_reply", request_reply, 0);
    rb_define_private_method(request_class, "_error", request_error, 0);
    rb_define_private_method(request_class, "_converter", request_converter, 0);
    rb_define_private_method(request_class, "_block", request_block, 0);
    rb_define_method(request_class, "done?", request_done_p, 0);
    rb_define_method(request_class, "handle", request_handle, 0);
    rb_define_method(request_class, "function", request_function, 0);
    rb_define_method(request_class, "unique", request_unique, 0);
    rb_define_method(session_class, "echo", session_echo, 1);
    rb_define_method(session_class, "option", session_option, 1);
    rb_define_method(session_class, "set_client_id", session_set_client_id, 1);
    rb_define_private_method(session_class, "_admin", session_admin, 3);
    rb_define_private_method(client_class, "_get_status", session_get_status, 2);
    rb_define_private_method(client_class, "_get_status_unique", session_get_status_unique, 2);
    rb_define_private_method(client_class, "_submit", session_submit, 6);
    rb_define_method(worker_class, "grab_job", session_grab_job, 0);
}
