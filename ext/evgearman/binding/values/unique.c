#include "binding/values/unique.h"

#include <inttypes.h>

#include "binding/values/blame.h"
#include "binding/values/forks.h"
#include "binding/values/strings.h"
#include "protocol/packet.h"

enum { PREFIX_LEN = 17 }; /* sixteen digits and a dash */

evg_bytes_t unique_key(void)
{
    static char key[PREFIX_LEN + EVG_NUMBER_CAP];
    static uint64_t counter, forks;
    char digits[EVG_NUMBER_CAP];
    if (counter == 0 || forks != evg_forks) { /* a fork must not repeat them, however it was made */
        uint64_t drawn;
        random_bytes(&drawn, sizeof drawn);
        snprintf(key, sizeof key, "%016" PRIx64 "-", drawn);
        forks = evg_forks;
        counter = 0;
    }
    evg_bytes_t number = evg_number_encode(digits, ++counter);
    memcpy(key + PREFIX_LEN, number.at, number.len);
    return evg_bytes(key, PREFIX_LEN + number.len);
}

VALUE unique_string(void)
{
    evg_bytes_t key = unique_key();
    return rb_obj_freeze(rb_usascii_str_new((const char *)key.at, (long)key.len));
}

VALUE unique_auto(void)
{
    return ID2SYM(rb_intern("auto"));
}

bool unique_auto_p(VALUE option)
{
    return option == unique_auto();
}

VALUE unique_of(VALUE option)
{
    if (NIL_P(option)) return Qnil;
    if (unique_auto_p(option)) return unique_string();
    option = rb_str_new_frozen(string_of(option, "unique"));
    return RSTRING_LEN(option) ? option : Qnil;
}

VALUE unique_option(VALUE option, VALUE usual)
{
    return option == ID2SYM(rb_intern("default")) ? usual : option;
}
