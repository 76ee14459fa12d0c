#include "net/loop.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/least.h"
#include "net/source.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <time.h>

enum { LINGER_MAX = 64 };

/* libev calls this between its poll and its return, without the GVL. Its watchers wait for evg_loop_collect. */
static void invoke_later(struct ev_loop *ev)
{
    (void)ev;
}

/* The wake and the alarm have done all they are for when the poll ends. */
static void on_wake(struct ev_loop *ev, ev_async *wake, int revents)
{
    (void)ev, (void)wake, (void)revents;
}

static void on_alarm(struct ev_loop *ev, ev_timer *alarm, int revents)
{
    (void)ev, (void)alarm, (void)revents;
}

/* libev's poll is in the kernel from the first of these to the second, and what it knows is in order. */
static void enter_kernel(struct ev_loop *ev)
{
    atomic_store(&((evg_loop_t *)evg_libev.userdata(ev))->in_order, true);
}

static void leave_kernel(struct ev_loop *ev)
{
    atomic_store(&((evg_loop_t *)evg_libev.userdata(ev))->in_order, false);
}

static void close_libev(evg_loop_t *loop)
{
    struct ev_loop *ev = loop->ev;
    evg_assert(!loop->polling);
    loop->ev = NULL;
    if (ev) evg_libev.loop_destroy(ev);
}

/* 0, or errno. What is pending although nothing has happened says that its pipe is not watched: nobody could wake it. */
static int start(evg_loop_t *loop)
{
    int error = evg_libev_async_start(loop->ev, &loop->wake);
    if (!error) error = evg_libev_run(loop->ev, EVRUN_NOWAIT);
    return error || !evg_libev.pending_count(loop->ev) ? error : ENOSPC;
}

/* false: errno tells. */
static bool open_libev(evg_loop_t *loop)
{
    errno = 0;
    loop->ev = evg_libev.loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (!loop->ev) return false;
    evg_libev.set_userdata(loop->ev, loop);
    evg_libev.set_invoke_pending_cb(loop->ev, invoke_later);
    evg_libev.set_loop_release_cb(loop->ev, enter_kernel, leave_kernel);
    ev_async_init(&loop->wake, on_wake);
    ev_timer_init(&loop->alarm, on_alarm, 0., 0.);
    int error = start(loop);
    atomic_store(&loop->in_order, true);
    if (!error) return true;
    close_libev(loop);
    errno = error;
    return false;
}

evg_loop_t *evg_loop_new(void)
{
    errno = 0;
    evg_loop_t *loop = evg_zalloc(sizeof *loop);
    if (!loop) return NULL;
    evg_list_init(&loop->all);
    evg_list_init(&loop->ready);
    evg_list_init(&loop->dirty);
    evg_list_init(&loop->reconciling);
    evg_list_init(&loop->serving);
    evg_list_init(&loop->judging);
    evg_heap_init(&loop->alarms);
    loop->refs = 1;
    loop->aimed_at = INFINITY;
    evg_loop_now(loop);
    loop->open = open_libev(loop);
    if (loop->open) return loop;
    evg_free(loop);
    return NULL;
}

evg_loop_t *evg_loop_hold(evg_loop_t *loop)
{
    loop->refs++;
    return loop;
}

void evg_loop_release(evg_loop_t *loop)
{
    if (--loop->refs) return;
    close_libev(loop);
    evg_heap_deinit(&loop->alarms);
    evg_free(loop);
}

/* Each source once, though a call may detach this one or any other. */
static void tell_all(evg_loop_t *loop, void (*tell)(evg_source_t *source))
{
    evg_list_t untold, *node;
    evg_list_init(&untold);
    evg_list_join(&untold, &loop->all);
    while ((node = evg_list_shift(&untold))) {
        evg_list_append(&loop->all, node);
        tell(evg_container(node, evg_source_t, all));
    }
}

static void tell_closed(evg_source_t *source)
{
    source->ops->closed(source);
}

