/* The connection, with a real session behind it, against sockets that do what the test says. */
#include "net_support.h"

#include "base/error.h"
#include "net/connection.h"

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

/* It has no descriptor for the next so many sockets. */
static int sockets_refused;

int socket(int family, int type, int protocol)
{
    if (sockets_refused == 0) return (int)syscall(SYS_socket, family, type, protocol);
    sockets_refused--;
    errno = EMFILE;
    return -1;
}

/* -- a client that records what it is told ------------------------------------------------------------------------- */

typedef struct {
    evg_loop_t *loop;
    evg_connection_t *c;
    int listener, peer, port;
    int count[EVG_EVENT_STOPPED + 1]; /* events by type */
    int failed;                       /* DONE with an error */
    int error;                        /* of the last DONE or ERROR with one */
    evg_delivery_t delivery;
    char text[200];
    bool (*react)(void *client, const evg_event_t *event); /* in on_event */
} client_t;

static void on_event(void *owner, const evg_event_t *event)
{
    client_t *k = owner;
    k->count[event->type]++;
    if (event->type == EVG_EVENT_DONE && event->error) k->failed++;
    if (event->error) k->error = event->error;
    if (event->type == EVG_EVENT_DONE) k->delivery = event->delivery;
    if (event->text.len) snprintf(k->text, sizeof k->text, "%.*s", (int)event->text.len, (const char *)event->text.at);
    if (k->react) k->react(k, event);
}

static void client_new(client_t *k, const char *host, int port)
{
    evg_address_t address;
    assert_true(evg_address_tcp(&address, host, port));
    k->c = evg_connection_new(k->loop, &address, 1, 2);
    assert_non_null(k->c);
    k->c->on_event = on_event;
    k->c->owner = k;
    k->c->session.options.exceptions = false;
    k->c->session.backoff.first = 0.01;
    k->c->session.backoff.most = 0.02;
}

static int setup(void **state)
{
    client_t *k = calloc(1, sizeof *k);
    k->peer = -1;
    k->loop = evg_loop_new();
    k->listener = listen_tcp(16, &k->port);
    client_new(k, "127.0.0.1", k->port);
    *state = k;
    return k->loop ? 0 : -1;
}

static int teardown(void **state)
{
    client_t *k = *state;
    evg_connection_free(k->c);
    evg_loop_close(k->loop);
    evg_loop_release(k->loop);
    close(k->listener);
    if (k->peer >= 0) close(k->peer);
    free(k);
    for (int tries = 0; evg_alloc_live() && tries < 500; tries++) rest(0.01);
    return evg_alloc_live() ? -1 : 0;
}

static void want(client_t *k)
{
    evg_connection_clock(k->c);
    assert_int_equal(evg_session_want(&k->c->session), 0);
    evg_connection_changed(k->c);
}

/* Reads the peer's side until so many bytes came, turning meanwhile. */
static void swallow(client_t *k, size_t len)
{
    char room[65536];
    double give_up_at = evg_monotonic() + 10;
    while (len) {
        ssize_t got = recv(k->peer, room, len < sizeof room ? len : sizeof room, MSG_DONTWAIT);
        assert_true(got != 0 && evg_monotonic() < give_up_at);
        if (got > 0) len -= (size_t)got;
        turn(k->loop, 0);
    }
}

static void say(client_t *k, const void *bytes, size_t len)
{
    assert_int_equal(send(k->peer, bytes, len, MSG_NOSIGNAL), len);
}

static const char VERSION[] = "OK 1.1.22\n";

/* Open, and "version" answered. */
static void open_client(client_t *k)
{
    want(k);
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
    k->peer = accept(k->listener, NULL, NULL);
    swallow(k, strlen("version\n"));
    say(k, VERSION, strlen(VERSION));
    turn_until(k->loop, k->c->session.dialect != EVG_UNKNOWN_DIALECT);
    assert_int_equal(k->count[EVG_EVENT_CONNECTED], 1);
}

static void echo(client_t *k, evg_request_t *request, const void *data, size_t len)
{
    evg_request_init(request, NULL);
    evg_connection_clock(k->c);
    assert_int_equal(evg_session_echo(&k->c->session, request, evg_bytes(data, len)), 0);
}

enum { ECHO_HEAD = 12 };

/* An ECHO_RES as the server would send it. */
static size_t echo_reply(uint8_t *room, const void *data, size_t len)
{
    uint8_t head[ECHO_HEAD] = {
        0, 'R', 'E', 'S', 0, 0, 0, 17, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(room, head, sizeof head);
    memcpy(room + sizeof head, data, len);
    return sizeof head + len;
}

static void say_echo(client_t *k, const char *data)
{
    uint8_t room[100];
    say(k, room, echo_reply(room, data, strlen(data)));
}

static int done(const client_t *k)
{
    return k->count[EVG_EVENT_DONE];
}

/* -- connecting ---------------------------------------------------------------------------------------------------- */

static void test_new_touches_no_network(void **state)
{
    client_t *k = *state;
    turn(k->loop, 0.02);
    assert_int_equal(k->c->phase, EVG_PHASE_DOWN);
    assert_int_equal(k->c->pipe.transport.fd, -1);
}

static void test_connects_and_says_hello(void **state)
{
    client_t *k = *state;
    open_client(k);
    assert_int_equal(k->c->session.state, EVG_OPEN);
    assert_int_equal(k->c->session.stats.connects, 1);
    assert_null(k->c->ways);
}

static void test_request_and_reply(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    echo(k, &request, "ping", 4);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 4);
    say_echo(k, "ping");
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->failed, 0);
}

/* -- who looks at the bytes ---------------------------------------------------------------------------------------- */

static char tapped[2][200];
static size_t tapped_len[2];

static void tap(void *owner, bool out, evg_bytes_t bytes)
{
    (void)owner;
    if (tapped_len[out] + bytes.len > sizeof tapped[out]) fail_msg("more bytes than expected");
    memcpy(tapped[out] + tapped_len[out], bytes.at, bytes.len);
    tapped_len[out] += bytes.len;
}

