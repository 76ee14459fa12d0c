/* The tunables: one row each, with its kind and where it lies. Names, defaults and docs are in lib/. */
#ifndef EVG_VALUES_TUNABLES_H
#define EVG_VALUES_TUNABLES_H

#include <ruby.h>

#include "net/connection.h"

/* By its name, a Symbol. ArgumentError for one that there is not, and for a value that is none for it. */
VALUE tunable_get(const evg_connection_t *c, VALUE name);
void tunable_set(evg_connection_t *c, VALUE name, VALUE value);         /* stores it, and does nothing about it */
void tunable_set_in_session(evg_session_t *s, VALUE name, VALUE value); /* ArgumentError for a connection's, too */

#endif
