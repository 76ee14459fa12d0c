#include "binding/loop/deputy.h"

#include <math.h>
#include <ruby/thread.h>
#include <semaphore.h>

#include "binding/drive/follow.h"
#include "binding/drive/goal.h"
#include "binding/drive/seat.h"
#include "binding/drive/wait.h"
#include "binding/loop/loop_life.h"

static const double tick = 0.1; /* how often it looks whether the handler stands still */

typedef struct {
    evg_list_t link;    /* in loop->deputies */
    evg_list_t waiters; /* itself, when it follows another that has taken its seat */
    sem_t sem;
    loop_t *loop;
    VALUE loop_value;
    uint64_t seen; /* seat.seq at the last tick */
    bool asleep;   /* whoever starts a handler is to wake it */
    bool dismissed;
} deputy_t;

static void deputy_mark(void *ptr)
{
    rb_gc_mark(((deputy_t *)ptr)->loop_value);
}

static void deputy_free(void *ptr)
{
    deputy_t *deputy = ptr;
    evg_list_unlink(&deputy->link);
    evg_list_clear(&deputy->waiters);
    sem_destroy(&deputy->sem);
    ruby_xfree(deputy);
}

static const rb_data_type_t deputy_type = {
    .wrap_struct_name = "EVGearman::Deputy",
    .function = {.dmark = deputy_mark, .dfree = deputy_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE deputy_allocate(VALUE klass)
{
    deputy_t *deputy;
    VALUE self = TypedData_Make_Struct(klass, deputy_t, &deputy_type, deputy);
    evg_list_init(&deputy->link);
    evg_list_init(&deputy->waiters);
    sem_init(&deputy->sem, 0, 0);
    deputy->loop_value = Qnil;
    return self;
}

static deputy_t *deputy_of(VALUE self)
{
    deputy_t *deputy;
    TypedData_Get_Struct(self, deputy_t, &deputy_type, deputy);
    if (!deputy->loop) rb_raise(rb_eTypeError, "uninitialized EVGearman::Deputy");
    return deputy;
}

static VALUE deputy_set_loop(VALUE self, VALUE loop)
{
    deputy_t *deputy;
    TypedData_Get_Struct(self, deputy_t, &deputy_type, deputy);
    deputy->loop = open_loop_of(loop);
    deputy->loop_value = loop;
    evg_list_append(&deputy->loop->deputies, &deputy->link);
    return self;
}

/* -- watching ------------------------------------------------------------------------------------------------------ */

/* Read without the GVL too. */
static bool handler_runs_p(const loop_t *loop)
{
    return ((const volatile evg_list_t *)&loop->handling)->next != &loop->handling;
}

/* Without the GVL. Comes back when posted, and when no handler runs, or one stands still. */
static void *sleep_on(void *arg)
{
    deputy_t *deputy = arg;
    loop_t *loop = deputy->loop;
    if (deputy->asleep) sem_wait(&deputy->sem);
    if (deputy->asleep) return NULL; /* interrupted */
    while (!deputy->dismissed) {
        deputy->seen = ((const volatile seat_t *)&loop->seat)->seq;
        if (sem_wait_until(&deputy->sem, evg_monotonic() + tick)) return NULL;
        if (!handler_runs_p(loop) || seat_stuck_p(loop, deputy->seen)) return NULL;
    }
    return NULL;
}

static void wake_sleeper(void *arg)
{
    sem_post(&((deputy_t *)arg)->sem);
}

static bool unneeded_p(const goal_t *goal)
{
    const deputy_t *deputy = goal->subject;
    return deputy->dismissed || !handler_runs_p(deputy->loop);
}

static bool gone_p(const deputy_t *deputy)
{
    return deputy->dismissed || deputy->loop->closed || !evg_list_linked_p(&deputy->link);
}

/* Until it is dismissed. Blocks are called on the thread that calls it: it may raise whatever they do. */
static VALUE deputy_watch(VALUE self)
{
    deputy_t *deputy = deputy_of(self);
    loop_t *loop = deputy->loop;
    const goal_t goal = {.reached = unneeded_p, .subject = deputy, .waiters = &deputy->waiters};
    while (!gone_p(deputy)) {
        deputy->asleep = !handler_runs_p(loop);
        rb_nogvl(sleep_on, deputy, wake_sleeper, deputy, RB_NOGVL_UBF_ASYNC_SAFE | RB_NOGVL_INTR_FAIL);
        deputy->asleep = false;
        rb_thread_check_ints();
        if (!gone_p(deputy) && handler_runs_p(loop) && seat_take_over(loop, deputy->seen)) {
            loop_wait(loop, &goal, INFINITY);
        }
    }
    RB_GC_GUARD(self);
    return Qnil;
}

static VALUE deputy_dismiss(VALUE self)
{
    deputy_t *deputy = deputy_of(self);
    deputy->dismissed = true;
    sem_post(&deputy->sem);
    goal_wake_reached(&deputy->waiters);
    evg_loop_wake(deputy->loop->net);
    return self;
}

/* -- what it is told ----------------------------------------------------------------------------------------------- */

void deputies_wake(loop_t *loop)
{
    for (evg_list_t *at = loop->deputies.next; at != &loop->deputies; at = at->next) {
        deputy_t *deputy = evg_container(at, deputy_t, link);
        if (!deputy->asleep) continue;
        deputy->asleep = false;
        sem_post(&deputy->sem);
    }
}

void deputies_relieve(loop_t *loop)
{
    for (evg_list_t *at = loop->deputies.next; at != &loop->deputies; at = at->next) {
        goal_wake_reached(&evg_container(at, deputy_t, link)->waiters);
    }
}

void deputies_forget(loop_t *loop)
{
    for (evg_list_t *at = loop->deputies.next; at != &loop->deputies; at = at->next) {
        evg_list_clear(&evg_container(at, deputy_t, link)->waiters);
    }
    evg_list_clear(&loop->deputies);
}

void Init_evg_deputy(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Deputy", rb_cObject);
    rb_define_alloc_func(klass, deputy_allocate);
    rb_define_private_method(klass, "_set_loop", deputy_set_loop, 1);
    rb_define_private_method(klass, "_watch", deputy_watch, 0);
    rb_define_private_method(klass, "_dismiss", deputy_dismiss, 0);
}
