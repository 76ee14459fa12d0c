/* The session itself: its bytes, its time, and its events as Arrays. */
#include <math.h>

#include "binding/sessions/rb_session_job.h"
#include "binding/sessions/rb_session_request.h"
#include "binding/sessions/session_life.h"
#include "binding/values/errors.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/stats.h"
#include "binding/values/strings.h"
#include "binding/values/tunables.h"

static VALUE session_set_option(VALUE self, VALUE name, VALUE value)
{
    tunable_set_in_session(&session_of(self)->s, name, value);
    return value;
}

/* The stream is of no use any more: the user is told when all that ends with it was. */
static void break_off(rb_session_t *session, int reason)
{
    evg_session_closed(&session->s, reason, NULL);
    session_grew(session);
    session->broken = reason;
}

static VALUE session_opened(VALUE self)
{
    rb_session_t *session = session_of(self);
    if (session->s.state == EVG_OPEN) error_check(NULL, EVG_EALREADY);
    int r = evg_session_opened(&session->s);
    if (r < 0) break_off(session, r);
    return self;
}

static void closed_with(rb_session_t *session, int with_text, int without, VALUE text)
{
    const char *said = NIL_P(text) ? NULL : StringValueCStr(text);
    evg_session_closed(&session->s, said ? with_text : without, said);
    RB_GC_GUARD(text);
}

static VALUE session_closed(VALUE self, VALUE text)
{
    rb_session_t *session = session_of(self);
    if (session->s.state == EVG_OPEN) closed_with(session, EVG_EIO, EVG_ESERVER_CLOSED, text);
    return self;
}

static VALUE session_open_failed(VALUE self, VALUE text)
{
    rb_session_t *session = session_of(self);
    if (session->s.state == EVG_OPEN) error_check(NULL, EVG_EALREADY);
    evg_session_opening(&session->s);
    closed_with(session, EVG_ECONNECT, EVG_ECONNECT, text);
    return self;
}

static VALUE session_disconnect(VALUE self)
{
    evg_session_disconnect(&session_of(self)->s);
    return self;
}

/* call-seq: open? -> true or false
 *
 * Is there a transport? */
static VALUE session_open_p(VALUE self)
{
    return RBOOL(session_of(self)->s.state == EVG_OPEN);
}

/* call-seq: wants_open? -> true or false
 *
 * Requests wait, or a worker wants to work, and the delay after the last failure is over. Whoever has a transport may
 * call `opened` also when this is false. */
static VALUE session_wants_open_p(VALUE self)
{
    return RBOOL(evg_session_wants_open(&session_of(self)->s));
}

/* -- bytes and time ------------------------------------------------------------------------------------------------ */

static VALUE session_feed(VALUE self, VALUE bytes)
{
    rb_session_t *session = session_of(self);
    if (session->s.state != EVG_OPEN) error_raise(NULL, "ConnectionError", "not open");
    error_check(NULL, evg_wire_feed(&session->s.wire, bytes_of(bytes)));
    session_grew(session);
    RB_GC_GUARD(bytes);
    return self;
}

/* The first bytes to be written, nil for all of them; and where in the stream they begin. */
static VALUE session_peek(VALUE self, VALUE most)
{
    rb_session_t *session = session_of(self);
    evg_bytes_t bytes = evg_session_output(&session->s);
    if (!NIL_P(most) && NUM2SIZET(most) < bytes.len) bytes.len = NUM2SIZET(most);
    return rb_assoc_new(binary_string(bytes), ULL2NUM(session->s.wire.out.consumed));
}

/* So many of these were. A tick takes away what has expired, another write or connection begins elsewhere. */
static VALUE session_written(VALUE self, VALUE bytes, VALUE count, VALUE position)
{
    rb_session_t *session = session_of(self);
    evg_session_t *s = &session->s;
    evg_bytes_t written = evg_bytes(RSTRING_PTR(bytes), NUM2SIZET(count));
    if (s->state != EVG_OPEN) return Qfalse;
    if (!evg_session_next_p(s, written, NUM2ULL(position)))
        error_raise(NULL, "ConcurrencyError", "output has changed meanwhile");
    evg_session_written(s, written.len);
    session_grew(session);
    RB_GC_GUARD(bytes);
    return Qtrue;
}

