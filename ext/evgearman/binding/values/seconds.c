/* Times that people give: one check for all of them. */
#include "binding/values/seconds.h"

#include <math.h>

#include "binding/values/blame.h"
#include "net/loop.h"

static const double tick = 0.001; /* what is shorter than this would be polled for */

static VALUE to_f(VALUE value)
{
    return rb_check_funcall(value, rb_intern("to_f"), 0, NULL);
}

static VALUE no_float(VALUE unused, VALUE exception)
{
    (void)unused;
    (void)exception;
    return Qnil;
}

/* ActiveSupport's durations are Numerics to `is_a?`, and not to C: whoever has a `to_f` is asked for it. */
static VALUE float_of(VALUE value)
{
    if (RB_FLOAT_TYPE_P(value)) return value;
    if (FIXNUM_P(value)) return DBL2NUM((double)FIX2LONG(value));
    if (NIL_P(value) || !NIL_P(rb_check_string_type(value))) return Qnil;
    return rb_rescue2(to_f, value, no_float, Qnil, rb_eRangeError, (VALUE)0); /* a Complex */
}

static double number_of(VALUE value, const char *name)
{
    VALUE number = float_of(value);
    if (number == Qundef || !RB_FLOAT_TYPE_P(number) || isnan(RFLOAT_VALUE(number))) {
        blame_caller(rb_eArgError, "%s: must be a number of seconds, not %+" PRIsVALUE, name, value);
    }
    return RFLOAT_VALUE(number);
}

double instant_of(VALUE value, const char *name)
{
    double instant = number_of(value, name);
    if (isinf(instant)) blame_caller(rb_eArgError, "%s: must be finite", name);
    return instant;
}

double seconds_of(VALUE value, const char *name)
{
    double seconds = number_of(value, name);
    if (seconds < 0) blame_caller(rb_eArgError, "%s: must not be negative", name);
    return seconds > 0 && seconds < tick ? tick : seconds;
}

double limit_of(VALUE value, const char *name)
{
    double seconds = NIL_P(value) ? 0 : seconds_of(value, name);
    return isinf(seconds) ? 0 : seconds;
}

double deadline_of(VALUE timeout)
{
    return NIL_P(timeout) ? INFINITY : evg_monotonic() + seconds_of(timeout, "timeout");
}

/* For Ruby: a Float, or nil for nil. */
static VALUE seconds_check(VALUE module, VALUE value, VALUE name)
{
    (void)module;
    return NIL_P(value) ? Qnil : DBL2NUM(seconds_of(value, StringValueCStr(name)));
}

void Init_evg_seconds(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE seconds = rb_define_module_under(module, "Seconds");
    rb_define_singleton_method(seconds, "_of", seconds_check, 2);
}