static void test_every_byte_is_shown_to_who_looks(void **state)
{
    client_t *k = *state;
    evg_request_t request;
    uint8_t reply[100];
    tapped_len[0] = tapped_len[1] = 0;
    assert_true(evg_connection_between_packets_p(k->c));
    k->c->on_bytes = tap;
    open_client(k);
    echo(k, &request, "hello", 5);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 5);
    say_echo(k, "hello");
    turn_until(k->loop, k->count[EVG_EVENT_DONE] == 1);
    size_t len = echo_reply(reply, "hello", 5), greeting = strlen(VERSION);
    assert_int_equal(tapped_len[false], greeting + len);
    assert_memory_equal(tapped[false], VERSION, greeting);
    assert_memory_equal(tapped[false] + greeting, reply, len);
    assert_int_equal(tapped_len[true], strlen("version\n") + ECHO_HEAD + 5);
    assert_memory_equal(tapped[true], "version\n\0REQ\0\0\0\x10\0\0\0\5hello", tapped_len[true]);
    assert_true(evg_connection_between_packets_p(k->c));
}

static void test_a_poll_that_waits_for_the_reply_ends_with_it(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    echo(k, &request, "ping", 4);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 4);
    say_echo(k, "ping");
    double start = evg_monotonic();
    turn(k->loop, 5);
    assert_true(evg_monotonic() - start < 1);
    assert_int_equal(done(k), 1);
}

static void test_refused_without_reconnect(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    k->c->address.port = dead_port();
    k->c->session.options.reconnect = false;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->error, EVG_ECONNECT);
    assert_int_equal(k->delivery, EVG_NOT_SENT);
    assert_string_equal(k->text, "Connection refused");
    assert_int_equal(k->c->pipe.retired.fd, -1);
}

static void test_refused_at_first_then_good(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    int good = k->c->address.port;
    k->c->address.port = dead_port();
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    turn_until(k->loop, k->count[EVG_EVENT_ERROR] >= 2);
    assert_int_equal(k->error, EVG_ECONNECT);
    k->c->address.port = good;
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
    assert_int_equal(done(k), 0);
    evg_session_disconnect(&k->c->session);
    evg_connection_pump(k->c);
    assert_int_equal(done(k), 1);
}

/* The ways as a resolver would have answered them. */
static void dial_ways(client_t *k, const int *ports, int count)
{
    evg_session_want(&k->c->session);
    evg_session_opening(&k->c->session);
    k->c->ways = evg_zalloc(sizeof *k->c->ways);
    for (int at = 0; at < count; at++) {
        evg_sockaddrs_t one;
        evg_address_t address;
        assert_true(evg_address_tcp(&address, "127.0.0.1", ports[at]));
        assert_true(evg_address_literal(&address, &one));
        k->c->ways->addresses[k->c->ways->count++] = one.addresses[0];
    }
    k->c->way = -1;
    k->c->phase = EVG_PHASE_CONNECTING;
    evg_connection_changed(k->c);
}

static void test_next_way_after_a_refusal(void **state)
{
    client_t *k = *state;
    int ports[] = {dead_port(), dead_port(), k->port};
    dial_ways(k, ports, 3);
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
    assert_int_equal(k->count[EVG_EVENT_ERROR], 0);
}

/* Fills the queue of a listener whose owner never accepts: further SYNs get no answer. */
static int listen_deaf(int *port, int *fillers, int count)
{
    int fd = listen_tcp(0, port);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)*port)};
    for (int at = 0; at < count; at++) {
        fillers[at] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[at], (struct sockaddr *)&address, sizeof address);
    }
    rest(0.05);
    return fd;
}

static void test_connect_timeout(void **state)
{
    client_t *k = *state;
    int port, fillers[4], deaf = listen_deaf(&port, fillers, 4);
    static evg_request_t request;
    k->c->address.port = port;
    k->c->connect_timeout = 0.1;
    k->c->session.options.reconnect = false;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    double start = evg_monotonic();
    while (!done(k)) turn(k->loop, 5);
    double took = evg_monotonic() - start;
    assert_true(took >= 0.1 && took < 0.5);
    assert_int_equal(k->error, EVG_ECONNECT_TIMEOUT);
    for (int at = 0; at < 4; at++) close(fillers[at]);
    close(deaf);
}

/* It is connected by its kernel; among several servers that is not enough. */
static void test_who_says_nothing_has_no_more_time(void **state)
{
    client_t *k = *state;
    int port, silent = listen_tcp(4, &port);
    k->c->address.port = port;
    k->c->connect_timeout = 0.1;
    k->c->session.in_fleet = true;
    k->c->session.options.reconnect = false;
    assert_int_equal(evg_session_want(&k->c->session), 0);
    evg_connection_changed(k->c);
    turn_until(k->loop, k->count[EVG_EVENT_ERROR] == 1);
    assert_int_equal(k->c->session.stats.connects, 1);
    assert_int_equal(k->c->session.tell_error, 0);
    assert_true(k->c->session.away);
    close(silent);
}

static void test_next_way_after_a_timeout(void **state)
{
    client_t *k = *state;
    int port, fillers[4], deaf = listen_deaf(&port, fillers, 4);
    int ports[] = {port, k->port};
    k->c->connect_timeout = 0.1;
    dial_ways(k, ports, 2);
    double start = evg_monotonic();
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
    assert_true(evg_monotonic() - start >= 0.1);
    assert_int_equal(k->count[EVG_EVENT_ERROR], 0);
    for (int at = 0; at < 4; at++) close(fillers[at]);
    close(deaf);
}

static void test_connects_by_name(void **state)
{
    client_t *k = *state;
    assert_true(evg_address_tcp(&k->c->address, "localhost", k->port));
    open_client(k);
}

