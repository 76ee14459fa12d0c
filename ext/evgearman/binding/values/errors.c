#include "binding/values/errors.h"

#include "binding/values/addresses.h"
#include "binding/values/blame.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"

static VALUE evg_module, base_class;

/* Codes whose class is not told by their fault. */
static const char *class_name_of(int code)
{
    switch (code) {
    case EVG_ENOMEM: return "NoMemoryError";
    case EVG_ETOO_LARGE: return "PacketTooLargeError";
    case EVG_EBACKPRESSURE: return "BackpressureError";
    case EVG_ECLOSED:
    case EVG_EALREADY: return "ConnectionError";
    case EVG_EWORKING: return "ConcurrencyError";
    case EVG_EFINISHED: return "JobFinishedError";
    case EVG_ERESOLVE: return "ResolveError";
    case EVG_ECONNECT: return "ConnectError";
    case EVG_ECONNECT_TIMEOUT: return "ConnectTimeoutError";
    case EVG_ETLS: return "TLSError";
    case EVG_EEXHAUSTED: return "ReconnectExhaustedError";
    case EVG_ECOMMAND_TIMEOUT: return "CommandTimeoutError";
    case EVG_EFORKED: return "ForkedError";
    case EVG_EQUEUE_FULL: return "QueueFullError";
    case EVG_EARGUMENT_TOO_LARGE: return "ArgumentTooLargeError";
    case EVG_EUNSUPPORTED: return "UnsupportedCommandError";
    case EVG_EJOB_NOT_FOUND: return "JobNotFoundError";
    case EVG_ENO_JOB: return "NoJobError";
    case EVG_EJOB_EXCEPTION: return "JobExceptionError";
    case EVG_EJOB_LOST: return "JobLostError";
    case EVG_EJOB_TIMEOUT: return "JobTimeoutError";
    default: break;
    }
    switch (evg_error_fault(code)) {
    case EVG_USAGE: return "ArgumentError";
    case EVG_LINK: return "DisconnectedError";
    case EVG_SERVER: return "ServerError";
    case EVG_PEER: return "ProtocolError";
    case EVG_JOB: return "JobFailedError";
    default: return "Error";
    }
}

VALUE error_class(const char *name)
{
    return rb_const_get(evg_module, rb_intern(name));
}

static VALUE class_of_code(int code)
{
    ID name = rb_intern(class_name_of(code));
    bool ours = rb_const_defined_at(evg_module, name);
    return rb_const_get(ours ? evg_module : rb_cObject, name);
}

/* -- the message --------------------------------------------------------------------------------------------------- */

enum { SAID_MAX = 1000 }; /* bytes of what others said; `data` has all of it */

/* What others said may be in any encoding, or none: a message is UTF-8. */
static void add(VALUE message, evg_bytes_t bytes)
{
    VALUE text = rb_utf8_str_new((const char *)bytes.at, (long)bytes.len);
    VALUE scrubbed = rb_str_scrub(text, Qnil);
    rb_str_append(message, NIL_P(scrubbed) ? text : scrubbed);
}

static void add_said(VALUE message, evg_bytes_t said)
{
    while (said.len && said.at[said.len - 1] <= ' ') said.len--;
    if (!said.len) return;
    bool long_p = said.len > SAID_MAX;
    rb_str_cat_cstr(message, ": ");
    add(message, evg_bytes(said.at, long_p ? SAID_MAX : said.len));
    if (long_p) rb_str_cat_cstr(message, "...");
}

static void add_about(VALUE message, VALUE function, evg_bytes_t handle)
{
    if (!RTEST(function) && !handle.len) return;
    rb_str_cat_cstr(message, ", of");
    if (RTEST(function)) add(rb_str_cat_cstr(message, " "), bytes_of(function));
    if (handle.len) add(rb_str_cat_cstr(message, " "), handle);
}

static void add_server(VALUE message, VALUE server)
{
    if (NIL_P(server)) return;
    rb_str_cat_cstr(message, " (");
    add(message, bytes_of(server));
    rb_str_cat_cstr(message, ")");
}

static evg_bytes_t words_of(const failure_t *error)
{
    if (error->server_code.len) return error->server_code;
    return error->words.len ? error->words : evg_bytes_of(evg_error_text(error->code));
}

static evg_bytes_t handle_of(const failure_t *error)
{
    return error->request ? evg_request_handle(error->request) : error->handle;
}

static VALUE server_of(const failure_t *error)
{
    return error->server ? address_string(error->server) : Qnil;
}

/* First the words that a kind of error always has, then what is known of this one:
 * "QUEUE_ERROR: Job queue is full, of resize (127.0.0.1:4730)",
 * "exception: no such page, of show_page H:vm:3 (127.0.0.1:4730)". */
