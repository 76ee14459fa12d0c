/* A job server on a thread of its own: the service, the loop that it is on, and the runner that turns it. From any thread,
 * without the GVL; each call lasts a turn at most.
 *
 *     evg_host_init(h, &settings);
 *     error = evg_host_start(h, &address, end_fd);
 *     evg_host_enter(h); ... h->service ...; evg_host_leave(h);
 *     evg_host_end(h);
 *     evg_host_deinit(h);
 *
 * In a forked child it does not run, its descriptors are closed, and it may be started anew. */
#ifndef EVG_NET_HOST_H
#define EVG_NET_HOST_H

#include "net/runner.h"
#include "net/service.h"

typedef struct {
    evg_runner_t runner;
    evg_service_t service; /* of who has entered */
} evg_host_t;

/* evg_libev_load comes first. */
void evg_host_init(evg_host_t *h, const evg_server_settings_t *settings);
void evg_host_deinit(evg_host_t *h); /* it has been ended */

/* Listens when this returns, and serves. `end_fd` is closed when it ends, by itself or not. 0, or errno: also EALREADY, and
 * then nothing has changed but that `end_fd` is closed. */
int evg_host_start(evg_host_t *h, const evg_address_t *address, int end_fd);

/* Ends by itself in so many seconds at most: see evg_service_drain. Not if it is paused: that ends here. */
void evg_host_drain(evg_host_t *h, double seconds);

/* Does nothing but wait, or goes on. */
void evg_host_pause(evg_host_t *h, bool pause);

/* Ends here and now, without a word, and forgets everything. Idempotent. */
void evg_host_end(evg_host_t *h);

/* Alone with the service, from here … to there. One that has ended by itself, or in a parent, is cleared away before. */
void evg_host_enter(evg_host_t *h);

static inline void evg_host_leave(evg_host_t *h)
{
    evg_runner_leave(&h->runner);
}

/* At any time. */
static inline bool evg_host_runs_p(const evg_host_t *h)
{
    return evg_runner_runs_p(&h->runner);
}

#endif
