/* Descriptors of the caller: what is told of them, and what becomes of those that are closed, cancelled, forked. */
#include "net_support.h"

#include "net/descriptor.h"

#include <sys/epoll.h>
#include <sys/syscall.h>

/* In place of the C library's: the system refuses to watch a descriptor more, but for sets of our own. */
static bool watching_refused;

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    if (!watching_refused || op == EPOLL_CTL_DEL) return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
    errno = ENOSPC;
    return -1;
}

typedef struct {
    evg_descriptor_t *d;
    int told, events;
    evg_descriptor_t **victim; /* freed when told */
} watch_t;

static void note(void *owner, int events)
{
    watch_t *w = owner;
    w->told++;
    w->events = events;
    if (!w->victim) return;
    evg_descriptor_free(*w->victim);
    *w->victim = NULL;
}

static void watching(evg_loop_t *loop, watch_t *w, int read_fd, int write_fd)
{
    *w = (watch_t){.d = evg_descriptor_new(loop, read_fd, write_fd, note, w)};
    assert_non_null(w->d);
}

typedef struct {
    evg_loop_t *loop;
    int ours, theirs; /* a pair of sockets */
    int fds;          /* open before */
} bench_t;

static int setup(void **state)
{
    static bench_t bench;
    int pair[2];
    bench.fds = fd_count();
    bench.loop = evg_loop_new();
    if (!bench.loop || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return -1;
    bench.ours = pair[0];
    bench.theirs = pair[1];
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    bench_t *b = *state;
    close(b->ours);
    close(b->theirs);
    evg_loop_close(b->loop);
    evg_loop_release(b->loop);
    return evg_alloc_live() || fd_count() != b->fds ? -1 : 0;
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void hear(int fd)
{
    char room[100];
    assert_true(read(fd, room, sizeof room) >= 0);
}

static void test_readable_is_told_and_ends_the_poll(void **state)
{
    bench_t *b = *state;
    watch_t w;
    watching(b->loop, &w, b->ours, -1);
    turn(b->loop, 0.01);
    assert_int_equal(w.told, 0);
    say(b->theirs, "x");
    double start = evg_monotonic();
    turn(b->loop, 5);
    assert_true(evg_monotonic() - start < 1);
    assert_int_equal(w.told, 1);
    assert_int_equal(w.events, EV_READ);
    evg_descriptor_free(w.d);
}

static void test_writable_is_told_and_both_together(void **state)
{
    bench_t *b = *state;
    watch_t writer, both;
    watching(b->loop, &writer, -1, b->ours);
    watching(b->loop, &both, b->ours, b->ours);
    turn(b->loop, 5);
    assert_int_equal(writer.events, EV_WRITE);
    assert_int_equal(both.events, EV_WRITE);
    say(b->theirs, "x");
    evg_descriptor_resume(both.d);
    turn(b->loop, 5);
    assert_int_equal(both.events, EV_READ | EV_WRITE);
    assert_int_equal(writer.told, 1);
    evg_descriptor_free(writer.d);
    evg_descriptor_free(both.d);
}

static void test_told_once_until_resumed_and_then_again_while_there_is_input(void **state)
{
    bench_t *b = *state;
    watch_t w;
    watching(b->loop, &w, b->ours, -1);
    say(b->theirs, "x");
    turn(b->loop, 5);
    turn(b->loop, 0.05); /* libev gives up its interest when it is told once more */
    double start = evg_monotonic();
    turn(b->loop, 0.05); /* from then on the poll does not spin */
    assert_true(evg_monotonic() - start >= 0.05);
    assert_int_equal(w.told, 1);
    evg_descriptor_resume(w.d);
    turn_until(b->loop, w.told == 2);
    hear(b->ours);
    evg_descriptor_resume(w.d);
    turn(b->loop, 0.01);
    assert_int_equal(w.told, 2);
    evg_descriptor_free(w.d);
}

/* To see it fail: tell what libev said, without a look at the set. */
static void test_what_was_read_meanwhile_is_not_told(void **state)
{
    bench_t *b = *state;
    watch_t w;
    watching(b->loop, &w, b->ours, -1);
    say(b->theirs, "x");
    evg_loop_reconcile(b->loop);
    evg_loop_aim(b->loop, evg_monotonic() + 5, true);
    evg_loop_poll(b->loop);
    hear(b->ours);
    evg_loop_collect(b->loop);
    evg_loop_dispatch(b->loop);
    assert_int_equal(w.told, 0);
    say(b->theirs, "y");
    turn_until(b->loop, w.told == 1);
    evg_descriptor_free(w.d);
}

static void test_hang_up_and_error_are_readable_or_writable_where_only_that_is_watched(void **state)
{
    bench_t *b = *state;
    watch_t reader, writer;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    watching(b->loop, &reader, b->ours, -1);
    watching(b->loop, &writer, -1, ends[1]);
    turn_until(b->loop, writer.told == 1);
    shutdown(b->theirs, SHUT_RDWR);
    close(ends[0]);
    evg_descriptor_resume(writer.d);
    turn_until(b->loop, reader.told == 1 && writer.told == 2);
    assert_int_equal(reader.events, EV_READ);
    assert_int_equal(writer.events, EV_WRITE);
    evg_descriptor_free(reader.d);
    evg_descriptor_free(writer.d);
    close(ends[1]);
}

static void test_one_for_reading_and_another_for_writing(void **state)
{
    bench_t *b = *state;
    watch_t w;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    watching(b->loop, &w, b->ours, ends[1]);
    turn(b->loop, 5);
    assert_int_equal(w.events, EV_WRITE);
    say(b->theirs, "x");
    evg_descriptor_resume(w.d);
    turn(b->loop, 5);
    assert_int_equal(w.events, EV_READ | EV_WRITE);
    close(ends[0]); /* an error of the one that is written is no input of the other */
    hear(b->ours);
    evg_descriptor_resume(w.d);
    turn(b->loop, 5);
    assert_int_equal(w.events, EV_WRITE);
    evg_descriptor_free(w.d);
    close(ends[1]);
}

/* It is looked at now and then until it can be watched. */
static void test_what_the_system_does_not_watch_is_told_all_the_same(void **state)
{
    bench_t *b = *state;
    watch_t w;
    turn(b->loop, 0); /* libev watches its own */
    watching(b->loop, &w, b->ours, -1);
    watching_refused = true;
    turn(b->loop, 0);
    turn(b->loop, 0.02);
    say(b->theirs, "x");
    turn_until(b->loop, w.told == 1);
    watching_refused = false;
    hear(b->ours);
    evg_descriptor_resume(w.d);
    say(b->theirs, "y");
    double start = evg_monotonic();
    turn_until(b->loop, w.told == 2);
    assert_true(evg_monotonic() - start < 1);
    evg_descriptor_free(w.d);
}

static void test_a_regular_file_is_always_ready(void **state)
{
    bench_t *b = *state;
    watch_t w;
    int fd = open("/proc/self/exe", O_RDONLY);
    watching(b->loop, &w, fd, -1);
    for (int turns = 1; turns < 4; turns++) {
        turn(b->loop, 5);
        assert_int_equal(w.told, turns);
        evg_descriptor_resume(w.d);
    }
    assert_int_equal(w.events, EV_READ);
    evg_descriptor_free(w.d);
    close(fd);
}

/* To see it fail: let libev watch the descriptor itself, and it aborts. */
static void test_the_caller_may_close_it_and_the_peer_hears_of_it_at_once(void **state)
{
    bench_t *b = *state;
    watch_t w;
    watching(b->loop, &w, b->ours, b->ours);
    turn(b->loop, 0);
    int before = w.told;
    close(b->ours);
    hear(b->theirs);
    evg_descriptor_resume(w.d);
    turn(b->loop, 0.01);
    turn(b->loop, 0.01);
    assert_int_equal(w.told, before);
    evg_descriptor_free(w.d);
    b->ours = open("/dev/null", O_RDONLY);
}

static void test_another_file_of_its_number_is_nobodys(void **state)
{
    bench_t *b = *state;
    watch_t w;
    int pair[2], number = b->ours;
    watching(b->loop, &w, b->ours, -1);
    turn(b->loop, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(dup2(pair[0], number), number);
    say(pair[1], "x");
    turn(b->loop, 0.01);
    assert_int_equal(w.told, 0);
    watch_t fresh;
    watching(b->loop, &fresh, number, -1);
    turn_until(b->loop, fresh.told == 1);
    assert_int_equal(w.told, 0);
    evg_descriptor_free(w.d);
    evg_descriptor_free(fresh.d);
    close(pair[0]);
    close(pair[1]);
}

typedef struct {
    bench_t *bench;
    watch_t *watch;
} closer_t;

static void *close_soon(void *arg)
{
    closer_t *closer = arg;
    rest(0.02);
    close(closer->bench->ours);
    rest(0.02);
    pthread_mutex_lock(&gvl);
    evg_descriptor_free(closer->watch->d);
    evg_loop_wake(closer->bench->loop);
    pthread_mutex_unlock(&gvl);
    return NULL;
}

static void test_it_may_be_closed_and_freed_while_another_thread_polls(void **state)
{
    bench_t *b = *state;
    watch_t w;
    closer_t closer = {b, &w};
    pthread_t thread;
    watching(b->loop, &w, b->ours, -1);
    pthread_create(&thread, NULL, close_soon, &closer);
    double start = evg_monotonic();
    turn(b->loop, 5);
    assert_true(evg_monotonic() - start < 1);
    turn(b->loop, 0);
    pthread_mutex_unlock(&gvl);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&gvl);
    assert_int_equal(w.told, 0);
    assert_true(evg_list_empty_p(&b->loop->all));
    b->ours = open("/dev/null", O_RDONLY);
}

static void *watch_soon(void *arg)
{
    closer_t *closer = arg;
    rest(0.02);
    pthread_mutex_lock(&gvl);
    watching(closer->bench->loop, closer->watch, -1, closer->bench->ours);
    pthread_mutex_unlock(&gvl);
    return NULL;
}

static void test_one_that_is_made_while_another_thread_polls_ends_the_poll(void **state)
{
    bench_t *b = *state;
    watch_t w = {0};
    closer_t closer = {b, &w};
    pthread_t thread;
    pthread_create(&thread, NULL, watch_soon, &closer);
    double start = evg_monotonic();
    turn(b->loop, 5);
    turn(b->loop, 5);
    assert_true(evg_monotonic() - start < 1);
    assert_int_equal(w.told, 1);
    pthread_mutex_unlock(&gvl);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&gvl);
    evg_descriptor_free(w.d);
}

static void test_who_is_told_may_free_it_and_the_next(void **state)
{
    bench_t *b = *state;
    watch_t first, second;
    watching(b->loop, &first, b->ours, -1);
    watching(b->loop, &second, b->ours, -1);
    first.victim = &second.d;
    second.victim = &first.d;
    say(b->theirs, "x");
    turn_until(b->loop, first.told + second.told);
    assert_int_equal(first.told + second.told, 1);
    watch_t *left = first.d ? &first : &second;
    left->victim = &left->d;
    evg_descriptor_resume(left->d);
    turn_until(b->loop, !left->d);
    turn(b->loop, 0);
    assert_true(evg_list_empty_p(&b->loop->all));
}

static void test_the_loop_ends_before_it(void **state)
{
    bench_t *b = *state;
    watch_t w;
    watching(b->loop, &w, b->ours, -1);
    turn(b->loop, 0);
    evg_loop_close(b->loop);
    evg_descriptor_resume(w.d);
    evg_descriptor_free(w.d);
}

static int say_nothing_in_child(void *arg)
{
    closer_t *closer = arg;
    evg_loop_t *loop = closer->bench->loop;
    watch_t own;
    evg_loop_forked(loop);
    say(closer->bench->theirs, "x");
    turn(loop, 0);
    if (closer->watch->told) return 2;
    watching(loop, &own, closer->bench->ours, -1);
    turn(loop, 1);
    if (own.told != 1) return 3;
    evg_descriptor_free(own.d);
    evg_descriptor_free(closer->watch->d);
    evg_loop_close(loop);
    evg_loop_release(loop);
    return evg_alloc_live() ? 4 : 0;
}

/* The child frees its own, and the parent's watch goes on. */
static void test_inert_in_a_forked_child(void **state)
{
    bench_t *b = *state;
    watch_t w;
    closer_t both = {b, &w};
    watching(b->loop, &w, b->ours, -1);
    turn(b->loop, 0);
    assert_int_equal(in_child(say_nothing_in_child, &both), 0);
    turn_until(b->loop, w.told == 1);
    evg_descriptor_free(w.d);
}

static void test_what_cannot_be_watched_is_refused(void **state)
{
    bench_t *b = *state;
    watch_t w;
    int before = fd_count();
    assert_null(evg_descriptor_new(b->loop, 9999, -1, note, &w));
    assert_int_equal(errno, EBADF);
    evg_alloc_fail_at(1);
    assert_null(evg_descriptor_new(b->loop, b->ours, -1, note, &w));
    assert_int_equal(errno, ENOMEM);
    evg_alloc_fail_at(0);
    assert_int_equal(fd_count(), before);
    evg_descriptor_free(NULL);
}

static void test_linger_sees_its_input(void **state)
{
    bench_t *b = *state;
    watch_t w;
    watching(b->loop, &w, b->ours, -1);
    turn(b->loop, 0);
    assert_false(evg_loop_linger(b->loop, 0.0002));
    say(b->theirs, "x");
    assert_true(evg_loop_linger(b->loop, 1));
    evg_descriptor_free(w.d);
}

#define with_bench(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_bench(test_readable_is_told_and_ends_the_poll),
        with_bench(test_writable_is_told_and_both_together),
        with_bench(test_told_once_until_resumed_and_then_again_while_there_is_input),
        with_bench(test_what_was_read_meanwhile_is_not_told),
        with_bench(test_hang_up_and_error_are_readable_or_writable_where_only_that_is_watched),
        with_bench(test_one_for_reading_and_another_for_writing),
        with_bench(test_what_the_system_does_not_watch_is_told_all_the_same),
        with_bench(test_a_regular_file_is_always_ready),
        with_bench(test_the_caller_may_close_it_and_the_peer_hears_of_it_at_once),
        with_bench(test_another_file_of_its_number_is_nobodys),
        with_bench(test_it_may_be_closed_and_freed_while_another_thread_polls),
        with_bench(test_one_that_is_made_while_another_thread_polls_ends_the_poll),
        with_bench(test_who_is_told_may_free_it_and_the_next),
        with_bench(test_the_loop_ends_before_it),
        with_bench(test_inert_in_a_forked_child),
        with_bench(test_what_cannot_be_watched_is_refused),
        with_bench(test_linger_sees_its_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
