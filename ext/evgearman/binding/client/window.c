#include "binding/client/window.h"

#include "binding/drive/goal.h"
#include "binding/values/objects.h"

static void window_mark(void *ptr)
{
    const window_t *window = ptr;
    rb_gc_mark(window->agent_value);
    rb_gc_mark(window->view_value);
}

static const rb_data_type_t window_type = {
    .wrap_struct_name = "EVGearman::Client::Window",
    .function = {.dmark = window_mark, .dfree = RUBY_DEFAULT_FREE},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE window_allocate(VALUE klass)
{
    window_t *window;
    VALUE self = TypedData_Make_Struct(klass, window_t, &window_type, window);
    window->agent_value = window->view_value = Qnil;
    return self;
}

void window_left(VALUE self)
{
    window_t *window = RTYPEDDATA_DATA(self);
    window->under_way--;
    goal_wake_reached(&window->agent->waiters);
}

void Init_evg_window_class(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    VALUE client_class = rb_define_class_under(module, "Client", connection_class);
    VALUE klass = rb_define_class_under(client_class, "Window", rb_cObject);
    rb_define_alloc_func(klass, window_allocate);
    refuse_copies(klass);
    rb_funcall(client_class, rb_intern("private_constant"), 1, ID2SYM(rb_intern("Window")));
}
