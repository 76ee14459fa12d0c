/* Which server a key meets: that with the highest score. The same from any process that knows the same servers, in whichever
 * order; without one of them only its keys go elsewhere.
 *
 *     score(server) = mix(fnv(function NUL key) xor fnv(server))
 *
 * where fnv is FNV-1a of 64 bits and mix the last step of splitmix64. The manual has test vectors: it may never change. */
#ifndef EVG_SESSION_RENDEZVOUS_H
#define EVG_SESSION_RENDEZVOUS_H

#include "base/bytes.h"

uint64_t evg_rendezvous_key(evg_bytes_t function, evg_bytes_t key);

/* Of an address as it is configured: "host:port", or the path of a unix socket. */
uint64_t evg_rendezvous_server(evg_bytes_t address);

uint64_t evg_rendezvous_score(uint64_t key, uint64_t server);

#endif
