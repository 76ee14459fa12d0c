#ifndef EVG_VALUES_FUNCTION_NAMES_H
#define EVG_VALUES_FUNCTION_NAMES_H

#include <ruby.h>

#include "session/session.h"

/* An Array of the abilities that stay. */
VALUE function_names(evg_session_t *s);

#endif
