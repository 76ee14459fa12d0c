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
        error->server_code.len ? name_string(error->server_code) : rb_str_new_cstr(evg_error_text(error->code));
    if (!error->text.len) return message;
    rb_str_cat_cstr(message, ": ");
    return rb_str_append(message, name_string(error->text));
}

static VALUE delivery_symbol(evg_delivery_t delivery)
{
    static const char *const names[] = {NULL, "not_sent", "unacknowledged", "accepted", "running"};
    return delivery == EVG_DELIVERY_NONE ? Qnil : ID2SYM(rb_intern(names[delivery]));
}

VALUE error_new(const failure_t *error)
{
    VALUE exception = rb_exc_new_str(class_of_code(error->code), message_of(error));
    const evg_request_t *request = error->request;
    if (error->client) rb_ivar_set(exception, rb_intern("@server"), address_string(&error->client->c->address));
    rb_ivar_set(exception, rb_intern("@delivery"), delivery_symbol(error->delivery));
    if (request) {
        rb_ivar_set(exception, rb_intern("@keyed"), RBOOL(request->keyed));
        if (request->handle_len) rb_ivar_set(exception, rb_intern("@handle"), name_string(evg_request_handle(request)));
    }
    if (error->server_code.len) rb_ivar_set(exception, rb_intern("@code"), name_string(error->server_code));
    if (!NIL_P(error->data)) rb_ivar_set(exception, rb_intern("@data"), error->data);
    return exception;
}

void error_check(client_t *client, int code)
{
    if (code >= 0) return;
    failure_t error = {.code = code, .client = client, .data = Qnil};
    rb_exc_raise(error_new(&error));
}

void error_raise(const char *class_name, const char *message)
{
    rb_raise(rb_const_get(evg_module, rb_intern(class_name)), "%s", message);
}

void Init_evg_error(VALUE module)
{
    evg_module = module;
}
