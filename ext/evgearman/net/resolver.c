#include "net/resolver.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
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

/* One name that is looked up, on a thread of its own. Whoever asks for the same meanwhile waits for the same answer: a
 * name server that does not answer holds one thread for each name, however often a connection tries. */
typedef struct {
    evg_list_t link;    /* of lookups, until it has ended */
    evg_list_t waiting; /* evg_resolution_t */
    bool ended;
    int answer;
    int error; /* errno, where the answer is EAI_SYSTEM */
    evg_sockaddrs_t ways;
    char host[EVG_HOST_MAX + 1], port[16];
} lookup_t;

struct evg_resolution {
    evg_list_t waiting; /* of its lookup */
    lookup_t *lookup;
    evg_source_t *source;
};

/* Guards all lookups and who waits for them, and with that the threads' right to touch a source. Never held for long; a
 * fork waits for it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static evg_list_t lookups = {&lookups, &lookups};

/* Threads between their making and the end of getaddrinfo. */
static atomic_int looking_up;

/* The C library takes locks while it reads its configuration (resolv.conf, the machine's addresses), and fork does not
 * know of them: with glibc, a child of that moment hangs for ever in its own first lookup. While it asks name servers,
 * which may take long, it holds none; so a short patience is enough. Lookups begin with the GVL, as forks do. */
static void before_fork(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; atomic_load(&looking_up) > 0 && i < FORK_PATIENCE_MS; i++) nanosleep(&moment, NULL);
    pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

/* Their threads are gone. What nobody waits for is leaked knowingly. */
static void in_child(void)
{
    atomic_store(&looking_up, 0);
    for (evg_list_t *at; (at = evg_list_shift(&lookups));) {
        lookup_t *lookup = evg_container(at, lookup_t, link);
        lookup->answer = EAI_AGAIN;
        lookup->ended = true;
    }
    pthread_mutex_unlock(&lock);
}

static void heed_forks(void)
{
    pthread_atfork(before_fork, in_parent, in_child);
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

/* Who cannot open its files says of a name that nobody knows it. */
static int find_out_why(int answer)
{
    if (answer == EAI_SYSTEM) return answer;
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
    return fd < 0 && (errno == EMFILE || errno == ENFILE) ? EAI_SYSTEM : answer;
}

/* Without AI_ADDRCONFIG: on a machine with nothing but a loopback it hides the loopback. All ways are
 * tried anyway. */
static int look_up(const lookup_t *lookup, evg_sockaddrs_t *ways)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int answer = getaddrinfo(lookup->host, lookup->port, &hints, &found);
    if (answer != 0) return find_out_why(answer);
    keep(ways, found);
    freeaddrinfo(found);
    return ways->count ? 0 : EAI_NONAME;
}

static void *run(void *argument)
{
    lookup_t *lookup = argument;
    evg_sockaddrs_t ways = {0};
    int answer = look_up(lookup, &ways), error = errno;
    atomic_fetch_sub(&looking_up, 1);
    pthread_mutex_lock(&lock);
    lookup->answer = answer;
    lookup->error = error;
    lookup->ways = ways;
    lookup->ended = true;
    evg_list_unlink(&lookup->link);
    bool wanted = !evg_list_empty_p(&lookup->waiting);
    for (evg_list_t *at = lookup->waiting.next; at != &lookup->waiting; at = at->next) {
        evg_source_knock(evg_container(at, evg_resolution_t, waiting)->source);
    }
    pthread_mutex_unlock(&lock);
    if (!wanted) evg_free(lookup);
    return NULL;
}

/* Signals are for threads that can handle them. */
static bool start(lookup_t *lookup)
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
    int error = pthread_create(&thread, &detached, run, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    if (error) atomic_fetch_sub(&looking_up, 1);
    return error == 0;
}

/* One that is under way for that name, or NULL. With the lock. */
static lookup_t *find(const char *host, const char *port)
{
    for (evg_list_t *at = lookups.next; at != &lookups; at = at->next) {
        lookup_t *lookup = evg_container(at, lookup_t, link);
        if (!strcmp(lookup->host, host) && !strcmp(lookup->port, port)) return lookup;
    }
    return NULL;
}

/* The same; begins one if there is none. NULL: no thread or memory to be had. */
static lookup_t *find_or_begin(const evg_address_t *address)
{
    char port[sizeof(((lookup_t *)0)->port)];
    snprintf(port, sizeof port, "%d", address->port);
    lookup_t *lookup = find(address->host, port);
    if (lookup || !(lookup = evg_zalloc(sizeof *lookup))) return lookup;
    memcpy(lookup->host, address->host, sizeof lookup->host);
    memcpy(lookup->port, port, sizeof port);
    evg_list_init(&lookup->waiting);
    evg_list_init(&lookup->link);
    if (!start(lookup)) {
        evg_free(lookup);
        return NULL;
    }
    evg_list_append(&lookups, &lookup->link);
    return lookup;
}

evg_resolution_t *evg_resolve(const evg_address_t *address, evg_source_t *source)
{
    evg_resolution_t *resolution = evg_zalloc(sizeof *resolution);
    if (!resolution) return NULL;
    resolution->source = source;
    pthread_mutex_lock(&lock);
    resolution->lookup = find_or_begin(address);
    if (resolution->lookup) evg_list_append(&resolution->lookup->waiting, &resolution->waiting);
    pthread_mutex_unlock(&lock);
    if (!resolution->lookup) {
        evg_free(resolution);
        return NULL;
    }
    return resolution;
}

bool evg_resolution_done_p(evg_resolution_t *resolution)
{
    pthread_mutex_lock(&lock);
    bool ended = resolution->lookup->ended;
    pthread_mutex_unlock(&lock);
    return ended;
}

int evg_resolution_take(evg_resolution_t *resolution, evg_sockaddrs_t *out)
{
    int answer = resolution->lookup->answer, error = resolution->lookup->error;
    if (answer == 0) *out = resolution->lookup->ways;
    evg_resolution_cancel(resolution);
    errno = error;
    return answer;
}

/* A lookup that has ended goes with the last who waited for it, one under way frees itself. */
void evg_resolution_cancel(evg_resolution_t *resolution)
{
    if (!resolution) return;
    lookup_t *lookup = resolution->lookup;
    pthread_mutex_lock(&lock);
    evg_list_unlink(&resolution->waiting);
    bool last = lookup->ended && evg_list_empty_p(&lookup->waiting);
    pthread_mutex_unlock(&lock);
    if (last) evg_free(lookup);
    evg_free(resolution);
}
