#include "binding/drive/attend.h"

#include "binding/drive/seat.h"

static VALUE make(VALUE loop)
{
    return rb_funcall(loop, rb_intern("start_attendant"), 0);
}

/* Many fibers find at once that there is none, or that it is of no help: one of them makes another. It may take its time
 * to begin (Qtrue until then), where threads are busy. */
static bool needed_p(const loop_t *loop, bool anew)
{
    if (NIL_P(loop->attendant)) return true;
    return anew && evg_monotonic() - loop->attended_at >= SEAT_TICK;
}

void attend(loop_t *loop, bool anew)
{
    int state = 0;
    if (!needed_p(loop, anew)) return;
    loop->attendant = Qtrue;
    loop->attended_at = evg_monotonic();
    rb_protect(make, loop->self, &state);
    if (!state) return;
    loop->attendant = Qnil;
    rb_jump_tag(state);
}
