/* What Ruby may do with an object of ours: copy it, list it, weigh it. */
#ifndef EVG_VALUES_OBJECTS_H
#define EVG_VALUES_OBJECTS_H

#include <ruby.h>

#ifndef RBOOL
#define RBOOL(condition) ((condition) ? Qtrue : Qfalse)
#endif

/* `dup` and `clone` of its objects raise TypeError: there would be two of one connection. */
void refuse_copies(VALUE klass);

/* Tells the GC how much memory of the core an object holds, or it thinks of it as small; `told` is what it heard last. */
void memory_tell_change(size_t *told, size_t held);

static inline void memory_tell(size_t *told, size_t held)
{
    if (held != *told) memory_tell_change(told, held);
}

/* For what has no class: an Array that ObjectSpace does not show. */
VALUE hidden_array(void);

#endif
