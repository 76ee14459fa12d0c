#include "netfuzz/netfuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PEERS = 12, BACKLOG = 16, CROWD = 2, REFUSING_PORT = 1 };

evg_address_t places[PLACES];
evg_sockaddr_t tcp_place, refusing_place;

static peer_t peers[PEERS];
static unsigned peer_count;
static int listeners[2], full, crowd[CROWD];
static double accept_at;
static bool healed;
bool server_honest;
static char unix_path[64];

/* -- bytes --------------------------------------------------------------------------------------------------------- */

void bytes_add(bytes_t *bytes, const void *more, size_t len)
{
    if (bytes->len + len > bytes->cap) {
        bytes->cap = (bytes->len + len) * 2;
        bytes->at = realloc(bytes->at, bytes->cap);
    }
    if (len) memcpy(bytes->at + bytes->len, more, len);
    bytes->len += len;
}

void bytes_drop(bytes_t *bytes, size_t len)
{
    bytes->len -= len;
    if (len) memmove(bytes->at, bytes->at + len, bytes->len);
}

static void bytes_free(bytes_t *bytes)
{
    free(bytes->at);
    *bytes = (bytes_t){0};
}

/* -- places -------------------------------------------------------------------------------------------------------- */

/* Each life has an address of its own: the kernel remembers connections that were closed for a minute, and would run out
 * of ports. */
static struct in_addr own_address(void)
{
    static uint32_t lives;
    uint32_t host = ((uint32_t)getpid() << 8) + lives++;
    return (struct in_addr){htonl(0x7f000000 | (0x10000 + host % 0xfe0000))};
}

static evg_sockaddr_t tcp_address(struct in_addr host, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = host, .sin_port = htons((uint16_t)port)};
    evg_sockaddr_t out = {.len = sizeof address};
    memcpy(&out.storage, &address, sizeof address);
    return out;
}

static int listen_at(const evg_sockaddr_t *at, int backlog)
{
    int fd = socket(at->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    must(fd >= 0 && bind(fd, (const struct sockaddr *)&at->storage, at->len) == 0);
    must(listen(fd, backlog) == 0);
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    return ntohs(address.sin_port);
}

static void fill_the_queue(const evg_sockaddr_t *at)
{
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(crowd[i], (const struct sockaddr *)&at->storage, at->len);
    }
}

static void open_tcp(void)
{
    struct in_addr host = own_address();
    evg_sockaddr_t any = tcp_address(host, 0);
    const char *text = inet_ntoa(host);
    listeners[0] = listen_at(&any, BACKLOG);
    full = listen_at(&any, 0);
    tcp_place = tcp_address(host, port_of(listeners[0]));
    refusing_place = tcp_address(host, REFUSING_PORT);
    evg_sockaddr_t crowded = tcp_address(host, port_of(full));
    fill_the_queue(&crowded);
    must(evg_address_tcp(&places[PLACE_TCP], text, port_of(listeners[0])));
    must(evg_address_tcp(&places[PLACE_REFUSES], text, REFUSING_PORT));
    must(evg_address_tcp(&places[PLACE_FULL], text, port_of(full)));
    must(evg_address_tcp(&places[PLACE_NAME], "one.test", 4730));
    must(evg_address_tcp(&places[PLACE_TWO], "two.test", 4730));
    must(evg_address_tcp(&places[PLACE_UNKNOWN], "none.test", 4730));
}

static void open_unix(void)
{
    evg_sockaddrs_t at = {0};
    snprintf(unix_path, sizeof unix_path, "/tmp/evg-netfuzz-%d", (int)getpid());
    unlink(unix_path);
    must(evg_address_unix(&places[PLACE_UNIX], unix_path));
    must(evg_address_unix(&places[PLACE_NO_FILE], "/tmp/evg-netfuzz-nobody"));
    must(evg_address_literal(&places[PLACE_UNIX], &at));
    listeners[1] = listen_at(&at.addresses[0], BACKLOG);
}

