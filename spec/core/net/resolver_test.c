/* Names that are slow to resolve: how long, and how many threads. getaddrinfo is ours. */
#include "net_support.h"

#include "base/error.h"
#include "net/connection.h"
#include "net/resolver.h"

#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>

static sem_t answers; /* one for each lookup that may end */
static atomic_int asked;

typedef int look_up_t(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* "slow" is 127.0.0.1 after a while, and "slower" another name for it. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    static look_up_t *real;
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strncmp(host, "slow", 4) != 0) return real(host, port, hints, found);
    if (hints->ai_flags & AI_NUMERICHOST) return EAI_NONAME;
    atomic_fetch_add(&asked, 1);
    sem_wait(&answers);
    return real("127.0.0.1", port, hints, found);
}

typedef struct {
    evg_loop_t *loop;
    int listener, port;
    int errors, error;
} bench_t;

static void on_event(void *owner, const evg_event_t *event)
{
    bench_t *b = owner;
    if (event->type != EVG_EVENT_ERROR) return;
    b->errors++;
    b->error = event->error;
}

static evg_connection_t *dial(bench_t *b, const char *host)
{
    evg_address_t address;
    evg_address_tcp(&address, host, b->port);
    evg_connection_t *c = evg_connection_new(b->loop, &address, 1, 2);
    c->on_event = on_event;
    c->owner = b;
    c->session.backoff.first = 0.001;
    evg_session_want(&c->session);
    evg_connection_changed(c);
    return c;
}

static int setup(void **state)
{
    static bench_t bench;
    bench = (bench_t){.loop = evg_loop_new()};
    bench.listener = listen_tcp(16, &bench.port);
    sem_init(&answers, 0, 0);
    atomic_store(&asked, 0);
    *state = &bench;
    return bench.loop ? 0 : -1;
}

static int teardown(void **state)
{
    bench_t *b = *state;
    evg_loop_close(b->loop);
    evg_loop_release(b->loop);
    close(b->listener);
    for (int left = atomic_load(&asked); left > 0; left--) sem_post(&answers);
    assert_nothing_alive();
    let_threads_end();
    return 0;
}

/* Fails when only the way has a deadline, not its name. */
static void test_a_name_has_the_time_of_a_connect(void **state)
{
    bench_t *b = *state;
    evg_connection_t *c = dial(b, "slow");
    c->connect_timeout = 0.05;
    turn_until(b->loop, b->errors == 3);
    assert_int_equal(b->error, EVG_ECONNECT_TIMEOUT);
    assert_int_equal(atomic_load(&asked), 1);
    c->connect_timeout = 5;
    for (int at = 0; at < 10; at++) sem_post(&answers); /* it may just have given up once more, and ask anew */
    turn_until(b->loop, c->phase == EVG_PHASE_OPEN);
    evg_connection_free(c);
}

/* Fails when each resolution has a thread of its own. */
static void test_one_thread_for_a_name(void **state)
{
    bench_t *b = *state;
    for (int round = 0; round < 100; round++) {
        evg_connection_t *c = dial(b, "slow");
        turn(b->loop, 0);
        evg_connection_free(c);
        turn(b->loop, 0);
    }
    evg_connection_t *crowd[] = {dial(b, "slow"), dial(b, "slow"), dial(b, "slower")};
    while (atomic_load(&asked) < 2) turn(b->loop, 0.001);
    turn_for(b->loop, 0.02);
    assert_int_equal(atomic_load(&asked), 2);
    for (int at = 0; at < 2; at++) sem_post(&answers);
    for (int at = 0; at < 3; at++) turn_until(b->loop, crowd[at]->phase == EVG_PHASE_OPEN);
    for (int at = 0; at < 3; at++) evg_connection_free(crowd[at]);
}

static int forked(void *context)
{
    bench_t *b = context;
    evg_loop_forked(b->loop);
    evg_connection_t *c = dial(b, "slow");
    sem_post(&answers);
    for (int turns = 0; turns < 200 && c->phase != EVG_PHASE_OPEN; turns++) turn(b->loop, 0.05);
    return c->phase == EVG_PHASE_OPEN ? 0 : 2;
}

/* A child looks it up anew: the thread that would answer is its parent's. */
static void test_a_child_does_not_wait_for_its_parents_thread(void **state)
{
    bench_t *b = *state;
    int status;
    evg_connection_t *c = dial(b, "slow");
    while (atomic_load(&asked) < 1) turn(b->loop, 0.001);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        sem_init(&answers, 0, 0);
        _exit(forked(b));
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    sem_post(&answers);
    turn_until(b->loop, c->phase == EVG_PHASE_OPEN);
    evg_connection_free(c);
}

#define with_bench(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_bench(test_a_name_has_the_time_of_a_connect),
        with_bench(test_one_thread_for_a_name),
        with_bench(test_a_child_does_not_wait_for_its_parents_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