static void test_a_name_that_is_none(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    assert_true(evg_address_tcp(&k->c->address, "no such host.invalid", k->port));
    k->c->session.options.reconnect = false;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->error, EVG_ERESOLVE);
    assert_true(strlen(k->text) > 0);
}

static void test_freed_while_resolving(void **state)
{
    client_t *k = *state;
    assert_true(evg_address_tcp(&k->c->address, "localhost", k->port));
    want(k);
    turn(k->loop, 0);
    evg_connection_free(k->c);
    k->c = NULL;
    turn(k->loop, 0.02);
}

/* Nothing can be opened: the back-off tries again until something can. */
static void test_no_descriptor_to_be_had(void **state)
{
    client_t *k = *state;
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    want(k);
    for (int turns = 0; turns < 1000 && k->count[EVG_EVENT_ERROR] < 3; turns++) turn(k->loop, 0.05);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(k->error, EVG_ECONNECT);
    assert_string_equal(k->text, "Too many open files");
    open_client(k);
}

/* Fails when the last way has the last word: of two addresses only the one at which nobody listens was really tried. */
static void test_no_descriptor_for_one_way_of_many(void **state)
{
    client_t *k = *state;
    k->c->session.options.reconnect = false;
    for (int before = 0; before < 2; before++) {
        int ports[] = {dead_port(), dead_port(), dead_port()};
        dial_ways(k, ports, 3);
        if (before) turn(k->loop, 0.01);
        sockets_refused = 1;
        turn_until(k->loop, k->count[EVG_EVENT_ERROR] == 1 + before);
        assert_int_equal(sockets_refused, 0);
        assert_string_equal(k->text, "Too many open files");
    }
    k->c->address.port = dead_port();
    want(k);
    turn_until(k->loop, k->count[EVG_EVENT_ERROR] == 3);
    assert_string_equal(k->text, "Connection refused");
}

static int resolved_without_descriptors(void *context)
{
    client_t *k = context;
    struct rlimit none = {3, 3};
    evg_loop_forked(k->loop);
    turn(k->loop, 0);
    setrlimit(RLIMIT_NOFILE, &none);
    for (int round = 1; round < 3; round++) {
        evg_session_want(&k->c->session);
        evg_connection_changed(k->c);
        for (int turns = 0; turns < 100 && k->count[EVG_EVENT_ERROR] < round; turns++) turn(k->loop, 0.05);
        if (k->error != EVG_ECONNECT || strcmp(k->text, "Too many open files") != 0) return 2;
    }
    return 0;
}

/* Fails when it is said of a name that nobody knows it because the system's files could not be opened. In a child, because the
 * C library might remember that. */
static void test_no_descriptor_to_resolve_with(void **state)
{
    client_t *k = *state;
    k->c->session.options.reconnect = false;
    assert_true(evg_address_tcp(&k->c->address, "localhost", k->port));
    assert_int_equal(in_child(resolved_without_descriptors, k), 0);
}

static void test_no_memory_to_connect(void **state)
{
    client_t *k = *state;
    want(k);
    evg_alloc_fail_at(1);
    turn(k->loop, 0);
    evg_alloc_fail_at(0);
    assert_int_equal(k->error, EVG_ENOMEM);
    open_client(k);
}

/* -- ends ---------------------------------------------------------------------------------------------------------- */

static void test_end_of_file(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    k->c->session.options.reconnect = false;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1);
    shutdown(k->peer, SHUT_WR);
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->error, EVG_ESERVER_CLOSED);
    turn(k->loop, 0);
    assert_int_equal(k->c->pipe.retired.fd, -1);
    assert_int_equal(k->c->pipe.watched, 0);
}

static void test_reset(void **state)
{
    client_t *k = *state;
    open_client(k);
    k->c->session.options.reconnect = false;
    reset(k->peer);
    k->peer = -1;
    turn_until(k->loop, k->count[EVG_EVENT_ERROR] == 1);
    assert_int_equal(k->error, EVG_ESERVER_CLOSED);
}

static void test_reply_then_end_in_one_poll(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1);
    say_echo(k, "x");
    close(k->peer);
    k->peer = -1;
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->failed, 0);
}

/* To see it fail: end the connection in write_failed. */
static void test_reply_that_lies_there_survives_a_failed_write(void **state)
{
    client_t *k = *state;
    static evg_request_t first, second;
    open_client(k);
    echo(k, &first, "x", 1);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1);
    say_echo(k, "x");
    reset(k->peer);
    k->peer = -1;
    rest(0.02);
    echo(k, &second, "y", 1);
    evg_connection_flush(k->c);
    assert_int_equal(done(k), 0);
    assert_true(k->c->pipe.broken);
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->failed, 0);
    evg_connection_disconnect(k->c);
}

static void test_garbage_ends_the_connection_with_its_reason(void **state)
{
    client_t *k = *state;
    open_client(k);
    say(k, "\0NOPE-------------", 17);
    turn_until(k->loop, k->count[EVG_EVENT_ERROR] == 1);
    assert_int_equal(k->error, EVG_EMAGIC);
}

static void test_comes_back(void **state)
{
    client_t *k = *state;
    open_client(k);
    for (int round = 2; round < 20; round++) {
        if (round % 2)
            reset(k->peer);
        else
            close(k->peer);
        k->peer = -1;
        turn_until(k->loop, k->count[EVG_EVENT_CONNECTED] == round);
        k->peer = accept(k->listener, NULL, NULL);
        swallow(k, strlen("version\n"));
        say(k, VERSION, strlen(VERSION));
    }
    assert_int_equal(k->count[EVG_EVENT_DISCONNECTED], 18);
}

static void test_disconnect_and_again(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    char byte;
    open_client(k);
    echo(k, &request, "x", 1);
    evg_connection_disconnect(k->c);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->error, EVG_EDISCONNECTED);
    assert_int_equal(k->c->phase, EVG_PHASE_DOWN);
    turn(k->loop, 0);
    assert_int_equal(recv(k->peer, &byte, 1, 0), 0);
    turn(k->loop, 0.03);
    assert_int_equal(k->c->phase, EVG_PHASE_DOWN);
    close(k->peer);
    k->count[EVG_EVENT_CONNECTED] = 0;
    open_client(k);
}

