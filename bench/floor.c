/* The floor: the least work with which a Gearman client or worker can be driven over one socket.
 *
 *     floor HOST:PORT foreground|background|keyed|echo|call OPS WINDOW  so many requests outstanding; keyed: in the
 *                                                                       background, each with a key of its own
 *     floor HOST:PORT worker OPS GRABS                                so many GRAB_JOBs outstanding
 *
 * Prints operations, seconds and CPU seconds. No loop, no state, no checks: packets are made once and copied. What
 * evgearman costs beside this is what it costs. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CAN_DO = 1, PRE_SLEEP = 4, NOOP = 6, SUBMIT_JOB = 7, JOB_CREATED = 8, GRAB_JOB = 9, NO_JOB = 10 };
enum { JOB_ASSIGN = 11, WORK_COMPLETE = 13, ECHO_REQ = 16, ECHO_RES = 17, SUBMIT_JOB_BG = 18, HEADER = 12 };
enum { ROOM = 1 << 20, KEY = 16 };

typedef struct {
    uint8_t *at;
    size_t from, to, cap;
} bytes_t;

typedef void on_packet_t(uint32_t type, const uint8_t *body, size_t len);

static const char workload[] = "0123456789abcdef"; /* of 16 bytes */
static int fd;
static bytes_t in, out, request;
static size_t ops, sent, done, grabs, window;
static uint32_t answer;
static bool over, keyed;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double clock_at(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- bytes ------------------------------------------------------------------------------------------------- */

static uint8_t *reserve(bytes_t *b, size_t len)
{
    if (b->to + len > b->cap) {
        b->cap = (b->to + len) * 2;
        b->at = realloc(b->at, b->cap);
        if (!b->at) die("realloc");
    }
    return b->at + b->to;
}

static void append(bytes_t *b, const void *bytes, size_t len)
{
    memcpy(reserve(b, len), bytes, len);
    b->to += len;
}

static void header(bytes_t *b, uint32_t type, size_t len)
{
    uint32_t words[3] = {htonl(0x00524551), htonl(type), htonl((uint32_t)len)};
    append(b, words, HEADER);
}

static void packet(bytes_t *b, uint32_t type, const void *body, size_t len)
{
    header(b, type, len);
    append(b, body, len);
}

/* -- the socket ---------------------------------------------------------------------------------------------- */

static bool dial_one(const struct addrinfo *to)
{
    fd = socket(to->ai_family, to->ai_socktype, 0);
    return fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0;
}

static void dial(char *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *to = NULL;
    char *colon = strrchr(address, ':');
    int on = 1;
    if (!colon) die("HOST:PORT");
    *colon = 0;
    if (getaddrinfo(address, colon + 1, &hints, &to)) die(address);
    while (to && !dial_one(to)) to = to->ai_next;
    if (!to) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void write_out(void)
{
    while (out.from < out.to) {
        ssize_t put = send(fd, out.at + out.from, out.to - out.from, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno == EAGAIN) return;
        if (put < 0) die("send");
        out.from += (size_t)put;
    }
    out.from = out.to = 0;
}

/* A server that waits for us to read takes no more: so a full socket is waited for both ways. */
static bool may_read(void)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT};
    if (out.from == out.to) return true;
    poll(&poll_fd, 1, -1);
    return poll_fd.revents & POLLIN;
}

static void each_packet(on_packet_t *on_packet)
{
    while (in.to - in.from >= HEADER) {
        uint32_t words[3];
        memcpy(words, in.at + in.from, HEADER);
        size_t len = ntohl(words[2]);
        if (in.to - in.from - HEADER < len) break;
        on_packet(ntohl(words[1]), in.at + in.from + HEADER, len);
        in.from += HEADER + len;
    }
    memmove(in.at, in.at + in.from, in.to - in.from);
    in.to -= in.from;
    in.from = 0;
}

static void turn(on_packet_t *on_packet)
{
    write_out();
    if (!may_read()) return;
    ssize_t got = recv(fd, reserve(&in, ROOM / 4), ROOM / 4, 0);
    if (got < 0) die("recv");
    if (got == 0) exit(0);
    in.to += (size_t)got;
    each_packet(on_packet);
}

/* -- client ---------------------------------------------------------------------------------------------------- */

/* The key is hexadecimal digits of its number, scattered as those of a UUID are. */
static void draw_key(void)
{
    static uint64_t number;
    if (!number) number = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    snprintf((char *)request.at + HEADER + sizeof "bench", KEY + 1, "%016" PRIx64, number++ * 0x9e3779b97f4a7c15);
}

static void ask(void)
{
    if (keyed) draw_key();
    append(&out, request.at, request.to);
    sent++;
}

static void client_packet(uint32_t type, const uint8_t *body, size_t len)
{
    (void)body, (void)len;
    if (type != answer) return;
    over = ++done == ops;
    if (sent < ops) ask();
}

static void client(const char *mode)
{
    static const char job[] = "bench\0\0"
                              "0123456789abcdef";
    static const char keyed_job[] = "bench\0________________\0"
                                    "0123456789abcdef";
    bool echo = strcmp(mode, "echo") == 0, background = strcmp(mode, "background") == 0;
    keyed = strcmp(mode, "keyed") == 0;
    answer = echo ? ECHO_RES : background || keyed ? JOB_CREATED : WORK_COMPLETE;
    if (echo)
        packet(&request, ECHO_REQ, workload, sizeof workload - 1);
    else if (keyed)
        packet(&request, SUBMIT_JOB_BG, keyed_job, sizeof keyed_job - 1);
    else
        packet(&request, background ? SUBMIT_JOB_BG : SUBMIT_JOB, job, sizeof job - 1);
    while (sent < ops && sent < window) ask();
    while (!over) turn(client_packet);
}

/* -- worker ----------------------------------------------------------------------------------------------------- */

/* Never for more jobs than are to be done. */
static void grab(void)
{
    for (; grabs < window && done + grabs < ops; grabs++) header(&out, GRAB_JOB, 0);
}

/* handle NUL function NUL workload; what is said is handle NUL workload. */
static void complete(const uint8_t *body, size_t len)
{
    size_t handle = strlen((const char *)body) + 1;
    size_t skipped = handle + strlen((const char *)body + handle) + 1;
    header(&out, WORK_COMPLETE, handle + len - skipped);
    append(&out, body, handle);
    append(&out, body + skipped, len - skipped);
    grabs--;
    done++;
    grab();
    if (done == ops) packet(&out, ECHO_REQ, workload, sizeof workload - 1);
}

static void worker_packet(uint32_t type, const uint8_t *body, size_t len)
{
    if (type == JOB_ASSIGN) complete(body, len);
    if (type == NO_JOB && --grabs == 0) header(&out, PRE_SLEEP, 0);
    if (type == NOOP && grabs == 0) grab();
    if (type == ECHO_RES) over = true;
}

static void worker(void)
{
    packet(&out, CAN_DO, "bench", 5);
    grab();
    while (!over) turn(worker_packet);
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    dial(argv[1]);
    ops = strtoul(argv[3], NULL, 10);
    window = strtoul(argv[4], NULL, 10);
    over = ops == 0;
    reserve(&in, ROOM);
    reserve(&out, ROOM);
    double start = clock_at(CLOCK_MONOTONIC), cpu = clock_at(CLOCK_PROCESS_CPUTIME_ID);
    if (strcmp(argv[2], "worker") == 0)
        worker();
    else
        client(argv[2]);
    printf("%zu %.6f %.6f\n", ops, clock_at(CLOCK_MONOTONIC) - start, clock_at(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
