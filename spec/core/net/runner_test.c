/* A thread that turns a loop, and others who come in between; and a service on it, which peers on threads of their own use.
 * Runs under the thread sanitizer, too. */
#include "service_kit.h"

#include "net/runner.h"

enum { CALLERS = 4, TIMES = 200 };

typedef struct {
    evg_runner_t runner;
    bench_t bench;
    int end[2];    /* of a pipe: the second is closed when the thread ends */
    size_t visits; /* of those who entered: nothing but that guards it */
    evg_source_t source;
    size_t turns; /* that `source` was served in */
    bool restless;
} host_t;

static bool goes_on(void *owner)
{
    return evg_service_goes_on_p(&((host_t *)owner)->bench.service);
}

/* -- a source that makes each turn lead to another ----------------------------------------------------------------- */

static host_t *host_of(evg_source_t *source)
{
    return evg_container(source, host_t, source);
}

static void nothing(evg_source_t *source)
{
    (void)source;
}

static void serve(evg_source_t *source)
{
    host_t *h = host_of(source);
    h->turns++;
    if (h->restless) evg_source_ready(source, EV_READ);
}

static const evg_source_ops_t source_ops = {nothing, serve, nothing, nothing, nothing};

/* -- life ---------------------------------------------------------------------------------------------------------- */

static void start(host_t *h)
{
    assert_int_equal(pipe(h->end), 0);
    evg_runner_enter(&h->runner);
    assert_int_equal(evg_runner_start(&h->runner, h->bench.loop, h->end[1]), 0);
    evg_runner_leave(&h->runner);
}

static void end(host_t *h)
{
    evg_runner_enter(&h->runner);
    evg_runner_end(&h->runner);
    evg_runner_leave(&h->runner);
    close(h->end[0]);
}

static int setup(void **state)
{
    static host_t host;
    host = (host_t){.visits = 0};
    bench_begin(&host.bench, NULL);
    evg_source_init(&host.source, &source_ops);
    evg_source_attach(&host.source, host.bench.loop);
    evg_runner_init(&host.runner, goes_on, &host);
    *state = &host;
    return 0;
}

static int teardown(void **state)
{
    host_t *h = *state;
    evg_runner_deinit(&h->runner);
    evg_source_detach(&h->source);
    bench_end(&h->bench);
    return 0;
}

static void *visit(void *argument)
{
    host_t *h = argument;
    for (int i = 0; i < TIMES; i++) {
        evg_runner_enter(&h->runner);
        h->visits++;
        evg_runner_leave(&h->runner);
    }
    return NULL;
}

static void visit_by_all(host_t *h)
{
    pthread_t callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) pthread_create(&callers[i], NULL, visit, h);
    for (int i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
}

/* -- who comes in between ------------------------------------------------------------------------------------------ */

static void test_one_may_enter_where_nothing_runs(void **state)
{
    host_t *h = *state;
    visit_by_all(h);
    assert_int_equal(h->visits, CALLERS * TIMES);
    assert_false(evg_runner_runs_p(&h->runner));
}

/* It is alone then: the thread is in no turn and no poll, and those who come are let in one by one. */
static void test_who_has_entered_is_alone(void **state)
{
    host_t *h = *state;
    start(h);
    visit_by_all(h);
    assert_int_equal(h->visits, CALLERS * TIMES);
    end(h);
}

/* In each gap every caller is let in once at most. To see it fail: let in whoever comes as long as somebody does. */
static void test_neither_starves(void **state)
{
    host_t *h = *state;
    h->restless = true;
    evg_source_ready(&h->source, EV_READ);
    start(h);
    visit_by_all(h);
    end(h);
    assert_int_equal(h->visits, CALLERS * TIMES);
    assert_true(h->turns >= TIMES - 1);
}

static void *dial_on(void *argument)
{
    const bench_t *b = argument;
    static const char echo[] = "\0REQ\0\0\0\x10\0\0\0\4echo";
    char answer[16];
    int fd = dial(b->service.listener.listening.address.port);
    for (int i = 0; i < TIMES; i++) {
        if (send(fd, echo, 16, MSG_NOSIGNAL) != 16) return NULL;
        for (ssize_t got = 0, all = 0; all < 16; all += got) {
            if ((got = recv(fd, answer, sizeof answer, 0)) <= 0) return NULL;
        }
    }
    close(fd);
    return argument;
}

static void test_it_serves_while_others_come_and_go(void **state)
{
    host_t *h = *state;
    pthread_t peers[CALLERS];
    void *done;
    start(h);
    for (int i = 0; i < CALLERS; i++) pthread_create(&peers[i], NULL, dial_on, &h->bench);
    visit_by_all(h);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(peers[i], &done);
        assert_non_null(done);
    }
    end(h);
    assert_int_equal(h->bench.service.accepted, CALLERS);
}

/* What is for a turn alone may be done, too. */
static void test_who_has_entered_may_close_what_is_watched(void **state)
{
    host_t *h = *state;
    start(h);
    int fd = dial(h->bench.service.listener.listening.address.port);
    size_t there = 0;
    while (!there) {
        evg_runner_enter(&h->runner);
        there = h->bench.service.connection_count;
        evg_runner_leave(&h->runner);
    }
    evg_runner_enter(&h->runner);
    evg_service_close(&h->bench.service);
    evg_runner_end(&h->runner);
    evg_runner_leave(&h->runner);
    assert_true(closes_p(fd));
    close(fd);
    close(h->end[0]);
}

