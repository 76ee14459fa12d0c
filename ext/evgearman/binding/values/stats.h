#ifndef EVG_VALUES_STATS_H
#define EVG_VALUES_STATS_H

#include <ruby.h>

#include "session/session.h"

/* Adds those of a session to the Hash of `stats`. */
void stats_add(VALUE stats, const evg_session_t *s);

#endif
