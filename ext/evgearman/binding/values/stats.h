#ifndef EVG_VALUES_STATS_H
#define EVG_VALUES_STATS_H

#include <ruby.h>

#include "session/session.h"

VALUE stats_of(const evg_session_t *s); /* the Hash of `stats` */

#endif