static void test_paused_it_takes_no_turn(void **state)
{
    host_t *h = *state;
    h->restless = true;
    evg_source_ready(&h->source, EV_READ);
    start(h);
    evg_runner_enter(&h->runner);
    h->runner.paused = true;
    size_t turns = h->turns;
    evg_runner_leave(&h->runner);
    rest(0.05);
    evg_runner_enter(&h->runner);
    assert_int_equal(h->turns, turns);
    h->runner.paused = false;
    evg_runner_leave(&h->runner);
    for (bool more = false; !more;) {
        evg_runner_enter(&h->runner);
        more = h->turns > turns;
        evg_runner_leave(&h->runner);
    }
    evg_runner_enter(&h->runner);
    h->runner.paused = true; /* it ends all the same */
    evg_runner_leave(&h->runner);
    end(h);
}

/* -- its end ------------------------------------------------------------------------------------------------------- */

static void test_it_ends_and_begins_again(void **state)
{
    host_t *h = *state;
    for (int i = 0; i < 50; i++) {
        start(h);
        assert_true(evg_runner_runs_p(&h->runner));
        evg_runner_enter(&h->runner);
        evg_runner_end(&h->runner);
        evg_runner_end(&h->runner);
        evg_runner_leave(&h->runner);
        assert_false(evg_runner_runs_p(&h->runner));
        assert_true(closes_p(h->end[0]));
        close(h->end[0]);
    }
}

static void test_it_ends_by_itself_and_says_so(void **state)
{
    host_t *h = *state;
    start(h);
    evg_runner_enter(&h->runner);
    evg_service_drain(&h->bench.service, INFINITY);
    evg_runner_leave(&h->runner);
    assert_true(closes_p(h->end[0]));
    assert_false(evg_runner_runs_p(&h->runner));
    end(h);
}

static void *end_it(void *argument)
{
    host_t *h = argument;
    evg_runner_enter(&h->runner);
    evg_runner_end(&h->runner);
    evg_runner_leave(&h->runner);
    return NULL;
}

static void test_several_may_end_it(void **state)
{
    host_t *h = *state;
    pthread_t callers[CALLERS];
    start(h);
    for (int i = 0; i < CALLERS; i++) pthread_create(&callers[i], NULL, i % 2 ? end_it : visit, h);
    for (int i = 0; i < CALLERS; i++) pthread_join(callers[i], NULL);
    close(h->end[0]);
}

static void *show_mask(void *argument)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    *(bool *)argument = sigismember(&mask, SIGTERM);
    return NULL;
}

/* The maker's own mask is as before. */
static void test_signals_are_for_others(void **state)
{
    host_t *h = *state;
    bool blocked;
    start(h);
    show_mask(&blocked);
    assert_false(blocked);
    struct sigaction before, ours = {.sa_handler = SIG_DFL};
    sigaction(SIGUSR1, &ours, &before);
    sigset_t usr1, mask;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &mask);
    kill(getpid(), SIGUSR1); /* would end the process if the thread took it */
    visit_by_all(h);
    sigset_t pending;
    sigpending(&pending);
    assert_true(sigismember(&pending, SIGUSR1));
    int taken;
    sigwait(&usr1, &taken);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGUSR1, &before, NULL);
    end(h);
}

/* -- forks --------------------------------------------------------------------------------------------------------- */

/* It has descriptors of the test alone, the end of a pipe and a peer's; and may serve anew, elsewhere. */
static int in_forked(host_t *h)
{
    bench_t *b = &h->bench;
    if (evg_runner_runs_p(&h->runner)) return 1;
    if (fd_count() != b->fds + 2) return 2;
    visit(h);
    evg_source_detach(&h->source);
    bench_close(b);
    b->service.listener.listening.address.port = 0;
    bench_open(b);
    peer_t p;
    peer_connect(&p, b);
    peer_echo(b, &p);
    return 0;
}

/* As in_child, but the thread does not end before: a fork enters, so it holds no lock of the sanitizer's. */
static int child_of(host_t *h)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        _exit(in_forked(h));
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_a_forked_child_has_no_server_and_the_parent_does_not_notice(void **state)
{
    host_t *h = *state;
    start(h);
    int fd = dial(h->bench.service.listener.listening.address.port);
    static const char echo[] = "\0REQ\0\0\0\x10\0\0\0\4echo";
    char answer[16];
    for (int i = 0; i < 20; i++) {
        assert_int_equal(send(fd, echo, 16, 0), 16);
        assert_int_equal(child_of(h), 0);
        for (ssize_t got = 0, all = 0; all < 16; all += got) {
            got = recv(fd, answer, sizeof answer, 0);
            assert_true(got > 0);
        }
    }
    close(fd);
    end(h);
}

#define with_host(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_host(test_one_may_enter_where_nothing_runs),
        with_host(test_who_has_entered_is_alone),
        with_host(test_neither_starves),
        with_host(test_it_serves_while_others_come_and_go),
        with_host(test_who_has_entered_may_close_what_is_watched),
        with_host(test_paused_it_takes_no_turn),
        with_host(test_it_ends_and_begins_again),
        with_host(test_it_ends_by_itself_and_says_so),
        with_host(test_several_may_end_it),
        with_host(test_signals_are_for_others),
        with_host(test_a_forked_child_has_no_server_and_the_parent_does_not_notice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
