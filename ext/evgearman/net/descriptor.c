#include "net/descriptor.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "net/source.h"

#include <errno.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#else
#include <fcntl.h>
#include <sys/event.h>
#endif

static const double look_again = 0.1; /* seconds between looks at what the system does not watch */

struct evg_descriptor {
    evg_source_t source;
    ev_io io;
    int set;    /* -1: the loop is closed, or the parent's */
    int always; /* what needs no waiting */
    bool watched;
    bool held;  /* told, and not resumed */
    bool dying; /* to be freed at the next reconciliation */
    evg_descriptor_told_t *told;
    void *owner;
};

/* -- the set ------------------------------------------------------------------------------------------------------- */

#ifdef __linux__

static int set_open(void)
{
    return epoll_create1(EPOLL_CLOEXEC);
}

static int set_add(int set, int fd, int events)
{
    struct epoll_event event = {.data.u32 = (uint32_t)events};
    if (events & EV_READ) event.events |= EPOLLIN;
    if (events & EV_WRITE) event.events |= EPOLLOUT;
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static int meaning(const struct epoll_event *event)
{
    int wanted = (int)event->data.u32, events = 0;
    if (event->events & EPOLLIN) events |= EV_READ;
    if (event->events & EPOLLOUT) events |= EV_WRITE;
    if (event->events & (EPOLLERR | EPOLLHUP)) events |= wanted & EV_READ ? EV_READ : EV_WRITE;
    return events;
}

/* What there is now, not when the poll ended: somebody may have read it meanwhile. */
static int set_look(int set)
{
    struct epoll_event events[2];
    int told = 0, count = epoll_wait(set, events, 2, 0);
    for (int i = 0; i < count; i++) told |= meaning(&events[i]);
    return told;
}

static void set_close_inherited(int set)
{
    close(set);
}

#else

static int set_open(void)
{
    int set = kqueue();
    if (set >= 0) fcntl(set, F_SETFD, FD_CLOEXEC);
    return set;
}

static int set_add(int set, int fd, int events)
{
    struct kevent changes[2];
    int count = 0;
    if (events & EV_READ) EV_SET(&changes[count++], fd, EVFILT_READ, EV_ADD, 0, 0, 0);
    if (events & EV_WRITE) EV_SET(&changes[count++], fd, EVFILT_WRITE, EV_ADD, 0, 0, 0);
    return kevent(set, changes, count, NULL, 0, NULL);
}

static int set_look(int set)
{
    struct kevent events[2];
    struct timespec at_once = {0, 0};
    int told = 0, count = kevent(set, NULL, 0, events, 2, &at_once);
    for (int i = 0; i < count; i++) told |= events[i].filter == EVFILT_READ ? EV_READ : EV_WRITE;
    return told;
}

/* A kqueue does not come along: its number may be another file's by now. */
static void set_close_inherited(int set)
{
    (void)set;
}

#endif

/* -- the watch ----------------------------------------------------------------------------------------------------- */

static evg_descriptor_t *descriptor_of(evg_source_t *source)
{
    return evg_container(source, evg_descriptor_t, source);
}

/* With EV_ERROR libev has stopped the watcher: the system would not watch the set, perhaps later it will. */
static void on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    evg_descriptor_t *d = evg_container(io, evg_descriptor_t, io);
    (void)ev;
    if (revents & EV_ERROR) {
        d->watched = false;
        d->source.fd = -1;
        evg_source_due_at(&d->source, d->source.loop->now + look_again);
    }
    evg_source_ready(&d->source, revents);
}

static void watch(evg_descriptor_t *d, bool on)
{
    evg_loop_t *loop = d->source.loop;
    if (d->watched == on || !loop || !loop->ev) return;
    evg_assert(!loop->polling);
    d->watched = on;
    d->source.fd = on ? d->set : -1;
    if (on)
        evg_libev.io_start(loop->ev, &d->io);
    else
        evg_libev.io_stop(loop->ev, &d->io);
}

static void end(evg_descriptor_t *d)
{
    watch(d, false);
    if (d->set >= 0) close(d->set);
    d->set = -1;
    evg_source_detach(&d->source);
    if (d->dying) evg_free(d);
}

static void descriptor_reconcile(evg_source_t *source)
{
    evg_descriptor_t *d = descriptor_of(source);
    if (d->dying) {
        end(d);
        return;
    }
    watch(d, !d->held);
    if (d->always && !d->held) evg_source_ready(source, d->always);
}

static void descriptor_serve(evg_source_t *source)
{
    evg_descriptor_t *d = descriptor_of(source);
    if (d->dying || d->held) return;
    int events = set_look(d->set) | d->always;
    if (!events) return;
    d->held = true;
    evg_source_dirty(source);
    d->told(d->owner, events);
}

/* It could not be watched. */
static void descriptor_judge(evg_source_t *source)
{
    descriptor_serve(source);
    evg_source_dirty(source);
}

/* The set is shared with the parent, so that nothing may be taken out of it; libev's side went with its loop. */
static void descriptor_forked(evg_source_t *source)
{
    evg_descriptor_t *d = descriptor_of(source);
    set_close_inherited(d->set);
    d->set = -1;
    d->watched = false;
    end(d);
}

static void descriptor_closed(evg_source_t *source)
{
    end(descriptor_of(source));
}

static const evg_source_ops_t descriptor_ops = {
    .reconcile = descriptor_reconcile,
    .serve = descriptor_serve,
    .judge = descriptor_judge,
    .forked = descriptor_forked,
    .closed = descriptor_closed,
};

/* epoll takes no file that cannot be waited for. */
static int add(evg_descriptor_t *d, int fd, int events)
{
    if (fd < 0 || set_add(d->set, fd, events) == 0) return 0;
    if (errno != EPERM) return -1;
    d->always |= events;
    return 0;
}

static int fill(evg_descriptor_t *d, int read_fd, int write_fd)
{
    d->set = set_open();
    if (d->set < 0) return -1;
    if (read_fd == write_fd) return add(d, read_fd, EV_READ | EV_WRITE);
    return add(d, read_fd, EV_READ) < 0 ? -1 : add(d, write_fd, EV_WRITE);
}

static void *refuse(evg_descriptor_t *d)
{
    int error = errno;
    if (d->set >= 0) close(d->set);
    evg_free(d);
    errno = error;
    return NULL;
}

evg_descriptor_t *evg_descriptor_new(evg_loop_t *loop, int read_fd, int write_fd, evg_descriptor_told_t *told,
                                     void *owner)
{
    evg_descriptor_t *d = evg_zalloc(sizeof *d);
    if (!d) {
        errno = ENOMEM;
        return NULL;
    }
    if (fill(d, read_fd, write_fd) < 0) return refuse(d);
    d->told = told;
    d->owner = owner;
    evg_source_init(&d->source, &descriptor_ops);
    ev_io_init(&d->io, on_io, d->set, EV_READ);
    evg_source_attach(&d->source, loop);
    evg_descriptor_resume(d);
    return d;
}

void evg_descriptor_resume(evg_descriptor_t *d)
{
    evg_loop_t *loop = d->source.loop;
    d->held = false;
    if (!loop) return;
    evg_source_dirty(&d->source);
    if (loop->polling) evg_loop_wake(loop);
}

void evg_descriptor_free(evg_descriptor_t *d)
{
    if (!d) return;
    evg_loop_t *loop = d->source.loop;
    d->dying = true;
    if (loop && (loop->polling || loop->turning))
        evg_source_dirty(&d->source);
    else
        end(d);
}
