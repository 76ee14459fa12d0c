/* Counts what a process asks of the C library, when it is preloaded: for specs that claim a cost. The library's
 * own calls are not seen, those of Ruby are. Also lets one call that is about a socket fail, and sets the clock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

uint64_t bytes_moved, bytes_searched, comparisons, sends, receives, connects;

/* The call of this number fails with this errno; a send or receive with 0 takes one byte. With `transfers_only` others
 * are not counted. */
uint64_t socket_calls, fails_at, fails_with, transfers_only;

/* Seconds by which the wall clock is ahead. */
int64_t clock_ahead;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static bool fails(bool transfer)
{
    if (transfers_only && !transfer) return false;
    if (++socket_calls != fails_at) return false;
    errno = (int)fails_with;
    return transfer || fails_with;
}

void *memmove(void *to, const void *from, size_t len)
{
    REAL(memmove);
    bytes_moved += len;
    return real(to, from, len);
}

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    REAL(memcpy);
    bytes_moved += len;
    return real(to, from, len);
}

void *memchr(const void *at, int byte, size_t len)
{
    REAL(memchr);
    void *found = real(at, byte, len);
    bytes_searched += found ? (size_t)((char *)found - (const char *)at) + 1 : len;
    return found;
}

int memcmp(const void *one, const void *other, size_t len)
{
    REAL(memcmp);
    comparisons++;
    return real(one, other, len);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    REAL(send);
    sends++;
    if (fails(true)) {
        if (fails_with) return -1;
        len = len > 0;
    }
    return real(fd, bytes, len, flags);
}

ssize_t recv(int fd, void *room, size_t len, int flags)
{
    REAL(recv);
    receives++;
    if (fails(true)) {
        if (fails_with) return -1;
        len = len > 0;
    }
    return real(fd, room, len, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    REAL(connect);
    connects++;
    return fails(false) ? -1 : real(fd, address, len);
}

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    return fails(false) ? -1 : real(domain, type, protocol);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
    REAL(getsockopt);
    return fails(false) ? -1 : real(fd, level, name, value, len);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    REAL(setsockopt);
    return fails(false) ? -1 : real(fd, level, name, value, len);
}

int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict len)
{
    REAL(getpeername);
    return fails(false) ? -1 : real(fd, address, len);
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    REAL(clock_gettime);
    int answer = real(id, time);
    if (id == CLOCK_REALTIME) time->tv_sec += clock_ahead;
    return answer;
}
