#ifndef EVG_VALUES_SHAPES_H
#define EVG_VALUES_SHAPES_H

#include <ruby.h>

#include "protocol/admin.h"

/* Of the reply to a line of the admin protocol; `multiline` nil: what is known about the command tells. */
evg_shape_t admin_shape(VALUE line, VALUE multiline);

#endif
