#include "binding/values/shapes.h"

#include "binding/values/strings.h"

evg_shape_t admin_shape(VALUE line, VALUE multiline)
{
    const evg_admin_t *row = evg_admin_find(bytes_of(line));
    if (NIL_P(multiline)) return row ? row->shape : EVG_LINE;
    return RTEST(multiline) ? EVG_DOTTED : EVG_LINE;
}
