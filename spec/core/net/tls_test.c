/* TLS as a transport: ours against ours, and against OpenSSL itself, on sockets that cut, bite and hold back. */
#include "net_support.h"

#include "base/error.h"
#include "net/tls.h"
#include "support/failing_alloc.h"
#include "support/tls_kit.h"

#include <openssl/err.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

/* -- what carries it ----------------------------------------------------------------------------------------------- */

/* Of each end, by its descriptor. */
static struct {
    size_t bite; /* bytes at most in one call; 0: as many as there are */
    long left;   /* bytes until it is cut, as it is written; -1: never */
    long takes;  /* bytes, and then nothing more; -1: all */
    size_t sent;
    int reads;
} wire[1024];

static size_t bite_of(int fd, size_t len)
{
    return wire[fd].bite && wire[fd].bite < len ? wire[fd].bite : len;
}

static int wire_proceed(evg_transport_t *t)
{
    t->wants = 0;
    return 0;
}

static ssize_t wire_read(evg_transport_t *t, void *room, size_t len)
{
    size_t most = bite_of(t->fd, len);
    ssize_t got = recv(t->fd, room, most, 0);
    wire[t->fd].reads++;
    t->drained = got < (ssize_t)most;
    if (got > 0) return got;
    if (got == 0) return EVG_IO_EOF;
    return errno == EAGAIN ? EVG_IO_AGAIN : EVG_IO_FAILED;
}

static ssize_t wire_write(evg_transport_t *t, const void *bytes, size_t len)
{
    size_t most = bite_of(t->fd, len);
    if (wire[t->fd].takes == 0) return EVG_IO_AGAIN;
    if (wire[t->fd].takes > 0 && (size_t)wire[t->fd].takes < most) most = (size_t)wire[t->fd].takes;
    if (wire[t->fd].left >= 0 && (size_t)wire[t->fd].left < most) most = (size_t)wire[t->fd].left;
    ssize_t put = most ? send(t->fd, bytes, most, MSG_NOSIGNAL) : 0;
    if (put > 0) wire[t->fd].sent += (size_t)put;
    if (put > 0 && wire[t->fd].takes > 0) wire[t->fd].takes -= put;
    if (put >= 0 && wire[t->fd].left >= 0) wire[t->fd].left -= put;
    if (wire[t->fd].left == 0) {
        shutdown(t->fd, SHUT_RDWR);
        errno = EPIPE;
        return put > 0 ? put : EVG_IO_FAILED;
    }
    if (put > 0) return put;
    return errno == EAGAIN ? EVG_IO_AGAIN : EVG_IO_FAILED;
}

static void wire_say_nothing(evg_transport_t *t)
{
    (void)t;
}

static void wire_close(evg_transport_t *t)
{
    close(t->fd);
}

static size_t wire_in_flight(const evg_transport_t *t)
{
    (void)t;
    return 0;
}

static const evg_transport_ops_t wire_ops = {.name = "wire",
                                             .proceed = wire_proceed,
                                             .read = wire_read,
                                             .write = wire_write,
                                             .farewell = wire_say_nothing,
                                             .close = wire_close,
                                             .in_flight = wire_in_flight};

static void wire_end(evg_transport_t *t, int fd)
{
    evg_transport_init(t);
    t->ops = &wire_ops;
    t->fd = fd;
    memset(&wire[fd], 0, sizeof *wire);
    wire[fd].left = wire[fd].takes = -1;
}

static void wire_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
}

/* -- two ends ------------------------------------------------------------------------------------------------------ */

static evg_transport_t client, server;
static evg_tls_ticket_t ticket;
static int descriptors;

static evg_tls_context_t *context(evg_tls_options_t options)
{
    char why[200];
    evg_tls_context_t *made = evg_tls_context_new(&options, why, sizeof why);
    if (!made) fail_msg("no context: %s", why);
    return made;
}

static evg_tls_context_t *trusting(const char *ca)
{
    return context((evg_tls_options_t){.verify = true, .ca_file = kit_paper(ca)});
}

static evg_tls_context_t *showing(const char *papers)
{
    return context((evg_tls_options_t){.accepts = true, .cert_file = kit_paper(papers)});
}

/* What others left in the queue of errors … */
static void leave_an_error(void)
{
    ERR_clear_error();
    ERR_put_error(ERR_LIB_RSA, 0, ERR_R_INTERNAL_ERROR, __FILE__, __LINE__);
}

/* … is all there may be in it. */
static void assert_no_error_of_ours(void)
{
    unsigned long first = ERR_peek_error();
    assert_int_equal(ERR_peek_last_error(), first);
    if (first) assert_int_equal(ERR_GET_LIB(first), ERR_LIB_RSA);
    ERR_clear_error();
}

static int proceed(evg_transport_t *t)
{
    leave_an_error();
    int rc = t->ops->proceed(t);
    assert_no_error_of_ours();
    return rc;
}

static ssize_t take(evg_transport_t *t, void *room, size_t len)
{
    leave_an_error();
    ssize_t got = t->ops->read(t, room, len);
    assert_no_error_of_ours();
    return got;
}

static ssize_t put(evg_transport_t *t, const void *bytes, size_t len)
{
    leave_an_error();
    ssize_t taken = t->ops->write(t, bytes, len);
    assert_no_error_of_ours();
    return taken;
}

/* Takes over both contexts. */
static void put_on(evg_tls_context_t *ours, evg_tls_context_t *theirs, const char *host)
{
    int pair[2];
    wire_pair(pair);
    wire_end(&client, pair[0]);
    wire_end(&server, pair[1]);
    assert_int_equal(evg_tls_connect(&client, ours, host, &ticket), 0);
    assert_int_equal(evg_tls_accept(&server, theirs), 0);
    evg_tls_context_release(ours);
    evg_tls_context_release(theirs);
}

/* Until both are done with the handshake, or one has failed. */
static int shake_hands(void)
{
    for (int i = 0; i < 100000; i++) {
        if (proceed(&client) == EVG_IO_FAILED) return EVG_IO_FAILED;
        if (proceed(&server) == EVG_IO_FAILED) return proceed(&client), EVG_IO_FAILED; /* it is told why */
        if (evg_tls_version(&client) && evg_tls_version(&server)) return 0;
    }
    fail_msg("they never met");
    return EVG_IO_AGAIN;
}

