#include "binding/client/handler.h"

#include "binding/values/strings.h"

static void handler_mark(void *ptr)
{
    const handler_t *handler = ptr;
    rb_gc_mark(handler->name);
    rb_gc_mark(handler->self); /* it must not be moved */
    rb_gc_mark(handler->callable);
    rb_gc_mark(handler->coding.coder);
}

static const rb_data_type_t handler_type = {
    .wrap_struct_name = "EVGearman::Worker::Handler",
    .function = {.dmark = handler_mark, .dfree = RUBY_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

VALUE handler_new(VALUE name, VALUE callable, bool async, const coding_t *coding, handler_t **out)
{
    VALUE self = TypedData_Make_Struct(0, handler_t, &handler_type, *out);
    (*out)->name = (*out)->callable = Qnil;
    (*out)->coding = *coding;
    (*out)->name = rb_obj_freeze(name_string(bytes_of(name)));
    (*out)->callable = callable;
    (*out)->async = async;
    (*out)->self = self;
    return self;
}