/* What fired in the parent says nothing about the child. */
static void tell_forked(evg_source_t *source)
{
    evg_list_unlink(&source->ready);
    evg_list_unlink(&source->due);
    source->revents = 0;
    source->ops->forked(source);
}

void evg_loop_close(evg_loop_t *loop)
{
    if (!loop->open) return;
    evg_loop_hold(loop);
    tell_all(loop, tell_closed);
    close_libev(loop);
    loop->open = false;
    evg_loop_release(loop);
}

void evg_loop_forked(evg_loop_t *loop)
{
    evg_loop_hold(loop);
    loop->polling = loop->turning = loop->in_libev = false;
    /* The thread that was in there is gone: what it was about to change is left alone, and leaks. */
    if (!atomic_load(&loop->in_order)) loop->ev = NULL;
    /* This closes descriptors and frees memory, nothing else: one epoll_ctl would change the parent's set. */
    close_libev(loop);
    loop->late = 0;
    tell_all(loop, tell_forked);
    evg_loop_release(loop);
}

bool evg_loop_open(evg_loop_t *loop)
{
    return !loop->open || loop->ev || open_libev(loop);
}

static double seconds_of(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

double evg_monotonic(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double evg_wall(void)
{
    return seconds_of(CLOCK_REALTIME);
}

double evg_loop_now(evg_loop_t *loop)
{
    return loop->now = evg_monotonic();
}

void evg_loop_wake(evg_loop_t *loop)
{
    if (loop->ev) evg_libev.async_send(loop->ev, &loop->wake);
}

bool evg_loop_reconcile(evg_loop_t *loop)
{
    evg_list_t *node;
    evg_assert(!loop->polling);
    if (!evg_loop_open(loop)) return false;
    loop->turning = true;
    evg_list_join(&loop->reconciling, &loop->dirty);
    while ((node = evg_list_shift(&loop->reconciling))) {
        evg_source_t *source = evg_container(node, evg_source_t, dirty);
        source->ops->reconcile(source);
    }
    loop->turning = false;
    return true;
}

bool evg_loop_would_block_p(const evg_loop_t *loop)
{
    return loop->ev && evg_list_empty_p(&loop->ready) && evg_list_empty_p(&loop->dirty) &&
           !atomic_load(&loop->knocked) && !evg_libev.pending_count(loop->ev);
}

static double first_alarm(const evg_loop_t *loop)
{
    evg_heap_node_t *node = evg_heap_first(&loop->alarms);
    return node ? node->at : INFINITY;
}

static void set_alarm(evg_loop_t *loop, double after)
{
    evg_libev.timer_stop(loop->ev, &loop->alarm);
    if (isinf(after)) return;
    /* Timers count from when libev last looked at the clock, which may be long ago. */
    evg_libev.now_update(loop->ev);
    ev_timer_set(&loop->alarm, after, 0.);
    evg_libev.timer_start(loop->ev, &loop->alarm);
}

void evg_loop_aim(evg_loop_t *loop, double deadline, bool block)
{
    if (!loop->ev) return;
    evg_assert(!loop->polling);
    double now = evg_loop_now(loop);
    double until = evg_least(deadline, first_alarm(loop));
    bool wait = block && until > now && evg_loop_would_block_p(loop);
    loop->mode = wait ? EVRUN_ONCE : EVRUN_NOWAIT;
    loop->aimed_at = wait ? until : now;
    loop->polled_at = 0;
    set_alarm(loop, wait ? until - now : INFINITY);
    /* From here on, because the GVL may be given away before libev is entered. */
    loop->polling = true;
}

void evg_loop_poll(evg_loop_t *loop)
{
    if (!loop->ev) return;
    evg_assert(loop->polling && !loop->in_libev);
    loop->in_libev = true;
    atomic_store(&loop->in_order, false);
    loop->refusal = evg_libev_run(loop->ev, loop->mode);
    atomic_store(&loop->in_order, true);
    loop->in_libev = false;
    loop->polled_at = evg_monotonic();
}

static void heed_knocks(evg_loop_t *loop)
{
    if (!atomic_exchange(&loop->knocked, false)) return;
    for (evg_list_t *at = loop->all.next; at != &loop->all; at = at->next) {
        evg_source_t *source = evg_container(at, evg_source_t, all);
        if (atomic_exchange(&source->knocked, false)) evg_source_ready(source, 0);
    }
}

void evg_loop_collect(evg_loop_t *loop)
{
    evg_assert(!loop->in_libev);
    loop->polling = false;
    if (!loop->ev) return;
    loop->turning = true;
    double now = evg_loop_now(loop);
    if (loop->polled_at > 0) loop->late += (now - loop->polled_at - loop->late) / 8;
    evg_libev.invoke_pending(loop->ev);
    heed_knocks(loop);
}

static void serve_ready(evg_loop_t *loop)
{
    evg_list_t *node;
    evg_list_join(&loop->serving, &loop->ready);
    while ((node = evg_list_shift(&loop->serving))) {
        evg_source_t *source = evg_container(node, evg_source_t, ready);
        loop->events++;
        source->ops->serve(source);
    }
}

/* Its alarm has come. If it was put off since it was set, that was not for nothing: it is set anew. */
static void heed_alarm(evg_loop_t *loop, evg_source_t *source)
{
    evg_heap_remove(&loop->alarms, &source->alarm);
    if (source->due_at <= loop->now)
        evg_list_append(&loop->judging, &source->due);
    else if (!isinf(source->due_at))
        evg_source_set_alarm(source);
}

/* All that are due come off the heap before any is judged: one that sets itself due at once waits for the
 * next turn. */
static void judge_due(evg_loop_t *loop)
{
    evg_list_t *node;
    while (first_alarm(loop) <= loop->now) {
        heed_alarm(loop, evg_container(evg_heap_first(&loop->alarms), evg_source_t, alarm));
    }
    while ((node = evg_list_shift(&loop->judging))) {
        evg_source_t *source = evg_container(node, evg_source_t, due);
        loop->events++;
        source->due_at = INFINITY;
        source->ops->judge(source);
    }
}

void evg_loop_dispatch(evg_loop_t *loop)
{
    loop->turning = true;
    serve_ready(loop);
    judge_due(loop);
    loop->turning = false;
}

static int wait_readable(struct pollfd *fds, nfds_t count, double seconds)
{
#ifdef __linux__
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    return ppoll(fds, count, &time, NULL);
#else
    return poll(fds, count, (int)ceil(seconds * 1e3));
#endif
}

/* Not by libev: its epoll cannot wait for less than a millisecond. */
bool evg_loop_linger(evg_loop_t *loop, double seconds)
{
    struct pollfd fds[LINGER_MAX];
    nfds_t count = 0;
    evg_list_t *node;
    for (node = loop->all.next; node != &loop->all && count < LINGER_MAX; node = node->next) {
        int fd = evg_container(node, evg_source_t, all)->fd;
        if (fd >= 0) fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    if (!count || wait_readable(fds, count, seconds) <= 0) return false;
    loop->mode = EVRUN_NOWAIT;
    return true;
}

const char *evg_loop_backend(const evg_loop_t *loop)
{
    static const struct {
        unsigned int flag;
        const char *name;
    } names[] = {{EVBACKEND_SELECT, "select"},     {EVBACKEND_POLL, "poll"},       {EVBACKEND_EPOLL, "epoll"},
                 {EVBACKEND_KQUEUE, "kqueue"},     {EVBACKEND_DEVPOLL, "devpoll"}, {EVBACKEND_PORT, "port"},
                 {EVBACKEND_LINUXAIO, "linuxaio"}, {EVBACKEND_IOURING, "io_uring"}};
    unsigned int backend = loop->ev ? evg_libev.backend(loop->ev) : 0;
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        if (names[at].flag == backend) return names[at].name;
    }
    return loop->ev ? "unknown" : "closed";
}
