/* What the tests of net share: turning a loop, a GVL of our own, sockets that listen, counting descriptors. */
#ifndef EVG_SPEC_NET_SUPPORT_H
#define EVG_SPEC_NET_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "net/source.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The GVL is played by a mutex: held always, but not in evg_loop_poll. */
static pthread_mutex_t gvl = PTHREAD_MUTEX_INITIALIZER;

static inline void turn(evg_loop_t *loop, double seconds)
{
    evg_loop_reconcile(loop);
    evg_loop_aim(loop, evg_monotonic() + seconds, seconds > 0);
    pthread_mutex_unlock(&gvl);
    evg_loop_poll(loop);
    pthread_mutex_lock(&gvl);
    evg_loop_collect(loop);
    evg_loop_dispatch(loop);
}

/* Turns until the condition holds; fails the test after five seconds. */
#define turn_until(loop, condition)                                                   \
    do {                                                                              \
        double give_up_at = evg_monotonic() + 5;                                      \
        while (!(condition)) {                                                        \
            if (evg_monotonic() > give_up_at) fail_msg("never came: %s", #condition); \
            turn(loop, 0.05);                                                         \
        }                                                                             \
    } while (0)

static inline void turn_for(evg_loop_t *loop, double seconds)
{
    double until = evg_monotonic() + seconds;
    while (evg_monotonic() < until) turn(loop, until - evg_monotonic());
}

static inline void rest(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&time, NULL);
}

/* Threads of resolvers that nobody waits for may still hold memory for a moment. */
static inline void assert_nothing_alive(void)
{
    for (int tries = 0; evg_alloc_live() && tries < 500; tries++) rest(0.01);
    assert_int_equal(evg_alloc_live(), 0);
}

static inline int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

static inline int fd_count(void)
{
    return entries("/proc/self/fd");
}

/* A sanitizer's allocator takes locks that fork does not know of, also when a thread ends: a child would hang. So
 * resolvers are let end before a fork; what happens when they are not, Ruby specs tell. */
static inline void let_threads_end(void)
{
    const int one = 3; /* and "." and ".." */
    for (int tries = 0; entries("/proc/self/task") > one && tries < 200; tries++) rest(0.001);
}

/* Listens on 127.0.0.1; answers the descriptor, and its port. */
static inline int listen_tcp(int backlog, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* A port at which nobody listens. */
static inline int dead_port(void)
{
    int port;
    close(listen_tcp(1, &port));
    return port;
}

/* Close says RST instead of FIN. */
static inline void reset(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* Runs `body` in a forked child and answers its exit code; -1 when it died. */
static inline int in_child(int (*body)(void *), void *context)
{
    let_threads_end();
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        _exit(body(context));
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