static void meet(const char *host)
{
    put_on(trusting("ca"), showing("server"), host);
    assert_int_equal(shake_hands(), 0);
}

static void part(void)
{
    evg_transport_close(&client);
    evg_transport_close(&server);
}

static int setup(void **state)
{
    (void)state;
    evg_transport_init(&client);
    evg_transport_init(&server);
    descriptors = fd_count();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    part();
    evg_tls_ticket_drop(&ticket);
    ERR_clear_error();
    return evg_alloc_live() || fd_count() != descriptors ? -1 : 0;
}

/* Says `text` on one end until the other has heard it. */
static void assert_hears(evg_transport_t *from, evg_transport_t *to, const char *text)
{
    char room[200];
    size_t len = strlen(text), heard = 0;
    ssize_t said = EVG_IO_AGAIN;
    for (int i = 0; i < 10000 && heard < len; i++) {
        if (said == EVG_IO_AGAIN) said = put(from, text, len);
        if (from->wants) assert_int_not_equal(proceed(from), EVG_IO_FAILED);
        ssize_t got = take(to, room + heard, sizeof room - heard);
        assert_true(got > 0 || got == EVG_IO_AGAIN);
        if (got > 0) heard += (size_t)got;
    }
    assert_int_equal(heard, len);
    assert_memory_equal(room, text, len);
}

static void assert_talk(void)
{
    assert_hears(&client, &server, "how are you?");
    assert_hears(&server, &client, "well");
}

/* It failed for good: this is said of it. */
static void assert_failed(evg_transport_t *t, int error, const char *part_of_text)
{
    char room[10];
    if (t->error != error) fail_msg("%s: %s", evg_error_name(t->error), t->text);
    if (!strstr(t->text, part_of_text)) fail_msg("not \"%s\" but \"%s\"", part_of_text, t->text);
    assert_int_equal(take(t, room, sizeof room), EVG_IO_FAILED);
    assert_int_equal(put(t, "x", 1), EVG_IO_FAILED);
    assert_int_equal(t->wants & EV_READ, 0);
}

/* -- who meets ----------------------------------------------------------------------------------------------------- */

static void test_two_that_meet_talk(void **state)
{
    (void)state;
    meet("localhost");
    assert_string_equal(evg_tls_version(&client), "TLSv1.3");
    assert_false(evg_tls_resumed_p(&client));
    assert_int_equal(client.wants, 0);
    assert_int_equal(server.wants, 0);
    assert_null(client.text);
    assert_talk();
    assert_string_equal(client.ops->name, "tls");
}

static void test_the_name_may_be_an_address_or_a_wild_card(void **state)
{
    static const char *const names[] = {"127.0.0.1", "::1", "::1%lo", "localhost.", "LOCALHOST", "a.example.org"};
    (void)state;
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        meet(names[at]);
        assert_talk();
        part();
    }
}

static void test_bytes_may_come_one_by_one(void **state)
{
    (void)state;
    put_on(trusting("ca"), showing("server"), "localhost");
    wire[client.fd].bite = wire[server.fd].bite = 1;
    assert_int_equal(shake_hands(), 0);
    assert_talk();
}

static void test_what_verify_is_not_asked_for_is_not_verified(void **state)
{
    (void)state;
    put_on(context((evg_tls_options_t){0}), showing("expired"), "nowhere");
    assert_int_equal(shake_hands(), 0);
    assert_talk();
}

static void test_a_client_may_ask_for_1_3(void **state)
{
    (void)state;
    put_on(context((evg_tls_options_t){.only_1_3 = true, .ca_file = kit_paper("ca"), .verify = true}),
           showing("server"), "localhost");
    assert_int_equal(shake_hands(), 0);
    assert_string_equal(evg_tls_version(&server), "TLSv1.3");
}

/* -- who does not -------------------------------------------------------------------------------------------------- */

static void test_a_server_that_is_not_who_it_should_be(void **state)
{
    static const struct {
        const char *papers, *host, *text;
    } rows[] = {
        {"expired", "localhost", "certificate verify failed: certificate has expired"},
        {"future", "localhost", "certificate verify failed: certificate is not yet valid (is the clock"},
        {"elsewhere", "localhost", "certificate verify failed: hostname mismatch"},
        {"elsewhere", "127.0.0.1", "certificate verify failed: IP address mismatch"},
        {"server", "127.0.0.2", "certificate verify failed: IP address mismatch"},
        {"server", "::2", "certificate verify failed: IP address mismatch"},
        {"server", "example.org", "certificate verify failed: hostname mismatch"},
        {"server", "a.b.example.org", "certificate verify failed: hostname mismatch"},
        {"named", "localhost", "certificate verify failed: hostname mismatch"},
        {"self", "localhost", "certificate verify failed: self"},
        {"stranger", "localhost", "certificate verify failed: unable to get local issuer certificate (is its CA in"},
        {"unchained", "localhost", "certificate verify failed: unable to get local issuer certificate (is its CA in"},
    };
    (void)state;
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        put_on(trusting("ca"), showing(rows[at].papers), rows[at].host);
        assert_int_equal(shake_hands(), EVG_IO_FAILED);
        assert_failed(&client, EVG_ETLS, rows[at].text);
        assert_null(ticket.session);
        assert_int_equal(proceed(&server), EVG_IO_FAILED);
        assert_failed(&server, EVG_ETLS, "alert");
        part();
    }
}

static void test_a_chain_that_is_sent_is_followed(void **state)
{
    (void)state;
    put_on(trusting("ca"), showing("chained"), "localhost");
    assert_int_equal(shake_hands(), 0);
}

static void test_the_system_trusts_nobody_of_ours(void **state)
{
    (void)state;
    put_on(context((evg_tls_options_t){.verify = true}), showing("server"), "localhost");
    assert_int_equal(shake_hands(), EVG_IO_FAILED);
    assert_failed(&client, EVG_ETLS, "certificate verify failed: unable to get local issuer");
}