/* A new connection wanted before the old descriptor was closed. */
static void test_disconnect_and_at_once_again(void **state)
{
    client_t *k = *state;
    open_client(k);
    evg_connection_disconnect(k->c);
    close(k->peer);
    k->count[EVG_EVENT_CONNECTED] = 0;
    open_client(k);
    evg_connection_shut(k->c);
    assert_int_equal(evg_session_want(&k->c->session), EVG_ECLOSED);
    turn(k->loop, 0);
}

static bool disconnect_on_done(void *client, const evg_event_t *event)
{
    client_t *k = client;
    if (event->type == EVG_EVENT_DONE) evg_connection_disconnect(k->c);
    return true;
}

static void test_disconnect_from_within_an_event(void **state)
{
    client_t *k = *state;
    static evg_request_t first, second;
    open_client(k);
    k->react = disconnect_on_done;
    echo(k, &first, "1", 1);
    echo(k, &second, "2", 1);
    evg_connection_flush(k->c);
    say_echo(k, "1");
    turn_until(k->loop, done(k) == 2);
    assert_int_equal(k->failed, 1);
    assert_int_equal(k->count[EVG_EVENT_DISCONNECTED], 1);
}

static char order[32];

static bool pump_before_looking(void *client, const evg_event_t *event)
{
    client_t *k = client;
    if (event->type != EVG_EVENT_DONE) return true;
    evg_connection_pump(k->c);
    strncat(order, (const char *)event->args[0].at, event->args[0].len);
    return true;
}

/* To see it fail: leave out `telling`. */
static void test_pump_from_within_an_event_keeps_order_and_views(void **state)
{
    client_t *k = *state;
    static evg_request_t requests[3];
    open_client(k);
    *order = 0;
    k->react = pump_before_looking;
    for (int at = 0; at < 3; at++) echo(k, &requests[at], &"abc"[at], 1);
    evg_connection_flush(k->c);
    uint8_t room[3 * (ECHO_HEAD + 1)], *end = room;
    for (int at = 0; at < 3; at++) end += echo_reply(end, &"abc"[at], 1);
    say(k, room, sizeof room);
    turn_until(k->loop, done(k) == 3);
    assert_string_equal(order, "abc");
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

static void test_command_timeout(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    k->c->session.options.command_timeout = 0.05;
    k->c->session.options.reconnect = false;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    double start = evg_monotonic();
    while (!done(k)) turn(k->loop, 5);
    assert_true(evg_monotonic() - start < 0.5);
    assert_int_equal(k->count[EVG_EVENT_DISCONNECTED], 1);
}

/* The reply lies in the socket, the deadline has passed, nobody drove meanwhile. */
static void test_reads_before_it_judges(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    k->c->session.options.command_timeout = 0.05;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1);
    say_echo(k, "x");
    rest(0.1);
    turn(k->loop, 1);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->failed, 0);
}

/* 400 KiB lie before the reply: several turns of reading, and no judgement between them. */
static void test_reads_to_the_end_before_it_judges(void **state)
{
    enum { BEFORE = 400 * 1024 };
    client_t *k = *state;
    static evg_request_t request;
    static uint8_t noop[BEFORE];
    open_client(k);
    int size = 4 * 1024 * 1024;
    setsockopt(k->c->pipe.transport.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(k->peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    k->c->session.options.command_timeout = 0.2;
    echo(k, &request, "x", 1);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1);
    for (size_t at = 0; at + ECHO_HEAD <= BEFORE; at += ECHO_HEAD)
        memcpy(noop + at, "\0RES\0\0\0\x06\0\0\0\0", ECHO_HEAD);
    say(k, noop, BEFORE / ECHO_HEAD * ECHO_HEAD);
    say_echo(k, "x");
    rest(0.3);
    int turns = 0;
    for (; !done(k) && turns < 100; turns++) turn(k->loop, 1);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->failed, 0);
    assert_true(turns >= 3);
}

enum { CROWD = 150 };

/* One poll tells of 64 readable sockets. To see it fail: do not read in connection_judge. */
static void test_reads_before_it_judges_more_sockets_than_one_poll_tells_of(void **state)
{
    client_t *k = *state;
    static client_t crowd[CROWD];
    static evg_request_t requests[CROWD];
    memset(crowd, 0, sizeof crowd);
    for (int at = 0; at < CROWD; at++) {
        crowd[at] = (client_t){.loop = k->loop, .listener = k->listener};
        client_new(&crowd[at], "127.0.0.1", k->port);
        open_client(&crowd[at]);
    }
    for (int at = 0; at < CROWD; at++) {
        crowd[at].c->session.options.command_timeout = 0.05;
        echo(&crowd[at], &requests[at], "x", 1);
        evg_connection_flush(crowd[at].c);
        say_echo(&crowd[at], "x");
    }
    rest(0.1);
    turn(k->loop, 1);
    for (int at = 0; at < CROWD; at++) {
        assert_int_equal(done(&crowd[at]), 1);
        assert_int_equal(crowd[at].failed, 0);
        evg_connection_free(crowd[at].c);
        close(crowd[at].peer);
    }
}

static void test_heartbeat(void **state)
{
    client_t *k = *state;
    open_client(k);
    k->c->session.options.heartbeat = 0.05;
    k->c->session.options.reconnect = false;
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + strlen("heartbeat"));
    say_echo(k, "heartbeat");
    swallow(k, ECHO_HEAD + strlen("heartbeat"));
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
}

/* -- what is in flight --------------------------------------------------------------------------------------------- */

enum { PARCEL = 128 * 1024, SMALL_WINDOW = 8 * 1024 };

