#ifndef EVG_BINDING_RB_LOOP_H
#define EVG_BINDING_RB_LOOP_H

#include <ruby.h>

void Init_evg_loop(VALUE module);
void Init_evg_timer(VALUE loop_class);

#endif