static VALUE session_tick(VALUE self, VALUE now)
{
    rb_session_t *session = session_of(self);
    evg_wire_clock(&session->s.wire, instant_of(now, "now"));
    int r = evg_session_tick(&session->s);
    if (r < 0) break_off(session, r);
    return self;
}

/* call-seq: deadline -> float or nil
 *
 * When to call `tick` (or look at `wants_open?`) at the latest, in the seconds that `tick` is given; nil for never. */
static VALUE session_deadline(VALUE self)
{
    double at = evg_session_deadline(&session_of(self)->s);
    return at == INFINITY ? Qnil : DBL2NUM(at);
}

/* -- events -------------------------------------------------------------------------------------------------------- */

static VALUE named(const char *name)
{
    return rb_ary_new_from_args(1, ID2SYM(rb_intern(name)));
}

static VALUE about(const char *name, VALUE subject)
{
    return rb_ary_push(named(name), subject);
}

static VALUE connection_error(const evg_event_t *event)
{
    const failure_t error = {.code = event->error, .text = event->text, .data = Qnil};
    return error_new(&error);
}

static VALUE assigned(VALUE self, const evg_event_t *event)
{
    VALUE job = session_job_new(self, event);
    if (event->request) request_assigned(event, job);
    return about("assigned", job);
}

static VALUE created(const evg_event_t *event)
{
    return rb_ary_push(about("created", request_of(event)), name_string(evg_request_handle(event->request)));
}

static VALUE reported(const evg_event_t *event)
{
    VALUE data = binary_string(event->args[0]);
    request_reported(event, data);
    return rb_ary_push(about("exception", request_of(event)), data);
}

/* The event of a request, with the bytes it brought. */
static VALUE with_args(const char *name, const evg_event_t *event)
{
    VALUE told = about(name, request_of(event));
    for (int i = 0; i < event->argc; i++) rb_ary_push(told, binary_string(event->args[i]));
    return told;
}

static VALUE with_handle(const char *name, const evg_event_t *event)
{
    return about(name, name_string(event->args[0]));
}

/* nil for a job that nobody can have any more. */
static VALUE about_job(const char *name, const evg_job_t *job)
{
    VALUE self = session_job_of(job);
    return NIL_P(self) ? Qnil : about(name, self);
}

static VALUE event_array(VALUE self, const evg_event_t *event)
{
    switch (event->type) {
    case EVG_EVENT_CONNECTED: return named("connected");
    case EVG_EVENT_DISCONNECTED: return named("disconnected");
    case EVG_EVENT_ERROR: return about("error", connection_error(event));
    case EVG_EVENT_DRAINED: return named("drained");
    case EVG_EVENT_CREATED: return created(event);
    case EVG_EVENT_DATA: return with_args("data", event);
    case EVG_EVENT_WARNING: return with_args("warning", event);
    case EVG_EVENT_STATUS: return with_args("status", event);
    case EVG_EVENT_EXCEPTION: return reported(event);
    case EVG_EVENT_DONE: return about("done", request_done(event));
    case EVG_EVENT_ASSIGNED: return assigned(self, event);
    case EVG_EVENT_REFUSED: return with_handle("refused", event);
    case EVG_EVENT_LOST: return about_job("lost", event->job);
    case EVG_EVENT_EXPIRED: return about_job("expired", event->job);
    case EVG_EVENT_IDLE: return named("idle");
    case EVG_EVENT_STOPPED: return named("stopped");
    case EVG_EVENT_NONE: break;
    }
    return Qnil;
}

