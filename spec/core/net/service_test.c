/* A job server on real sockets, turned by the test. */
#include "service_kit.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* In place of the C library's: the system refuses to watch one descriptor more. */
static bool watching_refused;

int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
    if (!watching_refused || op == EPOLL_CTL_DEL) return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
    errno = ENOSPC;
    return -1;
}

static int setup(void **state)
{
    static bench_t bench;
    bench_begin(&bench, NULL);
    *state = &bench;
    return 0;
}

/* A peer, and the server's side of it. */
static evg_accepted_t *meet(bench_t *b, peer_t *p)
{
    peer_connect(p, b);
    peer_echo(b, p);
    return bench_newest(b);
}

/* -- what it is for ------------------------------------------------------------------------------------------------ */

static void test_a_job_goes_from_a_client_to_a_worker_and_back(void **state)
{
    bench_t *b = *state;
    peer_t client, worker;
    meet(b, &client);
    meet(b, &worker);
    peer_say(&worker, EVG_CAN_DO, "f");
    peer_say_bare(&worker, EVG_PRE_SLEEP);
    peer_echo(b, &worker);
    peer_say(&client, EVG_SUBMIT_JOB, "f", "", "x");
    peer_hear(b, &client, EVG_JOB_CREATED);
    peer_hear(b, &worker, EVG_NOOP);
    peer_say_bare(&worker, EVG_GRAB_JOB);
    peer_hear_text(b, &worker, EVG_JOB_ASSIGN, "x");
    peer_say(&worker, EVG_WORK_COMPLETE, "H:localhost:1", "y");
    peer_hear_text(b, &client, EVG_WORK_COMPLETE, "y");
    peer_close(&client);
    peer_close(&worker);
}

/* To see it fail: leave who was touched for when something comes from him. */
static void test_what_one_packet_leads_to_elsewhere_leaves_in_the_next_turn(void **state)
{
    bench_t *b = *state;
    peer_t client, worker;
    meet(b, &worker);
    peer_say(&worker, EVG_CAN_DO, "f");
    peer_say_bare(&worker, EVG_PRE_SLEEP);
    peer_echo(b, &worker);
    evg_accepted_t *of_client = meet(b, &client);
    peer_say(&client, EVG_SUBMIT_JOB_BG, "f", "", "x");
    serve_until(b, evg_wire_output(&of_client->session.wire).len);
    peer_listen(&worker);
    assert_int_equal(evg_buffer_len(&worker.in) - worker.taken, 0);
    turn(b->loop, 0);
    peer_hear(b, &worker, EVG_NOOP);
    peer_close(&client);
    peer_close(&worker);
}

static void test_a_packet_may_come_byte_by_byte(void **state)
{
    bench_t *b = *state;
    static const char echo[] = "\0REQ\0\0\0\x10\0\0\0\3abc";
    peer_t p;
    peer_connect(&p, b);
    for (size_t at = 0; at < sizeof echo - 1; at++) {
        peer_write(&p, echo + at, 1);
        turn(b->loop, 0.02);
    }
    peer_hear_text(b, &p, EVG_ECHO_RES, "abc");
    peer_close(&p);
}

static void test_who_leaves_is_forgotten_and_his_job_goes_to_another(void **state)
{
    bench_t *b = *state;
    peer_t client, first, second;
    meet(b, &client);
    meet(b, &first);
    meet(b, &second);
    peer_say(&client, EVG_SUBMIT_JOB_BG, "f", "", "x");
    peer_echo(b, &first);
    peer_say(&first, EVG_CAN_DO, "f");
    peer_say_bare(&first, EVG_GRAB_JOB);
    peer_hear_text(b, &first, EVG_JOB_ASSIGN, "x");
    peer_say(&second, EVG_CAN_DO, "f");
    peer_say_bare(&second, EVG_PRE_SLEEP);
    peer_echo(b, &second);
    reset(first.fd);
    first.fd = -1;
    peer_hear(b, &second, EVG_NOOP);
    peer_say_bare(&second, EVG_GRAB_JOB);
    peer_hear_text(b, &second, EVG_JOB_ASSIGN, "x");
    assert_int_equal(b->service.connection_count, 2);
    peer_close(&client);
    peer_close(&first);
    peer_close(&second);
    serve_until(b, b->service.connection_count == 0);
}

