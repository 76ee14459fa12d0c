#include "netfuzz/netfuzz.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

machine_t machine;

/* -- time ---------------------------------------------------------------------------------------------------------- */

/* A real one does not stand still either. */
static const double GLANCE = 1e-7;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_MONOTONIC) return (int)syscall(SYS_clock_gettime, clock, time);
    machine.now += GLANCE;
    time->tv_sec = (time_t)machine.now;
    time->tv_nsec = (long)((machine.now - floor(machine.now)) * 1e9);
    return 0;
}

void machine_pass(double seconds)
{
    machine.now += seconds;
}

/* Nobody does anything while the only thread sleeps. */
int epoll_wait(int set, struct epoll_event *events, int most, int ms)
{
    int count = (int)syscall(SYS_epoll_pwait, set, events, most, 0, NULL, 0);
    if (count != 0 || ms == 0) return count;
    must(ms > 0);
    machine.slept = true;
    machine_pass(ms * 1e-3);
    return 0;
}

/* -- refusals ------------------------------------------------------------------------------------------------------ */

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    if (!machine.no_watch || op != EPOLL_CTL_ADD) return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
    errno = ENOSPC;
    return -1;
}

void machine_refuse_descriptors(bool refuse)
{
    static struct rlimit usual;
    if (!usual.rlim_cur) getrlimit(RLIMIT_NOFILE, &usual);
    struct rlimit none = {.rlim_cur = 3, .rlim_max = usual.rlim_max};
    setrlimit(RLIMIT_NOFILE, refuse ? &none : &usual);
}

static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int count = 0;
    while (readdir(dir)) count++;
    closedir(dir);
    return count - 2;
}

int machine_descriptors(void)
{
    return entries("/proc/self/fd") - 1;
}

int machine_threads(void)
{
    return entries("/proc/self/task");
}

/* -- names --------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool answering;

void machine_answer_lookups(void)
{
    const struct timespec moment = {.tv_nsec = 20000};
    pthread_mutex_lock(&lock);
    answering = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    while (machine_threads() > 1) nanosleep(&moment, NULL);
    answering = false;
}

typedef struct {
    struct addrinfo info;
    evg_sockaddr_t place;
} way_t;

static struct addrinfo *way_to(const evg_sockaddr_t *place, struct addrinfo *next)
{
    way_t *way = calloc(1, sizeof *way);
    way->place = *place;
    way->info = (struct addrinfo){.ai_addr = (struct sockaddr *)&way->place.storage, .ai_addrlen = place->len};
    way->info.ai_next = next;
    return &way->info;
}

static int numeric(const char *host, const char *port, struct addrinfo **out)
{
    evg_sockaddr_t place = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *address = (struct sockaddr_in *)&place.storage;
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1) return EAI_NONAME;
    *out = way_to(&place, NULL);
    return 0;
}

static void wait_for_answers(void)
{
    pthread_mutex_lock(&lock);
    while (!answering) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    if (hints->ai_flags & AI_NUMERICHOST) return numeric(host, port, out);
    wait_for_answers();
    if (strcmp(host, places[PLACE_UNKNOWN].host) == 0) return EAI_NONAME;
    *out = way_to(&tcp_place, NULL);
    if (strcmp(host, places[PLACE_TWO].host) == 0) *out = way_to(&refusing_place, *out);
    return 0;
}

void freeaddrinfo(struct addrinfo *ways)
{
    while (ways) {
        struct addrinfo *next = ways->ai_next;
        free(ways);
        ways = next;
    }
}
