/* What is taken for a time. */
#ifndef EVG_VALUES_SECONDS_H
#define EVG_VALUES_SECONDS_H

#include <ruby.h>

/* Seconds, from a Numeric or what answers `to_f` and is no String: 0 or more, also INFINITY; what is shorter than a
 * millisecond is one. Raise ArgumentError that begins with the name of the argument. */
double seconds_of(VALUE value, const char *name);
double instant_of(VALUE value, const char *name); /* on whichever clock: any finite number */
double limit_of(VALUE value, const char *name);   /* of an option: nil and INFINITY are 0, which is off */
double deadline_of(VALUE timeout);                /* of a wait, on the monotonic clock: nil is INFINITY */

#endif
