/* Descriptors that listen, and what is held back on a slow way. */
#include "net_support.h"

#include "net/lag.h"
#include "net/listening.h"

#include <sys/un.h>

/* -- lag ----------------------------------------------------------------------------------------------------------- */

static void test_without_a_delay_all_may_leave(void **state)
{
    evg_lag_t lag;
    (void)state;
    evg_lag_init(&lag);
    assert_int_equal(evg_lag_let(&lag, 7, 100), 100);
    assert_true(isinf(evg_lag_due(&lag)));
    evg_lag_deinit(&lag);
}

static void test_what_is_noted_leaves_when_its_time_has_come(void **state)
{
    evg_lag_t lag;
    (void)state;
    evg_lag_init(&lag);
    evg_lag_note(&lag, 10, 1);
    evg_lag_note(&lag, 10, 3); /* nothing new */
    evg_lag_note(&lag, 30, 2);
    assert_int_equal(evg_lag_let(&lag, 0, 30), 0);
    assert_true(evg_lag_due(&lag) == 1);
    evg_lag_release(&lag, 1);
    assert_int_equal(evg_lag_let(&lag, 0, 30), 10);
    assert_int_equal(evg_lag_let(&lag, 4, 3), 3);
    assert_int_equal(evg_lag_let(&lag, 10, 20), 0);
    evg_lag_release(&lag, 2);
    assert_int_equal(evg_lag_let(&lag, 10, 20), 20);
    assert_true(isinf(evg_lag_due(&lag)));
    evg_lag_deinit(&lag);
    assert_nothing_alive();
}

/* The delay was made shorter, or there is no memory for another time. */
static void test_nothing_overtakes_what_was_said_before(void **state)
{
    evg_lag_t lag;
    (void)state;
    evg_lag_init(&lag);
    evg_lag_note(&lag, 10, 5);
    evg_lag_note(&lag, 20, 1);
    evg_alloc_fail_at(1);
    evg_lag_note(&lag, 30, 9);
    evg_alloc_fail_at(0);
    evg_lag_release(&lag, 4);
    assert_int_equal(evg_lag_let(&lag, 0, 30), 0);
    evg_lag_release(&lag, 5);
    assert_int_equal(evg_lag_let(&lag, 0, 30), 30);
    evg_lag_note(&lag, 40, 9);
    evg_lag_deinit(&lag);
    assert_nothing_alive();
}

/* -- ports --------------------------------------------------------------------------------------------------------- */

static void assert_dials(const evg_address_t *address, bool reached)
{
    evg_sockaddrs_t ways = {0};
    assert_true(evg_address_literal(address, &ways));
    int fd = socket(ways.addresses[0].storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (struct sockaddr *)&ways.addresses[0].storage, ways.addresses[0].len);
    close(fd);
    assert_int_equal(rc == 0, reached);
}

static void test_whichever_port_is_free(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        evg_listening_t one, two;
        evg_address_t any;
        evg_address_any_port(&any, hosts[i]);
        assert_int_equal(evg_listening_open(&one, &any), 0);
        assert_true(one.address.port > 0);
        assert_dials(&one.address, true);
        assert_int_equal(evg_listening_open(&two, &one.address), EADDRINUSE);
        assert_int_equal(two.fd, -1);
        evg_listening_close(&one);
        evg_listening_close(&one);
        assert_dials(&one.address, false);
        assert_int_equal(evg_listening_open(&two, &one.address), 0); /* though somebody was connected to it */
        evg_listening_close(&two);
    }
}

static void test_a_descriptor_that_listens_is_not_for_others(void **state)
{
    evg_listening_t l;
    evg_address_t any;
    (void)state;
    evg_address_any_port(&any, "127.0.0.1");
    assert_int_equal(evg_listening_open(&l, &any), 0);
    assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(l.fd, F_GETFL) & O_NONBLOCK);
    evg_listening_close(&l);
}

static void test_a_name_is_no_place_to_listen(void **state)
{
    evg_listening_t l;
    evg_address_t name;
    (void)state;
    evg_address_any_port(&name, "localhost");
    assert_int_equal(evg_listening_open(&l, &name), EADDRNOTAVAIL);
}

static void test_what_only_this_machine_reaches(void **state)
{
    static const struct {
        const char *host;
        bool local;
    } rows[] = {{"127.0.0.1", true},
                {"127.9.8.7", true},
                {"0.0.0.0", false},
                {"10.0.0.1", false},
                {"::1", true},
                {"::", false},
                {"fe80::1", false},
                {"128.0.0.1", false},
                {"::2", false},
                {"::ffff:127.0.0.1", true},
                {"::ffff:192.0.2.1", false}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        evg_address_t address;
        evg_sockaddrs_t ways;
        char room[64];
        evg_address_any_port(&address, rows[i].host);
        assert_true(evg_address_literal(&address, &ways));
        assert_int_equal(evg_sockaddr_local_p(&ways.addresses[0]), rows[i].local);
        assert_string_equal(evg_sockaddr_text(&ways.addresses[0], room, sizeof room), rows[i].host);
    }
}

