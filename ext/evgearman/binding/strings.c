#include <math.h>
#include <ruby/encoding.h>

#include "binding/binding.h"

VALUE binary_string(evg_bytes_t bytes)
{
    return rb_str_new((const char *)bytes.at, (long)bytes.len);
}

VALUE name_string(evg_bytes_t bytes)
{
    VALUE string = rb_utf8_str_new((const char *)bytes.at, (long)bytes.len);
    if (rb_enc_str_coderange(string) == ENC_CODERANGE_BROKEN) rb_enc_associate(string, rb_ascii8bit_encoding());
    return string;
}

evg_bytes_t bytes_of(VALUE string)
{
    return evg_bytes(RSTRING_PTR(string), (size_t)RSTRING_LEN(string));
}

double seconds_of(VALUE number)
{
    if (NIL_P(number)) return 0;
    if (!RB_INTEGER_TYPE_P(number) && !RB_FLOAT_TYPE_P(number) && !RTEST(rb_obj_is_kind_of(number, rb_cNumeric))) {
        rb_raise(rb_eArgError, "seconds must be a number or nil");
    }
    double seconds = NUM2DBL(number);
    if (!(seconds >= 0) || isinf(seconds)) rb_raise(rb_eArgError, "seconds must not be negative");
    return seconds;
}

VALUE block_of(const char *method)
{
    if (!rb_block_given_p()) rb_raise(rb_eArgError, "%s needs a block", method);
    return rb_block_proc();
}
