#include "net/resolver.h"

#include "base/alloc.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How long a fork waits for lookups that are under way. */
#define FORK_PATIENCE_MS 100

/* The lock guards the flags, and with them the right to touch the loop: after `abandoned` the thread keeps
 * off. It is the resolution's own, so that one which a fork froze in a dead thread's hand is never met again. */
struct evg_resolution {
    evg_list_t link; /* of under_way */
    evg_loop_t *loop;
    evg_source_t *source;
    pid_t pid;
    pthread_mutex_t lock;
    bool finished;  /* the thread has nothing more to do with it */
    bool abandoned; /* the owner neither */
    int answer;
    evg_sockaddrs_t ways;
    char host[EVG_HOST_MAX + 1], port[16];
};

/* Resolutions that somebody owns. Only ever touched with the GVL. */
static evg_list_t under_way = {&under_way, &under_way};

/* Threads between their making and the end of getaddrinfo. */
static atomic_int looking_up;

/* The C library takes locks while it reads its configuration (resolv.conf, the machine's addresses), and fork does not
 * know of them: with glibc, a child of that moment hangs for ever in its own first lookup. While it asks name servers,
 * which may take long, it holds none; so a short patience is enough. Lookups begin with the GVL, as forks do. */
static void before_fork(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; atomic_load(&looking_up) > 0 && i < FORK_PATIENCE_MS; i++) nanosleep(&moment, NULL);
}

static void in_child(void)
{
    atomic_store(&looking_up, 0);
}

static void heed_forks(void)
{
    pthread_atfork(before_fork, NULL, in_child);
}

static void destroy(evg_resolution_t *resolution)
{
    pthread_mutex_destroy(&resolution->lock);
    evg_free(resolution);
}

static void keep(evg_sockaddrs_t *ways, const struct addrinfo *found)
{
    for (; found && ways->count < EVG_ADDRESSES_MAX; found = found->ai_next) {
        if (found->ai_addrlen > sizeof(struct sockaddr_storage)) continue;
        evg_sockaddr_t *way = &ways->addresses[ways->count++];
        memcpy(&way->storage, found->ai_addr, found->ai_addrlen);
        way->len = found->ai_addrlen;
    }
}

/* Without AI_ADDRCONFIG: on a machine with nothing but a loopback it hides the loopback. All ways are
 * tried anyway. */
static void look_up(evg_resolution_t *resolution)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    resolution->answer = getaddrinfo(resolution->host, resolution->port, &hints, &found);
    if (resolution->answer != 0) return;
    keep(&resolution->ways, found);
    freeaddrinfo(found);
    if (!resolution->ways.count) resolution->answer = EAI_NONAME;
}

static void *run(void *argument)
{
    evg_resolution_t *resolution = argument;
    look_up(resolution);
    atomic_fetch_sub(&looking_up, 1);
    pthread_mutex_lock(&resolution->lock);
    resolution->finished = true;
    bool abandoned = resolution->abandoned;
    if (!abandoned) evg_loop_wake(resolution->loop);
    pthread_mutex_unlock(&resolution->lock);
    if (abandoned) destroy(resolution);
    return NULL;
}

/* Signals are for threads that can handle them. */
static bool start(evg_resolution_t *resolution)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigset_t all, before;
    pthread_attr_t detached;
    pthread_t thread;
    if (pthread_attr_init(&detached) != 0) return false;
    pthread_once(&once, heed_forks);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_fetch_add(&looking_up, 1);
    int error = pthread_create(&thread, &detached, run, resolution);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    if (error) atomic_fetch_sub(&looking_up, 1);
    return error == 0;
}

evg_resolution_t *evg_resolve(const evg_address_t *address, evg_loop_t *loop, evg_source_t *source)
{
    evg_resolution_t *resolution = evg_zalloc(sizeof *resolution);
    if (!resolution) return NULL;
    resolution->loop = loop;
    resolution->source = source;
    resolution->pid = getpid();
    memcpy(resolution->host, address->host, sizeof resolution->host);
    snprintf(resolution->port, sizeof resolution->port, "%d", address->port);
    pthread_mutex_init(&resolution->lock, NULL);
    if (!start(resolution)) {
        destroy(resolution);
        return NULL;
    }
    evg_list_append(&under_way, &resolution->link);
    return resolution;
}

bool evg_resolution_done_p(evg_resolution_t *resolution)
{
    pthread_mutex_lock(&resolution->lock);
    bool finished = resolution->finished;
    pthread_mutex_unlock(&resolution->lock);
    return finished;
}

int evg_resolution_take(evg_resolution_t *resolution, evg_sockaddrs_t *out)
{
    int answer = resolution->answer;
    if (answer == 0) *out = resolution->ways;
    evg_list_unlink(&resolution->link);
    destroy(resolution);
    return answer;
}

/* In a forked child nobody holds the lock any more, even if it is locked. */
static bool thread_done_p(evg_resolution_t *resolution)
{
    if (resolution->pid != getpid()) return true;
    pthread_mutex_lock(&resolution->lock);
    resolution->abandoned = true;
    bool finished = resolution->finished;
    pthread_mutex_unlock(&resolution->lock);
    return finished;
}

void evg_resolution_cancel(evg_resolution_t *resolution)
{
    if (!resolution) return;
    evg_list_unlink(&resolution->link);
    if (thread_done_p(resolution)) destroy(resolution);
}

void evg_resolver_collect(evg_loop_t *loop)
{
    for (evg_list_t *node = under_way.next; node != &under_way; node = node->next) {
        evg_resolution_t *resolution = evg_container(node, evg_resolution_t, link);
        if (resolution->loop == loop && evg_resolution_done_p(resolution)) evg_source_ready(resolution->source, 0);
    }
}
