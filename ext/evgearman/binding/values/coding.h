/* How values become bytes and bytes become values.
 *
 * A coder answers `dump` and `load`, and is Ruby code: `dump` is called by whoever sends, before anything is sent;
 * `load` where the value is wanted. Without one (nil) values are bytes, and nothing here costs anything. */
#ifndef EVG_VALUES_CODING_H
#define EVG_VALUES_CODING_H

#include <ruby.h>

#include "base/bytes.h"

typedef struct {
    VALUE coder;  /* or Qnil */
    int encoding; /* index of that of the bytes that come; 0 is BINARY */
} coding_t;

/* What an option says, or `usual` where it is :default. Raises ArgumentError for what is no coder or no encoding. */
VALUE coder_of(VALUE option, VALUE usual);
int encoding_of(VALUE option, int usual);

/* The String to be sent. Raises what the coder raises, and TypeError for what is no String; `name` says what it is. */
VALUE coding_dump(VALUE coder, VALUE value, const char *name);

/* Bytes that came, tagged. */
VALUE coding_string(evg_bytes_t bytes, int encoding);
void coding_tag(VALUE string, int encoding); /* a String of them */

/* The value of bytes that came: the coder is there. */
VALUE coding_load(VALUE coder, VALUE string);

#endif
