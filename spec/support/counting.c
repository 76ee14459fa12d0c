/* Counts what a process asks of the C library, when it is preloaded: for specs that claim a cost. The library's
 * own calls are not seen, those of Ruby are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

uint64_t bytes_moved, bytes_searched, comparisons, sends, receives, connects;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

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
    return real(fd, bytes, len, flags);
}

ssize_t recv(int fd, void *room, size_t len, int flags)
{
    REAL(recv);
    receives++;
    return real(fd, room, len, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    REAL(connect);
    connects++;
    return real(fd, address, len);
}
