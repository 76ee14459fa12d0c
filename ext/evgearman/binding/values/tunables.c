#include "binding/values/tunables.h"

#include "binding/values/blame.h"
#include "binding/values/objects.h"
#include "binding/values/option.h"
#include "binding/values/seconds.h"
#include "protocol/dialect.h"

typedef enum { SECONDS, FLAG, DIALECT, PACKET, SIZE, COUNT32, COUNT, PREFETCH, PRIORITY } kind_t;

/* nil is 0 for COUNT and COUNT32: without limit. */
#define OPTIONS(X)                                               \
    X(connect_timeout, SECONDS, connect_timeout)                 \
    X(command_timeout, SECONDS, session.options.command_timeout) \
    X(heartbeat, SECONDS, session.options.heartbeat)             \
    X(lost_check, SECONDS, session.options.lost_check)           \
    X(keepalive, SECONDS, keepalive)                             \
    X(reconnect, FLAG, session.options.reconnect)                \
    X(reconnect_delay, SECONDS, session.backoff.first)           \
    X(reconnect_max_delay, SECONDS, session.backoff.most)        \
    X(max_reconnect_attempts, COUNT32, session.backoff.attempts) \
    X(exceptions, FLAG, session.options.exceptions)              \
    X(dialect, DIALECT, session.options.dialect)                 \
    X(max_packet, PACKET, session.options.max_packet)            \
    X(max_text, SIZE, session.options.max_text)                  \
    X(max_unsent, SIZE, session.options.max_unsent)              \
    X(io_priority, PRIORITY, pipe.priority)                      \
    X(grab_unique, FLAG, session.worker.grab_unique)             \
    X(concurrency, COUNT, session.worker.concurrency)            \
    X(prefetch, PREFETCH, session.worker.prefetch)               \
    X(poll_interval, SECONDS, session.worker.poll_interval)

/* Where they lie in evg_connection_t. */
static const option_t options[] = {
#define X(name, kind, field) {#name, kind, offsetof(evg_connection_t, field)},
    OPTIONS(X)
#undef X
};

static const option_t *find(VALUE name)
{
    return option_find(options, sizeof options / sizeof *options, name);
}

static int prefetch_of(const option_t *option, VALUE value)
{
    if (value == ID2SYM(rb_intern("auto"))) return EVG_PREFETCH_AUTO;
    return (int)option_whole_number(option, value, 0, 1000000);
}

static evg_dialect_t dialect_of(VALUE value)
{
    if (NIL_P(value)) return EVG_UNKNOWN_DIALECT;
    if (value == ID2SYM(rb_intern("gearmand"))) return EVG_GEARMAND;
    if (value == ID2SYM(rb_intern("perl"))) return EVG_PERL;
    blame_caller(rb_eArgError, "dialect must be :gearmand, :perl or nil");
}

static void store(const option_t *option, void *field, VALUE value)
{
    switch ((kind_t)option->kind) {
    case SECONDS: *(double *)field = limit_of(value, option->name); break;
    case FLAG: *(bool *)field = RTEST(value); break;
    case DIALECT: *(evg_dialect_t *)field = dialect_of(value); break;
    case PACKET: *(size_t *)field = (size_t)option_whole_number(option, value, EVG_PACKET_LEAST, LONG_MAX); break;
    case SIZE: *(size_t *)field = (size_t)option_whole_number(option, value, 1, LONG_MAX); break;
    case COUNT: *(size_t *)field = NIL_P(value) ? 0 : (size_t)option_whole_number(option, value, 1, 1000000); break;
    case COUNT32:
        *(uint32_t *)field = NIL_P(value) ? 0 : (uint32_t)option_whole_number(option, value, 0, 1000000);
        break;
    case PREFETCH: *(int *)field = prefetch_of(option, value); break;
    case PRIORITY: *(int *)field = (int)option_whole_number(option, value, -2, 2); break;
    }
}

static VALUE load(const option_t *option, const void *field)
{
    switch ((kind_t)option->kind) {
    case SECONDS: return *(const double *)field > 0 ? DBL2NUM(*(const double *)field) : Qnil;
    case FLAG: return RBOOL(*(const bool *)field);
    case DIALECT: return ID2SYM(rb_intern(evg_dialect_name(*(const evg_dialect_t *)field)));
    case PACKET:
    case SIZE: return SIZET2NUM(*(const size_t *)field);
    case COUNT: return *(const size_t *)field ? SIZET2NUM(*(const size_t *)field) : Qnil;
    case COUNT32: return *(const uint32_t *)field ? UINT2NUM(*(const uint32_t *)field) : Qnil;
    case PREFETCH: break;
    case PRIORITY: return INT2NUM(*(const int *)field);
    }
    int prefetch = *(const int *)field;
    return prefetch == EVG_PREFETCH_AUTO ? ID2SYM(rb_intern("auto")) : INT2NUM(prefetch);
}

VALUE tunable_get(const evg_connection_t *c, VALUE name)
{
    const option_t *option = find(name);
    return load(option, (const char *)c + option->offset);
}

void tunable_set(evg_connection_t *c, VALUE name, VALUE value)
{
    const option_t *option = find(name);
    store(option, (char *)c + option->offset, value);
}

static void *session_field(evg_session_t *s, const option_t *option)
{
    size_t first = offsetof(evg_connection_t, session);
    if (option->offset < first || option->offset >= first + sizeof *s) {
        blame_caller(rb_eArgError, "no such option: %s", option->name);
    }
    return (char *)s + (option->offset - first);
}

void tunable_set_in_session(evg_session_t *s, VALUE name, VALUE value)
{
    const option_t *option = find(name);
    store(option, session_field(s, option), value);
}
