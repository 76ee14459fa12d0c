#include "binding/drive/gate.h"

#include "base/assert.h"
#include "binding/drive/lost.h"

/* What rb_protect hands to the function it calls. */
typedef struct {
    turn_t *turn;
    const call_t *call;
    VALUE error; /* of the block, for its report */
} passage_t;

static VALUE call_it(VALUE arg)
{
    const call_t *call = ((passage_t *)arg)->call;
    return call->kind->run(call);
}

/* $! may be an object of the VM or a number after throw and kill. */
static bool standard_error_p(VALUE error)
{
    if (RB_SPECIAL_CONST_P(error)) return false;
    if (RB_BUILTIN_TYPE(error) != T_OBJECT && RB_BUILTIN_TYPE(error) != T_DATA) return false;
    return RTEST(rb_obj_is_kind_of(error, rb_eStandardError));
}

static VALUE report(VALUE arg)
{
    passage_t *passage = (passage_t *)arg;
    VALUE where = rb_str_new_cstr(passage->call->where ? passage->call->where : "block");
    VALUE hook = passage->turn->loop->ops->error_hook(passage->call->agent);
    return NIL_P(hook) ? Qnil : rb_funcall(hook, rb_intern("call"), 2, passage->error, where);
}

/* The block failed with what is in $!. Answers the state that is to be parked, or 0. */
static int judge(passage_t *passage, int state)
{
    VALUE error = rb_errinfo();
    if (!standard_error_p(error) || passage->call->kind->keeps_errors) return state;
    passage->error = error;
    rb_set_errinfo(Qnil);
    rb_protect(report, (VALUE)passage, &state);
    if (state == 0 || !standard_error_p(rb_errinfo())) return state;
    rb_set_errinfo(Qnil); /* the hook itself failed: there is nobody left to tell */
    return 0;
}

static bool pass(turn_t *turn, VALUE (*function)(VALUE), passage_t *passage)
{
    seat_t *seat = &turn->loop->seat;
    int state = 0;
    evg_assert(seat->number == turn->seat && seat->in_block + 1 == seat->depth && !turn->parked);
    evg_assert(!turn->loop->net->polling && !turn->loop->net->turning);
    seat->in_block++;
    seat->seq++;
    rb_protect(function, (VALUE)passage, &state);
    if (state && passage) state = judge(passage, state);
    loop_follow_fork(turn->loop);
    if (seat->number == turn->seat) {
        seat->in_block--;
        seat->seq++;
    } else {
        lost_block_ends(turn->loop, turn->seat);
        evg_loop_wake(turn->loop->net); /* who drives now is to see what the block has led to */
    }
    turn->parked = state;
    return state == 0 && seat->number == turn->seat;
}

bool gate_call(turn_t *turn, const call_t *call)
{
    passage_t passage = {.turn = turn, .call = call, .error = Qnil};
    bool wanted = !call->kind->begin || call->kind->begin(call, turn->seat);
    bool on = !wanted || pass(turn, call_it, &passage);
    if (call->kind->end) call->kind->end(call, turn->seat);
    if (turn->parked && call->kind->interrupted) {
        call->kind->interrupted(call);
        evg_loop_wake(turn->loop->net); /* for who drives meanwhile */
    }
    RB_GC_GUARD(passage.error);
    return on;
}

static VALUE check_interrupts(VALUE ignored)
{
    (void)ignored;
    rb_thread_check_ints();
    return Qnil;
}

bool gate_interrupts(turn_t *turn)
{
    return pass(turn, check_interrupts, NULL);
}