static void test_without_a_name_nobody_is_right(void **state)
{
    static const char *const names[] = {"", ".", "%lo"};
    (void)state;
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        put_on(trusting("ca"), showing("server"), names[at]);
        assert_int_equal(shake_hands(), EVG_IO_FAILED);
        assert_failed(&client, EVG_ETLS, "has no name");
        part();
    }
}

static void test_the_name_may_be_told(void **state)
{
    evg_tls_options_t options = {.verify = true, .ca_file = kit_paper("ca"), .hostname = "other.example"};
    (void)state;
    put_on(context(options), showing("elsewhere"), "127.0.0.1");
    assert_int_equal(shake_hands(), 0);
    part();
    options.hostname = "10.0.0.1";
    put_on(context(options), showing("elsewhere"), "127.0.0.1");
    assert_int_equal(shake_hands(), 0);
    part();
    put_on(context(options), showing("server"), "127.0.0.1");
    assert_int_equal(shake_hands(), EVG_IO_FAILED);
    assert_failed(&client, EVG_ETLS, "IP address mismatch");
}

static evg_tls_context_t *verifying(void)
{
    return context((evg_tls_options_t){
        .accepts = true, .verify = true, .cert_file = kit_paper("server"), .ca_file = kit_paper("ca")});
}

static evg_tls_context_t *as(const char *papers)
{
    const char *path = papers ? kit_paper(papers) : NULL;
    return context((evg_tls_options_t){.verify = true, .ca_file = kit_paper("ca"), .cert_file = path});
}

static void test_a_server_may_verify_its_clients(void **state)
{
    (void)state;
    put_on(as("client"), verifying(), "localhost");
    assert_int_equal(shake_hands(), 0);
    assert_talk();
}

/* With TLS 1.3 the client was done before the server looked. */
static void test_a_client_that_is_refused_is_told_why(void **state)
{
    static const struct {
        const char *papers, *ours, *theirs;
    } rows[] = {
        {NULL, "certificate required (cert_file and key_file", "peer did not return a certificate"},
        {"stranger", "unknown ca (the peer does not trust our",
         "certificate verify failed: unable to get local issuer"},
        {"expired", "certificate expired", "certificate verify failed: certificate has expired"},
    };
    char room[10];
    (void)state;
    for (size_t at = 0; at < sizeof rows / sizeof *rows; at++) {
        put_on(as(rows[at].papers), verifying(), "localhost");
        assert_int_equal(shake_hands(), EVG_IO_FAILED);
        assert_failed(&server, EVG_ETLS, rows[at].theirs);
        assert_int_equal(take(&client, room, sizeof room), EVG_IO_FAILED);
        assert_failed(&client, EVG_ETLS, rows[at].ours);
        part();
    }
}

/* -- who does not speak it ----------------------------------------------------------------------------------------- */

static int peer; /* of one that is not ours */

static void client_alone(void)
{
    int pair[2];
    evg_tls_context_t *ours = trusting("ca");
    wire_pair(pair);
    wire_end(&client, pair[0]);
    peer = pair[1];
    assert_int_equal(evg_tls_connect(&client, ours, "localhost", &ticket), 0);
    evg_tls_context_release(ours);
    assert_int_equal(proceed(&client), EVG_IO_AGAIN);
    assert_int_equal(client.wants, EV_READ);
}

static void server_alone(void)
{
    int pair[2];
    evg_tls_context_t *ours = showing("server");
    wire_pair(pair);
    wire_end(&server, pair[0]);
    peer = pair[1];
    assert_int_equal(evg_tls_accept(&server, ours), 0);
    evg_tls_context_release(ours);
    assert_int_equal(server.wants, EV_READ);
}

static void test_a_server_that_speaks_something_else(void **state)
{
    (void)state;
    client_alone();
    assert_int_equal(send(peer, "ERR \xC4\0", 6, 0), 6);
    assert_int_equal(proceed(&client), EVG_IO_FAILED);
    assert_failed(&client, EVG_ETLS, "no TLS handshake, but \"ERR ..\": does the server speak TLS?");
    close(peer);
}

static void test_a_client_that_speaks_something_else(void **state)
{
    (void)state;
    server_alone();
    assert_int_equal(send(peer, "version\n", 8, 0), 8);
    assert_int_equal(proceed(&server), EVG_IO_FAILED);
    assert_failed(&server, EVG_ETLS, "no TLS handshake, but \"version.\": does the client speak TLS?");
    close(peer);
}

static void test_a_server_that_says_nothing(void **state)
{
    char hello[2000];
    (void)state;
    client_alone();
    assert_int_equal(proceed(&client), EVG_IO_AGAIN);
    assert_int_equal(client.error, 0);
    assert_string_equal(client.text, "in the TLS handshake: does it speak TLS?");
    assert_true(recv(peer, hello, sizeof hello, 0) > 100);
    close(peer);
    assert_int_equal(proceed(&client), EVG_IO_FAILED);
    assert_failed(&client, EVG_ECONNECT, "closed in the TLS handshake: does it speak TLS?");
    evg_transport_close(&client);
    client_alone();
    close(peer); /* over what it has not read */
    assert_int_equal(proceed(&client), EVG_IO_FAILED);
    assert_failed(&client, EVG_ECONNECT, "Connection reset by peer in the TLS handshake: does it speak TLS?");
}

static void test_a_server_that_stops_in_the_middle(void **state)
{
    (void)state;
    put_on(trusting("ca"), showing("server"), "localhost");
    wire[server.fd].takes = 100;
    proceed(&client);
    proceed(&server);
    assert_int_equal(proceed(&client), EVG_IO_AGAIN);
    assert_string_equal(client.text, "in the TLS handshake");
    evg_transport_close(&server);
    assert_int_equal(proceed(&client), EVG_IO_FAILED);
    assert_failed(&client, EVG_ECONNECT, "closed in the TLS handshake");
}

