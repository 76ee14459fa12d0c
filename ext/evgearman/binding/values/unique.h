#ifndef EVG_VALUES_UNIQUE_H
#define EVG_VALUES_UNIQUE_H

#include <ruby.h>

#include "base/bytes.h"

/* A key that no other process, before or after a fork, has made: 16 hexadecimal digits drawn per process, and a
 * counter. Without one a persistent queue keeps a single background job of each function. The bytes are those of the
 * last call only; the first call in a process may raise. */
evg_bytes_t unique_key(void);

/* The same, frozen. */
VALUE unique_string(void);

/* :auto, with which an option asks for one. */
VALUE unique_auto(void);
bool unique_auto_p(VALUE option);

/* The key that an option means, frozen: one of these for :auto, nil for nil and "". */
VALUE unique_of(VALUE option);

/* The option of a background job: what is usual in place of :default. */
VALUE unique_option(VALUE option, VALUE usual);

#endif
