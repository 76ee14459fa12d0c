#include "binding/values/lifetime.h"

#include <ruby.h>

static bool gc_is(const char *state)
{
    return rb_gc_latest_gc_info(ID2SYM(rb_intern("state"))) == ID2SYM(rb_intern(state));
}

/* One that is made while others are marked has still to be found, or dies with this GC. */
size_t lifetime_new(void)
{
    return gc_is("marking") ? 0 : rb_gc_count();
}

size_t lifetime_marked(void)
{
    return rb_gc_count();
}

bool lifetime_over_p(size_t marked_in)
{
    return marked_in != rb_gc_count() && gc_is("sweeping");
}
