/* A service that the test turns, and peers of it that say and hear what the test wants. */
#ifndef EVG_SPEC_SERVICE_KIT_H
#define EVG_SPEC_SERVICE_KIT_H

#include "net_support.h"

#include "net/accepted.h"
#include "net/service.h"

#include <poll.h>

typedef struct {
    evg_loop_t *loop;
    evg_service_t service;
    int fds; /* open before */
} bench_t;

static inline void bench_open(bench_t *b)
{
    evg_address_t address;
    b->loop = evg_loop_new();
    assert_non_null(b->loop);
    assert_true(evg_address_any_port(&address, "127.0.0.1"));
    if (b->service.listener.listening.address.port) address = b->service.listener.listening.address;
    assert_int_equal(evg_service_open(&b->service, b->loop, &address), 0);
}

static inline void bench_close(bench_t *b)
{
    evg_service_close(&b->service);
    evg_loop_close(b->loop);
    evg_loop_release(b->loop);
    b->loop = NULL;
}

static inline void bench_begin(bench_t *b, const evg_server_settings_t *settings)
{
    const evg_server_settings_t usual = evg_server_defaults();
    *b = (bench_t){.fds = fd_count()};
    evg_service_init(&b->service, settings ? settings : &usual);
    bench_open(b);
}

/* Peers have been closed. */
static inline void bench_end(bench_t *b)
{
    if (b->loop) bench_close(b);
    evg_service_deinit(&b->service);
    assert_int_equal(evg_alloc_live(), 0);
    assert_int_equal(fd_count(), b->fds);
}

/* The teardown of a test whose state is one. */
static inline int bench_teardown(void **state)
{
    bench_end(*state);
    return 0;
}

/* The connection that was let in last. */
static inline evg_accepted_t *bench_newest(bench_t *b)
{
    return evg_container(b->service.connections.prev, evg_accepted_t, link);
}

/* As turn_until, for what comes at a peer: no event of the loop tells of that. */
#define serve_until(b, condition)                                                     \
    do {                                                                              \
        double give_up_at = evg_monotonic() + 5;                                      \
        while (!(condition)) {                                                        \
            if (evg_monotonic() > give_up_at) fail_msg("never came: %s", #condition); \
            turn((b)->loop, 0.001);                                                   \
        }                                                                             \
    } while (0)

/* -- peers --------------------------------------------------------------------------------------------------------- */

typedef struct {
    int fd;
    evg_buffer_t in;
    size_t taken; /* of the last packet */
    bool gone;    /* the server has closed */
    bool reset;   /* by a reset */
} peer_t;

static inline int dial(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* Has the other end of this pipe or socket been closed, or is it within ten seconds? */
static inline bool closes_p(int fd)
{
    char byte;
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, 10000) == 1 && read(fd, &byte, 1) <= 0;
}

static inline void peer_connect(peer_t *p, const bench_t *b)
{
    *p = (peer_t){.fd = dial(b->service.listener.listening.address.port)};
    assert_true(p->fd >= 0);
    evg_buffer_init(&p->in);
}

static inline void peer_close(peer_t *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
    evg_buffer_deinit(&p->in);
}

static inline void peer_write(peer_t *p, const void *bytes, size_t len)
{
    assert_int_equal(send(p->fd, bytes, len, MSG_NOSIGNAL), len);
}

static inline void peer_say_list(peer_t *p, evg_command_t type, int argc, const char *const *texts)
{
    evg_buffer_t out;
    evg_bytes_t args[EVG_MAX_ARGS];
    for (int i = 0; i < argc; i++) args[i] = evg_bytes_of(texts[i]);
    evg_buffer_init(&out);
    assert_int_equal(evg_packet_encode(&out, EVG_REQ, type, args, argc, SIZE_MAX), 0);
    peer_write(p, evg_buffer_data(&out), evg_buffer_len(&out));
    evg_buffer_deinit(&out);
}

#define peer_say(p, type, ...) \
    peer_say_list(p, type, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *), (const char *[]){__VA_ARGS__})
#define peer_say_bare(p, type) peer_say_list(p, type, 0, NULL)

/* What is in the socket. */
static inline void peer_listen(peer_t *p)
{
    uint8_t *room;
    ssize_t got;
    do {
        assert_non_null(room = evg_buffer_reserve(&p->in, 64 * 1024));
        got = recv(p->fd, room, 64 * 1024, MSG_DONTWAIT);
        if (got > 0) evg_buffer_commit(&p->in, (size_t)got);
        if (got < 0 && errno != EAGAIN) p->reset = true;
        if (got == 0 || p->reset) p->gone = true;
    } while (got > 0);
}

static inline bool peer_take(peer_t *p, evg_packet_t *packet)
{
    if (p->taken) evg_buffer_consume(&p->in, p->taken);
    p->taken = 0;
    peer_listen(p);
    evg_bytes_t in = evg_buffer_bytes(&p->in);
    ptrdiff_t len = in.len ? evg_packet_decode(packet, EVG_RES, in, SIZE_MAX) : 0;
    assert_true(len >= 0);
    p->taken = (size_t)len;
    return len > 0;
}

/* Waits for the next packet, which has to be of this type; a view of its last argument. */
static inline evg_bytes_t peer_hear(bench_t *b, peer_t *p, evg_command_t type)
{
    evg_packet_t packet;
    serve_until(b, peer_take(p, &packet));
    assert_string_equal(evg_commands[packet.type].name, evg_commands[type].name);
    return packet.argc ? packet.args[packet.argc - 1] : evg_bytes(NULL, 0);
}

static inline void peer_hear_text(bench_t *b, peer_t *p, evg_command_t type, const char *text)
{
    evg_bytes_t last = peer_hear(b, p, type);
    assert_int_equal(last.len, strlen(text));
    assert_memory_equal(last.at, text, last.len);
}

/* The server has done all that this one said before. */
static inline void peer_echo(bench_t *b, peer_t *p)
{
    peer_say(p, EVG_ECHO_REQ, "echo");
    peer_hear_text(b, p, EVG_ECHO_RES, "echo");
}

/* The server says no more, and has closed. */
static inline void peer_hear_end(bench_t *b, peer_t *p)
{
    serve_until(b, (peer_listen(p), p->gone));
}

#endif
