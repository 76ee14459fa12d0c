/* An option of some object in C: its name, and where in that it lies. */
#ifndef EVG_VALUES_OPTION_H
#define EVG_VALUES_OPTION_H

#include <ruby.h>

#include <stddef.h>

typedef struct {
    const char *name;
    int kind; /* means something to whose table it stands in */
    size_t offset;
} option_t;

/* Of that name, a Symbol. ArgumentError: there is none. */
const option_t *option_find(const option_t *options, size_t count, VALUE name);

/* ArgumentError, which names the option, for anything else. Within what a Fixnum holds. */
long option_whole_number(const option_t *option, VALUE value, long least, long most);

#endif
