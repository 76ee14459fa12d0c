#include "binding/values/option.h"

#include <string.h>

#include "binding/values/blame.h"

const option_t *option_find(const option_t *options, size_t count, VALUE name)
{
    const char *wanted = rb_id2name(SYM2ID(name));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(options[i].name, wanted) == 0) return &options[i];
    }
    blame_caller(rb_eArgError, "no such option: %s", wanted);
}

long option_whole_number(const option_t *option, VALUE value, long least, long most)
{
    bool within = FIXNUM_P(value) && FIX2LONG(value) >= least && FIX2LONG(value) <= most;
    if (!within) blame_caller(rb_eArgError, "%s must be a whole number from %ld to %ld", option->name, least, most);
    return FIX2LONG(value);
}
