#include "binding/drive/lost.h"

typedef struct {
    evg_list_t link; /* in loop->lost, while some of them run */
    VALUE thread, fiber;
    uint64_t seat; /* its number when it was lost */
    unsigned blocks;
} lost_t;

static void lost_mark(void *ptr)
{
    const lost_t *lost = ptr;
    rb_gc_mark(lost->thread);
    rb_gc_mark(lost->fiber);
}

static void lost_free(void *ptr)
{
    evg_list_unlink(&((lost_t *)ptr)->link);
    ruby_xfree(ptr);
}

static const rb_data_type_t lost_type = {
    .wrap_struct_name = "EVGearman::Loop::Lost",
    .function = {.dmark = lost_mark, .dfree = lost_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

VALUE lost_new(void)
{
    lost_t *lost;
    VALUE self = TypedData_Make_Struct(0, lost_t, &lost_type, lost);
    evg_list_init(&lost->link);
    lost->thread = lost->fiber = Qnil;
    return self;
}

void lost_note(loop_t *loop, VALUE next)
{
    seat_t *seat = &loop->seat;
    lost_t *lost = RTYPEDDATA_DATA(seat->note);
    if (seat->in_block == 0) return;
    *lost = (lost_t){.thread = seat->thread, .fiber = seat->fiber, .seat = seat->number, .blocks = seat->in_block};
    evg_list_init(&lost->link);
    evg_list_append(&loop->lost, &lost->link);
    seat->note = next;
}

void lost_block_ends(loop_t *loop, uint64_t seat)
{
    for (evg_list_t *at = loop->lost.next; at != &loop->lost; at = at->next) {
        lost_t *lost = evg_container(at, lost_t, link);
        if (lost->seat != seat) continue;
        if (--lost->blocks == 0) evg_list_unlink(at);
        return;
    }
}

unsigned lost_blocks_here(const loop_t *loop)
{
    unsigned blocks = 0;
    for (evg_list_t *at = loop->lost.next; at != &loop->lost; at = at->next) {
        const lost_t *lost = evg_container(at, lost_t, link);
        if (lost->thread == rb_thread_current() && lost->fiber == rb_fiber_current()) blocks += lost->blocks;
    }
    return blocks;
}
