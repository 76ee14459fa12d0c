/* A job server on a thread of its own, as the binding uses it. Runs under the thread sanitizer, too. */
#include "service_kit.h"

#include "base/error.h"
#include "net/host.h"
#include "net/service_stats.h"
#include "session/snapshot.h"

typedef struct {
    evg_host_t host;
    evg_address_t address;
    int end; /* of a pipe whose other end the host has */
    int fds; /* open before */
} house_t;

static int start(house_t *h)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    h->end = ends[0];
    return evg_host_start(&h->host, &h->address, ends[1]);
}

static bool ended_p(const house_t *h)
{
    return closes_p(h->end);
}

static int port_of(house_t *h)
{
    evg_host_enter(&h->host);
    int port = h->host.service.listener.listening.address.port;
    evg_host_leave(&h->host);
    return port;
}

static evg_service_stats_t stats_of(house_t *h)
{
    evg_service_stats_t stats;
    evg_host_enter(&h->host);
    evg_service_count(&h->host.service, &stats);
    evg_host_leave(&h->host);
    return stats;
}

static int setup(void **state)
{
    static house_t house;
    const evg_server_settings_t settings = evg_server_defaults();
    house = (house_t){.fds = fd_count(), .end = -1};
    evg_host_init(&house.host, &settings);
    evg_address_any_port(&house.address, "127.0.0.1");
    *state = &house;
    return 0;
}

static int teardown(void **state)
{
    house_t *h = *state;
    evg_host_end(&h->host);
    evg_host_deinit(&h->host);
    if (h->end >= 0) close(h->end);
    return evg_alloc_live() || fd_count() != h->fds ? -1 : 0;
}

/* -- a peer that waits --------------------------------------------------------------------------------------------- */

static void say(int fd, evg_command_t type, const char *const *texts, int argc)
{
    peer_t p = {.fd = fd};
    peer_say_list(&p, type, argc, texts);
}

