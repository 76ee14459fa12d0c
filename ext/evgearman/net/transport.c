#include "net/transport.h"

#include "net/libev.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set instead */
#endif
#ifndef TCP_KEEPIDLE
#define TCP_KEEPIDLE TCP_KEEPALIVE /* macOS */
#endif

enum { KEEPALIVE_PROBES = 4, DRAIN_PIECE = 16 * 1024, DRAIN_PIECES = 512 };

static ssize_t closed_read(evg_transport_t *t, void *room, size_t len)
{
    (void)t, (void)room, (void)len;
    return EVG_IO_EOF;
}

static ssize_t closed_write(evg_transport_t *t, const void *bytes, size_t len)
{
    (void)t, (void)bytes, (void)len;
    errno = EPIPE;
    return EVG_IO_FAILED;
}

static int closed_proceed(evg_transport_t *t)
{
    (void)t;
    errno = ENOTCONN;
    return EVG_IO_FAILED;
}

static void nothing(evg_transport_t *t)
{
    (void)t;
}

static void no_keepalive(evg_transport_t *t, double idle)
{
    (void)t, (void)idle;
}

static size_t none_in_flight(const evg_transport_t *t)
{
    (void)t;
    return 0;
}

static const evg_transport_ops_t closed_ops = {
    .name = "closed",
    .proceed = closed_proceed,
    .read = closed_read,
    .write = closed_write,
    .farewell = nothing,
    .close = nothing,
    .keepalive = no_keepalive,
    .in_flight = none_in_flight,
};

static bool again_p(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static ssize_t stream_read(evg_transport_t *t, void *room, size_t len)
{
    ssize_t got;
    do got = recv(t->fd, room, len, 0);
    while (got < 0 && errno == EINTR);
    t->drained = got < (ssize_t)len; /* a kernel holds nothing back: less than asked is all */
    if (got > 0) return got;
    if (got == 0) return EVG_IO_EOF;
    return again_p() ? EVG_IO_AGAIN : EVG_IO_FAILED;
}

static ssize_t stream_write(evg_transport_t *t, const void *bytes, size_t len)
{
    ssize_t put;
    do put = send(t->fd, bytes, len, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put > 0) return put;
    return put == 0 || again_p() ? EVG_IO_AGAIN : EVG_IO_FAILED;
}

/* Where nobody listens on a port of this machine, the kernel may choose that very port for our end: then TCP connects
 * the socket to itself. */
static bool itself_p(int fd, const struct sockaddr_storage *peer, socklen_t peer_len)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    if (peer->ss_family == AF_UNIX || getsockname(fd, (struct sockaddr *)&own, &len) < 0) return false;
    return len == peer_len && memcmp(&own, peer, len) == 0;
}

/* Closes by a reset: else the port would be taken for a minute, and the server could not come back. */
static int refuse_itself(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    errno = ECONNREFUSED;
    return EVG_IO_FAILED;
}

/* No error alone does not mean connected: poll may tell of a socket that is still on its way. */
static int stream_proceed(evg_transport_t *t)
{
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    int error = 0;
    socklen_t error_len = sizeof error;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0) return EVG_IO_FAILED;
    if (error) {
        errno = error;
        return EVG_IO_FAILED;
    }
    if (getpeername(t->fd, (struct sockaddr *)&peer, &peer_len) < 0) {
        return errno == ENOTCONN ? EVG_IO_AGAIN : EVG_IO_FAILED;
    }
    if (itself_p(t->fd, &peer, peer_len)) return refuse_itself(t->fd);
    t->wants = 0;
    return 0;
}

static void stream_close(evg_transport_t *t)
{
    close(t->fd); /* not again after EINTR: the descriptor is gone, and may be another thread's by now */
}

