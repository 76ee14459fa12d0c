/* Counts the bytes that the core moves: what must cost no more than what there is of it. */
#ifndef EVG_SPEC_MOVED_H
#define EVG_SPEC_MOVED_H

#include <stddef.h>

extern size_t moved; /* by memmove, ever */

#endif
