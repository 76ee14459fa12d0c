/* A connection by TLS, with a real session behind it, to OpenSSL itself. */
#include "net_support.h"

#include "base/error.h"
#include "net/connection.h"
#include "support/tls_kit.h"

/* -- a client and its server --------------------------------------------------------------------------------------- */

typedef struct {
    evg_loop_t *loop;
    evg_connection_t *c;
    int listener, port;
    raw_t raw;
    bool met; /* raw has */
    int count[EVG_EVENT_STOPPED + 1];
    int error;
    char text[200];
} client_t;

static void on_event(void *owner, const evg_event_t *event)
{
    client_t *k = owner;
    k->count[event->type]++;
    if (!event->error) return;
    k->error = event->error;
    snprintf(k->text, sizeof k->text, "%.*s", (int)event->text.len, (const char *)event->text.at);
}

static evg_tls_context_t *context(evg_tls_options_t options)
{
    char why[200];
    evg_tls_context_t *made = evg_tls_context_new(&options, why, sizeof why);
    if (!made) fail_msg("no context: %s", why);
    return made;
}

static void use(client_t *k, evg_tls_options_t options)
{
    evg_tls_context_t *made = context(options);
    evg_connection_set_tls(k->c, made);
    evg_tls_context_release(made);
}

static int setup(void **state)
{
    client_t *k = calloc(1, sizeof *k);
    evg_address_t address;
    k->loop = evg_loop_new();
    k->listener = listen_tcp(16, &k->port);
    assert_true(evg_address_tcp(&address, "127.0.0.1", k->port));
    k->c = evg_connection_new(k->loop, &address, 1, 2);
    k->c->on_event = on_event;
    k->c->owner = k;
    k->c->session.options.exceptions = false;
    k->c->session.options.heartbeat = 0;
    k->c->session.backoff.first = k->c->session.backoff.most = 0.01;
    use(k, (evg_tls_options_t){.verify = true, .ca_file = kit_paper("ca")});
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    client_t *k = *state;
    evg_connection_free(k->c);
    evg_loop_close(k->loop);
    evg_loop_release(k->loop);
    close(k->listener);
    free(k);
    return evg_alloc_live() ? -1 : 0;
}

static void want(client_t *k)
{
    evg_connection_clock(k->c);
    assert_int_equal(evg_session_want(&k->c->session), 0);
    evg_connection_changed(k->c);
}

