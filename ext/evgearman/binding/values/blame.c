#include "binding/values/blame.h"

#include <stdarg.h>

void blame_caller_by(VALUE exception)
{
    VALUE module = rb_path2class("EVGearman");
    rb_funcall(exception, rb_intern("set_backtrace"), 1, rb_funcall(module, rb_intern("_callers"), 0));
    rb_exc_raise(exception);
}

void blame_caller(VALUE klass, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    VALUE message = rb_vsprintf(format, args);
    va_end(args);
    blame_caller_by(rb_exc_new_str(klass, message));
}

/* A word for it: what is small is shown. */
static VALUE shown(VALUE value)
{
    bool small = RB_SPECIAL_CONST_P(value) || RB_FLOAT_TYPE_P(value);
    return small ? rb_inspect(value) : rb_class_name(rb_obj_class(value));
}

VALUE string_or(VALUE value, const char *name, const char *hint)
{
    VALUE string = rb_check_string_type(value);
    if (NIL_P(string))
        blame_caller(rb_eTypeError, "%s must be a String, not %" PRIsVALUE "%s", name, shown(value), hint);
    return string;
}
