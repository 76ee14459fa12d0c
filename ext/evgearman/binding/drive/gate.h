/* The one place through which Ruby code is called.
 *
 * A StandardError of a block goes to on_callback_error and the turn goes on. Anything else (throw, exit, a killed
 * thread, Interrupt) is parked: no more Ruby code and no libev call until the turn has ended, where it jumps on.
 * Going on instead, with the jump parked, crashes Ruby 3.1 and 3.3: $! cannot be put back. */
#ifndef EVG_DRIVE_GATE_H
#define EVG_DRIVE_GATE_H

#include "binding/drive/calls.h"
#include "binding/drive/loop.h"

typedef struct {
    loop_t *loop;
    uint64_t seat; /* its number when the turn began */
    int parked;    /* rb_protect's state, 0 for none */
} turn_t;

/* Calls one. false: stop; the turn has to end at once (something is parked, or the seat is another's now). */
bool gate_call(turn_t *turn, const call_t *call);

/* Lets pending interrupts of this thread happen; any of them is parked. */
bool gate_interrupts(turn_t *turn);

#endif