/* -- paths --------------------------------------------------------------------------------------------------------- */

typedef struct {
    char folder[64];
    evg_address_t address;
    evg_listening_t listening;
} place_t;

static int setup(void **state)
{
    static place_t p;
    char path[100];
    snprintf(p.folder, sizeof p.folder, "/tmp/evg_listening_XXXXXX");
    if (!mkdtemp(p.folder)) return -1;
    snprintf(path, sizeof path, "%s/socket", p.folder);
    evg_address_unix(&p.address, path);
    evg_listening_init(&p.listening);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    place_t *p = *state;
    evg_listening_close(&p->listening);
    unlink(p->address.path);
    return rmdir(p->folder);
}

static bool there_p(const place_t *p)
{
    struct stat file;
    return lstat(p->address.path, &file) == 0;
}

/* A socket's file that nobody listens to: its maker has died. */
static void desert(const place_t *p)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%.100s", p->address.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    close(fd);
}

static void test_a_path_is_for_its_user_alone_and_goes_with_it(void **state)
{
    place_t *p = *state;
    struct stat file;
    mode_t before = umask(0);
    assert_int_equal(evg_listening_open(&p->listening, &p->address), 0);
    umask(before);
    assert_int_equal(lstat(p->address.path, &file), 0);
    assert_int_equal(file.st_mode, S_IFSOCK | 0600);
    assert_dials(&p->address, true);
    evg_listening_close(&p->listening);
    assert_false(there_p(p));
}

static void test_a_path_whose_listener_has_died_is_taken_over(void **state)
{
    place_t *p = *state;
    desert(p);
    assert_int_equal(evg_listening_open(&p->listening, &p->address), 0);
    assert_dials(&p->address, true);
}

static void test_a_path_that_is_somebodys_stays_so(void **state)
{
    place_t *p = *state;
    evg_listening_t second;
    assert_int_equal(evg_listening_open(&p->listening, &p->address), 0);
    assert_int_equal(evg_listening_open(&second, &p->address), EADDRINUSE);
    assert_dials(&p->address, true);
}

/* Too many wait already: he is there all the same. */
static void test_a_path_whose_listener_is_busy_stays(void **state)
{
    place_t *p = *state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fds[3], fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(name.sun_path, sizeof name.sun_path, "%.100s", p->address.path);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int i = 0; i < 3; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&name, sizeof name);
    }
    assert_int_equal(evg_listening_open(&p->listening, &p->address), EADDRINUSE);
    assert_true(there_p(p));
    for (int i = 0; i < 3; i++) close(fds[i]);
    close(fd);
}

static void test_what_is_no_socket_stays(void **state)
{
    place_t *p = *state;
    close(open(p->address.path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(evg_listening_open(&p->listening, &p->address), EADDRINUSE);
    assert_true(there_p(p));
}

static void test_a_link_to_a_deserted_socket_stays(void **state)
{
    place_t *p = *state;
    place_t other = *p;
    strcat(other.address.path, "2");
    desert(&other);
    assert_int_equal(symlink(other.address.path, p->address.path), 0);
    assert_int_equal(evg_listening_open(&p->listening, &p->address), EADDRINUSE);
    assert_true(there_p(p) && there_p(&other));
    unlink(other.address.path);
}

static void test_a_file_that_another_has_put_there_is_not_removed(void **state)
{
    place_t *p = *state;
    assert_int_equal(evg_listening_open(&p->listening, &p->address), 0);
    unlink(p->address.path);
    desert(p);
    evg_listening_close(&p->listening);
    assert_true(there_p(p));
}

static void test_a_forked_child_leaves_the_file(void **state)
{
    place_t *p = *state;
    assert_int_equal(evg_listening_open(&p->listening, &p->address), 0);
    evg_listening_forked(&p->listening);
    evg_listening_close(&p->listening);
    assert_true(there_p(p));
}

#define at_a_path(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_delay_all_may_leave),
        cmocka_unit_test(test_what_is_noted_leaves_when_its_time_has_come),
        cmocka_unit_test(test_nothing_overtakes_what_was_said_before),
        cmocka_unit_test(test_whichever_port_is_free),
        cmocka_unit_test(test_a_descriptor_that_listens_is_not_for_others),
        cmocka_unit_test(test_a_name_is_no_place_to_listen),
        cmocka_unit_test(test_what_only_this_machine_reaches),
        at_a_path(test_a_path_is_for_its_user_alone_and_goes_with_it),
        at_a_path(test_a_path_whose_listener_has_died_is_taken_over),
        at_a_path(test_a_path_that_is_somebodys_stays_so),
        at_a_path(test_a_path_whose_listener_is_busy_stays),
        at_a_path(test_what_is_no_socket_stays),
        at_a_path(test_a_link_to_a_deserted_socket_stays),
        at_a_path(test_a_file_that_another_has_put_there_is_not_removed),
        at_a_path(test_a_forked_child_leaves_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
