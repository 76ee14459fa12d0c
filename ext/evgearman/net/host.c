#include "net/host.h"

#include <errno.h>
#include <unistd.h>

static bool goes_on(void *owner)
{
    return evg_service_goes_on_p(&((evg_host_t *)owner)->service);
}

void evg_host_init(evg_host_t *h, const evg_server_settings_t *settings)
{
    evg_service_init(&h->service, settings);
    evg_runner_init(&h->runner, goes_on, h);
}

void evg_host_deinit(evg_host_t *h)
{
    evg_runner_deinit(&h->runner);
    evg_service_deinit(&h->service);
}

/* The end of a life, or what one has left behind. */
static void clear_away(evg_host_t *h)
{
    evg_loop_t *loop = h->service.loop;
    evg_runner_end(&h->runner);
    if (!loop) return;
    evg_service_close(&h->service);
    evg_loop_close(loop);
    evg_loop_release(loop);
}

void evg_host_enter(evg_host_t *h)
{
    evg_runner_enter(&h->runner);
    if (!evg_host_runs_p(h)) clear_away(h);
}

/* 0, or errno. The runner has end_fd. */
static int begin(evg_host_t *h, const evg_address_t *address, int end_fd)
{
    evg_loop_t *loop = evg_loop_new();
    int error = loop ? evg_service_open(&h->service, loop, address) : errno ? errno : ENOMEM;
    if (error) {
        close(end_fd);
        if (!loop) return error;
        evg_loop_close(loop);
        evg_loop_release(loop);
        return error;
    }
    error = evg_runner_start(&h->runner, loop, end_fd);
    if (error) clear_away(h);
    return error;
}

int evg_host_start(evg_host_t *h, const evg_address_t *address, int end_fd)
{
    int error = EALREADY;
    evg_host_enter(h);
    if (evg_host_runs_p(h))
        close(end_fd);
    else
        error = begin(h, address, end_fd);
    evg_host_leave(h);
    return error;
}

void evg_host_drain(evg_host_t *h, double seconds)
{
    evg_host_enter(h);
    h->runner.paused = false;
    if (evg_host_runs_p(h)) evg_service_drain(&h->service, evg_monotonic() + seconds);
    evg_host_leave(h);
}

void evg_host_pause(evg_host_t *h, bool pause)
{
    evg_host_enter(h);
    h->runner.paused = pause;
    evg_host_leave(h);
}

void evg_host_end(evg_host_t *h)
{
    evg_host_enter(h);
    clear_away(h);
    evg_host_leave(h);
}
