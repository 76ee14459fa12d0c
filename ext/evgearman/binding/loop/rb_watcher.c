/* Loop#io and Loop#each_turn. Alive while active: their loop marks them. */
#include "binding/loop/rb_watcher.h"

#include <ruby/io.h>

#include "binding/drive/calls.h"
#include "binding/loop/loop_life.h"
#include "binding/values/blame.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"
#include "net/descriptor.h"

typedef struct {
    VALUE self, block;
    VALUE loop_value;
    VALUE given, io; /* what the caller gave, and its IO; nil: each_turn */
    loop_t *loop;
    member_t member;       /* while active */
    evg_descriptor_t *net; /* of an active `io` */
    evg_list_t link;       /* while active: in loop->watched or loop->each_turn */
    int events;
    bool queued; /* a call of it waits or runs */
} watcher_t;

enum { SWEEP_AT_LEAST = 16 };

static VALUE watcher_class;

static void watcher_mark(void *ptr)
{
    const watcher_t *watcher = ptr;
    rb_gc_mark(watcher->self); /* it must not be moved */
    rb_gc_mark(watcher->block);
    rb_gc_mark(watcher->loop_value);
    rb_gc_mark(watcher->given);
    rb_gc_mark(watcher->io);
}

static bool active_p(const watcher_t *watcher)
{
    return evg_list_linked_p(&watcher->link);
}

static bool io_closed_p(VALUE io)
{
#ifdef HAVE_RB_IO_CLOSED_P
    return RTEST(rb_io_closed_p(io));
#else
    const rb_io_t *fptr = RFILE(io)->fptr;
    return !fptr || fptr->fd < 0;
#endif
}

static void end(watcher_t *watcher)
{
    if (watcher->net) rb_loop(watcher->loop)->watched_count--;
    evg_list_unlink(&watcher->link);
    evg_list_unlink(&watcher->member.link);
    evg_descriptor_free(watcher->net);
    watcher->net = NULL;
}

static void watcher_free(void *ptr)
{
    end(ptr);
    ruby_xfree(ptr);
}

static size_t watcher_size(const void *ptr)
{
    (void)ptr;
    return sizeof(watcher_t);
}