/* As one does that takes this connection for another: TLS, but none of ours. */
static void test_a_server_that_says_farewell_to_another(void **state)
{
    static const uint8_t farewell[5 + 26] = {0x15, 3, 3, 0, 26};
    (void)state;
    client_alone();
    assert_int_equal(send(peer, farewell, sizeof farewell, 0), sizeof farewell);
    assert_int_equal(proceed(&client), EVG_IO_FAILED);
    assert_failed(&client, EVG_ETLS, "(did somebody else write here");
    close(peer);
}

/* Whatever its bytes are. */
static void test_a_server_that_talks_nonsense(void **state)
{
    uint8_t nonsense[300];
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        srand(seed);
        for (size_t at = 0; at < sizeof nonsense; at++) nonsense[at] = (uint8_t)rand();
        nonsense[0] = seed % 2 ? 0x16 : 0x15;
        if (seed % 3) memcpy(nonsense + 1, seed % 3 == 1 ? "\x03\x03\x00\x20" : "\x03\x03\x00\x02", 4);
        client_alone();
        assert_int_equal(send(peer, nonsense, sizeof nonsense, 0), sizeof nonsense);
        shutdown(peer, SHUT_WR);
        assert_int_equal(proceed(&client), EVG_IO_FAILED);
        assert_true(client.error == EVG_ETLS || client.error == EVG_ECONNECT);
        assert_true(strlen(client.text) > 5);
        evg_transport_close(&client);
        close(peer);
    }
}

/* -- the end ------------------------------------------------------------------------------------------------------- */

static void test_an_orderly_end_is_told_as_such(void **state)
{
    char room[10];
    (void)state;
    meet("localhost");
    assert_int_equal(put(&client, "bye", 3), 3);
    evg_transport_close(&client);
    assert_int_equal(take(&server, room, sizeof room), 3);
    assert_false(server.drained);
    assert_int_equal(take(&server, room, sizeof room), EVG_IO_EOF);
    assert_int_equal(server.error, 0);
}

static void test_a_cut_is_told_as_such(void **state)
{
    char room[10];
    (void)state;
    meet("localhost");
    assert_talk();
    assert_int_equal(put(&server, "bye", 3), 3);
    evg_transport_cut(&server);
    assert_int_equal(take(&client, room, sizeof room), 3);
    assert_int_equal(take(&client, room, sizeof room), EVG_IO_FAILED);
    assert_failed(&client, EVG_ESERVER_CLOSED, "without a word of TLS (close_notify)");
}

static void test_what_comes_behind_a_farewell_is_for_nobody(void **state)
{
    uint8_t room[10000];
    (void)state;
    meet("localhost");
    client.ops->farewell(&client);
    assert_int_equal(put(&server, room, 5000), 5000);
    assert_int_equal(put(&client, "x", 1), EVG_IO_FAILED);
    assert_true(take(&client, room, sizeof room) >= 5000); /* as it came */
    client.ops->farewell(&client);                         /* once is enough */
    assert_int_equal(take(&server, room, sizeof room), EVG_IO_EOF);
    assert_int_equal(take(&server, room, sizeof room), EVG_IO_EOF);
}

/* Wherever the server is cut, the client hears of it, and of nothing that it did not say. */
static void cut_after(long bytes, size_t *handshake)
{
    char room[100];
    size_t heard = 0;
    ssize_t got = EVG_IO_AGAIN;
    put_on(trusting("ca"), showing("server"), "localhost");
    wire[server.fd].left = bytes;
    bool met = shake_hands() == 0;
    if (met) *handshake = wire[server.fd].sent;
    if (met) put(&server, "something", 9);
    bool open = evg_tls_version(&client);
    for (int i = 0; open && i < 5 && (got > 0 || got == EVG_IO_AGAIN); i++) {
        got = take(&client, room + heard, sizeof room - heard);
        if (got > 0) heard += (size_t)got;
    }
    if (open && got != EVG_IO_FAILED) fail_msg("cut after %ld bytes: %zd", bytes, got);
    assert_int_equal(client.error, open ? EVG_ESERVER_CLOSED : EVG_ECONNECT);
    assert_true(heard == 0 || (heard == 9 && memcmp(room, "something", 9) == 0));
    part();
    evg_tls_ticket_drop(&ticket);
}

static void test_a_server_may_be_cut_anywhere(void **state)
{
    size_t handshake = 0;
    (void)state;
    meet("localhost");
    size_t most = wire[server.fd].sent + 9 + 22 - 8; /* a signature may be some bytes shorter */
    part();
    for (size_t at = 0; at < 150; at++) cut_after((long)at, &handshake);
    for (size_t at = 150; at + 60 < most; at += 29) cut_after((long)at, &handshake);
    for (size_t at = most - 60; at < most; at++) cut_after((long)at, &handshake);
    assert_true(handshake > 500 && handshake < most);
}

static int close_as_a_child(void *nothing)
{
    (void)nothing;
    evg_transport_close(&client);
    return client.fd == -1 ? 0 : 1;
}

/* Neither a word nor anything else of what is its parent's. To see it fail: say farewell whoever it is. */
static void test_a_forked_child_says_not_a_word(void **state)
{
    char room[10];
    (void)state;
    meet("localhost");
    assert_talk();
    size_t sent = wire[client.fd].sent;
    assert_int_equal(put(&server, "secret", 6), 6);
    assert_int_equal(in_child(close_as_a_child, NULL), 0);
    assert_int_equal(take(&client, room, sizeof room), 6);
    assert_int_equal(wire[client.fd].sent, sent);
    assert_int_equal(take(&server, room, sizeof room), EVG_IO_AGAIN);
    assert_talk();
}

/* -- much ---------------------------------------------------------------------------------------------------------- */

static void count_from(uint8_t *room, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) room[i] = (uint8_t)((at + i) * 131 >> 7);
}

