#include "binding/loop/fork.h"

#include "binding/drive/calls.h"
#include "binding/drive/fiber.h"
#include "binding/drive/runs.h"
#include "binding/drive/seat.h"
#include "binding/loop/background.h"
#include "binding/loop/deputy.h"
#include "binding/loop/loop_life.h"
#include "binding/values/forks.h"

static void keep_own_frames(loop_t *loop)
{
    evg_list_t *next;
    for (evg_list_t *at = loop->frames.next; at != &loop->frames; at = next) {
        frame_t *frame = evg_container(at, frame_t, link);
        next = at->next;
        if (frame->thread != rb_thread_current()) evg_list_unlink(at);
    }
}

/* The parent calls them. */
static void drop_calls(loop_t *loop)
{
    call_t call;
    while (calls_shift(&loop->done, &call)) {
        if (call.kind->drop) call.kind->drop(&call);
    }
}

static void forked(member_t *member)
{
    if (member->ops->forked) member->ops->forked(member);
}

/* What is on it comes behind evg_loop_forked: until then descriptors are watched by the parent's sets, too. */
void loop_after_fork(loop_t *loop)
{
    loop->forks = evg_forks;
    seat_forget(loop);
    background_after_fork(loop);
    keep_own_frames(loop);
    loop->muted = true;
    drop_calls(loop);
    calls_clear(&loop->jobs);
    calls_clear(&loop->posts);
    evg_list_clear(&loop->handling); /* their threads may be gone */
    deputies_forget(loop);
    fibers_forget(loop);
    loop->attendant = Qnil;
    if (!loop->closed) {
        evg_loop_forked(loop->net);
        loop_tell_members(loop, forked);
    }
    loop->muted = false;
}