/* The next event, or nil; behind the last one of a stream that is broken, raises why. */
static VALUE session_next(VALUE self)
{
    rb_session_t *session = session_of(self);
    evg_event_t event;
    int r;
    while ((r = evg_session_next(&session->s, &event)) != 0) {
        VALUE told = r > 0 ? event_array(self, &event) : Qnil;
        if (!NIL_P(told)) return told;
        if (r < 0) break_off(session, r);
    }
    const char *text = evg_session_closed_text(&session->s);
    failure_t failure = {.code = session->broken, .text = evg_bytes_of(text), .data = Qnil};
    session->broken = 0;
    session_grew(session);
    if (failure.code < 0) rb_exc_raise(error_new(&failure));
    return Qnil;
}

/* -- what there is to know ----------------------------------------------------------------------------------------- */

/* call-seq: dialect -> symbol
 *
 * Which server it is, as of the last connection: `:gearmand`, `:perl` or `:unknown`. */
static VALUE session_dialect(VALUE self)
{
    return ID2SYM(rb_intern(evg_dialect_name(session_of(self)->s.dialect)));
}

/* call-seq: client_id -> string or nil
 *
 * What set_client_id was given. */
static VALUE session_client_id(VALUE self)
{
    const char *id = session_of(self)->s.client_id;
    return *id ? rb_utf8_str_new_cstr(id) : Qnil;
}

/* call-seq: pending_count -> integer
 *
 * Requests that were written and await their first reply. */
static VALUE session_pending_count(VALUE self)
{
    return SIZET2NUM(evg_session_pending_count(&session_of(self)->s));
}

/* call-seq: waiting_count -> integer
 *
 * Requests of which no byte was taken by `output`. */
static VALUE session_waiting_count(VALUE self)
{
    return SIZET2NUM(evg_session_waiting_count(&session_of(self)->s));
}

/* call-seq: active_count -> integer
 *
 * Foreground jobs between JOB_CREATED and their end. */
static VALUE session_active_count(VALUE self)
{
    return SIZET2NUM(evg_session_active_count(&session_of(self)->s));
}

/* call-seq: unsent_bytes -> integer
 *
 * Bytes that `output` has to give. */
static VALUE session_unsent_bytes(VALUE self)
{
    return SIZET2NUM(evg_session_unsent(&session_of(self)->s));
}

/* call-seq: stats -> hash
 *
 * Counters since the session was made, as of Connection#stats; always `submitted == resolved + pending`. */
static VALUE session_stats(VALUE self)
{
    VALUE stats = rb_hash_new();
    stats_add(stats, &session_of(self)->s);
    return stats;
}

void Init_evg_session(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE protocol = rb_define_module_under(module, "Protocol");
    VALUE klass = rb_define_class_under(protocol, "Session", rb_cObject);
    rb_define_private_method(klass, "_set_option", session_set_option, 2);
    rb_define_private_method(klass, "_opened", session_opened, 0);
    rb_define_private_method(klass, "_closed", session_closed, 1);
    rb_define_private_method(klass, "_open_failed", session_open_failed, 1);
    rb_define_private_method(klass, "_disconnect", session_disconnect, 0);
    rb_define_private_method(klass, "_feed", session_feed, 1);
    rb_define_private_method(klass, "_peek", session_peek, 1);
    rb_define_private_method(klass, "_written", session_written, 3);
    rb_define_private_method(klass, "_tick", session_tick, 1);
    rb_define_private_method(klass, "_next", session_next, 0);
    rb_define_method(klass, "open?", session_open_p, 0);
    rb_define_method(klass, "wants_open?", session_wants_open_p, 0);
    rb_define_method(klass, "deadline", session_deadline, 0);
    rb_define_method(klass, "dialect", session_dialect, 0);
    rb_define_method(klass, "client_id", session_client_id, 0);
    rb_define_method(klass, "pending_count", session_pending_count, 0);
    rb_define_method(klass, "waiting_count", session_waiting_count, 0);
    rb_define_method(klass, "active_count", session_active_count, 0);
    rb_define_method(klass, "unsent_bytes", session_unsent_bytes, 0);
    rb_define_method(klass, "stats", session_stats, 0);
}