#define SAY(fd, type, ...) \
    say(fd, type, (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

/* The next packet has so many bytes of body. */
static void hear(int fd, evg_command_t type, size_t len)
{
    uint8_t room[1024];
    assert_int_equal(recv(fd, room, EVG_HEADER_LEN + len, MSG_WAITALL), EVG_HEADER_LEN + len);
    assert_int_equal(evg_packet_type(evg_bytes(room, EVG_HEADER_LEN)), type);
}

static void echo(int fd)
{
    SAY(fd, EVG_ECHO_REQ, "echo");
    hear(fd, EVG_ECHO_RES, 4);
}

/* -- tests --------------------------------------------------------------------------------------------------------- */

static void test_it_serves_from_when_it_has_been_started(void **state)
{
    house_t *h = *state;
    assert_false(evg_host_runs_p(&h->host));
    assert_int_equal(start(h), 0);
    assert_true(evg_host_runs_p(&h->host));
    int fd = dial(port_of(h));
    echo(fd);
    close(fd);
}

static void test_it_is_started_once(void **state)
{
    house_t *h = *state;
    assert_int_equal(start(h), 0);
    int end = h->end;
    assert_int_equal(start(h), EALREADY);
    assert_true(ended_p(h));
    close(h->end);
    h->end = end;
    assert_true(evg_host_runs_p(&h->host));
}

static void test_it_leaves_nothing_behind_where_it_cannot_listen(void **state)
{
    house_t *h = *state;
    int port, fd = listen_tcp(1, &port);
    evg_address_tcp(&h->address, "127.0.0.1", port);
    assert_int_equal(start(h), EADDRINUSE);
    assert_true(ended_p(h));
    assert_false(evg_host_runs_p(&h->host));
    close(fd);
    close(h->end);
    assert_int_equal(start(h), 0);
}

static int start_and_end(void *context)
{
    house_t *h = context;
    int error = start(h);
    evg_host_end(&h->host);
    close(h->end);
    h->end = -1;
    return error == ENOMEM ? EVG_ENOMEM : -error;
}

/* What its thread needs later may lack, too: then its turn does without. */
static void test_it_may_lack_memory(void **state)
{
    for (size_t nth = 1; nth < 10; nth++) {
        evg_alloc_fail_at(nth);
        int rc = start_and_end(*state);
        evg_alloc_fail_at(0);
        assert_true(rc == 0 || rc == EVG_ENOMEM);
        assert_int_equal(evg_alloc_live(), 0);
    }
}

static void test_ended_it_cuts_everything_and_forgets(void **state)
{
    house_t *h = *state;
    start(h);
    int port = port_of(h), fd = dial(port);
    SAY(fd, EVG_SUBMIT_JOB_BG, "f", "", "x");
    hear(fd, EVG_JOB_CREATED, strlen("H:localhost:1"));
    evg_host_end(&h->host);
    evg_host_end(&h->host);
    assert_true(ended_p(h));
    assert_true(closes_p(fd));
    assert_int_equal(dial(port), -1);
    assert_int_equal(stats_of(h).jobs_queued, 0);
    assert_int_equal(stats_of(h).jobs_submitted, 1);
    close(fd);
    close(h->end);
    evg_address_tcp(&h->address, "127.0.0.1", port);
    assert_int_equal(start(h), 0);
    assert_int_equal(port_of(h), port);
}

/* To see it fail: do not end the turn in which the last connection goes. */
static void test_drained_it_ends_by_itself_and_may_begin_again(void **state)
{
    house_t *h = *state;
    start(h);
    int fd = dial(port_of(h));
    echo(fd);
    evg_host_pause(&h->host, true);
    evg_host_drain(&h->host, INFINITY);
    assert_true(ended_p(h));
    assert_true(closes_p(fd));
    assert_false(evg_host_runs_p(&h->host));
    evg_host_drain(&h->host, 0); /* of one that does not run is nothing */
    close(fd);
    close(h->end);
    assert_int_equal(start(h), 0);
    fd = dial(port_of(h));
    echo(fd);
    close(fd);
}

static void test_paused_it_answers_when_it_goes_on(void **state)
{
    house_t *h = *state;
    char byte;
    start(h);
    int fd = dial(port_of(h));
    echo(fd);
    evg_host_pause(&h->host, true);
    SAY(fd, EVG_ECHO_REQ, "echo");
    rest(0.03);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(stats_of(h).packets_in, 1);
    evg_host_pause(&h->host, false);
    hear(fd, EVG_ECHO_RES, 4);
    close(fd);
}

static void test_it_counts_what_there_is_and_was(void **state)
{
    house_t *h = *state;
    char later[32];
    start(h);
    int fd = dial(port_of(h)), worker = dial(port_of(h));
    SAY(fd, EVG_SUBMIT_JOB_BG, "f", "k", "x");
    SAY(fd, EVG_SUBMIT_JOB_BG, "f", "k", "x");
    SAY(fd, EVG_SUBMIT_JOB_BG, "g", "", "x");
    snprintf(later, sizeof later, "%.0f", floor(evg_wall()) + 1000);
    SAY(fd, EVG_SUBMIT_JOB_EPOCH, "g", "", later, "x");
    for (int i = 0; i < 4; i++) hear(fd, EVG_JOB_CREATED, strlen("H:localhost:1"));
    SAY(worker, EVG_CAN_DO, "f");
    say(worker, EVG_GRAB_JOB, NULL, 0);
    hear(worker, EVG_JOB_ASSIGN, strlen("H:localhost:1 f x"));
    evg_service_stats_t stats = stats_of(h);
    assert_int_equal(stats.connections, 2);
    assert_int_equal(stats.workers, 1);
    assert_int_equal(stats.functions, 2);
    assert_int_equal(stats.jobs_queued, 1);
    assert_int_equal(stats.jobs_delayed, 1);
    assert_int_equal(stats.jobs_running, 1);
    assert_int_equal(stats.jobs_submitted, 3);
    assert_int_equal(stats.jobs_joined, 1);
    assert_true(stats.bytes_in > 0 && stats.bytes_out > 0 && stats.memory > 0);
    close(fd);
    close(worker);
    while (stats_of(h).connections) rest(0.001);
    assert_int_equal(stats_of(h).bytes_in, stats.bytes_in);
    assert_int_equal(stats_of(h).connections_accepted, 2);
}

/* -- forks --------------------------------------------------------------------------------------------------------- */

/* What the parent had is forgotten at the first look. */
static int in_forked(house_t *h)
{
    int fds = fd_count();
    if (evg_host_runs_p(&h->host)) return 1;
    if (stats_of(h).connections || stats_of(h).jobs_queued) return 2;
    if (fd_count() != fds || fds != h->fds + 2) return 3;
    evg_host_end(&h->host);
    evg_host_deinit(&h->host);
    return evg_alloc_live() ? 4 : 0;
}

static void test_a_forked_child_has_no_server(void **state)
{
    house_t *h = *state;
    int status;
    start(h);
    int fd = dial(port_of(h));
    SAY(fd, EVG_SUBMIT_JOB_BG, "f", "", "x");
    hear(fd, EVG_JOB_CREATED, strlen("H:localhost:1"));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        _exit(in_forked(h));
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    echo(fd);
    assert_int_equal(stats_of(h).jobs_queued, 1);
    close(fd);
}

#define with_house(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    const struct CMUnitTest tests[] = {
        with_house(test_it_serves_from_when_it_has_been_started),
        with_house(test_it_is_started_once),
        with_house(test_it_leaves_nothing_behind_where_it_cannot_listen),
        with_house(test_it_may_lack_memory),
        with_house(test_ended_it_cuts_everything_and_forgets),
        with_house(test_drained_it_ends_by_itself_and_may_begin_again),
        with_house(test_paused_it_answers_when_it_goes_on),
        with_house(test_it_counts_what_there_is_and_was),
        with_house(test_a_forked_child_has_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
