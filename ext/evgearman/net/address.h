/* Where a server is: host and port, or the path of a unix socket. And what that resolves to. */
#ifndef EVG_NET_ADDRESS_H
#define EVG_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { EVG_HOST_MAX = 255, EVG_ADDRESSES_MAX = 16 };

typedef struct {
    char host[EVG_HOST_MAX + 1]; /* empty for a unix socket */
    int port;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* empty for TCP */
} evg_address_t;

/* One way to get there. */
typedef struct {
    struct sockaddr_storage storage;
    socklen_t len;
} evg_sockaddr_t;

typedef struct {
    int count;
    evg_sockaddr_t addresses[EVG_ADDRESSES_MAX];
} evg_sockaddrs_t;

/* false: too long, or a port outside 1..65535. */
bool evg_address_tcp(evg_address_t *address, const char *host, int port);
/* To listen at whichever port is free: its port is 0. false: too long. */
bool evg_address_any_port(evg_address_t *address, const char *host);
/* false: empty, or longer than sun_path. */
bool evg_address_unix(evg_address_t *address, const char *path);

bool evg_address_equal_p(const evg_address_t *a, const evg_address_t *b);

/* "host:port", "[::1]:port" or the path into `room`. */
const char *evg_address_text(const evg_address_t *address, char *room, size_t cap);

/* A unix path, or an IP literal: known without asking anybody. false: a name, ask the resolver. */
bool evg_address_literal(const evg_address_t *address, evg_sockaddrs_t *out);

/* Can only this machine reach it? */
bool evg_sockaddr_local_p(const evg_sockaddr_t *address);

/* Its IP address into `room`, without the port; "-" for a unix socket. */
const char *evg_sockaddr_text(const evg_sockaddr_t *address, char *room, size_t cap);

#endif
