/* SipHash-1-3: a hash with a secret seed, so that who chooses the keys cannot aim at one place of a table. */
#ifndef EVG_BASE_HASH_H
#define EVG_BASE_HASH_H

#include "base/bytes.h"

uint64_t evg_hash(const uint64_t seed[2], evg_bytes_t key);

#endif
