/* Numbers of a service. */
#ifndef EVG_NET_SERVICE_STATS_H
#define EVG_NET_SERVICE_STATS_H

#include "net/service.h"

/* What there is now, then what there was since init. */
#define EVG_SERVICE_STATS(X) \
    X(connections)           \
    X(workers)               \
    X(functions)             \
    X(jobs_queued)           \
    X(jobs_delayed)          \
    X(jobs_running)          \
    X(memory)                \
    X(connections_accepted)  \
    X(connections_refused)   \
    X(connections_cut)       \
    X(jobs_submitted)        \
    X(jobs_joined)           \
    X(jobs_refused)          \
    X(jobs_completed)        \
    X(jobs_failed)           \
    X(packets_in)            \
    X(packets_out)           \
    X(bytes_in)              \
    X(bytes_out)

typedef struct {
#define X(name) uint64_t name;
    EVG_SERVICE_STATS(X)
#undef X
} evg_service_stats_t;

void evg_service_count(const evg_service_t *s, evg_service_stats_t *out);

#endif
