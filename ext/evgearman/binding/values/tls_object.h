/* EVGearman::TLS: a context of TLS as an object of Ruby. */
#ifndef EVG_VALUES_TLS_OBJECT_H
#define EVG_VALUES_TLS_OBJECT_H

#include <ruby.h>

#include "net/tls_context.h"

/* Borrowed. nil: NULL. Raises TypeError. */
evg_tls_context_t *tls_context_of(VALUE tls);

#endif
