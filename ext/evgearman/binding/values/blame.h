/* What a caller did wrong is raised at the caller's line: frames of our own say nothing to him. */
#ifndef EVG_VALUES_BLAME_H
#define EVG_VALUES_BLAME_H

#include <ruby.h>

/* As rb_raise. */
NORETURN(PRINTF_ARGS(void blame_caller(VALUE klass, const char *format, ...), 2, 3));

NORETURN(void blame_caller_by(VALUE exception));

/* The String that it is, or has by `to_str`; raises a TypeError that names the argument, and of a payload also what would
 * help. */
VALUE string_or(VALUE value, const char *name, const char *hint);

static inline VALUE string_of(VALUE value, const char *name)
{
    return RB_TYPE_P(value, T_STRING) ? value : string_or(value, name, "");
}

static inline VALUE payload_of_value(VALUE value, const char *name)
{
    return RB_TYPE_P(value, T_STRING) ? value : string_or(value, name, " (coder: encodes other values)");
}

#endif
