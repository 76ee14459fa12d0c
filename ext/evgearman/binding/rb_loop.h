#ifndef EVG_BINDING_RB_LOOP_H
#define EVG_BINDING_RB_LOOP_H

#include "binding/binding.h"

void Init_evg_loop(VALUE module);
void Init_evg_timer(VALUE loop_class);
void Init_evg_watcher(VALUE loop_class);
void Init_evg_fiber(VALUE loop_class);
void Init_evg_background(VALUE loop_class);
void Init_evg_attend(VALUE loop_class);

/* The loop runs: clients on it that never connected are to. */
void loop_open_fresh_clients(loop_t *loop);

/* Parts of a loop_t that other files keep. */
void timers_mark(const loop_t *loop);
void timers_stop(loop_t *loop);
void watchers_mark(const loop_t *loop);
void watchers_stop(loop_t *loop); /* in a forked child behind evg_loop_forked: their sets are the parent's until then */
void background_after_fork(loop_t *loop); /* if it was started it will be again */
bool background_mine_p(loop_t *loop);     /* the calling thread is that of the background */
bool fibers_wait_p(loop_t *loop);
void fibers_mark(const loop_t *loop);
void fibers_forget(loop_t *loop); /* in a forked child, and when the loop is collected */

#endif