/* Bytes that tell where they stand, from one end to the other. */
static void move(evg_transport_t *from, evg_transport_t *to, size_t total, size_t piece)
{
    uint8_t *out = malloc(piece), *in = malloc(piece), *right = malloc(piece);
    size_t said = 0, heard = 0;
    while (heard < total) {
        size_t len = total - said < piece ? total - said : piece;
        count_from(out, said, len);
        ssize_t taken = len ? put(from, out, len) : 0;
        if (taken > 0) said += (size_t)taken;
        if (taken == EVG_IO_AGAIN) assert_int_equal(from->wants, EV_WRITE);
        if (from->wants) assert_int_not_equal(proceed(from), EVG_IO_FAILED);
        ssize_t got = take(to, in, piece);
        assert_true(got > 0 || got == EVG_IO_AGAIN);
        if (got < 0) continue;
        count_from(right, heard, (size_t)got);
        assert_memory_equal(in, right, (size_t)got);
        heard += (size_t)got;
    }
    assert_int_equal(heard, said);
    free(out);
    free(in);
    free(right);
}

static void test_much_goes_through_both_ways(void **state)
{
    (void)state;
    meet("localhost");
    move(&client, &server, 20 * MIB, 300 * KIB);
    move(&server, &client, 17 * MIB, MIB);
    wire[client.fd].bite = wire[server.fd].bite = 1000;
    move(&client, &server, MIB, 5000);
    move(&server, &client, 10 * KIB, 1);
    assert_talk();
}

/* Idle it holds nothing of ours but itself. */
static void test_what_is_held_is_bounded(void **state)
{
    static uint8_t much[MIB];
    size_t taken = 0;
    (void)state;
    put_on(trusting("ca"), showing("server"), "localhost");
    size_t blocks = evg_alloc_live();
    assert_int_equal(shake_hands(), 0);
    assert_talk();
    assert_int_equal(evg_alloc_live(), blocks);
    for (ssize_t got; (got = put(&client, much, sizeof much)) > 0;) taken += (size_t)got;
    assert_int_equal(client.wants, EV_WRITE);
    assert_int_equal(evg_alloc_live(), blocks + 1);
    assert_true(taken - wire[client.fd].sent < 64 * KIB);
    assert_true(client.ops->in_flight(&client) > 0);
    while (taken) taken -= (size_t)take(&server, much, 3 * KIB) * !!(proceed(&client) + 2);
    assert_int_equal(client.wants, 0);
    assert_int_equal(client.ops->in_flight(&client), 0);
    assert_int_equal(take(&server, much, 10), EVG_IO_AGAIN);
    assert_int_equal(evg_alloc_live(), blocks);
}

/* To see it fail: believe a read that is shorter than the room. */
static void test_what_is_held_back_is_not_drained(void **state)
{
    char room[100];
    (void)state;
    meet("localhost");
    while (take(&client, room, sizeof room) > 0) {}
    assert_true(client.drained);
    assert_int_equal(put(&server, "one", 3), 3);
    assert_int_equal(put(&server, "two", 3), 3);
    assert_int_equal(take(&client, room, 2), 2);
    assert_false(client.drained);
    assert_int_equal(take(&client, room, 1), 1); /* the record is through, the other is not decrypted */
    assert_false(client.drained);
    assert_int_equal(take(&client, room, sizeof room), 3);
    assert_true(client.drained);
    assert_int_equal(put(&server, "four", 4), 4);
    int reads = wire[client.fd].reads;
    assert_int_equal(take(&client, room, sizeof room), 4);
    assert_true(client.drained);
    assert_int_equal(wire[client.fd].reads, reads + 1);
}

/* It was encrypted, and some of it may be read at the other end. To see it fail: answer EVG_IO_FAILED. */
static void test_what_was_taken_was_taken_though_it_does_not_go(void **state)
{
    static uint8_t much[40 * KIB];
    (void)state;
    meet("localhost");
    wire[client.fd].left = 17 * KIB;
    assert_int_equal(put(&client, much, sizeof much), sizeof much);
    assert_int_equal(put(&client, much, sizeof much), EVG_IO_FAILED);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(client.error, 0);
    assert_int_equal(take(&server, much, sizeof much), 16 * KIB);
}

/* -- OpenSSL at the other end -------------------------------------------------------------------------------------- */

static raw_t raw;

static void client_meets_raw(int version)
{
    client_alone();
    raw_open(&raw, peer, RAW_SERVER, "server");
    SSL_set_max_proto_version(raw.ssl, version);
    bool done = false;
    for (int i = 0; i < 10 && !(done && evg_tls_version(&client)); i++) {
        done = raw_shake(&raw) || done;
        if (proceed(&client) == EVG_IO_FAILED) break;
    }
}

static void server_meets_raw(int version)
{
    server_alone();
    raw_open(&raw, peer, RAW_CLIENT, NULL);
    SSL_set_max_proto_version(raw.ssl, version);
    bool done = false;
    for (int i = 0; i < 10 && !(done && evg_tls_version(&server)); i++) {
        done = raw_shake(&raw) || done;
        if (proceed(&server) == EVG_IO_FAILED) break;
    }
}

static void assert_hears_raw(evg_transport_t *t)
{
    char room[10];
    assert_int_equal(raw_write(&raw, "to you", 6), 6);
    for (int i = 0; i < 10 && take(t, room, sizeof room) != 6; i++) assert_true(i < 9);
    assert_int_equal(put(t, "to me", 5), 5);
    assert_int_equal(raw_read(&raw, room, sizeof room), 5);
}

static void test_1_2_is_spoken_too(void **state)
{
    (void)state;
    client_meets_raw(TLS1_2_VERSION);
    assert_string_equal(evg_tls_version(&client), "TLSv1.2");
    assert_hears_raw(&client);
    raw_close(&raw);
    server_meets_raw(TLS1_2_VERSION);
    assert_string_equal(evg_tls_version(&server), "TLSv1.2");
    assert_hears_raw(&server);
    raw_close(&raw);
}

static void test_1_1_is_not(void **state)
{
    (void)state;
    client_meets_raw(TLS1_1_VERSION);
    assert_failed(&client, EVG_ETLS, "protocol version (TLS 1.2 and 1.3 are spoken here)");
    raw_close(&raw);
    server_meets_raw(TLS1_1_VERSION);
    assert_failed(&server, EVG_ETLS, "unsupported protocol (TLS 1.2 and 1.3 are spoken here)");
    raw_close(&raw);
}

