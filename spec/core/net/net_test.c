/* Loop, timers, addresses, resolver, transports: everything of net below the connection. */
#include "net_support.h"

#include "net/address.h"
#include "net/resolver.h"
#include "net/timer.h"
#include "net/transport.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* -- a source that records what it is told ------------------------------------------------------------------------- */

typedef struct {
    evg_source_t source;
    ev_io io;
    int fd;
    int reconciled, served, judged, forked, closed;
    int revents;
    int order;  /* when it was served or judged, counted over all probes */
    bool again; /* ready once more, each time */
    double due_again;
    evg_source_t *detach; /* in `serve` */
} probe_t;

static int told;

static probe_t *probe_of(evg_source_t *source)
{
    return evg_container(source, probe_t, source);
}

static void probe_on_io(struct ev_loop *ev, ev_io *io, int revents)
{
    (void)ev;
    evg_source_ready(&evg_container(io, probe_t, io)->source, revents);
}

static void probe_reconcile(evg_source_t *source)
{
    probe_t *p = probe_of(source);
    p->reconciled++;
    if (p->fd < 0 || ev_is_active(&p->io)) return;
    ev_io_init(&p->io, probe_on_io, p->fd, EV_READ);
    evg_libev.io_start(source->loop->ev, &p->io);
    source->fd = p->fd;
}

static void probe_serve(evg_source_t *source)
{
    probe_t *p = probe_of(source);
    p->served++;
    p->revents = source->revents;
    p->order = ++told;
    if (p->again) evg_source_ready(source, EV_READ);
    if (p->detach) evg_source_detach(p->detach);
}

static void probe_judge(evg_source_t *source)
{
    probe_t *p = probe_of(source);
    p->judged++;
    p->order = ++told;
    if (p->due_again > 0) evg_source_due_at(source, p->due_again);
}

static void probe_forked(evg_source_t *source)
{
    probe_of(source)->forked++;
}

static void probe_closed(evg_source_t *source)
{
    probe_of(source)->closed++;
}

static const evg_source_ops_t probe_ops = {probe_reconcile, probe_serve, probe_judge, probe_forked, probe_closed};

static void probe_init(probe_t *p, evg_loop_t *loop)
{
    memset(p, 0, sizeof *p);
    p->fd = -1;
    ev_io_init(&p->io, probe_on_io, -1, EV_READ);
    evg_source_init(&p->source, &probe_ops);
    evg_source_attach(&p->source, loop);
}

static void probe_watch(probe_t *p, int fd)
{
    p->fd = fd;
    evg_source_dirty(&p->source);
}

static void probe_deinit(probe_t *p)
{
    if (p->source.loop && p->source.loop->ev) evg_libev.io_stop(p->source.loop->ev, &p->io);
    evg_source_detach(&p->source);
}

static int setup(void **state)
{
    told = 0;
    *state = evg_loop_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    evg_loop_close(*state);
    evg_loop_release(*state);
    return evg_alloc_live() ? -1 : 0;
}

/* -- loop ---------------------------------------------------------------------------------------------------------- */

static void test_backend(void **state)
{
    assert_string_equal(evg_loop_backend(*state), "epoll");
    assert_null(evg_libev_load());
}

static void test_nothing_to_do_returns_at_once_unless_told_to_block(void **state)
{
    double start = evg_monotonic();
    turn(*state, 0);
    assert_true(evg_monotonic() - start < 0.02);
    turn(*state, 0.05);
    double took = evg_monotonic() - start;
    assert_true(took >= 0.05 && took < 0.2);
}

/* To see it fail: leave out now_update. */
static void test_a_poll_lasts_its_time_though_nobody_drove_before(void **state)
{
    turn(*state, 0);
    rest(0.1);
    double start = evg_monotonic();
    turn(*state, 0.05);
    assert_true(evg_monotonic() - start >= 0.05);
}

static void test_reconcile_comes_once_for_each_time_it_was_dirty(void **state)
{
    probe_t p;
    probe_init(&p, *state);
    evg_source_dirty(&p.source);
    evg_source_dirty(&p.source);
    turn(*state, 0);
    turn(*state, 0);
    assert_int_equal(p.reconciled, 1);
    probe_deinit(&p);
}

