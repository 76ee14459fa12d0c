#include "net/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void evg_listening_init(evg_listening_t *listening)
{
    *listening = (evg_listening_t){.fd = -1};
}

/* Never blocks: whom accept was promised may be gone before it is called. */
static int open_socket(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0) return fd;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static bool bound_p(int fd, const evg_sockaddr_t *where)
{
    return bind(fd, (const struct sockaddr *)&where->storage, where->len) == 0;
}

/* -- a port -------------------------------------------------------------------------------------------------------- */

/* Not to wait for what earlier connections have left at the port. */
static bool bind_port(int fd, const evg_sockaddr_t *where)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return bound_p(fd, where);
}

static void note_port(evg_listening_t *listening)
{
    evg_sockaddr_t bound = {.len = sizeof bound.storage};
    const void *storage = &bound.storage;
    if (getsockname(listening->fd, (struct sockaddr *)&bound.storage, &bound.len) < 0) return;
    bool v6 = bound.storage.ss_family == AF_INET6;
    const struct sockaddr_in *v4 = storage;
    const struct sockaddr_in6 *six = storage;
    listening->address.port = ntohs(v6 ? six->sin6_port : v4->sin_port);
}

/* -- a path -------------------------------------------------------------------------------------------------------- */

static bool own_socket_p(const char *path, struct stat *file)
{
    return lstat(path, file) == 0 && S_ISSOCK(file->st_mode) && file->st_uid == geteuid();
}

/* That is said by a refusal alone: one who is too busy to accept is there. */
static bool deserted_p(const evg_sockaddr_t *where)
{
    int fd = open_socket(AF_UNIX);
    if (fd < 0) return false;
    bool refused = connect(fd, (const struct sockaddr *)&where->storage, where->len) < 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

/* false: errno is that of the bind. */
static bool clear_away(const char *path, const evg_sockaddr_t *where)
{
    struct stat before, now;
    int error = errno;
    bool ours = error == EADDRINUSE && own_socket_p(path, &before) && deserted_p(where) && own_socket_p(path, &now);
    bool gone = ours && before.st_ino == now.st_ino && before.st_dev == now.st_dev && unlink(path) == 0;
    if (!gone) errno = error;
    return gone;
}

static bool bind_path(int fd, const char *path, const evg_sockaddr_t *where)
{
    return bound_p(fd, where) || (clear_away(path, where) && bound_p(fd, where));
}

static void note_file(evg_listening_t *listening)
{
    struct stat file;
    if (lstat(listening->address.path, &file) < 0) return;
    listening->device = file.st_dev;
    listening->inode = file.st_ino;
}

static void remove_file(const evg_listening_t *listening)
{
    struct stat file;
    const char *path = listening->address.path;
    if (!*path || !own_socket_p(path, &file)) return;
    if (file.st_dev == listening->device && file.st_ino == listening->inode) unlink(path);
}

/* -- either -------------------------------------------------------------------------------------------------------- */

static bool open_port(evg_listening_t *listening, const evg_sockaddr_t *where)
{
    if (!bind_port(listening->fd, where) || listen(listening->fd, SOMAXCONN) < 0) return false;
    note_port(listening);
    return true;
}

/* Nobody can connect before it listens. */
static bool open_path(evg_listening_t *listening, const evg_sockaddr_t *where)
{
    const char *path = listening->address.path;
    if (!bind_path(listening->fd, path, where)) return false;
    note_file(listening);
    return chmod(path, S_IRUSR | S_IWUSR) == 0 && listen(listening->fd, SOMAXCONN) == 0;
}

static void let_go(evg_listening_t *listening)
{
    if (listening->fd >= 0) close(listening->fd);
    listening->fd = -1;
}

void evg_listening_close(evg_listening_t *listening)
{
    if (listening->fd >= 0) remove_file(listening);
    let_go(listening);
}

int evg_listening_open(evg_listening_t *listening, const evg_address_t *address)
{
    evg_sockaddrs_t ways = {0};
    if (!evg_address_literal(address, &ways)) return EADDRNOTAVAIL;
    const evg_sockaddr_t *where = &ways.addresses[0];
    *listening = (evg_listening_t){.fd = open_socket(where->storage.ss_family), .address = *address};
    if (listening->fd < 0) return errno;
    if (*address->path ? open_path(listening, where) : open_port(listening, where)) return 0;
    int error = errno;
    evg_listening_close(listening);
    return error;
}

void evg_listening_forked(evg_listening_t *listening)
{
    let_go(listening);
}
