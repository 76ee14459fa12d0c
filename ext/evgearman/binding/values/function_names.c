#include "binding/values/function_names.h"

#include "binding/values/strings.h"

VALUE function_names(evg_session_t *s)
{
    VALUE names = rb_ary_new();
    for (evg_function_t *f = NULL; (f = evg_worker_next_function(s, f));) {
        rb_ary_push(names, name_string(evg_bytes(f->name, f->name_len)));
    }
    return names;
}