static void test_the_name_is_told(void **state)
{
    (void)state;
    client_meets_raw(TLS1_3_VERSION);
    assert_string_equal(SSL_get_servername(raw.ssl, TLSEXT_NAMETYPE_host_name), "localhost");
    raw_close(&raw);
}

static void change_keys(void)
{
    assert_int_equal(SSL_key_update(raw.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_true(raw_shake(&raw));
}

static void test_keys_may_be_changed(void **state)
{
    (void)state;
    client_meets_raw(TLS1_3_VERSION);
    for (int i = 0; i < 3; i++) {
        change_keys();
        assert_hears_raw(&client);
    }
    raw_close(&raw);
    server_meets_raw(TLS1_3_VERSION);
    change_keys();
    assert_hears_raw(&server);
    raw_close(&raw);
}

/* That nothing is negotiated anew. */
static void ask_for_an_answer(void)
{
    assert_int_equal(SSL_renegotiate(raw.ssl), 1);
    raw_shake(&raw);
}

/* The answer waits for the socket, though nobody above has anything to say. */
static void test_an_answer_of_its_own_waits_for_the_socket(void **state)
{
    char room[10];
    (void)state;
    client_meets_raw(TLS1_2_VERSION);
    assert_hears_raw(&client);
    size_t sent = wire[client.fd].sent;
    wire[client.fd].takes = 0;
    ask_for_an_answer();
    assert_int_equal(take(&client, room, sizeof room), EVG_IO_AGAIN);
    assert_int_equal(client.wants, EV_WRITE);
    assert_int_equal(put(&client, "x", 1), EVG_IO_AGAIN);
    wire[client.fd].takes = -1;
    assert_int_equal(proceed(&client), 0);
    assert_int_equal(client.wants, 0);
    assert_true(wire[client.fd].sent > sent);
    raw_close(&raw);
}

/* To see it fail: leave out HELD_MAX, and it goes on for ever. */
static void test_who_wants_answers_and_takes_none_is_left(void **state)
{
    char room[10];
    ssize_t got = EVG_IO_AGAIN;
    (void)state;
    client_meets_raw(TLS1_2_VERSION);
    assert_hears_raw(&client);
    wire[client.fd].takes = 0;
    for (int i = 0; i < 100000 && got == EVG_IO_AGAIN; i++) {
        ask_for_an_answer();
        got = take(&client, room, sizeof room);
    }
    assert_int_equal(got, EVG_IO_FAILED);
    assert_failed(&client, EVG_EIO, "wants answers and takes none");
    raw_close(&raw);
}

/* One read does one's share, however much of TLS's own business there is. To see it fail: fetch as long as there is any. */
static void test_who_talks_to_himself_stops_nobody(void **state)
{
    char room[10];
    (void)state;
    client_meets_raw(TLS1_3_VERSION);
    assert_hears_raw(&client);
    for (int i = 0; i < 3000; i++) {
        if (SSL_key_update(raw.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || !raw_shake(&raw)) break;
    }
    int reads = wire[client.fd].reads;
    assert_int_equal(take(&client, room, sizeof room), EVG_IO_AGAIN);
    assert_int_equal(wire[client.fd].reads, reads + 1);
    raw_close(&raw);
}

static void test_nothing_is_negotiated_anew(void **state)
{
    char room[10];
    (void)state;
    server_meets_raw(TLS1_2_VERSION);
    assert_hears_raw(&server);
    assert_int_equal(SSL_renegotiate(raw.ssl), 1);
    raw_shake(&raw);
    assert_int_equal(take(&server, room, sizeof room), EVG_IO_AGAIN);
    assert_false(raw_shake(&raw));
    assert_true(SSL_get_state(raw.ssl) != TLS_ST_OK);
    raw_close(&raw);
}

/* Of a record that was changed, or is another connection's; a farewell in the clear; and what is no TLS at all. */
static void end_by(int version, const char *bytes, size_t len)
{
    char room[10];
    client_meets_raw(version);
    assert_hears_raw(&client);
    assert_int_equal(send(peer, bytes, len, 0), len);
    assert_int_equal(take(&client, room, sizeof room), EVG_IO_FAILED);
    assert_failed(&client, EVG_EIO, "(did somebody else write here, or change it on its way?)");
    assert_int_equal(raw_read(&raw, room, sizeof room), -2);
    assert_null(ticket.session);
    raw_close(&raw);
    part();
}

static void test_bytes_that_the_peer_did_not_write_end_it(void **state)
{
    static const char record[5 + 32] = {0x17, 3, 3, 0, 32};
    (void)state;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        end_by(version, record, sizeof record);
        end_by(version, "\x15\3\3\0\2\1\0", 7);
        end_by(version, "ERR what?\n", 10);
    }
}

/* -- tickets ------------------------------------------------------------------------------------------------------- */

/* Once more, with the same contexts; tickets come with what the server says first. */
static bool resumed(evg_tls_context_t *ours, evg_tls_context_t *theirs)
{
    put_on(evg_tls_context_hold(ours), evg_tls_context_hold(theirs), "localhost");
    assert_int_equal(shake_hands(), 0);
    assert_talk();
    bool is = evg_tls_resumed_p(&client);
    assert_int_equal(evg_tls_resumed_p(&server), is);
    part();
    return is;
}

static void test_a_ticket_is_used_by_the_next_connection(void **state)
{
    (void)state;
    evg_tls_context_t *ours = trusting("ca"), *theirs = showing("server");
    assert_false(resumed(ours, theirs));
    assert_non_null(ticket.session);
    for (int i = 0; i < 3; i++) assert_true(resumed(ours, theirs));
    evg_tls_ticket_drop(&ticket);
    assert_false(resumed(ours, theirs));
    evg_tls_context_release(ours);
    evg_tls_context_release(theirs);
}

/* How it ended is no reason not to use it. */
static void test_a_ticket_of_1_3_is_shown_once(void **state)
{
    (void)state;
    evg_tls_context_t *ours = trusting("ca"), *theirs = showing("server");
    assert_false(resumed(ours, theirs));
    put_on(ours, theirs, "localhost");
    assert_non_null(ticket.session);
    proceed(&client);
    assert_null(ticket.session);
}

static void test_a_ticket_outlives_a_cut(void **state)
{
    (void)state;
    evg_tls_context_t *ours = trusting("ca"), *theirs = showing("server");
    put_on(evg_tls_context_hold(ours), evg_tls_context_hold(theirs), "localhost");
    assert_int_equal(shake_hands(), 0);
    assert_talk();
    evg_transport_cut(&client);
    evg_transport_cut(&server);
    assert_true(resumed(ours, theirs));
    evg_tls_context_release(ours);
    evg_tls_context_release(theirs);
}

static void test_whom_others_trust_is_asked_again(void **state)
{
    (void)state;
    evg_tls_context_t *ours = trusting("ca"), *others = as("client"), *theirs = showing("server");
    assert_false(resumed(ours, theirs));
    assert_false(resumed(others, theirs));
    assert_true(resumed(others, theirs));
    evg_tls_context_release(ours);
    evg_tls_context_release(others);
    evg_tls_context_release(theirs);
}

static void test_tickets_of_1_2(void **state)
{
    (void)state;
    evg_tls_context_t *ours = trusting("ca");
    SSL_CTX *keys = NULL;
    for (int i = 0; i < 3; i++) {
        int pair[2];
        wire_pair(pair);
        wire_end(&client, pair[0]);
        assert_int_equal(evg_tls_connect(&client, ours, "localhost", &ticket), 0);
        raw_open(&raw, pair[1], RAW_SERVER, "server");
        SSL_set_max_proto_version(raw.ssl, TLS1_2_VERSION);
        if (keys) SSL_set_SSL_CTX(raw.ssl, keys);
        unsigned char secret[80] = "the same for all of them";
        assert_int_equal(
            SSL_CTX_set_tlsext_ticket_keys(raw.ctx, secret, SSL_CTX_get_tlsext_ticket_keys(raw.ctx, NULL, 0)), 1);
        for (int step = 0; step < 10 && !evg_tls_version(&client); step++) {
            proceed(&client);
            raw_shake(&raw);
        }
        assert_int_equal(evg_tls_resumed_p(&client), i > 0);
        assert_hears_raw(&client);
        evg_transport_close(&client);
        raw_close(&raw);
    }
    evg_tls_context_release(ours);
}

/* -- files --------------------------------------------------------------------------------------------------------- */

static void assert_no_context(evg_tls_options_t options, const char *text)
{
    char why[200];
    leave_an_error();
    assert_null(evg_tls_context_new(&options, why, sizeof why));
    assert_string_equal(why, text);
    assert_no_error_of_ours();
}

static void test_files_that_are_not_right(void **state)
{
    const char *server_file = kit_paper("server"), *missing = kit_paper("missing"), *empty = kit_paper("empty");
    const char *nothing = "nothing of the kind in it that could be read";
    char text[200];
    (void)state;
    assert_no_context((evg_tls_options_t){.ca_file = missing}, "ca_file: No such file or directory");
    assert_no_context((evg_tls_options_t){.ca_path = missing}, "ca_path: No such file or directory");
    assert_no_context((evg_tls_options_t){.ca_path = server_file}, "ca_path: Not a directory");
    assert_no_context((evg_tls_options_t){.cert_file = missing}, "cert_file: No such file or directory");
    assert_no_context((evg_tls_options_t){.cert_file = server_file, .key_file = missing},
                      "key_file: No such file or directory");
    assert_no_context((evg_tls_options_t){.cert_file = server_file, .key_file = kit_paper("client")},
                      "key_file: key values mismatch");
    assert_no_context((evg_tls_options_t){.cert_file = server_file, .key_file = kit_paper("locked_key")},
                      "key_file: it has a passphrase");
    assert_no_context((evg_tls_options_t){.ca_file = "/tmp"}, "ca_file: Is a directory");
    snprintf(text, sizeof text, "ca_file: %s", nothing);
    assert_no_context((evg_tls_options_t){.ca_file = empty}, text);
    snprintf(text, sizeof text, "cert_file: %s", nothing);
    assert_no_context((evg_tls_options_t){.cert_file = empty}, text);
    snprintf(text, sizeof text, "key_file: %s", nothing);
    assert_no_context((evg_tls_options_t){.cert_file = kit_paper("ca")}, text);
    assert_no_context((evg_tls_options_t){.key_file = server_file}, "key_file: there has to be a cert_file, too");
    assert_no_context((evg_tls_options_t){.accepts = true}, "cert_file: who accepts has to have one");
    assert_no_context((evg_tls_options_t){.accepts = true, .verify = true, .cert_file = server_file},
                      "ca_file: by it clients are verified, so there has to be one");
}

static void assert_meet(evg_tls_context_t *ours, evg_tls_context_t *theirs, const char *name)
{
    char room[100];
    put_on(evg_tls_context_hold(ours), evg_tls_context_hold(theirs), "localhost");
    assert_int_equal(shake_hands(), 0);
    assert_talk();
    X509 *shown = SSL_SESSION_get0_peer(ticket.session);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, room, sizeof room);
    assert_string_equal(room, name);
    part();
}

static void test_files_that_are_replaced_are_read_again(void **state)
{
    (void)state;
    kit_replace("mine", "server");
    evg_tls_context_t *ours = trusting("ca"), *theirs = showing("mine");
    assert_meet(ours, theirs, "server");
    kit_replace("mine", "replaced");
    assert_meet(ours, theirs, "replaced");
    kit_replace("mine", "empty"); /* a server goes on with what it has */
    assert_meet(ours, theirs, "replaced");
    evg_tls_context_release(ours);
    evg_tls_context_release(theirs);
}

static void test_whom_to_trust_is_read_again_too(void **state)
{
    (void)state;
    kit_replace("trusted", "ca");
    evg_tls_context_t *ours = trusting("trusted"), *theirs = showing("server");
    assert_false(resumed(ours, theirs));
    kit_replace("trusted", "other_ca"); /* the ticket is no way around it */
    put_on(evg_tls_context_hold(ours), evg_tls_context_hold(theirs), "localhost");
    assert_int_equal(shake_hands(), EVG_IO_FAILED);
    assert_failed(&client, EVG_ETLS, "unable to get local issuer certificate");
    part();
    kit_replace("trusted", "empty");
    put_on(evg_tls_context_hold(ours), evg_tls_context_hold(theirs), "localhost");
    assert_int_equal(shake_hands(), EVG_IO_FAILED);
    assert_failed(&client, EVG_ECONNECT, "ca_file: nothing of the kind");
    part();
    kit_replace("trusted", "ca");
    assert_false(resumed(ours, theirs));
    evg_tls_context_release(ours);
    evg_tls_context_release(theirs);
}

/* -- memory -------------------------------------------------------------------------------------------------------- */

static int outcome(evg_transport_t *t)
{
    return t->error ? t->error : errno == ENOMEM ? EVG_ENOMEM : -1;
}

/* What could not be taken is not sent, not even in part. */
static int give_up(size_t taken, size_t heard, int rc)
{
    uint8_t room[KIB];
    take(&client, room, sizeof room);
    for (ssize_t got; (got = take(&server, room, sizeof room)) > 0;) heard += (size_t)got;
    assert_true(heard <= taken);
    return rc;
}

static int talk(void)
{
    static uint8_t much[100 * KIB];
    size_t taken = 0, heard = 0;
    if (shake_hands() != 0) return client.error ? client.error : server.error;
    while (heard < sizeof much) {
        ssize_t put_in = taken < sizeof much ? put(&client, much, sizeof much - taken) : 0;
        if (put_in == EVG_IO_FAILED) return give_up(taken, heard, outcome(&client));
        if (put_in > 0) taken += (size_t)put_in;
        if (client.wants && proceed(&client) == EVG_IO_FAILED) return outcome(&client);
        ssize_t got = take(&server, much, sizeof much);
        if (got == EVG_IO_FAILED) return outcome(&server);
        if (got > 0) heard += (size_t)got;
    }
    return 0;
}

static int life(void *nothing)
{
    int pair[2], rc = EVG_ENOMEM;
    char why[200];
    evg_tls_options_t options = {.verify = true, .ca_file = kit_paper("ca"), .hostname = "localhost"};
    evg_tls_options_t server_options = {.accepts = true, .cert_file = kit_paper("server")};
    (void)nothing;
    wire_pair(pair);
    wire_end(&client, pair[0]);
    wire_end(&server, pair[1]);
    evg_tls_context_t *ours = evg_tls_context_new(&options, why, sizeof why);
    evg_tls_context_t *theirs = evg_tls_context_new(&server_options, why, sizeof why);
    if (ours && theirs && !evg_tls_connect(&client, ours, "", &ticket) && !evg_tls_accept(&server, theirs)) rc = talk();
    evg_transport_cut(&client); /* a farewell may fail */
    evg_transport_cut(&server);
    evg_tls_ticket_drop(&ticket);
    evg_tls_context_release(ours);
    evg_tls_context_release(theirs);
    return rc;
}

static void test_without_memory(void **state)
{
    (void)state;
    assert_true(failing_alloc(life, NULL) > 10);
}

#define with_ends(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_ends(test_two_that_meet_talk),
        with_ends(test_the_name_may_be_an_address_or_a_wild_card),
        with_ends(test_bytes_may_come_one_by_one),
        with_ends(test_what_verify_is_not_asked_for_is_not_verified),
        with_ends(test_a_client_may_ask_for_1_3),
        with_ends(test_a_server_that_is_not_who_it_should_be),
        with_ends(test_a_chain_that_is_sent_is_followed),
        with_ends(test_the_system_trusts_nobody_of_ours),
        with_ends(test_without_a_name_nobody_is_right),
        with_ends(test_the_name_may_be_told),
        with_ends(test_a_server_may_verify_its_clients),
        with_ends(test_a_client_that_is_refused_is_told_why),
        with_ends(test_a_server_that_speaks_something_else),
        with_ends(test_a_client_that_speaks_something_else),
        with_ends(test_a_server_that_says_nothing),
        with_ends(test_a_server_that_stops_in_the_middle),
        with_ends(test_a_server_that_says_farewell_to_another),
        with_ends(test_a_server_that_talks_nonsense),
        with_ends(test_an_orderly_end_is_told_as_such),
        with_ends(test_a_cut_is_told_as_such),
        with_ends(test_what_comes_behind_a_farewell_is_for_nobody),
        with_ends(test_a_server_may_be_cut_anywhere),
        with_ends(test_a_forked_child_says_not_a_word),
        with_ends(test_much_goes_through_both_ways),
        with_ends(test_what_is_held_is_bounded),
        with_ends(test_what_is_held_back_is_not_drained),
        with_ends(test_what_was_taken_was_taken_though_it_does_not_go),
        with_ends(test_1_2_is_spoken_too),
        with_ends(test_1_1_is_not),
        with_ends(test_the_name_is_told),
        with_ends(test_keys_may_be_changed),
        with_ends(test_an_answer_of_its_own_waits_for_the_socket),
        with_ends(test_who_wants_answers_and_takes_none_is_left),
        with_ends(test_who_talks_to_himself_stops_nobody),
        with_ends(test_nothing_is_negotiated_anew),
        with_ends(test_bytes_that_the_peer_did_not_write_end_it),
        with_ends(test_a_ticket_is_used_by_the_next_connection),
        with_ends(test_a_ticket_of_1_3_is_shown_once),
        with_ends(test_a_ticket_outlives_a_cut),
        with_ends(test_whom_others_trust_is_asked_again),
        with_ends(test_tickets_of_1_2),
        with_ends(test_files_that_are_not_right),
        with_ends(test_files_that_are_replaced_are_read_again),
        with_ends(test_whom_to_trust_is_read_again_too),
        with_ends(test_without_memory),
    };
    return cmocka_run_group_tests(tests, kit_papers, kit_burn_papers);
}