void server_begin(void)
{
    peer_count = 0;
    healed = false;
    server_honest = pick(3) == 0;
    accept_at = machine.now;
    for (int at = 0; at < PEERS; at++) peers[at] = (peer_t){.fd = -1};
    open_tcp();
    open_unix();
}

/* -- who is behind them -------------------------------------------------------------------------------------------- */

static void hang_up(peer_t *peer, bool reset)
{
    const struct linger now = {1, 0};
    if (reset) setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    note("peer %u: %s", peer->number, reset ? "resets" : "closes");
    close(peer->fd);
    secure_close(peer->secure);
    bytes_free(&peer->in);
    bytes_free(&peer->out);
    bytes_free(&peer->wire);
    peer->fd = -1;
}

/* More of the good ones: behind them more can happen. */
static mood_t some_mood(void)
{
    if (server_honest) return pick(8) ? GOOD : pick(2) ? MUTE : DEAF;
    return pick(3) == 0 ? (mood_t)pick(FINE) : pick(3) ? GOOD : SLOPPY;
}

static void narrow(int fd)
{
    int room = 1 << (11 + pick(6));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

/* At a port in a life with TLS; but who is not honest may speak plain, or not be who he should. */
static void secure(peer_t *peer)
{
    bool good = healed || server_honest;
    peer->misled = !good && pick(16) == 0;
    if (!peer->misled) peer->secure = secure_open(good || pick(16));
}

static void welcome(peer_t *peer, int fd, bool unix_socket)
{
    static const double paces[] = {0.001, 0.005, 0.02, 0.05, 0.2};
    *peer = (peer_t){.fd = fd, .number = ++peer_count, .honest = true, .next_at = machine.now};
    peer->mood = healed ? FINE : some_mood();
    peer->pace = healed ? 0.001 : paces[pick(5)];
    peer->grain = healed || pick(2) ? SIZE_MAX : (size_t)1 << pick(17);
    if (!healed && pick(4) == 0) narrow(fd);
    if (secure_context && !unix_socket) secure(peer);
    note("peer %u: mood %d, pace %g, grain %zu", peer->number, (int)peer->mood, peer->pace, peer->grain);
}

static void accept_some(void)
{
    if (machine.now < accept_at) return;
    for (int at = 0; at < PEERS; at++) {
        if (peers[at].fd >= 0) continue;
        unsigned which = pick(2);
        int fd = accept4(listeners[which], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) welcome(&peers[at], fd, which);
    }
    accept_at = machine.now + (healed || pick(8) ? 0.002 : some_time(1));
}

/* false: there is nothing to come. */
static bool hear(peer_t *peer)
{
    static uint8_t room[1 << 16];
    size_t most = peer->grain < sizeof room ? 1 + peer->grain * 4 : sizeof room;
    ssize_t got = read(peer->fd, room, most < sizeof room ? most : sizeof room);
    if (got >= 0) note("peer %u: hears %zd", peer->number, got);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    if (peer->secure) return secure_hear(peer->secure, evg_bytes(room, (size_t)got), &peer->in, &peer->wire);
    bytes_add(&peer->in, room, (size_t)got);
    return true;
}

/* From now on it cannot be taken back. */
static void put_into_words(peer_t *peer)
{
    if (peer->secure) return secure_say(peer->secure, &peer->out, &peer->wire);
    bytes_add(&peer->wire, peer->out.at, peer->out.len);
    bytes_drop(&peer->out, peer->out.len);
}

static bool utter(peer_t *peer)
{
    size_t len = peer->wire.len < peer->grain ? peer->wire.len : peer->grain;
    if (!len) return true;
    ssize_t put = send(peer->fd, peer->wire.at, len, MSG_NOSIGNAL);
    if (put > 0) bytes_drop(&peer->wire, (size_t)put);
    note("peer %u: says %zd of %zu", peer->number, put, len);
    return put >= 0 || errno == EAGAIN;
}

/* What is still to be said is cut off anywhere; or it is said, and TLS's last word. */
static void begin_to_leave(peer_t *peer)
{
    peer->leaving = true;
    put_into_words(peer);
    if (peer->secure && pick(2))
        secure_farewell(peer->secure, &peer->wire);
    else if (peer->wire.len)
        peer->wire.len = pick((unsigned)peer->wire.len + 1);
    if (pick(4) == 0) shutdown(peer->fd, pick(2) ? SHUT_WR : SHUT_RD);
}

/* Something changes it on its way. */
static void damage(peer_t *peer)
{
    if (peer->wire.len) peer->wire.at[pick((unsigned)peer->wire.len)] ^= (uint8_t)(1 << pick(8));
}

static void misbehave(peer_t *peer)
{
    if (peer->mood == GOOD || peer->mood == MUTE) return;
    if (peer->secure && pick(100) == 0) damage(peer);
    if (peer->mood == LIAR || peer->mood == NOISY || pick(40) == 0) talk_nonsense(peer);
    if (pick(peer->mood == GREETER ? 3 : 60) == 0) begin_to_leave(peer);
}

/* One that is busy answers later, in order, and goes on telling of jobs meanwhile. */
static bool busy_p(peer_t *peer)
{
    if (healed) return false;
    if (pick(40) == 0) peer->busy_until = machine.now + some_time(2.5);
    return machine.now < peer->busy_until;
}

static void converse(peer_t *peer)
{
    if (busy_p(peer)) return talk_of_a_job(peer);
    talk_answer(peer);
    if (!healed && pick(3) == 0) misbehave(peer);
}

static size_t unfinished(const peer_t *peer)
{
    return peer->in.len + peer->out.len + peer->wire.len;
}

/* Who has nothing to do looks again a little later. */
static void peer_act(peer_t *peer)
{
    size_t before = unfinished(peer);
    if (peer->mood == SLAMMER) return hang_up(peer, pick(2));
    bool well = peer->mood == DEAF || peer->leaving || hear(peer);
    bool busy = unfinished(peer) > before || peer->out.len + peer->wire.len;
    if (!peer->leaving && peer->mood != DEAF) {
        converse(peer);
        put_into_words(peer);
    }
    well = utter(peer) && well;
    bool over = peer->leaving && (!peer->wire.len || pick(20) == 0);
    if (peer->mood == DEAF && pick(100) == 0) over = true;
    peer->next_at = machine.now + (healed || busy ? 0.001 : 0.01) + some_time(peer->pace);
    if (!well || over) hang_up(peer, pick(3) == 0);
}

void server_act(void)
{
    accept_some();
    for (int at = 0; at < PEERS; at++) {
        if (peers[at].fd >= 0 && peers[at].next_at <= machine.now) peer_act(&peers[at]);
    }
}

double server_next(void)
{
    double next = fmax(accept_at, machine.now + (healed ? 0.002 : 0.05));
    for (int at = 0; at < PEERS; at++) {
        if (peers[at].fd >= 0) next = fmin(next, peers[at].next_at);
    }
    return next;
}

int server_descriptors(void)
{
    int count = 2 + 1 + CROWD;
    for (int at = 0; at < PEERS; at++) count += peers[at].fd >= 0;
    return count;
}

static void hang_up_all(void)
{
    for (int at = 0; at < PEERS; at++) {
        if (peers[at].fd >= 0) hang_up(&peers[at], pick(2));
    }
}

void server_heal(void)
{
    hang_up_all();
    healed = true;
    accept_at = machine.now;
}

void server_end(void)
{
    hang_up_all();
    for (int at = 0; at < 2; at++) close(listeners[at]);
    for (int at = 0; at < CROWD; at++) close(crowd[at]);
    close(full);
    unlink(unix_path);
}