static VALUE message_of(const failure_t *error, VALUE server)
{
    VALUE message = rb_utf8_str_new(NULL, 0);
    bool data_p = !error->text.len && !NIL_P(error->data);
    add(message, words_of(error));
    add_said(message, data_p ? bytes_of(error->data) : error->text);
    add_about(message, error->function, handle_of(error));
    add_server(message, server);
    return message;
}

/* -- the exception ------------------------------------------------------------------------------------------------- */

static VALUE delivery_symbol(evg_delivery_t delivery)
{
    static const char *const names[] = {NULL, "not_sent", "unacknowledged", "accepted", "running"};
    return delivery == EVG_DELIVERY_NONE ? Qnil : ID2SYM(rb_intern(names[delivery]));
}

static void set(VALUE exception, const char *name, VALUE value)
{
    rb_ivar_set(exception, rb_intern(name), value);
}

/* Wrong arguments are the caller's alone. */
static VALUE foreign_error(VALUE klass, const failure_t *error)
{
    return rb_exc_new_str(klass, rb_utf8_str_new_cstr(evg_error_text(error->code)));
}

VALUE error_new(const failure_t *error)
{
    VALUE klass = error->klass ? error->klass : class_of_code(error->code);
    if (!RTEST(rb_class_inherited_p(klass, base_class))) return foreign_error(klass, error);
    VALUE server = server_of(error);
    VALUE exception = rb_exc_new_str(klass, message_of(error, server));
    evg_bytes_t handle = handle_of(error);
    set(exception, "@server", server);
    set(exception, "@delivery", delivery_symbol(error->delivery));
    if (error->request) set(exception, "@keyed", RBOOL(error->request->keyed));
    if (handle.len) set(exception, "@handle", name_string(handle));
    if (error->server_code.len) set(exception, "@code", name_string(error->server_code));
    if (!NIL_P(error->data)) set(exception, "@data", error->data);
    return exception;
}

VALUE error_at(const evg_address_t *server, VALUE exception)
{
    VALUE known = rb_obj_is_kind_of(exception, base_class) ? rb_attr_get(exception, rb_intern("@server")) : Qtrue;
    if (!NIL_P(known)) return exception;
    VALUE words = rb_String(exception);
    failure_t error = {.klass = rb_obj_class(exception), .words = bytes_of(words), .server = server, .data = Qnil};
    VALUE placed = error_new(&error);
    RB_GC_GUARD(words);
    return placed;
}

static VALUE copy_of(VALUE exception)
{
    VALUE copy = rb_obj_dup(exception);
    rb_funcall(copy, rb_intern("set_backtrace"), 1, Qnil);
    return copy;
}

VALUE error_own(VALUE exception)
{
    int state = 0;
    VALUE raised_at = rb_funcall(exception, rb_intern("backtrace"), 0);
    VALUE copy = rb_protect(copy_of, exception, &state);
    if (state) { /* its class does not like to be copied */
        rb_set_errinfo(Qnil);
        return exception;
    }
    if (!NIL_P(raised_at)) rb_ivar_set(copy, rb_intern("cause"), exception);
    return copy;
}

static VALUE own_error(VALUE module, VALUE exception)
{
    (void)module;
    return error_own(exception);
}

/* These are about what was to be sent. */
static bool refused_p(int code)
{
    return code == EVG_ETOO_LARGE || code == EVG_EBACKPRESSURE;
}

void error_check_about(const failure_t *about, int code)
{
    if (code >= 0) return;
    failure_t error = *about;
    error.code = code;
    if (refused_p(code)) error.delivery = EVG_NOT_SENT;
    VALUE exception = error_new(&error);
    if (!RTEST(rb_obj_is_kind_of(exception, base_class))) blame_caller_by(exception);
    rb_exc_raise(exception);
}

void error_check(const evg_address_t *server, int code)
{
    if (code >= 0) return;
    const failure_t about = {.server = server, .data = Qnil};
    error_check_about(&about, code);
}

bool error_job_taken_p(const evg_address_t *server, VALUE function, const evg_job_t *job, int code)
{
    if (code == EVG_EJOB_LOST || code == EVG_EJOB_TIMEOUT) return false;
    const failure_t about = {
        .function = function, .handle = evg_bytes(job->handle, job->handle_len), .server = server, .data = Qnil};
    error_check_about(&about, code);
    return true;
}

void error_raise(const evg_address_t *server, const char *class_name, const char *words)
{
    failure_t error = {.klass = error_class(class_name), .words = evg_bytes_of(words), .server = server, .data = Qnil};
    rb_exc_raise(error_new(&error));
}

void Init_evg_error(void)
{
    VALUE module = rb_define_module("EVGearman");
    evg_module = module;
    base_class = rb_const_get(module, rb_intern("Error"));
    rb_gc_register_mark_object(base_class); /* made in Ruby: it could be moved */
    rb_define_singleton_method(module, "_own_error", own_error, 1);
}