/* As `printf 'status\n' | nc -N` does. */
static void test_who_closes_his_side_still_gets_his_answer(void **state)
{
    bench_t *b = *state;
    peer_t p;
    peer_connect(&p, b);
    peer_write(&p, "version\n", 8);
    shutdown(p.fd, SHUT_WR);
    peer_hear_end(b, &p);
    assert_memory_equal(evg_buffer_data(&p.in), "OK evgearman\n", 13);
    peer_close(&p);
}

static void test_what_is_no_packet_ends_its_own_connection(void **state)
{
    bench_t *b = *state;
    peer_t good, bad;
    meet(b, &good);
    peer_connect(&bad, b);
    peer_write(&bad, "\0BAD\0\0\0\1\0\0\0\0", 12);
    peer_hear_end(b, &bad);
    peer_echo(b, &good);
    assert_int_equal(b->service.connection_count, 1);
    assert_int_equal(b->service.server.counts.cut_off, 1);
    peer_close(&good);
    peer_close(&bad);
}

/* To see it fail: close over what was not read. */
static void test_who_ends_for_what_he_said_hears_what_was_said_before(void **state)
{
    bench_t *b = *state;
    static char junk[256 * 1024];
    peer_t p;
    peer_connect(&p, b);
    peer_say(&p, EVG_ECHO_REQ, "x");
    peer_write(&p, "\0BAD\0\0\0\1\0\0\0\0", 12);
    peer_write(&p, junk, sizeof junk);
    peer_hear_text(b, &p, EVG_ECHO_RES, "x");
    peer_hear_end(b, &p);
    assert_false(p.reset);
    peer_close(&p);
}

static void test_a_job_whose_time_has_come_wakes_a_sleeper(void **state)
{
    bench_t *b = *state;
    char at[32];
    peer_t p;
    meet(b, &p);
    peer_say(&p, EVG_CAN_DO, "f");
    snprintf(at, sizeof at, "%lld", (long long)(evg_wall() + 1.5));
    peer_say(&p, EVG_SUBMIT_JOB_EPOCH, "f", "", at, "x");
    peer_hear(b, &p, EVG_JOB_CREATED);
    peer_say_bare(&p, EVG_PRE_SLEEP);
    peer_hear(b, &p, EVG_NOOP);
    peer_close(&p);
}

/* -- bounds -------------------------------------------------------------------------------------------------------- */

static void test_a_thousand_idle_connections_cost_little(void **state)
{
    enum { MANY = 1000 };
    bench_t *b = *state;
    static int fds[MANY];
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    size_t blocks = evg_alloc_live();
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(b->service.listener.listening.address.port);
        assert_true(fds[i] >= 0);
        turn(b->loop, 0);
    }
    serve_until(b, b->service.connection_count == MANY);
    assert_true(evg_alloc_live() <= blocks + MANY + 1); /* a block for each, one for their deadlines, and no buffers */
    assert_true(sizeof(evg_accepted_t) <= 1024);
    uint64_t before = b->loop->events;
    turn_for(b->loop, 0.05);
    assert_int_equal(b->loop->events, before); /* nobody is looked at */
    for (int i = 0; i < MANY; i++) close(fds[i]);
    serve_until(b, b->service.connection_count == 0);
}

/* To see it fail: do not look at a session's own deadline. */
static void test_who_has_been_quiet_gives_his_buffers_back(void **state)
{
    bench_t *b = *state;
    peer_t p;
    evg_accepted_t *a = meet(b, &p);
    assert_true(a->session.wire.in.cap > 0);
    serve_until(b, a->session.wire.in.cap + a->session.wire.out.cap == 0);
    peer_close(&p);
}

/* He asks, and does not read: what he says next waits in the kernel, and nothing is lost. To see it fail: read on, or do
 * not run the session again. */
