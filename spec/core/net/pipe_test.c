/* A pipe with nothing on top but this test: what an accepted connection and a transport such as TLS need of it. */
#include "net_support.h"

#include "base/error.h"
#include "net/pipe_watch.h"

/* -- a transport that veils bytes, and holds some back both ways --------------------------------------------------- */

enum { RECORD = 16 * 1024, HELD_MAX = 64 * 1024, VEIL = 0x55, QUESTION = '?' ^ VEIL, OFFENCE = '!' ^ VEIL };

typedef struct {
    uint8_t bytes[1024 * 1024];
    size_t len;
} store_t;

static store_t in, out; /* read from the socket and not given away; taken, and not in the socket */
static bool waits;      /* for the peer, before it takes anything */

static void store_take(store_t *store, size_t len)
{
    store->len -= len;
    memmove(store->bytes, store->bytes + len, store->len);
}

/* EVG_IO_AGAIN: the socket is full. */
static int veil_proceed(evg_transport_t *t)
{
    while (out.len) {
        ssize_t put = send(t->fd, out.bytes, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno != EAGAIN) return EVG_IO_FAILED;
        if (put < 0) break;
        store_take(&out, (size_t)put);
    }
    t->wants = out.len ? EV_WRITE : 0;
    return out.len ? EVG_IO_AGAIN : 0;
}

/* A question of the peer's transport is answered by ours: nobody above hears of it. */
static void veil_answer(evg_transport_t *t)
{
    while (in.len && in.bytes[0] == QUESTION) {
        store_take(&in, 1);
        out.bytes[out.len++] = '!';
        veil_proceed(t);
    }
}

static ssize_t veil_read(evg_transport_t *t, void *room, size_t len)
{
    ssize_t got = recv(t->fd, in.bytes + in.len, sizeof in.bytes - in.len, MSG_DONTWAIT);
    if (got > 0) in.len += (size_t)got;
    veil_answer(t);
    if (in.len && in.bytes[0] == OFFENCE) {
        t->error = EVG_ETLS;
        t->text = "what an offence";
        return EVG_IO_FAILED;
    }
    size_t given = in.len < len ? in.len : len;
    if (given > RECORD) given = RECORD;
    for (size_t at = 0; at < given; at++) ((uint8_t *)room)[at] = in.bytes[at] ^ VEIL;
    store_take(&in, given);
    t->drained = given == 0;
    if (given) return (ssize_t)given;
    if (got == 0) return EVG_IO_EOF;
    return got > 0 || errno == EAGAIN ? EVG_IO_AGAIN : EVG_IO_FAILED;
}

static ssize_t veil_write(evg_transport_t *t, const void *bytes, size_t len)
{
    if (waits) t->wants = EV_READ;
    if (waits || out.len >= HELD_MAX) return EVG_IO_AGAIN;
    if (len > RECORD) len = RECORD;
    for (size_t at = 0; at < len; at++) out.bytes[out.len++] = ((const uint8_t *)bytes)[at] ^ VEIL;
    return veil_proceed(t) == EVG_IO_FAILED ? EVG_IO_FAILED : (ssize_t)len;
}