static size_t in_flight(const client_t *k)
{
    return evg_transport_in_flight(&k->c->pipe.transport);
}

/* A large packet that our kernel takes at once, and the peer's, which reads nothing, hardly at all. Behind it the heartbeat. */
static void post_parcel(client_t *k, evg_request_t *request)
{
    static char data[PARCEL];
    int window = SMALL_WINDOW, size = 2 * PARCEL;
    setsockopt(k->listener, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    open_client(k);
    setsockopt(k->c->pipe.transport.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    k->c->session.options.heartbeat = 0.05;
    k->c->session.options.reconnect = false;
    memset(data, 'p', sizeof data);
    echo(k, request, data, sizeof data);
    evg_connection_flush(k->c);
    evg_connection_changed(k->c);
    assert_int_equal(evg_session_unsent(&k->c->session), 0);
    turn_until(k->loop, k->c->session.beat);
    assert_true(in_flight(k) > PARCEL / 2);
}

/* The peer reads until more of it has left our kernel. Answers how much it read. */
static size_t take_in(client_t *k)
{
    static char room[SMALL_WINDOW];
    size_t before = in_flight(k), taken = 0;
    double give_up_at = evg_monotonic() + 5;
    while (before && in_flight(k) == before) {
        ssize_t got = recv(k->peer, room, sizeof room, MSG_DONTWAIT);
        assert_true(got != 0 && evg_monotonic() < give_up_at);
        if (got > 0) taken += (size_t)got;
        if (got < 0) rest(0.001);
    }
    return taken;
}

/* Fails when what lies in the kernel counts as asked. */
static void test_a_heartbeat_in_flight(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    static uint8_t data[PARCEL], reply[ECHO_HEAD + PARCEL];
    size_t all = ECHO_HEAD + PARCEL + ECHO_HEAD + strlen("heartbeat"), taken = 0;
    double start = evg_monotonic();
    post_parcel(k, &request);
    while (in_flight(k)) {
        taken += take_in(k);
        turn(k->loop, 0.03);
    }
    assert_true(evg_monotonic() - start > 4 * k->c->session.options.heartbeat);
    swallow(k, all - taken);
    memset(data, 'p', sizeof data);
    say(k, reply, echo_reply(reply, data, sizeof data));
    say_echo(k, "heartbeat");
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->failed, 0);
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
}

/* Fails when a peer whose kernel takes nothing is believed in. */
static void test_what_stays_in_flight(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    k->c->session.options.command_timeout = 0.2;
    post_parcel(k, &request);
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
    assert_int_equal(k->failed, 1);
}

/* -- large writes, pauses ------------------------------------------------------------------------------------------ */

enum { LARGE = 8 * 1024 * 1024 };

static void test_large_write_and_reply(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    uint8_t *data = malloc(LARGE + ECHO_HEAD);
    memset(data, 'd', LARGE);
    open_client(k);
    echo(k, &request, data, LARGE);
    evg_connection_flush(k->c);
    assert_true(k->c->pipe.blocked);
    assert_true(evg_session_unsent(&k->c->session) > 0);
    swallow(k, ECHO_HEAD + LARGE);
    assert_int_equal(evg_session_unsent(&k->c->session), 0);
    assert_false(k->c->pipe.blocked);
    turn(k->loop, 0);
    assert_int_equal(k->c->pipe.watched, EV_READ);
    uint8_t *reply = malloc(LARGE + ECHO_HEAD);
    size_t len = echo_reply(reply, data, LARGE), sent = 0;
    while (sent < len) {
        ssize_t put = send(k->peer, reply + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put > 0) sent += (size_t)put;
        turn(k->loop, 0);
    }
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->failed, 0);
    free(reply);
    free(data);
}

/* The poll of the driver blocks until the socket takes more, without a spin. */
static void test_blocked_write_waits(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    uint8_t *data = calloc(1, LARGE);
    open_client(k);
    k->c->session.options.heartbeat = 0;
    echo(k, &request, data, LARGE);
    evg_connection_changed(k->c);
    double start;
    int turns = 0;
    do { /* the kernel may find room for some more, but does not do so for ever */
        assert_true(turns++ < 100);
        start = evg_monotonic();
        turn(k->loop, 0.05);
    } while (evg_monotonic() - start < 0.05);
    assert_false(evg_connection_between_packets_p(k->c));
    evg_connection_disconnect(k->c);
    assert_true(evg_connection_between_packets_p(k->c));
    free(data);
}

static void test_paused(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    k->c->session.paused = true;
    evg_connection_changed(k->c);
    echo(k, &request, "x", 1);
    evg_connection_flush(k->c);
    say_echo(k, "x");
    double start = evg_monotonic();
    while (evg_monotonic() - start < 0.05) turn(k->loop, 0.05);
    assert_int_equal(done(k), 0);
    assert_int_equal(k->c->pipe.watched, 0);
    k->c->session.paused = false;
    evg_connection_changed(k->c);
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->failed, 0);
}

