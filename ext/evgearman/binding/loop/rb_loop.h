#ifndef EVG_LOOP_RB_LOOP_H
#define EVG_LOOP_RB_LOOP_H

#include <ruby.h>

#include "binding/drive/loop.h"

/* Turns it until `stop` (true), or until the deadline (false). On behalf of a worker it also ends (false) when that is
 * roused, or was (*roused, which is taken back). `worker` may be nil, and `roused` NULL. */
VALUE loop_run_by(loop_t *loop, VALUE worker, bool *roused, double deadline);

#endif
