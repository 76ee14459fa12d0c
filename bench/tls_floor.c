/* The floor of TLS: OpenSSL on a socket that blocks, and the least of Gearman that an echo needs.
 *
 *     tls_floor HOST:PORT serve PAPERS      answers echoes, one connection after the other; PAPERS: certificate and key
 *     tls_floor HOST:PORT echo OPS LENGTH   one at a time; prints operations, seconds and CPU seconds
 *
 * What evgearman costs beside this is what it costs: the ciphers are the same, OpenSSL's first choice. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ECHO_REQ = 16, ECHO_RES = 17, HEADER = 12, LARGEST = 64 << 20 };

static uint8_t packet[HEADER + LARGEST];

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double clock_at(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- packets ------------------------------------------------------------------------------------------------- */

static void set_header(const char *magic, uint32_t type, size_t len)
{
    uint32_t words[2] = {htonl(type), htonl((uint32_t)len)};
    memcpy(packet, magic, 4);
    memcpy(packet + 4, words, 8);
}

static bool read_all(SSL *ssl, uint8_t *at, size_t len)
{
    while (len) {
        int got = SSL_read(ssl, at, (int)len);
        if (got <= 0) return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

/* Answers how long it is; 0 at the end. */
static size_t read_packet(SSL *ssl)
{
    uint32_t len;
    if (!read_all(ssl, packet, HEADER)) return 0;
    memcpy(&len, packet + 8, sizeof len);
    len = ntohl(len);
    return len <= LARGEST && read_all(ssl, packet + HEADER, len) ? HEADER + len : 0;
}

static void write_packet(SSL *ssl, size_t len)
{
    if (SSL_write(ssl, packet, (int)len) != (int)len) die("SSL_write");
}

/* -- sockets ------------------------------------------------------------------------------------------------- */

static struct sockaddr_in address_of(char *text)
{
    char *colon = strrchr(text, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (!colon) die("HOST:PORT");
    *colon = 0;
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) die(text);
    return address;
}

static SSL *speak_tls(SSL_CTX *ctx, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL *ssl = SSL_new(ctx);
    if (!ssl || SSL_set_fd(ssl, fd) != 1) die("SSL_new");
    return ssl;
}

/* -- both sides ---------------------------------------------------------------------------------------------- */

static void answer(SSL_CTX *ctx, int fd)
{
    SSL *ssl = speak_tls(ctx, fd);
    if (SSL_accept(ssl) == 1) {
        for (size_t len; (len = read_packet(ssl));) {
            set_header("\0RES", ECHO_RES, len - HEADER);
            write_packet(ssl, len);
        }
    }
    SSL_free(ssl);
    close(fd);
}

static void serve(struct sockaddr_in at, const char *papers)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int on = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    if (SSL_CTX_use_certificate_chain_file(ctx, papers) != 1) die(papers);
    if (SSL_CTX_use_PrivateKey_file(ctx, papers, SSL_FILETYPE_PEM) != 1) die(papers);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&at, sizeof at) < 0 || listen(listening, 5) < 0) die("bind");
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        if (fd >= 0) answer(ctx, fd);
    }
}

static void echo_one(SSL *ssl, size_t len)
{
    set_header("\0REQ", ECHO_REQ, len);
    write_packet(ssl, HEADER + len);
    if (read_packet(ssl) != HEADER + len) die("the answer");
}

static void echo(struct sockaddr_in to, size_t ops, size_t len)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
    SSL *ssl = speak_tls(SSL_CTX_new(TLS_client_method()), fd);
    if (SSL_connect(ssl) != 1) die("SSL_connect");
    echo_one(ssl, len);
    double start = clock_at(CLOCK_MONOTONIC), cpu = clock_at(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t done = 0; done < ops; done++) echo_one(ssl, len);
    printf("%zu %.6f %.6f\n", ops, clock_at(CLOCK_MONOTONIC) - start, clock_at(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 4 && strcmp(argv[2], "serve") == 0) serve(address_of(argv[1]), argv[3]);
    if (argc != 5 || strcmp(argv[2], "echo") != 0) return fprintf(stderr, "see the head of tls_floor.c\n"), 2;
    echo(address_of(argv[1]), strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    return 0;
}