static void test_keepalive_at_once(void **state)
{
    client_t *k = *state;
    int on = 0;
    socklen_t len = sizeof on;
    k->c->keepalive = 0;
    open_client(k);
    getsockopt(k->c->pipe.transport.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
    assert_int_equal(on, 0);
    evg_connection_set_keepalive(k->c, 9);
    getsockopt(k->c->pipe.transport.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
    assert_int_equal(on, 1);
}

static void test_priority_at_once(void **state)
{
    client_t *k = *state;
    open_client(k);
    k->c->pipe.priority = 2;
    evg_connection_changed(k->c);
    turn(k->loop, 0);
    assert_int_equal(ev_priority(&k->c->pipe.io), 2);
    assert_true(ev_is_active(&k->c->pipe.io));
    say(k, "?", 1); /* and it still tells */
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
}

/* Fails when EV_ERROR is taken for a socket that is readable: the connection is then deaf for good. */
static void test_what_the_system_does_not_watch_is_closed(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    echo(k, &request, "x", 1);
    evg_connection_flush(k->c);
    k->c->session.paused = true;
    evg_connection_changed(k->c);
    turn(k->loop, 0);
    k->c->session.paused = false;
    watching_refused = true;
    evg_connection_changed(k->c);
    say_echo(k, "x");
    turn_until(k->loop, k->count[EVG_EVENT_DISCONNECTED] == 1);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->failed, 0);
    assert_int_equal(k->error, EVG_EIO);
    turn_until(k->loop, k->error == EVG_ECONNECT);
    assert_int_equal(k->count[EVG_EVENT_CONNECTED], 1);
    watching_refused = false;
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
}

/* Fails when it is made all the same: nobody could wake it, and libev ends the process that tries. */
static void test_a_loop_whose_wake_is_not_watched_is_none(void **state)
{
    (void)state;
    watching_refused = true;
    evg_loop_t *loop = evg_loop_new();
    watching_refused = false;
    assert_null(loop);
    assert_int_equal(errno, ENOSPC);
}

/* -- the loop closes, the process forks ---------------------------------------------------------------------------- */

static void test_loop_closes(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    char byte;
    open_client(k);
    echo(k, &request, "x", 1);
    evg_loop_close(k->loop);
    assert_int_equal(done(k), 1);
    assert_int_equal(k->c->pipe.transport.fd, -1);
    assert_int_equal(recv(k->peer, &byte, 1, 0), 0);
}

/* To see it fail: let `closed` pass over those that are dying; what is left is counted by teardown. */
static void test_freed_in_a_turn_of_a_loop_that_then_closes(void **state)
{
    client_t *k = *state;
    open_client(k);
    int before = fd_count();
    k->loop->turning = true;
    evg_connection_free(k->c);
    k->loop->turning = false;
    k->c = NULL;
    evg_loop_close(k->loop);
    assert_true(fd_count() < before);
}

static int forked_before_the_end(void *context)
{
    client_t *k = context;
    k->loop->turning = true;
    evg_connection_free(k->c);
    evg_loop_forked(k->loop);
    evg_loop_close(k->loop);
    evg_loop_release(k->loop);
    return evg_alloc_live() ? 2 : 0;
}

static void test_freed_in_a_turn_that_a_fork_cut_off(void **state)
{
    client_t *k = *state;
    open_client(k);
    assert_int_equal(in_child(forked_before_the_end, k), 0);
}

static int forked_child(void *context)
{
    client_t *k = context;
    static evg_request_t request;
    int fd = k->c->pipe.transport.fd;
    uint64_t jitter = k->c->session.backoff.random;
    evg_loop_forked(k->loop);
    if (k->c->session.backoff.random == jitter) return 8;
    if (fcntl(fd, F_GETFD) >= 0) return 2;
    if (done(k)) return 3;
    turn(k->loop, 0);
    if (done(k) != 1 || k->error != EVG_EFORKED) return 4;
    double start = evg_monotonic();
    turn(k->loop, 0.05);
    if (k->c->phase != EVG_PHASE_DOWN || k->count[EVG_EVENT_DISCONNECTED]) return 5;
    if (evg_monotonic() - start < 0.05) return 7; /* the old watcher was counted in the new loop */
    evg_request_init(&request, NULL);
    evg_session_echo(&k->c->session, &request, evg_bytes_of("child"));
    evg_connection_changed(k->c);
    for (int turns = 0; turns < 100 && k->c->phase != EVG_PHASE_OPEN; turns++) turn(k->loop, 0.05);
    if (k->c->phase != EVG_PHASE_OPEN) return 6;
    evg_connection_disconnect(k->c);
    turn(k->loop, 0);
    evg_connection_free(k->c);
    return 0;
}

static void test_fork(void **state)
{
    client_t *k = *state;
    static evg_request_t request;
    open_client(k);
    echo(k, &request, "x", 1);
    assert_int_equal(in_child(forked_child, k), 0);
    assert_int_equal(done(k), 0);
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1); /* and not one byte of the child */
    say_echo(k, "x");
    turn_until(k->loop, done(k) == 1);
    assert_int_equal(k->failed, 0);
    turn(k->loop, 0.02);
    assert_int_equal(k->count[EVG_EVENT_DISCONNECTED], 0);
}

static int forked_while_resolving(void *context)
{
    client_t *k = context;
    evg_loop_forked(k->loop);
    turn(k->loop, 0);
    if (k->c->phase != EVG_PHASE_DOWN) return 2;
    evg_session_want(&k->c->session);
    evg_connection_changed(k->c);
    for (int turns = 0; turns < 100 && k->c->phase != EVG_PHASE_OPEN; turns++) turn(k->loop, 0.05);
    return k->c->phase == EVG_PHASE_OPEN ? 0 : 3;
}

static void test_fork_while_resolving(void **state)
{
    client_t *k = *state;
    assert_true(evg_address_tcp(&k->c->address, "localhost", k->port));
    want(k);
    turn(k->loop, 0);
    assert_int_equal(in_child(forked_while_resolving, k), 0);
    close(accept(k->listener, NULL, NULL)); /* the child's */
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
}

/* -- beside a poll ------------------------------------------------------------------------------------------------- */

typedef struct {
    client_t *k;
    bool stop;
    int turns;
} driver_t;

static void *drive(void *context)
{
    driver_t *d = context;
    pthread_mutex_lock(&gvl);
    while (!d->stop) {
        turn(d->k->loop, 5);
        d->turns++;
    }
    pthread_mutex_unlock(&gvl);
    return NULL;
}

static void without_gvl(double seconds)
{
    pthread_mutex_unlock(&gvl);
    rest(seconds);
    pthread_mutex_lock(&gvl);
}

static void await_poll(evg_loop_t *loop)
{
    while (!loop->polling) without_gvl(0.0005);
}

