/* How many Tasks of a `map` are under way: it goes on when any of them has ended. Kept by its Tasks. */
#include <math.h>

#include "binding/rb_client.h"
#include "binding/seat.h"

typedef struct {
    size_t under_way, most;
    evg_list_t waiters;
} window_t;

static void window_free(void *ptr)
{
    window_t *window = ptr;
    evg_list_clear(&window->waiters);
    ruby_xfree(window);
}

static const rb_data_type_t window_type = {
    .wrap_struct_name = "EVGearman::Client::Window",
    .function = {.dfree = window_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE window_allocate(VALUE klass)
{
    window_t *window;
    VALUE self = TypedData_Make_Struct(klass, window_t, &window_type, window);
    evg_list_init(&window->waiters);
    return self;
}

static bool room_p(const goal_t *goal)
{
    const window_t *window = goal->subject;
    return window->under_way < window->most;
}

/* Puts a Task into it, and waits until less than so many are under way. */
static VALUE window_enter(VALUE self, VALUE task_value, VALUE most)
{
    window_t *window;
    TypedData_Get_Struct(self, window_t, &window_type, window);
    task_t *task = rb_check_typeddata(task_value, &task_type);
    window->most = FIXNUM_P(most) ? (size_t)FIX2LONG(most) : SIZE_MAX;
    if (task->state == TASK_PENDING) {
        RB_OBJ_WRITE(task_value, &task->window, self);
        window->under_way++;
    }
    const goal_t room = {.reached = room_p, .subject = window, .waiters = &window->waiters, .about = task->client->c};
    if (!room_p(&room)) seat_wait(task->client->loop, &room, INFINITY);
    RB_GC_GUARD(self);
    RB_GC_GUARD(task_value);
    return task_value;
}

void window_left(VALUE self)
{
    window_t *window = RTYPEDDATA_DATA(self);
    window->under_way--;
    seat_wake_reached(&window->waiters);
}

void Init_evg_window(VALUE client_class)
{
    VALUE klass = rb_define_class_under(client_class, "Window", rb_cObject);
    rb_define_alloc_func(klass, window_allocate);
    refuse_copies(klass);
    rb_define_method(klass, "enter", window_enter, 2);
    rb_funcall(client_class, rb_intern("private_constant"), 1, ID2SYM(rb_intern("Window")));
}
