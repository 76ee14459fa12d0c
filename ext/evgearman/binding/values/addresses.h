/* Ruby arguments as an address, and back. */
#ifndef EVG_VALUES_ADDRESSES_H
#define EVG_VALUES_ADDRESSES_H

#include <ruby.h>

#include "net/address.h"

/* Raises ArgumentError. `path` nil: TCP. */
void address_of(evg_address_t *out, VALUE host, VALUE port, VALUE path);

/* "host:port", "[::1]:port" or the path. */
VALUE address_string(const evg_address_t *address);

#endif