static void join_driver(driver_t *d, pthread_t thread)
{
    d->stop = true;
    evg_loop_wake(d->k->loop);
    pthread_mutex_unlock(&gvl);
    pthread_join(thread, NULL);
    pthread_mutex_lock(&gvl);
}

static void test_flush_beside_a_poll_writes_at_once_and_does_not_disturb_it(void **state)
{
    client_t *k = *state;
    driver_t d = {k, false, 0};
    pthread_t thread;
    static evg_request_t early, request;
    uint8_t room[ECHO_HEAD + 1];
    open_client(k);
    echo(k, &early, "a", 1); /* an earlier deadline, so that the poll has one */
    evg_connection_changed(k->c);
    swallow(k, ECHO_HEAD + 1);
    k->c->session.options.command_timeout = 100;
    pthread_create(&thread, NULL, drive, &d);
    await_poll(k->loop);
    int turns = d.turns;
    echo(k, &request, "x", 1);
    evg_connection_flush(k->c);
    assert_int_equal(recv(k->peer, room, sizeof room, MSG_DONTWAIT), sizeof room);
    without_gvl(0.03);
    assert_int_equal(d.turns, turns);
    say_echo(k, "a");
    say_echo(k, "x");
    for (int tries = 0; tries < 1000 && done(k) < 2; tries++) without_gvl(0.001);
    assert_int_equal(done(k), 2);
    join_driver(&d, thread);
}

static void test_flush_beside_a_poll_leaves_the_rest_to_it(void **state)
{
    client_t *k = *state;
    driver_t d = {k, false, 0};
    pthread_t thread;
    static evg_request_t request;
    uint8_t *data = calloc(1, LARGE), *room = malloc(LARGE);
    size_t left = LARGE + ECHO_HEAD;
    open_client(k);
    pthread_create(&thread, NULL, drive, &d);
    await_poll(k->loop);
    echo(k, &request, data, LARGE);
    evg_connection_flush(k->c);
    pthread_mutex_unlock(&gvl);
    while (left) {
        ssize_t got = recv(k->peer, room, left < LARGE ? left : LARGE, 0);
        assert_true(got > 0);
        left -= (size_t)got;
    }
    pthread_mutex_lock(&gvl);
    join_driver(&d, thread);
    assert_int_equal(evg_session_unsent(&k->c->session), 0);
    free(room);
    free(data);
}

static void test_disconnect_beside_a_poll(void **state)
{
    client_t *k = *state;
    driver_t d = {k, false, 0};
    pthread_t thread;
    char byte;
    open_client(k);
    pthread_create(&thread, NULL, drive, &d);
    await_poll(k->loop);
    int fd = k->c->pipe.transport.fd;
    evg_connection_disconnect(k->c);
    assert_true(fcntl(fd, F_GETFD) >= 0); /* its watcher is still started */
    pthread_mutex_unlock(&gvl);
    assert_int_equal(recv(k->peer, &byte, 1, 0), 0);
    pthread_mutex_lock(&gvl);
    join_driver(&d, thread);
}

static void test_free_beside_a_poll(void **state)
{
    client_t *k = *state;
    driver_t d = {k, false, 0};
    pthread_t thread;
    char byte;
    pthread_create(&thread, NULL, drive, &d);
    for (int round = 0; round < 200; round++) {
        want(k);
        while (k->c->phase != EVG_PHASE_OPEN) without_gvl(0.0002);
        k->peer = accept(k->listener, NULL, NULL);
        if (round % 3) await_poll(k->loop);
        static evg_request_t request;
        echo(k, &request, "x", 1);
        evg_connection_free(k->c);
        client_new(k, "127.0.0.1", k->port);
        pthread_mutex_unlock(&gvl);
        ssize_t got;
        while ((got = recv(k->peer, &byte, 1, 0)) > 0) {}
        pthread_mutex_lock(&gvl);
        close(k->peer);
    }
    k->peer = -1;
    join_driver(&d, thread);
}

static evg_connection_t *victim;

static bool free_victim(void *client, const evg_event_t *event)
{
    (void)client, (void)event;
    evg_connection_free(victim);
    victim = NULL;
    return true;
}

/* One connection's event frees another that is ready in the same turn. */
static void test_free_within_a_turn(void **state)
{
    client_t *k = *state, other = {.loop = k->loop, .peer = -1};
    client_new(&other, "127.0.0.1", k->port);
    open_client(k);
    want(&other);
    turn_until(k->loop, other.c->phase == EVG_PHASE_OPEN);
    int peer = accept(k->listener, NULL, NULL);
    static evg_request_t request;
    echo(k, &request, "x", 1);
    evg_connection_flush(k->c);
    say_echo(k, "x");
    assert_int_equal(send(peer, VERSION, strlen(VERSION), 0), strlen(VERSION));
    rest(0.01);
    victim = other.c;
    k->react = free_victim;
    turn_until(k->loop, done(k) == 1);
    k->react = NULL;
    turn(k->loop, 0);
    close(peer);
}

/* -- nothing is left behind ---------------------------------------------------------------------------------------- */

static void accept_and_close_all(client_t *k)
{
    int fd;
    fcntl(k->listener, F_SETFL, O_NONBLOCK);
    while ((fd = accept(k->listener, NULL, NULL)) >= 0) close(fd);
}

/* Freed at any point of its way. */
static void test_a_thousand_lives_leave_no_descriptor(void **state)
{
    client_t *k = *state;
    turn(k->loop, 0);
    int before = fd_count();
    for (int round = 0; round < 1000; round++) {
        want(k);
        for (int turns = 0; turns < round % 5; turns++) turn(k->loop, 0);
        if (round % 2) turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
        if (round % 3 == 0) evg_connection_disconnect(k->c);
        evg_connection_free(k->c);
        client_new(k, "127.0.0.1", k->port);
        accept_and_close_all(k);
    }
    assert_int_equal(fd_count(), before);
}

typedef struct {
    uint8_t heard[64];
    size_t len;
} script_t;

