/* What a worker has for a function: the registered handler, shared by the abilities and jobs that need it. */
#ifndef EVG_CLIENT_HANDLER_H
#define EVG_CLIENT_HANDLER_H

#include <ruby.h>
#include <stdbool.h>

#include "binding/values/coding.h"

typedef struct {
    VALUE self;
    VALUE name; /* of the function: frozen, and every Job's `function` */
    VALUE callable;
    coding_t coding; /* of its workloads and results */
    bool async;      /* its value says nothing: the job is finished later */
    double longest;  /* seconds that a call of it took, of late; 0: it was not called yet */
} handler_t;

/* Kept by whoever marks what is answered. */
VALUE handler_new(VALUE name, VALUE callable, bool async, const coding_t *coding, handler_t **out);

#endif
