/* A descriptor at which others may connect: a port, or the path of a unix socket. No loop here. */
#ifndef EVG_NET_LISTENING_H
#define EVG_NET_LISTENING_H

#include "net/address.h"

#include <sys/stat.h>

typedef struct {
    int fd;                /* -1: closed */
    evg_address_t address; /* with the port that it is */
    /* private */
    dev_t device; /* of the socket's file, to know it again */
    ino_t inode;
} evg_listening_t;

/* Closed. */
void evg_listening_init(evg_listening_t *listening);

/* Binds and listens, at an IP literal or a path: only the user may connect to a file that it makes (0600). Where there is
 * one already that is a socket of ours to which nobody listens, it is replaced. 0, or errno. */
int evg_listening_open(evg_listening_t *listening, const evg_address_t *address);

/* Whoever waits to be accepted is refused; its file goes, if it still is that one. Idempotent. */
void evg_listening_close(evg_listening_t *listening);

/* In a forked child: the file is the parent's. */
void evg_listening_forked(evg_listening_t *listening);

#endif
