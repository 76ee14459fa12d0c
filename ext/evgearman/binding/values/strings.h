/* Strings and numbers of Ruby as those of the core, and back. */
#ifndef EVG_VALUES_STRINGS_H
#define EVG_VALUES_STRINGS_H

#include <ruby.h>

#include "base/bytes.h"

VALUE binary_string(evg_bytes_t bytes);
VALUE name_string(evg_bytes_t bytes); /* UTF-8 if valid, else BINARY */
VALUE name_of(VALUE string);          /* the same of a String, or nil */
evg_bytes_t bytes_of(VALUE string);   /* of a String; valid while it is not changed */
VALUE block_of(const char *method);   /* the block it was given; raises ArgumentError */
uint32_t progress_of(VALUE number);   /* of WORK_STATUS; raises ArgumentError */

/* That nobody can guess. */
void random_bytes(void *out, int count);

#endif