static const rb_data_type_t watcher_type = {
    .wrap_struct_name = "EVGearman::Loop::Watcher",
    .function = {.dmark = watcher_mark, .dfree = watcher_free, .dsize = watcher_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static watcher_t *watcher_of(VALUE self)
{
    watcher_t *watcher;
    TypedData_Get_Struct(self, watcher_t, &watcher_type, watcher);
    loop_follow_fork(watcher->loop);
    return watcher;
}

static watcher_t *watcher_new(loop_t *loop, VALUE block)
{
    watcher_t *watcher;
    VALUE self = TypedData_Make_Struct(watcher_class, watcher_t, &watcher_type, watcher);
    evg_list_init(&watcher->link);
    evg_list_init(&watcher->member.link);
    watcher->self = self;
    watcher->block = block;
    watcher->loop = loop;
    watcher->loop_value = loop->self;
    watcher->given = watcher->io = Qnil;
    return watcher;
}

static watcher_t *watcher_of_member(const member_t *member)
{
    return evg_container(member, watcher_t, member);
}

static void member_mark(const member_t *member)
{
    rb_gc_mark(watcher_of_member(member)->self);
}

static void member_ended(member_t *member)
{
    end(watcher_of_member(member));
}

static void begin(watcher_t *watcher, evg_list_t *list)
{
    static const member_ops_t ops = {
        .mark = member_mark, .shut = member_ended, .forked = member_ended, .gone = member_ended};
    evg_list_append(list, &watcher->link);
    loop_add(watcher->loop, &watcher->member, &ops);
}

/* -- being called -------------------------------------------------------------------------------------------------- */

static void queue(watcher_t *watcher, int argc, VALUE event)
{
    call_t call = {.callable = watcher->self,
                   .argc = argc,
                   .subject = Qnil,
                   .agent = Qnil,
                   .args = {event, Qnil},
                   .where = argc ? "io" : "each_turn"};
    calls_push(&watcher->loop->done, &call);
    watcher->queued = true;
}

typedef struct {
    watcher_t *watcher;
    int argc;
    VALUE *argv;
} calling_t;

static VALUE call_block(VALUE arg)
{
    const calling_t *calling = (const calling_t *)arg;
    return rb_funcallv(calling->watcher->block, rb_intern("call"), calling->argc, calling->argv);
}

static VALUE called(VALUE arg)
{
    watcher_t *watcher = ((const calling_t *)arg)->watcher;
    watcher->queued = false;
    if (watcher->net) evg_descriptor_resume(watcher->net);
    return Qnil;
}

/* By the gate. It may have been cancelled, or its IO closed, since this was queued. */
static VALUE watcher_call(int argc, VALUE *argv, VALUE self)
{
    watcher_t *watcher = watcher_of(self);
    if (!active_p(watcher) || (watcher->net && io_closed_p(watcher->io))) {
        end(watcher);
        return Qnil;
    }
    calling_t calling = {watcher, argc, argv};
    return rb_ensure(call_block, (VALUE)&calling, called, (VALUE)&calling);
}

static VALUE event_name(int events)
{
    if (events == EV_READ) return ID2SYM(rb_intern("read"));
    return ID2SYM(rb_intern(events == EV_WRITE ? "write" : "read_write"));
}

/* -- io ------------------------------------------------------------------------------------------------------------ */

/* The kernel tells no more of a closed descriptor, unless the file lives on in another process. */
static void told(void *owner, int events)
{
    watcher_t *watcher = owner;
    if (io_closed_p(watcher->io))
        end(watcher);
    else
        queue(watcher, 1, event_name(events));
}

static void end_closed(rb_loop_t *loop)
{
    evg_list_t *next;
    for (evg_list_t *at = loop->watched.next; at != &loop->watched; at = next) {
        watcher_t *watcher = evg_container(at, watcher_t, link);
        next = at->next;
        if (io_closed_p(watcher->io)) end(watcher);
    }
}

/* Nobody tells of an IO that was closed, so now and then all are looked at: when there are twice as many as were left
 * the last time. */
static void sweep(rb_loop_t *loop)
{
    if (loop->watched_count < loop->sweep_at) return;
    end_closed(loop);
    loop->sweep_at = loop->watched_count < SWEEP_AT_LEAST ? 2 * SWEEP_AT_LEAST : 2 * loop->watched_count;
}

static int events_of(VALUE name)
{
    static const int all[] = {EV_READ, EV_WRITE, EV_READ | EV_WRITE};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (name == event_name(all[i])) return all[i];
    }
    blame_caller(rb_eArgError, "io waits for :read, :write or :read_write, not %+" PRIsVALUE, name);
}

/* call-seq: io(io, events) { |event| ... } -> watcher
 *
 * Calls the block in each turn in which the IO is ready for `:read`, `:write` or either (`:read_write`), with the one
 * that it is. The IO is not read, written or kept from being closed; a closed one is not watched any more. */
static VALUE loop_io(VALUE self, VALUE given, VALUE name)
{
    /* A duplex pipe has one descriptor for each. */
    VALUE block = block_of("io"), io = rb_io_get_io(given);
    loop_t *loop = open_loop_of(self);
    int events = events_of(name);
    int read_fd = events & EV_READ ? rb_io_descriptor(io) : -1;
    int write_fd = events & EV_WRITE ? rb_io_descriptor(rb_io_get_write_io(io)) : -1;
    watcher_t *watcher = watcher_new(loop, block);
    watcher->given = given;
    watcher->io = io;
    watcher->events = events;
    sweep(rb_loop(loop));
    watcher->net = evg_descriptor_new(loop->net, read_fd, write_fd, told, watcher);
    if (!watcher->net) rb_sys_fail("io");
    begin(watcher, &rb_loop(loop)->watched);
    rb_loop(loop)->watched_count++;
    return watcher->self;
}

/* -- each_turn ----------------------------------------------------------------------------------------------------- */

/* call-seq: each_turn { ... } -> watcher
 *
 * Calls the block at the end of each turn, behind all other blocks of it; so not while the loop sleeps. A turn that is
 * left by an exception calls it when it goes on. */
static VALUE loop_each_turn(VALUE self)
{
    loop_t *loop = open_loop_of(self);
    watcher_t *watcher = watcher_new(loop, block_of("each_turn"));
    begin(watcher, &rb_loop(loop)->each_turn);
    return watcher->self;
}

/* A block of it that waits in a nested turn is not called there again. */
void watchers_turn_end(loop_t *loop)
{
    const evg_list_t *all = &rb_loop(loop)->each_turn;
    for (evg_list_t *at = all->next; at != all; at = at->next) {
        watcher_t *watcher = evg_container(at, watcher_t, link);
        if (!watcher->queued) queue(watcher, 0, Qnil);
    }
}

/* -- all of a loop ------------------------------------------------------------------------------------------------- */

static void push_list(VALUE array, const evg_list_t *list)
{
    for (evg_list_t *at = list->next; at != list; at = at->next) {
        rb_ary_push(array, evg_container(at, watcher_t, link)->self);
    }
}

static VALUE loop_watchers(VALUE self)
{
    rb_loop_t *loop = rb_loop(loop_of(self));
    VALUE watchers = rb_ary_new();
    end_closed(loop);
    push_list(watchers, &loop->watched);
    push_list(watchers, &loop->each_turn);
    return watchers;
}

/* -- one ----------------------------------------------------------------------------------------------------------- */

/* call-seq: cancel -> self
 *
 * From any thread and any block, its own too: from then on the block is not called, even if there is something to tell
 * in this turn. Does not close the IO. Idempotent. */
static VALUE watcher_cancel(VALUE self)
{
    end(watcher_of(self));
    return self;
}

/* call-seq: active? -> true or false
 *
 * Is it not cancelled, and are its IO and its loop not closed? */
static VALUE watcher_active_p(VALUE self)
{
    const watcher_t *watcher = watcher_of(self);
    return RBOOL(active_p(watcher) && (NIL_P(watcher->io) || !io_closed_p(watcher->io)));
}

static VALUE watcher_io(VALUE self)
{
    return watcher_of(self)->given;
}

static VALUE watcher_events(VALUE self)
{
    return event_name(watcher_of(self)->events);
}

static VALUE watcher_block(VALUE self)
{
    return watcher_of(self)->block;
}

void Init_evg_watcher(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE loop_class = rb_define_class_under(module, "Loop", rb_cObject);
    watcher_class = rb_define_class_under(loop_class, "Watcher", rb_cObject);
    rb_undef_alloc_func(watcher_class);
    rb_gc_register_mark_object(watcher_class);
    rb_define_method(loop_class, "io", loop_io, 2);
    rb_define_method(loop_class, "each_turn", loop_each_turn, 0);
    rb_define_private_method(loop_class, "_watchers", loop_watchers, 0);
    rb_define_private_method(watcher_class, "call", watcher_call, -1);
    rb_define_private_method(watcher_class, "_io", watcher_io, 0);
    rb_define_private_method(watcher_class, "_events", watcher_events, 0);
    rb_define_private_method(watcher_class, "_block", watcher_block, 0);
    rb_define_method(watcher_class, "cancel", watcher_cancel, 0);
    rb_define_method(watcher_class, "active?", watcher_active_p, 0);
}
