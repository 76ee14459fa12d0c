#include "binding/values/coding.h"

#include <ruby/encoding.h>

#include "binding/values/blame.h"
#include "binding/values/strings.h"

static VALUE as_usual; /* :default */

VALUE coder_of(VALUE option, VALUE usual)
{
    if (option == as_usual) return usual;
    if (NIL_P(option)) return Qnil;
    if (rb_respond_to(option, rb_intern("dump")) && rb_respond_to(option, rb_intern("load"))) return option;
    blame_caller(rb_eArgError, "coder must answer dump and load, unlike %+" PRIsVALUE, option);
}

int encoding_of(VALUE option, int usual)
{
    if (option == as_usual) return usual;
    if (NIL_P(option)) return rb_ascii8bit_encindex();
    int index = rb_to_encoding_index(option);
    if (index >= 0) return index;
    blame_caller(rb_eArgError, "encoding must be an Encoding or the name of one, not %+" PRIsVALUE, option);
}

VALUE coding_dump(VALUE coder, VALUE value, const char *name)
{
    if (NIL_P(coder)) return payload_of_value(value, name);
    return string_of(rb_funcall(coder, rb_intern("dump"), 1, value), "what the coder dumps");
}

VALUE coding_string(evg_bytes_t bytes, int encoding)
{
    VALUE string = binary_string(bytes);
    coding_tag(string, encoding);
    return string;
}

void coding_tag(VALUE string, int encoding)
{
    if (encoding != rb_ascii8bit_encindex()) rb_enc_associate_index(string, encoding);
}

static bool json_p(VALUE coder)
{
    ID name = rb_intern("JSON");
    return rb_const_defined(rb_cObject, name) && rb_const_get(rb_cObject, name) == coder;
}

/* JSON.load of json before 2.10 makes objects of whatever class the bytes name; `parse` never did. */
static VALUE parse(VALUE json, VALUE string)
{
    return RSTRING_LEN(string) ? rb_funcall(json, rb_intern("parse"), 1, string) : Qnil;
}

VALUE coding_load(VALUE coder, VALUE string)
{
    return json_p(coder) ? parse(coder, string) : rb_funcall(coder, rb_intern("load"), 1, string);
}

void Init_evg_coding(void)
{
    as_usual = ID2SYM(rb_intern("default"));
}
