#include "binding/values/strings.h"

#include <math.h>
#include <ruby/encoding.h>

#include "binding/values/blame.h"
#include "protocol/check.h"

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

VALUE name_of(VALUE string)
{
    return NIL_P(string) ? Qnil : name_string(bytes_of(string));
}

evg_bytes_t bytes_of(VALUE string)
{
    return evg_bytes(RSTRING_PTR(string), (size_t)RSTRING_LEN(string));
}

VALUE block_of(const char *method)
{
    if (!rb_block_given_p()) blame_caller(rb_eArgError, "%s needs a block", method);
    return rb_block_proc();
}

uint32_t progress_of(VALUE number)
{
    double count = RB_INTEGER_TYPE_P(number) ? NUM2DBL(number) : -1;
    if (evg_check_count(count) < 0)
        blame_caller(rb_eArgError, "progress must be two whole numbers from 0 to 2**32 - 1");
    return (uint32_t)count;
}

void random_bytes(void *out, int count)
{
    VALUE random = rb_const_get(rb_cObject, rb_intern("Random"));
    VALUE bytes = rb_funcall(random, rb_intern("urandom"), 1, INT2FIX(count));
    memcpy(out, RSTRING_PTR(bytes), (size_t)count);
    RB_GC_GUARD(bytes);
}