static void test_who_does_not_read_is_not_read_from(void **state)
{
    enum { SIZE = 1000 * 1000, MANY = 60 };
    bench_t *b = *state;
    evg_buffer_t said;
    peer_t p;
    evg_accepted_t *a = meet(b, &p);
    evg_bytes_t body = evg_bytes(calloc(1, SIZE), SIZE);
    evg_buffer_init(&said);
    for (int i = 0; i < MANY; i++) evg_packet_encode(&said, EVG_REQ, EVG_ECHO_REQ, &body, 1, SIZE_MAX);
    size_t left = evg_buffer_len(&said), most = 0;
    double quiet_since = evg_monotonic();
    while (evg_monotonic() < quiet_since + 0.1) {
        ssize_t put = send(p.fd, evg_buffer_data(&said), evg_buffer_len(&said), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put > 0) evg_buffer_consume(&said, (size_t)put);
        if (put > 0) quiet_since = evg_monotonic();
        turn(b->loop, 0.01);
        size_t held = evg_buffer_len(&a->session.wire.in) + evg_buffer_len(&a->session.wire.out);
        if (held > most) most = held;
    }
    assert_true(evg_buffer_len(&said) > 0);
    assert_true(most <= b->service.server.settings.max_buffer / 4 + 2 * SIZE);
    while (left) {
        peer_listen(&p);
        size_t heard = evg_buffer_len(&p.in);
        evg_buffer_consume(&p.in, heard);
        assert_true(heard - (p.taken ? p.taken : 0) <= left);
        left -= heard - p.taken;
        p.taken = 0;
        ssize_t put = send(p.fd, evg_buffer_data(&said), evg_buffer_len(&said), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put > 0) evg_buffer_consume(&said, (size_t)put);
        turn(b->loop, 0.01);
        assert_false(p.gone);
    }
    evg_buffer_deinit(&said);
    free((void *)(uintptr_t)body.at);
    peer_close(&p);
}

/* Others speak to him, and he does not read. */
static void test_who_never_reads_ends_and_costs_no_more_than_his_share(void **state)
{
    bench_t *b = *state;
    evg_server_settings_t settings = evg_server_defaults();
    peer_t client, worker;
    size_t most = 0;
    bench_end(b);
    settings.max_buffer = 256 * 1024;
    bench_begin(b, &settings);
    evg_accepted_t *a = meet(b, &client);
    meet(b, &worker);
    peer_say(&client, EVG_SUBMIT_JOB, "f", "", "x");
    peer_hear(b, &client, EVG_JOB_CREATED);
    peer_say(&worker, EVG_CAN_DO, "f");
    peer_say_bare(&worker, EVG_GRAB_JOB);
    peer_hear(b, &worker, EVG_JOB_ASSIGN);
    static char piece[64 * 1024];
    memset(piece, 'x', sizeof piece - 1);
    while (b->service.connection_count == 2) {
        peer_say(&worker, EVG_WORK_DATA, "H:localhost:1", piece);
        turn(b->loop, 0.01);
        if (b->service.connection_count == 2 && evg_buffer_len(&a->session.wire.out) > most)
            most = evg_buffer_len(&a->session.wire.out);
    }
    assert_true(most > 0 && most <= settings.max_buffer + sizeof piece);
    peer_echo(b, &worker);
    peer_close(&client);
    peer_close(&worker);
}

static void test_above_its_most_connections_it_closes_and_counts(void **state)
{
    bench_t *b = *state;
    peer_t first, second, third;
    b->service.max_connections = 1;
    meet(b, &first);
    peer_connect(&second, b);
    peer_hear_end(b, &second);
    assert_int_equal(b->service.refused, 1);
    assert_int_equal(b->service.accepted, 2);
    peer_close(&first);
    serve_until(b, b->service.connection_count == 0);
    meet(b, &third);
    peer_close(&second);
    peer_close(&third);
}

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* To see it fail: watch on. */
static void test_without_descriptors_it_waits_and_does_not_spin(void **state)
{
    bench_t *b = *state;
    struct rlimit before;
    peer_t p;
    getrlimit(RLIMIT_NOFILE, &before);
    peer_connect(&p, b);
    peer_say(&p, EVG_ECHO_REQ, "x");
    limit_descriptors((rlim_t)p.fd + 1);
    serve_until(b, b->service.listener.holds_off);
    uint64_t events = b->loop->events;
    for (double until = evg_monotonic() + 0.35; evg_monotonic() < until;) turn(b->loop, until - evg_monotonic());
    assert_true(b->loop->events - events < 20);
    assert_int_equal(b->service.connection_count, 0);
    limit_descriptors(before.rlim_cur);
    peer_hear_text(b, &p, EVG_ECHO_RES, "x");
    peer_close(&p);
}

