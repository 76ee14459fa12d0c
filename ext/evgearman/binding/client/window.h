/* How many Tasks of a `map` are under way. Kept by its Tasks. */
#ifndef EVG_CLIENT_WINDOW_H
#define EVG_CLIENT_WINDOW_H

#include <ruby.h>

#include "binding/client/agent.h"

typedef struct {
    size_t under_way, most;
    agent_t *agent; /* alive as long as agent_value is marked */
    view_t *view;   /* alive as long as view_value is */
    VALUE agent_value, view_value;
} window_t;

/* A Task of it has ended. */
void window_left(VALUE window);

#endif
