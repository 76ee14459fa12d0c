#include "binding/values/objects.h"

static VALUE refuse_copy(VALUE self, VALUE original)
{
    (void)original;
    rb_raise(rb_eTypeError, "can't copy %" PRIsVALUE, rb_obj_class(self));
}

void refuse_copies(VALUE klass)
{
    rb_define_private_method(klass, "initialize_copy", refuse_copy, 1);
}

void memory_tell_change(size_t *told, size_t held)
{
    rb_gc_adjust_memory_usage((ssize_t)held - (ssize_t)*told);
    *told = held;
}

VALUE hidden_array(void)
{
    return rb_obj_hide(rb_ary_new());
}