static void test_what_the_system_does_not_watch_ends(void **state)
{
    bench_t *b = *state;
    peer_t p, q;
    meet(b, &q);
    peer_connect(&p, b);
    turn(b->loop, 0.05);
    watching_refused = true;
    peer_hear_end(b, &p);
    watching_refused = false;
    peer_echo(b, &q);
    peer_close(&p);
    peer_close(&q);
}

/* -- what a test of others wants ----------------------------------------------------------------------------------- */

static void test_what_is_delayed_leaves_so_much_later_and_in_order(void **state)
{
    bench_t *b = *state;
    peer_t p;
    meet(b, &p);
    b->service.delay = 0.2;
    double said_at = evg_monotonic();
    peer_say(&p, EVG_ECHO_REQ, "1");
    turn_for(b->loop, 0.05);
    b->service.delay = 0;
    peer_say(&p, EVG_ECHO_REQ, "2");
    peer_hear_text(b, &p, EVG_ECHO_RES, "1");
    assert_true(evg_monotonic() >= said_at + 0.2);
    peer_hear_text(b, &p, EVG_ECHO_RES, "2");
    peer_echo(b, &p);
    peer_close(&p);
}

static void test_an_end_waits_for_what_is_delayed(void **state)
{
    bench_t *b = *state;
    peer_t p;
    meet(b, &p);
    b->service.delay = 0.1;
    peer_say(&p, EVG_ECHO_REQ, "1");
    peer_write(&p, "\0BAD\0\0\0\1\0\0\0\0", 12);
    peer_hear_text(b, &p, EVG_ECHO_RES, "1");
    peer_hear_end(b, &p);
    peer_close(&p);
}

/* -- its end ------------------------------------------------------------------------------------------------------- */

static void test_drained_it_writes_what_is_owed_and_lets_nobody_in(void **state)
{
    bench_t *b = *state;
    peer_t p;
    int port = b->service.listener.listening.address.port;
    evg_accepted_t *a = meet(b, &p);
    peer_say(&p, EVG_ECHO_REQ, "owed");
    serve_until(b, evg_wire_output(&a->session.wire).len);
    assert_true(evg_service_goes_on_p(&b->service));
    evg_service_drain(&b->service, INFINITY);
    assert_int_equal(dial(port), -1);
    serve_until(b, !evg_service_goes_on_p(&b->service));
    peer_hear_text(b, &p, EVG_ECHO_RES, "owed");
    peer_hear_end(b, &p);
    peer_close(&p);
}

static void test_drained_it_cuts_in_time_who_does_not_read(void **state)
{
    enum { SIZE = 8 * 1024 * 1024 };
    bench_t *b = *state;
    peer_t p;
    evg_accepted_t *a = meet(b, &p);
    assert_non_null(evg_buffer_reserve(&a->session.wire.out, SIZE));
    memset(evg_buffer_data(&a->session.wire.out), 0, SIZE);
    evg_buffer_commit(&a->session.wire.out, SIZE);
    evg_service_drain(&b->service, INFINITY);
    turn_for(b->loop, 0.05);
    assert_true(evg_service_goes_on_p(&b->service));
    evg_service_drain(&b->service, evg_monotonic() + 0.05);
    evg_service_drain(&b->service, INFINITY); /* too late */
    serve_until(b, !evg_service_goes_on_p(&b->service));
    peer_close(&p);
}

static void test_closed_and_opened_again_it_begins_anew_at_its_port(void **state)
{
    bench_t *b = *state;
    peer_t p;
    int port = b->service.listener.listening.address.port;
    meet(b, &p);
    peer_say(&p, EVG_SUBMIT_JOB_BG, "f", "", "x");
    peer_hear_text(b, &p, EVG_JOB_CREATED, "H:localhost:1");
    bench_close(b);
    assert_int_equal(dial(port), -1);
    peer_listen(&p);
    assert_true(p.gone);
    peer_close(&p);
    bench_open(b);
    assert_int_equal(b->service.listener.listening.address.port, port);
    meet(b, &p);
    peer_say(&p, EVG_SUBMIT_JOB_BG, "f", "", "x");
    peer_hear_text(b, &p, EVG_JOB_CREATED, "H:localhost:1");
    peer_close(&p);
}

