#include "binding/loop/loop_life.h"

#include "binding/drive/calls.h"
#include "binding/drive/fiber.h"
#include "binding/drive/lost.h"
#include "binding/drive/turn.h"
#include "binding/values/errors.h"
#include "binding/values/forks.h"
#include "binding/values/lifetime.h"
#include "binding/values/objects.h"

static evg_list_t all_loops = {&all_loops, &all_loops};
static const loop_ops_t *loop_ops;

/* -- what is on it ------------------------------------------------------------------------------------------------- */

static member_t *member_at(const loop_t *loop, const evg_list_t *at)
{
    return at == &rb_loop(loop)->members ? NULL : evg_container(at, member_t, link);
}

static member_t *first_member(const loop_t *loop)
{
    return member_at(loop, rb_loop(loop)->members.next);
}

void loop_add(loop_t *loop, member_t *member, const member_ops_t *ops)
{
    member->ops = ops;
    evg_list_append(&rb_loop(loop)->members, &member->link);
}

member_t *loop_next_member(const loop_t *loop, const member_t *behind, const member_ops_t *ops)
{
    member_t *member = behind ? member_at(loop, behind->link.next) : first_member(loop);
    while (member && member->ops != ops) member = member_at(loop, member->link.next);
    return member;
}

void loop_tell_members(loop_t *loop, void (*tell)(member_t *member))
{
    for (member_t *member = first_member(loop), *next; member; member = next) {
        next = member_at(loop, member->link.next);
        tell(member);
        if (evg_list_linked_p(&member->link)) next = member_at(loop, member->link.next);
    }
}

static void runs(member_t *member)
{
    if (member->ops->runs) member->ops->runs(member);
}

void loop_runs(loop_t *loop)
{
    loop_tell_members(loop, runs);
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

static void loop_mark(void *ptr)
{
    const loop_t *loop = ptr;
    rb_loop(loop)->marked_in = lifetime_marked();
    rb_gc_mark(loop->self); /* it must not be moved */
    calls_mark(&loop->done);
    calls_mark(&loop->jobs);
    calls_mark(&loop->posts);
    rb_gc_mark(loop->seat.thread);
    rb_gc_mark(loop->seat.fiber);
    rb_gc_mark(loop->seat.note);
    rb_gc_mark(loop->attendant);
    rb_gc_mark(rb_loop(loop)->background);
    rb_gc_mark(rb_loop(loop)->starter);
    for (member_t *at = first_member(loop); at; at = member_at(loop, at->link.next)) at->ops->mark(at);
    fibers_mark(loop);
}

static void gone(member_t *member)
{
    member->ops->gone(member);
    evg_list_unlink(&member->link);
}

static void loop_free(void *ptr)
{
    loop_t *loop = ptr;
    loop_tell_members(loop, gone);
    fibers_forget(loop);
    evg_list_clear(&loop->frames);
    evg_list_clear(&loop->handling);
    evg_list_clear(&loop->deputies);
    evg_list_clear(&loop->lost);
    evg_list_unlink(&rb_loop(loop)->all);
    calls_free(&loop->done);
    calls_free(&loop->jobs);
    calls_free(&loop->posts);
    if (loop->net) evg_loop_release(loop->net);
    ruby_xfree(loop);
}

static size_t loop_size(const void *ptr)
{
    const loop_t *loop = ptr;
    size_t queues = calls_memsize(&loop->done) + calls_memsize(&loop->jobs) + calls_memsize(&loop->posts);
    return sizeof(rb_loop_t) + sizeof *loop->net + queues;
}

static const rb_data_type_t loop_type = {
    .wrap_struct_name = "EVGearman::Loop",
    .function = {.dmark = loop_mark, .dfree = loop_free, .dsize = loop_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE loop_allocate(VALUE klass)
{
    rb_loop_t *whole;
    VALUE self = TypedData_Make_Struct(klass, rb_loop_t, &loop_type, whole);
    loop_t *loop = &whole->drive;
    evg_list_init(&loop->waiters);
    evg_list_init(&loop->frames);
    evg_list_init(&loop->handling);
    evg_list_init(&loop->deputies);
    evg_list_init(&loop->lost);
    evg_list_init(&loop->fibers);
    evg_list_init(&whole->members);
    evg_list_init(&whole->watched);
    evg_list_init(&whole->each_turn);
    evg_list_init(&whole->all);
    loop->ops = loop_ops;
    loop->self = self;
    loop->seat.thread = loop->seat.fiber = loop->seat.note = loop->attendant = Qnil;
    loop->forks = evg_forks;
    whole->background = whole->starter = Qnil;
    whole->marked_in = lifetime_new();
    return self;
}

/* call-seq: Loop.new -> loop
 *
 * A loop of its own. Most programs need only Loop.default. */
static VALUE loop_initialize(VALUE self)
{
    loop_t *loop = RTYPEDDATA_DATA(self);
    if (loop->net) rb_raise(rb_eTypeError, "already initialized");
    loop->seat.note = lost_new();
    loop->net = evg_loop_new();
    if (!loop->net) loop_cannot_open();
    evg_list_append(&all_loops, &rb_loop(loop)->all);
    return self;
}

/* -- use ----------------------------------------------------------------------------------------------------------- */

static void restart(rb_loop_t *loop)
{
    loop->restart = false;
    if (!loop->drive.closed) rb_funcall(loop->drive.self, rb_intern("start"), 0);
}

void loop_used(loop_t *loop)
{
    loop_follow_fork(loop);
    if (rb_loop(loop)->restart) restart(rb_loop(loop));
}

loop_t *loop_of(VALUE self)
{
    rb_loop_t *whole;
    TypedData_Get_Struct(self, rb_loop_t, &loop_type, whole);
    if (!whole->drive.net) rb_raise(rb_eTypeError, "uninitialized EVGearman::Loop");
    loop_used(&whole->drive);
    return &whole->drive;
}

loop_t *open_loop_of(VALUE self)
{
    loop_t *loop = loop_of(self);
    if (loop->closed) error_raise(NULL, "ConnectionError", "closed");
    return loop;
}

/* One that waits to be swept is left out. */
rb_loop_t *loops_next(const rb_loop_t *behind)
{
    for (evg_list_t *at = behind ? behind->all.next : all_loops.next; at != &all_loops; at = at->next) {
        rb_loop_t *loop = evg_container(at, rb_loop_t, all);
        if (!lifetime_over_p(loop->marked_in)) return loop;
    }
    return NULL;
}

void loops_use(const loop_ops_t *ops)
{
    loop_ops = ops;
}

void Init_evg_loop_life(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Loop", rb_cObject);
    rb_define_alloc_func(klass, loop_allocate);
    refuse_copies(klass);
    rb_define_method(klass, "initialize", loop_initialize, 0);
}
