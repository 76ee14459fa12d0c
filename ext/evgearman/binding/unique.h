#ifndef EVG_BINDING_UNIQUE_H
#define EVG_BINDING_UNIQUE_H

#include <ruby.h>

/* A key that no other process, before or after a fork, has made: 16 hexadecimal digits drawn per process, and a
 * counter. Without one a persistent queue keeps a single background job of each function. */
VALUE unique_key(void);

#endif