static int let_in(client_t *k)
{
    turn_until(k->loop, k->c->phase == EVG_PHASE_CONNECTING);
    int fd = accept4(k->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void let_in_by(client_t *k, const char *papers)
{
    raw_open(&k->raw, let_in(k), RAW_SERVER, papers);
    k->met = false;
}

static bool shakes(client_t *k)
{
    k->met = k->met || raw_shake(&k->raw);
    return k->met && k->c->phase == EVG_PHASE_OPEN;
}

static void raw_swallow(client_t *k, void *room, size_t len)
{
    double give_up_at = evg_monotonic() + 10;
    for (size_t heard = 0; heard < len;) {
        int got = raw_read(&k->raw, (char *)room + heard, len - heard);
        assert_true(got >= 0 && evg_monotonic() < give_up_at);
        heard += (size_t)got;
        turn(k->loop, 0);
    }
}

static void raw_say(client_t *k, const void *bytes, size_t len)
{
    double give_up_at = evg_monotonic() + 10;
    for (size_t said = 0; said < len;) {
        size_t put = raw_write(&k->raw, (const char *)bytes + said, len - said);
        assert_true(evg_monotonic() < give_up_at);
        if (!put) turn(k->loop, 0);
        said += put;
    }
}

/* Open, and "version" answered. */
static void open_by(client_t *k, const char *papers)
{
    char room[8];
    want(k);
    let_in_by(k, papers);
    turn_until(k->loop, shakes(k));
    raw_swallow(k, room, 8);
    raw_say(k, "OK 1.1.22\n", 10);
    turn_until(k->loop, k->c->session.dialect != EVG_UNKNOWN_DIALECT);
}

static void echo(client_t *k, evg_request_t *request, const void *data, size_t len)
{
    evg_request_init(request, NULL);
    evg_connection_clock(k->c);
    assert_int_equal(evg_session_echo(&k->c->session, request, evg_bytes(data, len)), 0);
    evg_connection_flush(k->c);
}

/* It comes to the server, and the same comes back. */
static void assert_echoes(client_t *k, size_t len)
{
    evg_request_t request;
    uint8_t *packet = malloc(12 + len), *data = malloc(len);
    int done = k->count[EVG_EVENT_DONE];
    memset(data, 'x', len);
    echo(k, &request, data, len);
    raw_swallow(k, packet, 12 + len);
    assert_memory_equal(packet, "\0REQ\0\0\0\x10", 8);
    memcpy(packet, "\0RES\0\0\0\x11", 8);
    raw_say(k, packet, 12 + len);
    turn_until(k->loop, k->count[EVG_EVENT_DONE] > done);
    assert_int_equal(k->error, 0);
    free(packet);
    free(data);
}

static void assert_told(client_t *k, int error, const char *text)
{
    turn_until(k->loop, k->count[EVG_EVENT_ERROR]);
    if (k->error != error) fail_msg("%s: %s", evg_error_name(k->error), k->text);
    if (!strstr(k->text, text)) fail_msg("not \"%s\" but \"%s\"", text, k->text);
}

/* What the server hears at the end: -1 for an orderly one. */
static int last_word(client_t *k)
{
    char room[1000];
    int got;
    for (int i = 0; i < 500 && (got = raw_read(&k->raw, room, sizeof room)) >= 0; i++) turn(k->loop, 0.01);
    return got;
}

/* -- tests --------------------------------------------------------------------------------------------------------- */

static void test_requests_and_replies_go_through(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    assert_int_equal(k->count[EVG_EVENT_CONNECTED], 1);
    assert_string_equal(evg_tls_version(&k->c->pipe.transport), "TLSv1.3");
    assert_echoes(k, 5);
    assert_echoes(k, 3 * 1024 * 1024);
    assert_true(evg_pipe_settled_p(&k->c->pipe));
    raw_close(&k->raw);
}

static void test_a_loop_with_nothing_to_do_rests(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    assert_echoes(k, 100000);
    turn(k->loop, 0);
    turn(k->loop, 0);
    double start = evg_monotonic();
    turn(k->loop, 0.05);
    assert_true(evg_monotonic() - start >= 0.05);
    raw_close(&k->raw);
}

static void test_a_server_that_is_not_trusted(void **state)
{
    client_t *k = *state;
    want(k);
    let_in_by(k, "expired");
    while (!k->count[EVG_EVENT_ERROR]) {
        turn(k->loop, 0.01);
        shakes(k);
    }
    assert_told(k, EVG_ETLS, "certificate verify failed: certificate has expired");
    assert_int_equal(k->count[EVG_EVENT_CONNECTED], 0);
    raw_close(&k->raw);
    open_by(k, "server"); /* it tries again: by then it may be another */
    raw_close(&k->raw);
}

static void test_who_waits_is_told_why_he_waited_in_vain(void **state)
{
    static evg_request_t request;
    client_t *k = *state;
    k->c->session.options.reconnect = false;
    echo(k, &request, "x", 1);
    let_in_by(k, "stranger");
    while (!k->count[EVG_EVENT_DONE]) {
        turn(k->loop, 0.01);
        shakes(k);
    }
    assert_told(k, EVG_ETLS, "certificate verify failed: unable to get local issuer");
    assert_int_equal(request.delivery, EVG_NOT_SENT);
    raw_close(&k->raw);
}

static void test_a_handshake_has_the_time_that_there_is_to_connect(void **state)
{
    client_t *k = *state;
    k->c->connect_timeout = 0.05;
    want(k);
    int fd = let_in(k);
    assert_told(k, EVG_ECONNECT_TIMEOUT, "in the TLS handshake: does it speak TLS?");
    close(fd);
}

static void test_a_plain_server(void **state)
{
    client_t *k = *state;
    want(k);
    int fd = let_in(k);
    assert_int_equal(send(fd, "ERR what?\n", 10, 0), 10);
    assert_told(k, EVG_ETLS, "no TLS handshake, but \"ERR what?.\": does the server speak TLS?");
    close(fd);
}

static void test_a_plain_client(void **state)
{
    client_t *k = *state;
    char room[8];
    evg_connection_set_tls(k->c, NULL);
    want(k);
    turn_until(k->loop, k->c->phase == EVG_PHASE_OPEN);
    int fd = accept(k->listener, NULL, NULL);
    turn(k->loop, 0);
    assert_int_equal(recv(fd, room, sizeof room, MSG_WAITALL), 8);
    close(fd);
    assert_told(k, EVG_ESERVER_CLOSED, "before it said anything: does it want TLS?");
}

static void test_a_name_is_not_given_away_in_the_clear(void **state)
{
    client_t *k = *state;
    char room[2000];
    k->c->connect_timeout = 0.05;
    k->c->session.options.reconnect = false;
    static evg_request_t request;
    echo(k, &request, "secret", 6);
    int fd = let_in(k);
    assert_told(k, EVG_ECONNECT_TIMEOUT, "handshake");
    ssize_t len = recv(fd, room, sizeof room, 0);
    assert_true(len > 0);
    assert_null(memmem(room, (size_t)len, "secret", 6));
    close(fd);
}

static void test_both_ways_to_end_are_told_apart(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    assert_echoes(k, 10);
    SSL_shutdown(k->raw.ssl);
    raw_close(&k->raw);
    turn_until(k->loop, k->count[EVG_EVENT_ERROR]);
    assert_int_equal(k->error, EVG_ESERVER_CLOSED);
    assert_string_equal(k->text, "");
    k->count[EVG_EVENT_ERROR] = k->error = 0;
    open_by(k, "server");
    assert_echoes(k, 10);
    raw_close(&k->raw);
    assert_told(k, EVG_ESERVER_CLOSED, "without a word of TLS (close_notify)");
}

static void test_a_client_is_refused_when_it_is_open_already(void **state)
{
    client_t *k = *state;
    want(k);
    let_in_by(k, "server");
    SSL_set_verify(k->raw.ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    while (!k->count[EVG_EVENT_ERROR]) {
        turn(k->loop, 0.01);
        shakes(k);
    }
    assert_told(k, EVG_ETLS, "certificate required");
    raw_close(&k->raw);
}

static void test_every_end_of_ours_is_told(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    evg_connection_disconnect(k->c);
    turn(k->loop, 0);
    assert_int_equal(last_word(k), -1);
    raw_close(&k->raw);
    open_by(k, "server");
    evg_connection_shut(k->c);
    turn(k->loop, 0);
    assert_int_equal(last_word(k), -1);
    raw_close(&k->raw);
}

static void test_it_is_told_when_nobody_has_it_any_more(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    evg_connection_free(k->c);
    k->c = NULL;
    assert_int_equal(last_word(k), -1);
    raw_close(&k->raw);
}

static void test_it_is_told_when_the_loop_is_closed(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    evg_loop_close(k->loop);
    char room[10];
    assert_int_equal(raw_read(&k->raw, room, sizeof room), -1);
    raw_close(&k->raw);
}

static int end_as_a_child(void *context)
{
    client_t *k = context;
    evg_loop_forked(k->loop);
    evg_connection_free(k->c);
    return 0;
}

/* Also when nobody has told it that it is one. */
static int end_as_a_foundling(void *context)
{
    client_t *k = context;
    evg_connection_free(k->c);
    return 0;
}

static void test_a_forked_child_says_nothing(void **state)
{
    client_t *k = *state;
    open_by(k, "server");
    assert_int_equal(in_child(end_as_a_child, k), 0);
    assert_int_equal(in_child(end_as_a_foundling, k), 0);
    assert_echoes(k, 1000);
    raw_close(&k->raw);
}

static void test_a_connection_made_again_is_resumed(void **state)
{
    client_t *k = *state;
    SSL_CTX *first;
    open_by(k, "server");
    assert_echoes(k, 10);
    assert_false(evg_tls_resumed_p(&k->c->pipe.transport));
    first = k->raw.ctx;
    SSL_CTX_up_ref(first);
    raw_close(&k->raw);
    turn_until(k->loop, k->c->phase == EVG_PHASE_DOWN);
    unsigned char secret[80];
    SSL_CTX_get_tlsext_ticket_keys(first, secret, sizeof secret);
    SSL_CTX_free(first);
    k->error = 0;
    want(k);
    let_in_by(k, "server");
    SSL_CTX_set_tlsext_ticket_keys(k->raw.ctx, secret, sizeof secret);
    turn_until(k->loop, shakes(k));
    assert_true(evg_tls_resumed_p(&k->c->pipe.transport));
    raw_close(&k->raw);
}

/* It lies in the transport: no watcher tells of it. To see it fail: leave it to the watcher. */
static void test_what_came_while_reading_was_paused_is_read_afterwards(void **state)
{
    client_t *k = *state;
    evg_request_t requests[2];
    uint8_t packet[2][12 + 70000] = {0};
    static const uint8_t head[12] = {0, 'R', 'E', 'S', 0, 0, 0, 17, 0, 1, 0x11, 0x70};
    open_by(k, "server");
    for (int i = 0; i < 2; i++) echo(k, &requests[i], packet[0], 70000);
    raw_swallow(k, packet, sizeof packet);
    for (int i = 0; i < 2; i++) memcpy(packet[i], head, sizeof head);
    raw_say(k, packet, sizeof packet);
    turn_until(k->loop, k->c->pipe.flows && !k->c->pipe.transport.drained);
    k->c->session.paused = true;
    evg_connection_changed(k->c);
    turn_for(k->loop, 0.02);
    int done = k->count[EVG_EVENT_DONE];
    k->c->session.paused = false;
    evg_connection_changed(k->c);
    turn_until(k->loop, k->count[EVG_EVENT_DONE] > done && k->count[EVG_EVENT_DONE] == 2);
    raw_close(&k->raw);
}

/* What is made is sent, though the session is silent, and until then it has not arrived. */
static void test_what_the_socket_did_not_take_goes_when_it_does(void **state)
{
    enum { MUCH = 12 * 1024 * 1024 };
    static evg_request_t request;
    client_t *k = *state;
    uint8_t *data = calloc(1, MUCH + 12);
    open_by(k, "server");
    turn(k->loop, 0);
    echo(k, &request, data, MUCH);
    turn(k->loop, 0.01);
    assert_int_equal(k->c->pipe.transport.wants, EV_WRITE);
    assert_true(evg_transport_in_flight(&k->c->pipe.transport) > 0);
    assert_false(evg_pipe_settled_p(&k->c->pipe));
    assert_true(evg_session_unsent(&k->c->session) > MUCH / 2);
    raw_swallow(k, data, MUCH + 12);
    turn(k->loop, 0);
    assert_int_equal(k->c->pipe.transport.wants, 0);
    assert_true(evg_pipe_settled_p(&k->c->pipe));
    turn_until(k->loop, evg_transport_in_flight(&k->c->pipe.transport) == 0);
    free(data);
    raw_close(&k->raw);
}

static void test_a_file_that_is_gone_is_named(void **state)
{
    client_t *k = *state;
    kit_replace("trusted", "ca");
    use(k, (evg_tls_options_t){.verify = true, .ca_file = kit_paper("trusted")});
    unlink(kit_paper("trusted"));
    want(k);
    int fd = let_in(k);
    assert_told(k, EVG_ECONNECT, "ca_file: No such file or directory");
    close(fd);
    kit_replace("trusted", "ca");
    k->error = 0;
    open_by(k, "server");
    raw_close(&k->raw);
}

#define with_client(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_client(test_requests_and_replies_go_through),
        with_client(test_a_loop_with_nothing_to_do_rests),
        with_client(test_a_server_that_is_not_trusted),
        with_client(test_who_waits_is_told_why_he_waited_in_vain),
        with_client(test_a_handshake_has_the_time_that_there_is_to_connect),
        with_client(test_a_plain_server),
        with_client(test_a_plain_client),
        with_client(test_a_name_is_not_given_away_in_the_clear),
        with_client(test_both_ways_to_end_are_told_apart),
        with_client(test_a_client_is_refused_when_it_is_open_already),
        with_client(test_every_end_of_ours_is_told),
        with_client(test_it_is_told_when_nobody_has_it_any_more),
        with_client(test_it_is_told_when_the_loop_is_closed),
        with_client(test_a_forked_child_says_nothing),
        with_client(test_a_connection_made_again_is_resumed),
        with_client(test_what_came_while_reading_was_paused_is_read_afterwards),
        with_client(test_what_the_socket_did_not_take_goes_when_it_does),
        with_client(test_a_file_that_is_gone_is_named),
    };
    return cmocka_run_group_tests(tests, kit_papers, kit_burn_papers);
}