/* What a server does in a moment: takes a new connection for an old one, answers "version" and one ECHO of a byte. */
static void serve(client_t *k, script_t *script)
{
    static const size_t hello = sizeof "version\n" - 1, ping = ECHO_HEAD + 1;
    int fd = accept(k->listener, NULL, NULL);
    if (fd >= 0) {
        if (k->peer >= 0) close(k->peer);
        k->peer = fd;
        script->len = 0;
    }
    if (k->peer < 0) return;
    ssize_t got = recv(k->peer, script->heard + script->len, sizeof script->heard - script->len, MSG_DONTWAIT);
    if (got <= 0) return;
    size_t before = script->len;
    script->len += (size_t)got;
    if (before < hello && script->len >= hello) say(k, VERSION, strlen(VERSION));
    if (before < hello + ping && script->len >= hello + ping) say_echo(k, "x");
}

/* A whole life with the nth allocation failing: one outcome for a request that was taken, and no hang. */
static size_t live_without(client_t *k, size_t nth)
{
    static evg_request_t request;
    script_t script = {.len = 0};
    client_new(k, "127.0.0.1", k->port);
    memset(k->count, 0, sizeof k->count);
    evg_request_init(&request, NULL);
    evg_alloc_fail_at(nth);
    bool taken = evg_session_echo(&k->c->session, &request, evg_bytes_of("x")) == 0;
    if (!taken) want(k);
    evg_connection_changed(k->c);
    double give_up_at = evg_monotonic() + 5;
    while (taken ? !done(k) : !k->c->session.heard) {
        assert_true(evg_monotonic() < give_up_at);
        turn(k->loop, 0.001);
        serve(k, &script);
    }
    assert_int_equal(done(k), taken);
    size_t count = evg_alloc_count();
    evg_alloc_fail_at(0);
    evg_connection_free(k->c);
    if (k->peer >= 0) close(k->peer);
    k->peer = -1;
    return count;
}

static void test_memory_that_fails_once(void **state)
{
    client_t *k = *state;
    evg_connection_free(k->c);
    fcntl(k->listener, F_SETFL, O_NONBLOCK);
    size_t nth = 1;
    while (live_without(k, nth) >= nth) nth++;
    assert_true(nth > 5);
    client_new(k, "127.0.0.1", k->port);
}

static void test_unix_socket(void **state)
{
    client_t *k = *state;
    char path[] = "/tmp/evg_net_XXXXXX";
    evg_sockaddrs_t ways;
    close(mkstemp(path));
    unlink(path);
    assert_true(evg_address_unix(&k->c->address, path));
    assert_true(evg_address_literal(&k->c->address, &ways));
    close(k->listener);
    k->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(k->listener, (struct sockaddr *)&ways.addresses[0].storage, ways.addresses[0].len), 0);
    assert_int_equal(listen(k->listener, 1), 0);
    open_client(k);
    static evg_request_t request;
    echo(k, &request, "ping", 4);
    evg_connection_flush(k->c);
    swallow(k, ECHO_HEAD + 4);
    say_echo(k, "ping");
    turn_until(k->loop, done(k) == 1);
    unlink(path);
}

#define with_client(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_client(test_new_touches_no_network),
        with_client(test_connects_and_says_hello),
        with_client(test_request_and_reply),
        with_client(test_every_byte_is_shown_to_who_looks),
        with_client(test_a_poll_that_waits_for_the_reply_ends_with_it),
        with_client(test_refused_without_reconnect),
        with_client(test_refused_at_first_then_good),
        with_client(test_next_way_after_a_refusal),
        with_client(test_connect_timeout),
        with_client(test_who_says_nothing_has_no_more_time),
        with_client(test_next_way_after_a_timeout),
        with_client(test_connects_by_name),
        with_client(test_a_name_that_is_none),
        with_client(test_freed_while_resolving),
        with_client(test_no_descriptor_to_be_had),
        with_client(test_no_descriptor_for_one_way_of_many),
        with_client(test_no_descriptor_to_resolve_with),
        with_client(test_no_memory_to_connect),
        with_client(test_end_of_file),
        with_client(test_reset),
        with_client(test_reply_then_end_in_one_poll),
        with_client(test_reply_that_lies_there_survives_a_failed_write),
        with_client(test_garbage_ends_the_connection_with_its_reason),
        with_client(test_comes_back),
        with_client(test_disconnect_and_again),
        with_client(test_disconnect_and_at_once_again),
        with_client(test_disconnect_from_within_an_event),
        with_client(test_pump_from_within_an_event_keeps_order_and_views),
        with_client(test_command_timeout),
        with_client(test_reads_before_it_judges),
        with_client(test_reads_to_the_end_before_it_judges),
        with_client(test_reads_before_it_judges_more_sockets_than_one_poll_tells_of),
        with_client(test_heartbeat),
        with_client(test_a_heartbeat_in_flight),
        with_client(test_what_stays_in_flight),
        with_client(test_large_write_and_reply),
        with_client(test_blocked_write_waits),
        with_client(test_paused),
        with_client(test_keepalive_at_once),
        with_client(test_priority_at_once),
        with_client(test_what_the_system_does_not_watch_is_closed),
        with_client(test_a_loop_whose_wake_is_not_watched_is_none),
        with_client(test_loop_closes),
        with_client(test_freed_in_a_turn_of_a_loop_that_then_closes),
        with_client(test_freed_in_a_turn_that_a_fork_cut_off),
        with_client(test_fork),
        with_client(test_fork_while_resolving),
        with_client(test_flush_beside_a_poll_writes_at_once_and_does_not_disturb_it),
        with_client(test_flush_beside_a_poll_leaves_the_rest_to_it),
        with_client(test_disconnect_beside_a_poll),
        with_client(test_free_beside_a_poll),
        with_client(test_free_within_a_turn),
        with_client(test_a_thousand_lives_leave_no_descriptor),
        with_client(test_memory_that_fails_once),
        with_client(test_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