static void set_option(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

static int whole(double number)
{
    if (number < 1) return 1;
    return number > 32767 ? 32767 : (int)ceil(number); /* what Linux takes for TCP_KEEPIDLE */
}

static void tcp_keepalive(evg_transport_t *t, double idle)
{
    bool on = idle > 0;
    set_option(t->fd, SOL_SOCKET, SO_KEEPALIVE, on);
#ifdef TCP_USER_TIMEOUT
    set_option(t->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, on ? whole(idle * 2) * 1000 : 0);
#endif
    if (!on) return;
    set_option(t->fd, IPPROTO_TCP, TCP_KEEPIDLE, whole(idle));
    set_option(t->fd, IPPROTO_TCP, TCP_KEEPINTVL, whole(idle / 4));
    set_option(t->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

/* What was not acknowledged is lost when the peer says something after we have closed. */
static size_t tcp_in_flight(const evg_transport_t *t)
{
    int left = 0;
#if defined SIOCOUTQ
    if (ioctl(t->fd, SIOCOUTQ, &left) < 0) return 0;
#elif defined SO_NWRITE
    socklen_t len = sizeof left;
    if (getsockopt(t->fd, SOL_SOCKET, SO_NWRITE, &left, &len) < 0) return 0;
#else
    (void)t;
#endif
    return left > 0 ? (size_t)left : 0;
}

static const evg_transport_ops_t tcp_ops = {
    .name = "tcp",
    .proceed = stream_proceed,
    .read = stream_read,
    .write = stream_write,
    .farewell = nothing,
    .close = stream_close,
    .keepalive = tcp_keepalive,
    .in_flight = tcp_in_flight,
};

static const evg_transport_ops_t unix_ops = {
    .name = "unix",
    .proceed = stream_proceed,
    .read = stream_read,
    .write = stream_write,
    .farewell = nothing,
    .close = stream_close,
    .keepalive = no_keepalive,
    .in_flight = none_in_flight,
};

void evg_transport_init(evg_transport_t *t)
{
    *t = (evg_transport_t){.ops = &closed_ops, .fd = -1, .drained = true};
}

#ifdef SOCK_CLOEXEC
static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int accept_socket(int listening, struct sockaddr *peer, socklen_t *len)
{
    return accept4(listening, peer, len, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
#else
static int set_up(int fd)
{
    if (fd < 0) return fd;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    set_option(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
    return fd;
}

static int open_socket(int family)
{
    return set_up(socket(family, SOCK_STREAM, 0));
}

static int accept_socket(int listening, struct sockaddr *peer, socklen_t *len)
{
    return set_up(accept(listening, peer, len));
}
#endif

/* Takes a descriptor of our own; small packets do not wait for each other. */
static void begin(evg_transport_t *t, int fd, sa_family_t family, int wants)
{
    bool tcp = family != AF_UNIX;
    if (tcp) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    *t = (evg_transport_t){.ops = tcp ? &tcp_ops : &unix_ops, .fd = fd, .wants = wants, .drained = true};
}

static bool begun_p(int fd, const evg_sockaddr_t *address)
{
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0) return true;
    return errno == EINPROGRESS || errno == EINTR;
}

int evg_transport_connect(evg_transport_t *t, const evg_sockaddr_t *address)
{
    int fd = open_socket(address->storage.ss_family);
    if (fd < 0) return EVG_IO_FAILED;
    begin(t, fd, address->storage.ss_family, EV_WRITE);
    if (begun_p(fd, address)) return 0;
    int error = errno;
    evg_transport_close(t);
    errno = error;
    return EVG_IO_FAILED;
}

int evg_transport_accept(evg_transport_t *t, int listening, evg_sockaddr_t *peer)
{
    *peer = (evg_sockaddr_t){.len = sizeof peer->storage};
    int fd;
    do fd = accept_socket(listening, (struct sockaddr *)&peer->storage, &peer->len);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return again_p() ? EVG_IO_AGAIN : EVG_IO_FAILED;
    begin(t, fd, peer->storage.ss_family, 0);
    return 0;
}

void evg_transport_keepalive(evg_transport_t *t, double idle)
{
    t->ops->keepalive(t, idle);
}

size_t evg_transport_in_flight(const evg_transport_t *t)
{
    return t->ops->in_flight(t);
}

void evg_transport_drain(evg_transport_t *t)
{
    uint8_t piece[DRAIN_PIECE];
    for (int i = 0; i < DRAIN_PIECES && t->ops->read(t, piece, sizeof piece) > 0; i++) {}
}

void evg_transport_close(evg_transport_t *t)
{
    t->ops->farewell(t);
    evg_transport_cut(t);
}

void evg_transport_cut(evg_transport_t *t)
{
    t->ops->close(t);
    evg_transport_init(t);
}