static void test_readable_socket_is_told_and_ends_the_poll(void **state)
{
    int pair[2];
    probe_t p;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    probe_init(&p, *state);
    probe_watch(&p, pair[0]);
    turn(*state, 0);
    assert_int_equal(p.served, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    double start = evg_monotonic();
    turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    assert_int_equal(p.served, 1);
    assert_int_equal(p.revents, EV_READ);
    probe_deinit(&p);
    close(pair[0]);
    close(pair[1]);
}

static void test_ready_is_served_before_due_even_if_the_alarm_came_first(void **state)
{
    int pair[2];
    probe_t reader, late;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    probe_init(&late, *state);
    probe_init(&reader, *state);
    probe_watch(&reader, pair[0]);
    turn(*state, 0);
    evg_source_due_at(&late.source, evg_monotonic() - 1);
    evg_source_due_at(&reader.source, evg_monotonic() - 2);
    assert_int_equal(write(pair[1], "x", 1), 1);
    turn(*state, 5);
    assert_int_equal(reader.served, 1);
    assert_int_equal(reader.judged, 1);
    assert_int_equal(late.judged, 1);
    assert_int_equal(late.order, 3);
    probe_deinit(&reader);
    probe_deinit(&late);
    close(pair[0]);
    close(pair[1]);
}

static void test_due_ends_the_poll_and_is_told_once(void **state)
{
    probe_t p;
    probe_init(&p, *state);
    double start = evg_monotonic();
    evg_source_due_at(&p.source, start + 0.03);
    while (!p.judged) turn(*state, 5);
    double took = evg_monotonic() - start;
    assert_true(took >= 0.03 && took < 0.5);
    turn(*state, 0.01);
    assert_int_equal(p.judged, 1);
    probe_deinit(&p);
}

/* The first alarm passes in vain, and nothing of it counts. To see it fail: judge in heed_alarm. */
static void test_due_may_be_put_off_without_moving_its_alarm(void **state)
{
    evg_loop_t *loop = *state;
    probe_t p;
    probe_init(&p, loop);
    double start = evg_monotonic();
    evg_source_due_at(&p.source, start + 0.02);
    evg_source_due_at(&p.source, start + 0.06);
    assert_true(p.source.alarm.at == start + 0.02);
    while (evg_monotonic() < start + 0.05) turn(loop, start + 0.05 - evg_monotonic());
    assert_int_equal(p.judged, 0);
    assert_int_equal(loop->events, 0);
    assert_true(p.source.alarm.at == start + 0.06);
    turn_until(loop, p.judged == 1);
    assert_true(evg_monotonic() >= start + 0.06);
    evg_source_due_at(&p.source, start + 0.1);
    evg_source_due_at(&p.source, INFINITY);
    while (evg_monotonic() < start + 0.12) turn(loop, 0.02);
    assert_int_equal(p.judged, 1);
    assert_int_equal(loop->alarms.count, 0);
    probe_deinit(&p);
}

static void test_due_may_come_sooner(void **state)
{
    probe_t p;
    probe_init(&p, *state);
    double start = evg_monotonic();
    evg_source_due_at(&p.source, start + 5);
    evg_source_due_at(&p.source, start + 0.03);
    while (!p.judged) turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    probe_deinit(&p);
}

static void test_a_source_that_is_always_due_or_ready_gets_one_call_a_turn(void **state)
{
    probe_t p;
    probe_init(&p, *state);
    p.again = true;
    p.due_again = 1;
    evg_source_due_at(&p.source, 1);
    evg_source_ready(&p.source, EV_READ);
    double start = evg_monotonic();
    turn(*state, 5);
    turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    assert_int_equal(p.served, 2);
    assert_int_equal(p.judged, 2);
    probe_deinit(&p);
}

static void test_a_source_may_detach_the_next_one(void **state)
{
    probe_t first, second;
    probe_init(&first, *state);
    probe_init(&second, *state);
    first.detach = &second.source;
    evg_source_ready(&first.source, EV_READ);
    evg_source_ready(&second.source, EV_READ);
    turn(*state, 0);
    assert_int_equal(first.served, 1);
    assert_int_equal(second.served, 0);
    assert_null(second.source.loop);
    probe_deinit(&first);
}

static void test_revents_gather_until_told(void **state)
{
    probe_t p;
    probe_init(&p, *state);
    evg_source_ready(&p.source, EV_READ);
    evg_source_ready(&p.source, EV_WRITE);
    turn(*state, 0);
    assert_int_equal(p.revents, EV_READ | EV_WRITE);
    evg_source_ready(&p.source, EV_WRITE);
    turn(*state, 0);
    assert_int_equal(p.revents, EV_WRITE);
    probe_deinit(&p);
}

static void test_would_block_only_with_nothing_in_hand(void **state)
{
    evg_loop_t *loop = *state;
    probe_t p;
    probe_init(&p, loop);
    assert_true(evg_loop_would_block_p(loop));
    evg_source_dirty(&p.source);
    assert_false(evg_loop_would_block_p(loop));
    turn(loop, 0);
    assert_true(evg_loop_would_block_p(loop));
    evg_source_ready(&p.source, 0);
    assert_false(evg_loop_would_block_p(loop));
    probe_deinit(&p);
}

static void test_linger_sees_input(void **state)
{
    int pair[2];
    probe_t p;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    probe_init(&p, *state);
    assert_false(evg_loop_linger(*state, 0.001));
    probe_watch(&p, pair[0]);
    turn(*state, 0);
    double start = evg_monotonic();
    assert_false(evg_loop_linger(*state, 0.0002));
    assert_true(evg_monotonic() - start < 0.01);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_true(evg_loop_linger(*state, 1));
    probe_deinit(&p);
    close(pair[0]);
    close(pair[1]);
}

/* -- waking -------------------------------------------------------------------------------------------------------- */

static void *wake_soon(void *loop)
{
    rest(0.03);
    evg_loop_wake(loop);
    return NULL;
}

static void test_wake_from_a_thread_ends_the_poll(void **state)
{
    pthread_t thread;
    double start = evg_monotonic();
    pthread_create(&thread, NULL, wake_soon, *state);
    turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    pthread_join(thread, NULL);
}

static void test_a_wake_before_the_poll_is_not_lost(void **state)
{
    double start = evg_monotonic();
    evg_loop_wake(*state);
    turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    turn(*state, 0.03);
    assert_true(evg_monotonic() - start > 0.02);
}

static void *knock_soon(void *source)
{
    rest(0.03);
    evg_source_knock(source);
    return NULL;
}

static void test_a_knock_from_a_thread_ends_the_poll_and_is_served(void **state)
{
    pthread_t thread;
    probe_t p, other;
    probe_init(&p, *state);
    probe_init(&other, *state);
    double start = evg_monotonic();
    pthread_create(&thread, NULL, knock_soon, &p.source);
    while (!p.served) turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    assert_int_equal(p.revents, 0);
    pthread_join(thread, NULL);
    turn(*state, 0);
    assert_int_equal(p.served, 1);
    assert_int_equal(other.served, 0);
    evg_source_knock(&p.source);
    assert_false(evg_loop_would_block_p(*state));
    probe_deinit(&p);
    probe_deinit(&other);
}

static evg_loop_t *signalled;

static void on_signal(int number)
{
    (void)number;
    evg_loop_wake(signalled);
}

static void test_wake_from_a_signal_handler(void **state)
{
    signalled = *state;
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    double start = evg_monotonic();
    turn(*state, 5);
    assert_true(evg_monotonic() - start < 1);
    signal(SIGUSR1, SIG_DFL);
}

/* -- closing, forking ---------------------------------------------------------------------------------------------- */

static void test_close_tells_sources_once(void **state)
{
    evg_loop_t *loop = *state;
    probe_t p;
    probe_init(&p, loop);
    evg_loop_close(loop);
    evg_loop_close(loop);
    assert_int_equal(p.closed, 1);
    assert_null(loop->ev);
    evg_loop_wake(loop);
    turn(loop, 5);
    assert_string_equal(evg_loop_backend(loop), "closed");
    assert_false(evg_loop_would_block_p(loop));
    probe_deinit(&p);
}

static void test_a_source_keeps_the_loop(void **state)
{
    (void)state;
    evg_loop_t *loop = evg_loop_new();
    probe_t p;
    probe_init(&p, loop);
    evg_loop_release(loop);
    turn(p.source.loop, 0);
    probe_deinit(&p);
}

typedef struct {
    evg_loop_t *loop;
    probe_t *probe;
    evg_timer_t *timer;
} inherited_t;

static int child_body(void *context)
{
    inherited_t *in = context;
    int before = fd_count();
    evg_loop_forked(in->loop);
    if (fd_count() >= before) return 1; /* something was opened that a daemon would close */
    if (in->probe->forked != 1 || in->probe->served) return 2;
    if (in->timer && evg_timer_active_p(in->timer)) return 3;
    evg_loop_wake(in->loop);
    turn(in->loop, 0);
    if (fd_count() != before) return 4;
    if (in->probe->served) return 5;
    return 0;
}

/* The child must not take the socket out of the epoll set that it shares with the parent. */
static void test_fork(void **state)
{
    int pair[2];
    probe_t p;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    probe_init(&p, *state);
    probe_watch(&p, pair[0]);
    turn(*state, 0);
    inherited_t in = {*state, &p, NULL};
    assert_int_equal(write(pair[1], "x", 1), 1);
    evg_source_ready(&p.source, EV_READ);
    assert_int_equal(in_child(child_body, &in), 0);
    assert_int_equal(p.forked, 0);
    turn(*state, 5);
    assert_int_equal(p.served, 1);
    turn(*state, 5);
    assert_int_equal(p.served, 2);
    probe_deinit(&p);
    close(pair[0]);
    close(pair[1]);
}

/* The lowest number that is free, which the next descriptor gets. */
static int next_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void limit_descriptors(rlim_t most)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = most ? most : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Fails when libev is left to itself: it ends the process. */
static void test_without_descriptors_there_is_no_loop(void **state)
{
    (void)state;
    for (int few = 0; few < 2; few++) {
        limit_descriptors((rlim_t)(next_fd() + few));
        evg_loop_t *loop = evg_loop_new();
        int error = errno;
        limit_descriptors(0);
        assert_null(loop);
        assert_int_equal(error, EMFILE);
    }
}

static int forked_at_the_limit(void *loop)
{
    evg_loop_forked(loop);
    limit_descriptors((rlim_t)(next_fd() + 1)); /* for its epoll; its eventfd comes next */
    if (evg_loop_reconcile(loop) || errno != EMFILE) return 1;
    limit_descriptors(0);
    turn(loop, 0);
    return 0;
}

static void test_without_descriptors_a_child_tries_again(void **state)
{
    assert_int_equal(in_child(forked_at_the_limit, *state), 0);
}

static void test_a_poll_that_is_refused_says_so(void **state)
{
    (void)state;
    int epoll = next_fd();
    evg_loop_t *loop = evg_loop_new();
    turn(loop, 0);
    assert_int_equal(loop->refusal, 0);
    close(epoll);
    turn(loop, 1);
    assert_int_equal(loop->refusal, EBADF);
    assert_int_equal(dup2(0, epoll), epoll); /* libev closes it */
    evg_loop_close(loop);
    evg_loop_release(loop);
}

enum { CROWD = 80 }; /* more events than libev has room for at first: it makes more */

static sem_t between, go_on;
static _Thread_local bool polls;
static atomic_bool armed;

/* libev's allocator: stops the thread that polls between giving back memory and taking new. */
static void *allocate(void *memory, long size)
{
    if (size) return realloc(memory, (size_t)size);
    free(memory);
    if (polls && atomic_exchange(&armed, false)) {
        sem_post(&between);
        sem_wait(&go_on);
    }
    return NULL;
}

static void *poll_once(void *loop)
{
    polls = true;
    evg_loop_poll(loop);
    return NULL;
}

/* Fails when the child frees what the thread that is gone had in its hands. */
static void test_fork_beside_a_thread_in_libev(void **state)
{
    static probe_t crowd[CROWD];
    pthread_t thread;
    int pipes[CROWD][2], status;
    sem_init(&between, 0, 0);
    sem_init(&go_on, 0, 0);
    for (int at = 0; at < CROWD; at++) {
        assert_int_equal(pipe(pipes[at]), 0);
        assert_int_equal(write(pipes[at][1], "x", 1), 1);
        probe_init(&crowd[at], *state);
        probe_watch(&crowd[at], pipes[at][0]);
    }
    ev_set_allocator(allocate);
    evg_loop_reconcile(*state);
    evg_loop_aim(*state, evg_monotonic() + 1, true);
    atomic_store(&armed, true);
    pthread_create(&thread, NULL, poll_once, *state);
    sem_wait(&between);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        evg_loop_forked(*state);
        turn(*state, 0);
        _exit((*(evg_loop_t **)state)->ev && crowd[0].forked == 1 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    sem_post(&go_on);
    pthread_join(thread, NULL);
    assert_int_equal(status, 0);
    evg_loop_collect(*state);
    for (int at = 0; at < CROWD; at++) {
        probe_deinit(&crowd[at]);
        close(pipes[at][0]);
        close(pipes[at][1]);
    }
}

/* -- timers -------------------------------------------------------------------------------------------------------- */

typedef struct {
    int fired;
    evg_timer_t *stop;
    double restart;
    evg_loop_t *loop;
} bell_t;

static void ring(evg_timer_t *timer)
{
    bell_t *bell = timer->owner;
    bell->fired++;
    if (bell->stop) evg_timer_stop(bell->stop);
    if (bell->restart > 0) evg_timer_start(timer, bell->loop, bell->restart, 0);
}

static void test_timer_once(void **state)
{
    bell_t bell = {0};
    evg_timer_t timer;
    evg_timer_init(&timer, ring, &bell);
    assert_false(evg_timer_active_p(&timer));
    double start = evg_monotonic();
    evg_timer_start(&timer, *state, 0.03, 0);
    assert_true(evg_timer_active_p(&timer));
    while (!bell.fired) turn(*state, 5);
    double took = evg_monotonic() - start;
    assert_true(took >= 0.03 && took < 0.3);
    assert_false(evg_timer_active_p(&timer));
    turn(*state, 0.05);
    assert_int_equal(bell.fired, 1);
}

static void test_timer_repeats_without_drift_and_skips_what_it_missed(void **state)
{
    bell_t bell = {0};
    evg_timer_t timer;
    evg_timer_init(&timer, ring, &bell);
    evg_timer_start(&timer, *state, 0.02, 0.02);
    double first = timer.at;
    rest(0.09); /* nobody drives: 0.02, 0.04, 0.06, 0.08 pass */
    turn(*state, 0);
    assert_int_equal(bell.fired, 1);
    double steps = (timer.at - first) / 0.02;
    assert_true(fabs(steps - round(steps)) < 1e-6);
    assert_true(timer.at > evg_monotonic() - 0.001);
    turn_until(*state, bell.fired == 3);
    evg_timer_stop(&timer);
    evg_timer_stop(&timer);
    turn(*state, 0.03);
    assert_int_equal(bell.fired, 3);
}

static void test_timer_may_stop_or_restart_any_when_it_fires(void **state)
{
    bell_t a = {0}, b = {0};
    evg_timer_t one, two;
    evg_timer_init(&one, ring, &a);
    evg_timer_init(&two, ring, &b);
    a.stop = &two;
    a.restart = 0.01;
    a.loop = *state;
    evg_timer_start(&one, *state, 0, 0);
    evg_timer_start(&two, *state, 0.0001, 0);
    rest(0.001);
    turn(*state, 0);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
    turn_until(*state, a.fired == 2);
    evg_timer_stop(&one);
}

static void test_many_timers_fire_in_order_of_their_time(void **state)
{
    enum { COUNT = 1000 };
    static evg_timer_t timers[COUNT];
    bell_t bell = {0};
    for (int at = 0; at < COUNT; at++) {
        evg_timer_init(&timers[at], ring, &bell);
        evg_timer_start(&timers[at], *state, (at * 7919 % COUNT) * 1e-5, 0);
    }
    turn_until(*state, bell.fired == COUNT);
}

static void *drive_two_seconds(void *loop)
{
    pthread_mutex_lock(&gvl);
    turn(loop, 2);
    pthread_mutex_unlock(&gvl);
    return NULL;
}

/* Until the other thread is in its poll. */
static void await_poll(evg_loop_t *loop)
{
    while (!loop->polling) {
        pthread_mutex_unlock(&gvl);
        rest(0.001);
        pthread_mutex_lock(&gvl);
    }
}

static void test_timer_started_beside_a_poll_wakes_it_only_if_it_comes_first(void **state)
{
    evg_loop_t *loop = *state;
    bell_t bell = {0};
    evg_timer_t soon, late;
    pthread_t thread;
    evg_timer_init(&soon, ring, &bell);
    evg_timer_init(&late, ring, &bell);
    pthread_create(&thread, NULL, drive_two_seconds, loop);
    await_poll(loop);
    evg_timer_start(&late, loop, 10, 0);
    pthread_mutex_unlock(&gvl);
    rest(0.05);
    pthread_mutex_lock(&gvl);
    assert_true(loop->polling);
    double start = evg_monotonic();
    evg_timer_start(&soon, loop, 0.05, 0);
    pthread_mutex_unlock(&gvl);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&gvl);
    assert_true(evg_monotonic() - start < 0.5);
    turn_until(loop, bell.fired == 1);
    evg_timer_stop(&late);
}

static void test_timers_end_in_a_forked_child_and_with_the_loop(void **state)
{
    bell_t bell = {0};
    evg_timer_t timer;
    probe_t p;
    probe_init(&p, *state);
    evg_timer_init(&timer, ring, &bell);
    evg_timer_start(&timer, *state, 10, 0);
    inherited_t in = {*state, &p, &timer};
    assert_int_equal(in_child(child_body, &in), 0);
    assert_true(evg_timer_active_p(&timer));
    evg_loop_close(*state);
    assert_false(evg_timer_active_p(&timer));
    probe_deinit(&p);
}

static void test_timer_without_memory_is_set_at_the_next_turn(void **state)
{
    bell_t bell = {0};
    evg_timer_t timer;
    evg_timer_init(&timer, ring, &bell);
    evg_alloc_fail_at(1);
    evg_timer_start(&timer, *state, 0.01, 0);
    evg_alloc_fail_at(0);
    turn_until(*state, bell.fired == 1);
}

/* -- addresses ----------------------------------------------------------------------------------------------------- */

static void test_address_checks(void **state)
{
    (void)state;
    evg_address_t a;
    char long_host[EVG_HOST_MAX + 2], long_path[200];
    memset(long_host, 'h', sizeof long_host);
    memset(long_path, 'p', sizeof long_path);
    long_host[sizeof long_host - 1] = long_path[sizeof long_path - 1] = 0;
    assert_false(evg_address_tcp(&a, long_host, 4730));
    assert_true(evg_address_tcp(&a, long_host + 1, 4730));
    assert_false(evg_address_tcp(&a, "", 4730));
    assert_false(evg_address_tcp(&a, "h", 0));
    assert_false(evg_address_tcp(&a, "h", 65536));
    assert_true(evg_address_tcp(&a, "h", 65535));
    assert_false(evg_address_unix(&a, ""));
    assert_false(evg_address_unix(&a, long_path));
    assert_true(evg_address_unix(&a, long_path + sizeof long_path - sizeof a.path));
}

static void test_address_text_and_equality(void **state)
{
    (void)state;
    char room[300];
    evg_address_t a, b;
    evg_address_tcp(&a, "::1", 4730);
    assert_string_equal(evg_address_text(&a, room, sizeof room), "[::1]:4730");
    evg_address_tcp(&b, "localhost", 4730);
    assert_string_equal(evg_address_text(&b, room, sizeof room), "localhost:4730");
    assert_false(evg_address_equal_p(&a, &b));
    evg_address_tcp(&a, "localhost", 4730);
    assert_true(evg_address_equal_p(&a, &b));
    evg_address_unix(&a, "/tmp/g");
    assert_string_equal(evg_address_text(&a, room, sizeof room), "/tmp/g");
}

static void test_address_literals(void **state)
{
    (void)state;
    evg_address_t a;
    evg_sockaddrs_t ways;
    evg_address_tcp(&a, "127.0.0.1", 4730);
    assert_true(evg_address_literal(&a, &ways));
    assert_int_equal(ways.count, 1);
    struct sockaddr_in *v4 = (void *)&ways.addresses[0].storage;
    assert_int_equal(v4->sin_port, htons(4730));
    assert_int_equal(v4->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    evg_address_tcp(&a, "::1", 4730);
    assert_true(evg_address_literal(&a, &ways));
    assert_int_equal(ways.addresses[0].storage.ss_family, AF_INET6);
    evg_address_unix(&a, "/tmp/g");
    assert_true(evg_address_literal(&a, &ways));
    assert_int_equal(ways.addresses[0].storage.ss_family, AF_UNIX);
    evg_address_tcp(&a, "localhost", 4730);
    assert_false(evg_address_literal(&a, &ways));
}

/* -- resolver ------------------------------------------------------------------------------------------------------ */

static void test_resolver_finds_localhost(void **state)
{
    probe_t p;
    evg_address_t a;
    evg_sockaddrs_t ways;
    probe_init(&p, *state);
    evg_address_tcp(&a, "localhost", 4730);
    evg_resolution_t *resolution = evg_resolve(&a, &p.source);
    assert_non_null(resolution);
    double start = evg_monotonic();
    while (!p.served) turn(*state, 5);
    assert_true(evg_monotonic() - start < 2);
    assert_true(evg_resolution_done_p(resolution));
    assert_int_equal(evg_resolution_take(resolution, &ways), 0);
    assert_true(ways.count >= 1);
    probe_deinit(&p);
}

static void test_resolver_tells_failure(void **state)
{
    probe_t p;
    evg_address_t a;
    evg_sockaddrs_t ways = {0};
    probe_init(&p, *state);
    evg_address_tcp(&a, "no such host.invalid", 4730);
    evg_resolution_t *resolution = evg_resolve(&a, &p.source);
    turn_until(*state, p.served);
    assert_true(evg_resolution_take(resolution, &ways) != 0);
    assert_int_equal(ways.count, 0);
    probe_deinit(&p);
}

/* Threads outlive the loop that they would have woken. */
static void test_resolutions_cancelled(void **state)
{
    (void)state;
    size_t before = evg_alloc_live();
    evg_loop_t *loop = evg_loop_new();
    probe_t p;
    evg_address_t a;
    probe_init(&p, loop);
    evg_address_tcp(&a, "localhost", 4730);
    for (int at = 0; at < 50; at++) {
        evg_resolution_t *resolution = evg_resolve(&a, &p.source);
        if (at % 3 == 0) rest(0.001);
        evg_resolution_cancel(resolution);
    }
    evg_resolution_cancel(NULL);
    probe_deinit(&p);
    evg_loop_close(loop);
    evg_loop_release(loop);
    for (int tries = 0; evg_alloc_live() > before && tries < 5000; tries++) rest(0.001);
    assert_true(evg_alloc_live() <= before);
}

static int child_cancels(void *context)
{
    evg_loop_t *loop = evg_loop_new();
    evg_resolution_cancel(context);
    probe_t p;
    evg_address_t a;
    evg_sockaddrs_t ways;
    probe_init(&p, loop);
    evg_address_tcp(&a, "localhost", 4730);
    evg_resolution_t *resolution = evg_resolve(&a, &p.source);
    for (int tries = 0; tries < 100 && !p.served; tries++) turn(loop, 0.05);
    return p.served && evg_resolution_take(resolution, &ways) == 0 ? 0 : 1;
}

static void test_resolver_after_fork(void **state)
{
    probe_t p;
    evg_address_t a;
    probe_init(&p, *state);
    evg_address_tcp(&a, "localhost", 4730);
    evg_resolution_t *resolution = evg_resolve(&a, &p.source);
    assert_int_equal(in_child(child_cancels, resolution), 0);
    turn_until(*state, p.served);
    evg_resolution_cancel(resolution);
    probe_deinit(&p);
}

/* -- transports ---------------------------------------------------------------------------------------------------- */

static evg_sockaddr_t loopback(int port)
{
    evg_address_t a;
    evg_sockaddrs_t ways;
    evg_address_tcp(&a, "127.0.0.1", port);
    evg_address_literal(&a, &ways);
    return ways.addresses[0];
}

static int await_established(evg_transport_t *t)
{
    int rc;
    while ((rc = t->ops->proceed(t)) == EVG_IO_AGAIN) rest(0.001);
    return rc;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    getsockopt(fd, level, name, &value, &len);
    return value;
}

static void test_closed_transport(void **state)
{
    (void)state;
    evg_transport_t t;
    char byte;
    evg_transport_init(&t);
    assert_int_equal(t.ops->read(&t, &byte, 1), EVG_IO_EOF);
    assert_int_equal(t.ops->write(&t, "x", 1), EVG_IO_FAILED);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(t.ops->proceed(&t), EVG_IO_FAILED);
    evg_transport_keepalive(&t, 3);
    evg_transport_close(&t);
    evg_transport_close(&t);
}

#include <netinet/tcp.h>

static void test_tcp_options(void **state)
{
    (void)state;
    int port, listener = listen_tcp(5, &port);
    evg_sockaddr_t way = loopback(port);
    evg_transport_t t;
    assert_int_equal(evg_transport_connect(&t, &way), 0);
    assert_int_equal(await_established(&t), 0);
    assert_int_equal(option_of(t.fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(fcntl(t.fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(t.fd, F_GETFL) & O_NONBLOCK);
    evg_transport_keepalive(&t, 60);
    assert_int_equal(option_of(t.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(t.fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
    assert_int_equal(option_of(t.fd, IPPROTO_TCP, TCP_KEEPINTVL), 15);
    assert_int_equal(option_of(t.fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
    assert_int_equal(option_of(t.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 120000);
    evg_transport_keepalive(&t, 0);
    assert_int_equal(option_of(t.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(option_of(t.fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    evg_transport_close(&t);
    assert_int_equal(t.fd, -1);
    close(listener);
}

static void test_tcp_bytes_and_ends(void **state)
{
    (void)state;
    char room[8];
    int port, listener = listen_tcp(5, &port);
    evg_sockaddr_t way = loopback(port);
    evg_transport_t t;
    assert_int_equal(evg_transport_connect(&t, &way), 0);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(await_established(&t), 0);
    assert_int_equal(t.ops->read(&t, room, sizeof room), EVG_IO_AGAIN);
    assert_int_equal(t.ops->write(&t, "ping", 4), 4);
    assert_int_equal(read(peer, room, sizeof room), 4);
    assert_int_equal(write(peer, "pong!", 5), 5);
    rest(0.01);
    assert_int_equal(t.ops->read(&t, room, 2), 2);
    assert_int_equal(t.ops->read(&t, room, sizeof room), 3);
    close(peer);
    rest(0.01);
    assert_int_equal(t.ops->read(&t, room, sizeof room), EVG_IO_EOF);
    assert_true(t.ops->write(&t, "x", 1) == 1); /* draws the RST */
    rest(0.01);
    assert_int_equal(t.ops->write(&t, "x", 1), EVG_IO_FAILED); /* and no SIGPIPE */
    assert_int_equal(errno, EPIPE);
    evg_transport_close(&t);
    close(listener);
}

static void test_tcp_refused(void **state)
{
    (void)state;
    evg_sockaddr_t way = loopback(dead_port());
    evg_transport_t t;
    evg_transport_init(&t);
    int rc = evg_transport_connect(&t, &way);
    if (rc == 0) rc = await_established(&t);
    assert_int_equal(rc, EVG_IO_FAILED);
    assert_int_equal(errno, ECONNREFUSED);
    evg_transport_close(&t);
}

/* A port of this machine at which nobody listens may be the one that the kernel chooses for us. */
static void test_a_socket_that_is_connected_to_itself_was_refused(void **state)
{
    (void)state;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    evg_sockaddr_t way;
    evg_transport_t t;
    int port, listener = listen_tcp(1, &port);
    int itself = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(itself, (struct sockaddr *)&own, len), 0);
    assert_int_equal(getsockname(itself, (struct sockaddr *)&own, &len), 0);
    assert_int_equal(connect(itself, (struct sockaddr *)&own, len), 0);
    way = loopback(port);
    assert_int_equal(evg_transport_connect(&t, &way), 0);
    dup2(itself, t.fd);
    close(itself);
    assert_int_equal(t.ops->proceed(&t), EVG_IO_FAILED);
    assert_int_equal(errno, ECONNREFUSED);
    evg_transport_close(&t);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&own, len), 0); /* the port is free */
    close(server);
    close(listener);
}

static void test_unix_transport(void **state)
{
    (void)state;
    evg_address_t a;
    evg_sockaddrs_t ways;
    evg_transport_t t;
    char path[] = "/tmp/evg_net_XXXXXX", room[4];
    close(mkstemp(path));
    unlink(path);
    assert_true(evg_address_unix(&a, path));
    assert_true(evg_address_literal(&a, &ways));
    evg_transport_init(&t);
    assert_int_equal(evg_transport_connect(&t, &ways.addresses[0]), EVG_IO_FAILED);
    assert_int_equal(errno, ENOENT);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&ways.addresses[0].storage, ways.addresses[0].len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(evg_transport_connect(&t, &ways.addresses[0]), 0);
    assert_int_equal(t.ops->proceed(&t), 0);
    assert_string_equal(t.ops->name, "unix");
    evg_transport_keepalive(&t, 60);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(t.ops->write(&t, "hi", 2), 2);
    assert_int_equal(read(peer, room, sizeof room), 2);
    evg_transport_close(&t);
    assert_int_equal(read(peer, room, sizeof room), 0);
    close(peer);
    close(listener);
    unlink(path);
}

#define with_loop(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_loop(test_backend),
        with_loop(test_nothing_to_do_returns_at_once_unless_told_to_block),
        with_loop(test_a_poll_lasts_its_time_though_nobody_drove_before),
        with_loop(test_reconcile_comes_once_for_each_time_it_was_dirty),
        with_loop(test_readable_socket_is_told_and_ends_the_poll),
        with_loop(test_ready_is_served_before_due_even_if_the_alarm_came_first),
        with_loop(test_due_ends_the_poll_and_is_told_once),
        with_loop(test_due_may_be_put_off_without_moving_its_alarm),
        with_loop(test_due_may_come_sooner),
        with_loop(test_a_source_that_is_always_due_or_ready_gets_one_call_a_turn),
        with_loop(test_a_source_may_detach_the_next_one),
        with_loop(test_revents_gather_until_told),
        with_loop(test_would_block_only_with_nothing_in_hand),
        with_loop(test_linger_sees_input),
        with_loop(test_wake_from_a_thread_ends_the_poll),
        with_loop(test_a_wake_before_the_poll_is_not_lost),
        with_loop(test_a_knock_from_a_thread_ends_the_poll_and_is_served),
        with_loop(test_wake_from_a_signal_handler),
        with_loop(test_close_tells_sources_once),
        with_loop(test_a_source_keeps_the_loop),
        with_loop(test_fork),
        cmocka_unit_test(test_without_descriptors_there_is_no_loop),
        with_loop(test_without_descriptors_a_child_tries_again),
        cmocka_unit_test(test_a_poll_that_is_refused_says_so),
        with_loop(test_fork_beside_a_thread_in_libev),
        with_loop(test_timer_once),
        with_loop(test_timer_repeats_without_drift_and_skips_what_it_missed),
        with_loop(test_timer_may_stop_or_restart_any_when_it_fires),
        with_loop(test_many_timers_fire_in_order_of_their_time),
        with_loop(test_timer_started_beside_a_poll_wakes_it_only_if_it_comes_first),
        with_loop(test_timers_end_in_a_forked_child_and_with_the_loop),
        with_loop(test_timer_without_memory_is_set_at_the_next_turn),
        cmocka_unit_test(test_address_checks),
        cmocka_unit_test(test_address_text_and_equality),
        cmocka_unit_test(test_address_literals),
        with_loop(test_resolver_finds_localhost),
        with_loop(test_resolver_tells_failure),
        with_loop(test_resolutions_cancelled),
        with_loop(test_resolver_after_fork),
        cmocka_unit_test(test_closed_transport),
        cmocka_unit_test(test_tcp_options),
        cmocka_unit_test(test_tcp_bytes_and_ends),
        cmocka_unit_test(test_tcp_refused),
        cmocka_unit_test(test_a_socket_that_is_connected_to_itself_was_refused),
        cmocka_unit_test(test_unix_transport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