static void shut_down(bench_t *b, const char *line)
{
    peer_t p;
    meet(b, &p);
    peer_write(&p, line, strlen(line));
    serve_until(b, (peer_listen(&p), evg_buffer_len(&p.in) >= p.taken + 3));
    assert_memory_equal(evg_buffer_data(&p.in) + p.taken, "OK\n", 3);
    peer_close(&p);
}

static void test_told_to_shut_down_it_ends(void **state)
{
    bench_t *b = *state;
    peer_t p;
    b->service.server.settings.allow_shutdown = true;
    meet(b, &p);
    shut_down(b, "shutdown\n");
    serve_until(b, !evg_service_goes_on_p(&b->service));
    peer_hear_end(b, &p);
    peer_close(&p);
}

static void test_told_to_shut_down_gracefully_it_waits_for_those_that_are_there(void **state)
{
    bench_t *b = *state;
    peer_t p;
    int port = b->service.listener.listening.address.port;
    b->service.server.settings.allow_shutdown = true;
    meet(b, &p);
    shut_down(b, "shutdown graceful\n");
    assert_true(evg_service_goes_on_p(&b->service));
    assert_int_equal(dial(port), -1);
    peer_echo(b, &p);
    peer_close(&p);
    serve_until(b, !evg_service_goes_on_p(&b->service));
}

/* -- memory -------------------------------------------------------------------------------------------------------- */

static bool heard_p(const peer_t *p)
{
    char byte;
    return recv(p->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* Each allocation fails once. */
static void test_without_memory_it_ends_one_connection_at_most(void **state)
{
    bench_t *b = *state;
    bool reached = true;
    for (size_t nth = 1; reached; nth++) {
        peer_t p;
        peer_connect(&p, b);
        peer_say(&p, EVG_SUBMIT_JOB_BG, "f", "", "x");
        evg_alloc_fail_at(nth);
        serve_until(b, heard_p(&p));
        reached = evg_alloc_count() >= nth;
        evg_alloc_fail_at(0);
        peer_close(&p);
        serve_until(b, b->service.connection_count == 0);
    }
    peer_t p;
    meet(b, &p);
    peer_close(&p);
}

#define with_bench(test) cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_bench(test_a_job_goes_from_a_client_to_a_worker_and_back),
        with_bench(test_what_one_packet_leads_to_elsewhere_leaves_in_the_next_turn),
        with_bench(test_a_packet_may_come_byte_by_byte),
        with_bench(test_who_leaves_is_forgotten_and_his_job_goes_to_another),
        with_bench(test_who_closes_his_side_still_gets_his_answer),
        with_bench(test_what_is_no_packet_ends_its_own_connection),
        with_bench(test_who_ends_for_what_he_said_hears_what_was_said_before),
        with_bench(test_a_job_whose_time_has_come_wakes_a_sleeper),
        with_bench(test_a_thousand_idle_connections_cost_little),
        with_bench(test_who_has_been_quiet_gives_his_buffers_back),
        with_bench(test_who_does_not_read_is_not_read_from),
        with_bench(test_who_never_reads_ends_and_costs_no_more_than_his_share),
        with_bench(test_above_its_most_connections_it_closes_and_counts),
        with_bench(test_without_descriptors_it_waits_and_does_not_spin),
        with_bench(test_what_the_system_does_not_watch_ends),
        with_bench(test_what_is_delayed_leaves_so_much_later_and_in_order),
        with_bench(test_an_end_waits_for_what_is_delayed),
        with_bench(test_drained_it_writes_what_is_owed_and_lets_nobody_in),
        with_bench(test_drained_it_cuts_in_time_who_does_not_read),
        with_bench(test_closed_and_opened_again_it_begins_anew_at_its_port),
        with_bench(test_told_to_shut_down_it_ends),
        with_bench(test_told_to_shut_down_gracefully_it_waits_for_those_that_are_there),
        with_bench(test_without_memory_it_ends_one_connection_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
