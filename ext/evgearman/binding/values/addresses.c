#include "binding/values/addresses.h"

#include <ruby/encoding.h>

#include "binding/values/blame.h"

void address_of(evg_address_t *out, VALUE host, VALUE port, VALUE path)
{
    if (!NIL_P(path)) {
        if (evg_address_unix(out, StringValueCStr(path))) return;
        blame_caller(rb_eArgError, "unix socket path must be 1 to %d bytes", (int)sizeof out->path - 1);
    }
    if (!RB_INTEGER_TYPE_P(port)) blame_caller(rb_eTypeError, "port must be an Integer");
    int number = NUM2INT(port);
    if (number < 1 || number > 65535) blame_caller(rb_eArgError, "port must lie between 1 and 65535");
    if (!evg_address_tcp(out, StringValueCStr(host), number)) {
        blame_caller(rb_eArgError, "host must be 1 to %d bytes", EVG_HOST_MAX);
    }
}

VALUE address_string(const evg_address_t *address)
{
    char room[EVG_HOST_MAX + sizeof address->path];
    return rb_utf8_str_new_cstr(evg_address_text(address, room, sizeof room));
}
