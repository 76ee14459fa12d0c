#include "binding/unique.h"

#include <inttypes.h>

#include "binding/binding.h"

static uint64_t process_random(void)
{
    uint64_t drawn;
    VALUE bytes = rb_funcall(rb_const_get(rb_cObject, rb_intern("Random")), rb_intern("urandom"), 1, INT2FIX(8));
    memcpy(&drawn, RSTRING_PTR(bytes), sizeof drawn);
    RB_GC_GUARD(bytes);
    return drawn;
}

VALUE unique_key(void)
{
    static uint64_t drawn, counter, forks;
    char key[48];
    if (counter == 0 || forks != evg_forks) { /* a fork must not repeat them, however it was made */
        drawn = process_random();
        forks = evg_forks;
        counter = 0;
    }
    int len = snprintf(key, sizeof key, "%016" PRIx64 "-%" PRIu64, drawn, ++counter);
    return rb_usascii_str_new(key, len);
}
