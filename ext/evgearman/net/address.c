#include "net/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535 };

static bool copy(char *room, size_t cap, const char *text)
{
    size_t len = strlen(text);
    if (!len || len >= cap) return false;
    memcpy(room, text, len + 1);
    return true;
}

bool evg_address_tcp(evg_address_t *address, const char *host, int port)
{
    *address = (evg_address_t){.port = port};
    return port >= 1 && port <= PORT_MAX && copy(address->host, sizeof address->host, host);
}

bool evg_address_any_port(evg_address_t *address, const char *host)
{
    *address = (evg_address_t){0};
    return copy(address->host, sizeof address->host, host);
}

bool evg_address_unix(evg_address_t *address, const char *path)
{
    *address = (evg_address_t){0};
    return copy(address->path, sizeof address->path, path);
}

bool evg_address_equal_p(const evg_address_t *a, const evg_address_t *b)
{
    return a->port == b->port && !strcmp(a->host, b->host) && !strcmp(a->path, b->path);
}

const char *evg_address_text(const evg_address_t *address, char *room, size_t cap)
{
    bool v6 = strchr(address->host, ':') != NULL;
    if (*address->path)
        snprintf(room, cap, "%s", address->path);
    else
        snprintf(room, cap, v6 ? "[%s]:%d" : "%s:%d", address->host, address->port);
    return room;
}

static void unix_way(const evg_address_t *address, evg_sockaddrs_t *out)
{
    struct sockaddr_un way = {.sun_family = AF_UNIX};
    memcpy(way.sun_path, address->path, sizeof way.sun_path);
    memcpy(&out->addresses[0].storage, &way, sizeof way);
    out->addresses[0].len = sizeof way;
    out->count = 1;
}

/* getaddrinfo, not inet_pton, for the sake of "fe80::1%eth0"; AI_NUMERICHOST asks nobody. */
static bool numeric_way(const evg_address_t *address, evg_sockaddrs_t *out)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char port[16];
    snprintf(port, sizeof port, "%d", address->port);
    if (getaddrinfo(address->host, port, &hints, &found) != 0) return false;
    memcpy(&out->addresses[0].storage, found->ai_addr, found->ai_addrlen);
    out->addresses[0].len = found->ai_addrlen;
    out->count = 1;
    freeaddrinfo(found);
    return true;
}

bool evg_address_literal(const evg_address_t *address, evg_sockaddrs_t *out)
{
    if (!*address->path) return numeric_way(address, out);
    unix_way(address, out);
    return true;
}

static bool loopback6_p(const struct in6_addr *ip)
{
    bool mapped = IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127;
    return mapped || IN6_IS_ADDR_LOOPBACK(ip);
}

bool evg_sockaddr_local_p(const evg_sockaddr_t *address)
{
    const void *storage = &address->storage;
    const struct sockaddr_in *v4 = storage;
    const struct sockaddr_in6 *v6 = storage;
    switch (address->storage.ss_family) {
    case AF_UNIX: return true;
    case AF_INET: return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    case AF_INET6: return loopback6_p(&v6->sin6_addr);
    default: return false;
    }
}

const char *evg_sockaddr_text(const evg_sockaddr_t *address, char *room, size_t cap)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    bool ip = address->storage.ss_family != AF_UNIX;
    if (!ip || getnameinfo(name, address->len, room, (socklen_t)cap, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(room, cap, "-");
    return room;
}
