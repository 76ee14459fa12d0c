#include <math.h>

#include "binding/drive/calls.h"
#include "binding/drive/loop.h"
#include "binding/loop/loop_life.h"
#include "binding/values/blame.h"
#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"
#include "net/timer.h"

/* Loop#after and Loop#every. Alive while active: its loop marks it. */
typedef struct {
    evg_timer_t timer;
    VALUE self, block;
    loop_t *loop;
    member_t member; /* while active */
    bool cancelled;
    bool queued; /* a call of it waits or runs */
} rb_timer_t;

static void timer_mark(void *ptr)
{
    rb_gc_mark(((rb_timer_t *)ptr)->block);
}

static void stop(rb_timer_t *timer)
{
    evg_timer_stop(&timer->timer);
    evg_list_unlink(&timer->member.link);
}

static void timer_free(void *ptr)
{
    stop(ptr);
    ruby_xfree(ptr);
}

static size_t timer_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_timer_t);
}

static const rb_data_type_t timer_type = {
    .wrap_struct_name = "EVGearman::Loop::Timer",
    .function = {.dmark = timer_mark, .dfree = timer_free, .dsize = timer_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE timer_class;

static rb_timer_t *timer_of(VALUE self)
{
    rb_timer_t *timer;
    TypedData_Get_Struct(self, rb_timer_t, &timer_type, timer);
    return timer;
}

static rb_timer_t *timer_of_call(const call_t *call)
{
    return RTYPEDDATA_DATA(call->subject);
}

/* Behind a block that cancelled it in the same turn nothing is called. */
static bool call_begins(const call_t *call, uint64_t seat)
{
    (void)seat;
    return !timer_of_call(call)->cancelled;
}

static VALUE call_block(const call_t *call)
{
    return rb_funcall(timer_of_call(call)->block, rb_intern("call"), 0);
}

static void call_ends(const call_t *call, uint64_t seat)
{
    (void)seat;
    timer_of_call(call)->queued = false;
}

/* Marks only: the block is called at the end of the turn. While it is under way, what is due is missed: one that waits
 * for something of this loop would be called again inside that wait, without end. */
static void fire(evg_timer_t *net)
{
    static const call_kind_t calling = {.run = call_block, .begin = call_begins, .end = call_ends};
    rb_timer_t *timer = net->owner;
    call_t call = {.kind = &calling,
                   .callable = Qnil,
                   .subject = timer->self,
                   .agent = Qnil,
                   .args = {Qnil, Qnil},
                   .where = "timer"};
    if (!evg_timer_active_p(net)) evg_list_unlink(&timer->member.link);
    if (timer->queued) return;
    timer->queued = true;
    calls_push(&timer->loop->done, &call);
}

static rb_timer_t *timer_of_member(const member_t *member)
{
    return evg_container(member, rb_timer_t, member);
}

static void member_mark(const member_t *member)
{
    rb_gc_mark(timer_of_member(member)->self);
}

static void member_ended(member_t *member)
{
    stop(timer_of_member(member));
}

static const member_ops_t member_ops = {
    .mark = member_mark, .shut = member_ended, .forked = member_ended, .gone = member_ended};

static VALUE timer_new(loop_t *loop, double after, double every, VALUE block)
{
    rb_timer_t *timer;
    VALUE self = TypedData_Make_Struct(timer_class, rb_timer_t, &timer_type, timer);
    evg_list_init(&timer->member.link);
    evg_timer_init(&timer->timer, fire, timer);
    timer->self = self;
    timer->block = block;
    timer->loop = loop;
    loop_add(loop, &timer->member, &member_ops);
    evg_timer_start(&timer->timer, loop->net, after, every);
    return self;
}

static double finite_seconds(VALUE value)
{
    double seconds = seconds_of(value, "seconds");
    if (isinf(seconds)) blame_caller(rb_eArgError, "seconds: must be finite");
    return seconds;
}

/* call-seq: after(seconds) { ... } -> timer
 *
 * Calls the block once, so many seconds from now. */
static VALUE loop_after(VALUE self, VALUE seconds)
{
    VALUE block = block_of("after");
    double after = finite_seconds(seconds);
    return timer_new(open_loop_of(self), after, 0, block);
}

/* call-seq: every(seconds) { ... } -> timer
 *
 * Calls the block every so many seconds, first after as many. What was missed is not made up for, nor what was due
 * while the block ran or waited for something of this loop. */
static VALUE loop_every(VALUE self, VALUE seconds)
{
    VALUE block = block_of("every");
    double every = finite_seconds(seconds);
    if (every <= 0) blame_caller(rb_eArgError, "seconds: must be above 0");
    return timer_new(open_loop_of(self), every, every, block);
}

static VALUE loop_timers(VALUE self)
{
    loop_t *loop = loop_of(self);
    VALUE timers = rb_ary_new();
    for (member_t *at = NULL; (at = loop_next_member(loop, at, &member_ops));) {
        rb_ary_push(timers, timer_of_member(at)->self);
    }
    return timers;
}

/* Seconds, or nil for one that is called once. */
static VALUE timer_every(VALUE self)
{
    double every = timer_of(self)->timer.every;
    return every > 0 ? DBL2NUM(every) : Qnil;
}

/* Seconds to its next call, or nil. */
static VALUE timer_left(VALUE self)
{
    const evg_timer_t *timer = &timer_of(self)->timer;
    return evg_timer_active_p(timer) ? DBL2NUM(fmax(timer->at - evg_monotonic(), 0)) : Qnil;
}

/* call-seq: cancel -> self
 *
 * From any thread and any block, its own too: from then on the block is not called. Idempotent. */
static VALUE timer_cancel(VALUE self)
{
    rb_timer_t *timer = timer_of(self);
    timer->cancelled = true;
    stop(timer);
    return self;
}

/* call-seq: active? -> true or false
 *
 * Will it be called? */
static VALUE timer_active_p(VALUE self)
{
    return RBOOL(evg_timer_active_p(&timer_of(self)->timer));
}

void Init_evg_timer(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE loop_class = rb_define_class_under(module, "Loop", rb_cObject);
    timer_class = rb_define_class_under(loop_class, "Timer", rb_cObject);
    rb_undef_alloc_func(timer_class);
    rb_gc_register_mark_object(timer_class);
    rb_define_method(loop_class, "after", loop_after, 1);
    rb_define_method(loop_class, "every", loop_every, 1);
    rb_define_private_method(loop_class, "_timers", loop_timers, 0);
    rb_define_private_method(timer_class, "_every", timer_every, 0);
    rb_define_private_method(timer_class, "_left", timer_left, 0);
    rb_define_method(timer_class, "cancel", timer_cancel, 0);
    rb_define_method(timer_class, "active?", timer_active_p, 0);
}