static void veil_farewell(evg_transport_t *t)
{
    send(t->fd, ".", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void veil_close(evg_transport_t *t)
{
    close(t->fd);
}

static const evg_transport_ops_t veil_ops = {.name = "veil",
                                             .proceed = veil_proceed,
                                             .read = veil_read,
                                             .write = veil_write,
                                             .farewell = veil_farewell,
                                             .close = veil_close};

/* -- what sits on top ---------------------------------------------------------------------------------------------- */

typedef struct {
    evg_pipe_t pipe;
    evg_wire_t wire;
    evg_loop_t *loop;
    int peer;
    size_t came, most_in_a_turn;
    bool in_order; /* what came counts bytes from 0 */
    bool paused;   /* does not read */
    int reason, served;
    const char *text;
} end_t;

static end_t *end_of(evg_source_t *source)
{
    return evg_container(source, end_t, pipe.source);
}

static end_t *end_above(evg_pipe_t *pipe)
{
    return evg_container(pipe, end_t, pipe);
}

static void end_reconcile(evg_source_t *source)
{
    end_t *e = end_of(source);
    evg_pipe_bury(&e->pipe);
    if (e->pipe.flows) evg_pipe_write(&e->pipe);
    evg_pipe_watch(&e->pipe, !e->paused);
}

static void end_serve(evg_source_t *source)
{
    end_t *e = end_of(source);
    size_t before = e->came;
    e->served++;
    if (e->pipe.flows && !e->paused) evg_pipe_read(&e->pipe);
    if (e->came - before > e->most_in_a_turn) e->most_in_a_turn = e->came - before;
    evg_source_dirty(source);
}

static void end_judge(evg_source_t *source)
{
    (void)source;
}

static void end_closed(evg_source_t *source)
{
    evg_pipe_stop(&end_of(source)->pipe);
    evg_pipe_close(&end_of(source)->pipe);
}

static const evg_source_ops_t source_ops = {end_reconcile, end_serve, end_judge, end_closed, end_closed};

static evg_bytes_t end_output(evg_pipe_t *pipe)
{
    return evg_wire_output(pipe->wire);
}

static void end_written(evg_pipe_t *pipe, evg_bytes_t bytes)
{
    evg_wire_written(pipe->wire, bytes.len);
}

static void end_came(evg_pipe_t *pipe, evg_bytes_t bytes)
{
    end_t *e = end_above(pipe);
    for (size_t at = 0; at < bytes.len; at++) e->in_order &= bytes.at[at] == (uint8_t)(e->came + at);
    e->came += bytes.len;
    e->wire.decoded = bytes.len;
}

static void end_ended(evg_pipe_t *pipe, int reason, const char *text)
{
    end_above(pipe)->reason = reason;
    end_above(pipe)->text = text;
    evg_pipe_stop(pipe);
}

static const evg_pipe_ops_t pipe_ops = {end_output, end_written, end_came, end_ended};

static int setup(void **state)
{
    static end_t end;
    int pair[2];
    end = (end_t){.loop = evg_loop_new(), .in_order = true};
    in.len = out.len = 0;
    waits = false;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    end.peer = pair[1];
    evg_wire_init(&end.wire, evg_loop_now(end.loop));
    evg_pipe_init(&end.pipe, &source_ops, &pipe_ops, &end.wire);
    evg_source_attach(&end.pipe.source, end.loop);
    end.pipe.transport = (evg_transport_t){.ops = &veil_ops, .fd = pair[0]};
    evg_wire_opened(&end.wire);
    evg_pipe_flow(&end.pipe);
    evg_pipe_touch(&end.pipe);
    turn(end.loop, 0);
    *state = &end;
    return 0;
}

static int teardown(void **state)
{
    end_t *e = *state;
    evg_loop_close(e->loop);
    evg_source_detach(&e->pipe.source);
    evg_loop_release(e->loop);
    evg_wire_deinit(&e->wire);
    if (e->peer >= 0) close(e->peer);
    return evg_alloc_live() ? -1 : 0;
}

/* As much of a veiled count as the socket takes. */
static size_t peer_counts(end_t *e, size_t most)
{
    uint8_t piece[RECORD];
    size_t said = 0;
    while (said < most) {
        size_t len = most - said < sizeof piece ? most - said : sizeof piece;
        for (size_t at = 0; at < len; at++) piece[at] = (uint8_t)(said + at) ^ VEIL;
        ssize_t put = send(e->peer, piece, len, 0);
        if (put <= 0) break;
        said += (size_t)put;
    }
    return said;
}

static void say(end_t *e, size_t len)
{
    assert_non_null(evg_buffer_reserve(&e->wire.out, len));
    memset(evg_buffer_data(&e->wire.out), 0, len);
    evg_buffer_commit(&e->wire.out, len);
}

static size_t peer_hears(end_t *e)
{
    uint8_t piece[RECORD];
    ssize_t got = recv(e->peer, piece, sizeof piece, 0);
    return got > 0 ? (size_t)got : 0;
}

/* -- tests --------------------------------------------------------------------------------------------------------- */

/* All of it is out of the socket with the first read, so no watcher tells of the rest. To see it fail: take a short read for
 * the last one. */
static void test_what_a_transport_holds_is_read_though_the_socket_is_empty(void **state)
{
    end_t *e = *state;
    size_t said = peer_counts(e, 150 * 1024);
    assert_true(said > 100 * 1024);
    turn_until(e->loop, e->came == said);
    assert_true(e->in_order);
    assert_true(e->most_in_a_turn <= 64 * 1024 + RECORD);
    turn(e->loop, 0.01);
    int served = e->served;
    double start = evg_monotonic();
    turn(e->loop, 0.03);
    assert_true(evg_monotonic() - start >= 0.03);
    assert_int_equal(e->served, served);
}

/* To see it fail: proceed only when there is something to write. */
static void test_what_a_transport_took_is_sent_though_there_is_no_more_to_write(void **state)
{
    end_t *e = *state;
    char filler[4096] = {0};
    size_t filled = 0, heard = 0;
    for (ssize_t put; (put = send(e->pipe.transport.fd, filler, sizeof filler, MSG_DONTWAIT)) > 0;)
        filled += (size_t)put;
    say(e, 50 * 1024);
    evg_pipe_write(&e->pipe);
    assert_int_equal(evg_wire_output(&e->wire).len, 0);
    assert_false(e->pipe.blocked);
    assert_false(evg_pipe_settled_p(&e->pipe));
    evg_pipe_touch(&e->pipe);
    turn(e->loop, 0);
    double start = evg_monotonic();
    turn(e->loop, 0.03);
    assert_true(evg_monotonic() - start >= 0.03); /* it waits for the socket, and does not spin */
    turn_until(e->loop, (heard += peer_hears(e)) == filled + 50 * 1024);
    assert_true(evg_pipe_settled_p(&e->pipe));
    turn(e->loop, 0);
    assert_int_equal(e->pipe.watched, EV_READ);
}

static void test_a_transport_that_holds_enough_takes_no_more_until_it_is_sent(void **state)
{
    enum { MUCH = 1024 * 1024 };
    end_t *e = *state;
    size_t heard = 0;
    say(e, MUCH);
    evg_pipe_write(&e->pipe);
    assert_true(e->pipe.blocked);
    assert_true(evg_wire_output(&e->wire).len > 0);
    evg_pipe_touch(&e->pipe);
    turn_until(e->loop, (heard += peer_hears(e)) == MUCH);
    assert_true(evg_pipe_settled_p(&e->pipe));
}

static void test_a_transport_may_answer_for_itself(void **state)
{
    end_t *e = *state;
    uint8_t question = QUESTION;
    char answer = 0;
    assert_int_equal(send(e->peer, &question, 1, 0), 1);
    turn_until(e->loop, recv(e->peer, &answer, 1, 0) == 1);
    assert_int_equal(answer, '!');
    assert_int_equal(e->came, 0);
}

/* What the peer said before it went is told first. */
static void test_a_transport_that_cannot_send_what_it_took_ends_the_pipe(void **state)
{
    end_t *e = *state;
    char filler[4096] = {0};
    while (send(e->pipe.transport.fd, filler, sizeof filler, MSG_DONTWAIT) > 0) {}
    say(e, RECORD);
    evg_pipe_write(&e->pipe);
    size_t said = peer_counts(e, 1000);
    close(e->peer);
    e->peer = -1;
    evg_pipe_touch(&e->pipe);
    turn_until(e->loop, e->reason);
    assert_int_equal(e->reason, EVG_ESERVER_CLOSED);
    assert_int_equal(e->came, said);
    turn(e->loop, 0);
    assert_int_equal(e->pipe.retired.fd, -1);
}

/* To see it fail: say what errno says. */
static void test_a_transport_says_itself_why_it_failed(void **state)
{
    end_t *e = *state;
    uint8_t offence = OFFENCE;
    assert_int_equal(send(e->peer, &offence, 1, 0), 1);
    turn_until(e->loop, e->reason);
    assert_int_equal(e->reason, EVG_ETLS);
    assert_string_equal(e->text, "what an offence");
    turn(e->loop, 0);
}

/* To see it fail: leave it to the watcher, which is started anew for an empty socket. */
static void test_what_is_held_while_nobody_reads_is_read_afterwards(void **state)
{
    end_t *e = *state;
    size_t said = peer_counts(e, 150 * 1024);
    turn_until(e->loop, e->came);
    assert_true(e->came < said);
    e->paused = true;
    evg_pipe_touch(&e->pipe);
    turn(e->loop, 0);
    turn(e->loop, 0);
    assert_true(e->came < said);
    double start = evg_monotonic();
    turn(e->loop, 0.03);
    assert_true(evg_monotonic() - start >= 0.03);
    e->paused = false;
    evg_pipe_touch(&e->pipe);
    turn_until(e->loop, e->came == said);
}

/* To see it fail: watch for room in the socket, where there is room. */
static void test_a_transport_that_waits_for_the_peer_does_not_spin(void **state)
{
    end_t *e = *state;
    char byte = VEIL;
    waits = true;
    say(e, 10);
    evg_pipe_touch(&e->pipe);
    turn(e->loop, 0);
    assert_int_equal(e->pipe.watched, EV_READ);
    waits = false;
    assert_int_equal(send(e->peer, &byte, 1, 0), 1);
    turn_until(e->loop, evg_wire_output(&e->wire).len == 0);
    assert_int_equal(e->pipe.watched, EV_READ);
}

static void test_a_farewell_is_said_but_for_a_cut(void **state)
{
    end_t *e = *state;
    char room[10];
    evg_pipe_stop(&e->pipe);
    evg_pipe_touch(&e->pipe);
    turn(e->loop, 0);
    assert_int_equal(recv(e->peer, room, sizeof room, 0), 1);
    assert_int_equal(recv(e->peer, room, sizeof room, 0), 0);
}

static void test_a_cut_goes_without_saying(void **state)
{
    end_t *e = *state;
    char room[10];
    evg_pipe_cut(&e->pipe);
    assert_int_equal(recv(e->peer, room, sizeof room, 0), 0);
}

static void test_read_up_reads_what_is_held_and_gives_up_some_time(void **state)
{
    end_t *e = *state;
    size_t said = peer_counts(e, 150 * 1024);
    int tries = 1;
    for (; !evg_pipe_read_up(&e->pipe); tries++) evg_list_unlink(&e->pipe.source.ready);
    assert_int_equal(e->came, said);
    assert_true(tries > 1 && tries < 5);
    evg_source_ready(&e->pipe.source, EV_READ); /* it will be read in this turn: not by us */
    e->pipe.transport.drained = false;
    for (tries = 1; !evg_pipe_read_up(&e->pipe); tries++) {}
    assert_int_equal(tries, 1001);
}

#define with_end(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_end(test_what_a_transport_holds_is_read_though_the_socket_is_empty),
        with_end(test_what_a_transport_took_is_sent_though_there_is_no_more_to_write),
        with_end(test_a_transport_that_holds_enough_takes_no_more_until_it_is_sent),
        with_end(test_a_transport_may_answer_for_itself),
        with_end(test_a_transport_that_cannot_send_what_it_took_ends_the_pipe),
        with_end(test_a_transport_says_itself_why_it_failed),
        with_end(test_what_is_held_while_nobody_reads_is_read_afterwards),
        with_end(test_a_transport_that_waits_for_the_peer_does_not_spin),
        with_end(test_a_farewell_is_said_but_for_a_cut),
        with_end(test_a_cut_goes_without_saying),
        with_end(test_read_up_reads_what_is_held_and_gives_up_some_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
