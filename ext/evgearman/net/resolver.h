/* getaddrinfo on a thread of its own, because it may take ten seconds. All addresses are kept.
 *
 * A resolution belongs to the caller until it is cancelled or taken; the thread may outlive both and frees what
 * nobody wants any more. Those who ask for one name at a time share one thread. */
#ifndef EVG_NET_RESOLVER_H
#define EVG_NET_RESOLVER_H

#include "net/address.h"
#include "net/source.h"

typedef struct evg_resolution evg_resolution_t;

/* Starts; when it is done `source` is knocked at (evg_resolution_done_p is true then). It has to be attached until the
 * resolution is taken or cancelled. NULL: no thread or memory to be had. */
evg_resolution_t *evg_resolve(const evg_address_t *address, evg_source_t *source);

bool evg_resolution_done_p(evg_resolution_t *resolution);

/* After done: 0 and the addresses, or a getaddrinfo code (gai_strerror); EAI_SYSTEM: errno tells, also when it was for want of
 * a descriptor that the name was not found. Frees the resolution. */
int evg_resolution_take(evg_resolution_t *resolution, evg_sockaddrs_t *out);

/* Nobody wants it any more. NULL is fine. In a forked child the thread is gone, and the resolution is done: EAI_AGAIN. */
void evg_resolution_cancel(evg_resolution_t *resolution);

#endif
