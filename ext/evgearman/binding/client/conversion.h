/* The value of a Task whose reply is not its value: a coder or a converter makes it, on the thread that drives.
 *
 * That is seldom the one who waits for this Task, so what interrupts that thread must not become the Task's error: an
 * interrupt that is a StandardError waits meanwhile, but where the coder itself waits; after any other the conversion is
 * put back, and made by whoever drives next. */
#ifndef EVG_CLIENT_CONVERSION_H
#define EVG_CLIENT_CONVERSION_H

#include <ruby.h>

#include "binding/client/agent.h"
#include "binding/client/task.h"
#include "binding/values/coding.h"

/* The value will be what `converter.call(reply)` answers: that is Ruby code, so it waits its turn among the blocks. */
void task_convert_by(VALUE self, VALUE converter);
void task_decode_by(VALUE self, const coding_t *coding); /* what `coder.load(bytes)` answers, if there is a coder */

void task_queue_conversion(agent_t *agent, task_t *task, VALUE reply);

/* In a forked child: those under way are on threads that are gone. Everything that is pending fails. */
void conversions_after_fork(agent_t *agent);

#endif
