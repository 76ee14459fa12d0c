#include "binding/rb_error.h"

#include "binding/rb_address.h"

static VALUE evg_module;

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

static VALUE class_of_code(int code)
{
    ID name = rb_intern(class_name_of(code));
    bool ours = rb_const_defined_at(evg_module, name);
    return rb_const_get(ours ? evg_module : rb_cObject, name);
}

/* "connect failed: Connection refused", "QUEUE_ERROR: Job queue is full", or just the words of the code. */
static VALUE message_of(const failure_t *error)
{
    VALUE message =
        error->server_code.len ? name_string(error->server_code) : rb_utf8_str_new_cstr(evg_error_text(error->code));
    if (!error->text.len) return message;
    rb_str_cat_cstr(message, ": ");
    return rb_str_append(message, name_string(error->text));
}

static VALUE delivery_symbol(evg_delivery_t delivery)
{
    static const char *const names[] = {NULL, "not_sent", "unacknowledged", "accepted", "running"};
    return delivery == EVG_DELIVERY_NONE ? Qnil : ID2SYM(rb_intern(names[delivery]));
}

static void tell_server(VALUE exception, const client_t *client)
{
    if (client) rb_ivar_set(exception, rb_intern("@server"), address_string(&client->c->address));
}

VALUE error_new(const failure_t *error)
{
    VALUE exception = rb_exc_new_str(class_of_code(error->code), message_of(error));
    const evg_request_t *request = error->request;
    tell_server(exception, error->client);
    rb_ivar_set(exception, rb_intern("@delivery"), delivery_symbol(error->delivery));
    if (request) {
        rb_ivar_set(exception, rb_intern("@keyed"), RBOOL(request->keyed));
        if (request->handle_len) rb_ivar_set(exception, rb_intern("@handle"), name_string(evg_request_handle(request)));
    }
    if (error->server_code.len) rb_ivar_set(exception, rb_intern("@code"), name_string(error->server_code));
    if (!NIL_P(error->data)) rb_ivar_set(exception, rb_intern("@data"), error->data);
    return exception;
}

/* These are about what was to be sent. */
static bool refused_p(int code)
{
    return code == EVG_ETOO_LARGE || code == EVG_EBACKPRESSURE;
}

void error_check(client_t *client, int code)
{
    if (code >= 0) return;
    failure_t error = {.code = code, .client = client, .data = Qnil};
    if (refused_p(code)) error.delivery = EVG_NOT_SENT;
    rb_exc_raise(error_new(&error));
}

void error_raise(const client_t *client, const char *class_name, const char *message)
{
    VALUE klass = rb_const_get(evg_module, rb_intern(class_name));
    VALUE exception = rb_exc_new_str(klass, rb_utf8_str_new_cstr(message));
    tell_server(exception, client);
    rb_exc_raise(exception);
}

void Init_evg_error(VALUE module)
{
    evg_module = module;
}
