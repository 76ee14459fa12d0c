/* A job server without sockets, clock and Ruby: what its connections have in common. What one of them says is for
 * server_session.h.
 *
 *     evg_server_init(&server, &settings);
 *     evg_server_clock(&server, now, wall);          before anything else, whenever time has passed
 *     evg_server_session_run(s);                     ... for each connection from which bytes came
 *     evg_server_tick(&server);                      at evg_server_deadline at the latest
 *     while ((s = evg_server_touched(&server)))      then, and at the end of each round:
 *         if (s->ending) ... else ...                close it, or write what it has to say
 *
 * A packet of one connection makes others speak: whose output grew, or who has to end, is on the list of those that were
 * touched, and nobody is called. All is for one thread at a time. */
#ifndef EVG_SESSION_SERVER_H
#define EVG_SESSION_SERVER_H

#include "session/faults.h"
#include "session/jobqueue.h"
#include "session/quirks.h"

enum { EVG_SERVER_PATIENCE = 30 }; /* seconds for a packet that has begun and does not move, or for the first one */

typedef struct evg_server_session evg_server_session_t; /* server_session.h */

typedef struct {
    evg_queue_options_t queue;
    size_t max_packet;   /* body of what is read; a submission above it is refused, anything else ends its connection */
    size_t max_buffer;   /* bytes that wait for one reader; one more answer or event, or more of a list, ends its
                            connection */
    const char *prefix;  /* of handles; copied */
    const char *version; /* what `version` says; has to stay */
    long pid;            /* what `getpid` says */
    bool allow_shutdown; /* by text, from any connection */
    uint32_t quirks;     /* quirks.h */
    uint64_t seed[2];
} evg_server_settings_t;

/* Counted since init; evg_server_forget leaves them. */
typedef struct {
    uint64_t packets_in, packets_out; /* lines and replies in text too */
    uint64_t bytes_in, bytes_out;     /* of sessions that have ended; those that live have their own */
    uint64_t submitted, joined;       /* jobs; submissions that joined one */
    uint64_t completed, failed;       /* jobs that workers ended */
    uint64_t refused;                 /* submissions, for want of room */
    uint64_t cut_off;                 /* connections that were ended for what they did, or did not read */
} evg_server_counts_t;

typedef enum { EVG_STAYS, EVG_SHUTS, EVG_SHUTS_GRACEFULLY } evg_server_wish_t;

typedef struct {
    evg_server_settings_t settings;
    evg_queue_t queue;
    evg_server_counts_t counts;
    evg_server_wish_t wish; /* somebody said shutdown: for the owner to do */
    size_t session_count;
    evg_list_t sessions; /* in the order of their beginning */
    evg_faults_t faults; /* what a test asks for */
    /* private */
    evg_list_t touched;
} evg_server_t;

/* With the caps of the API and the habits of gearmand, to be changed before init. */
evg_server_settings_t evg_server_defaults(void);

/* Allocates nothing. */
void evg_server_init(evg_server_t *server, const evg_server_settings_t *settings);

/* All its sessions have ended. */
void evg_server_deinit(evg_server_t *server);

/* Monotonic and since 1970; the latter may go anywhere. */
void evg_server_clock(evg_server_t *server, double now, double wall);

/* Jobs whose time is over, or has come. */
void evg_server_tick(evg_server_t *server);

/* When tick has something to do; INFINITY for never. */
double evg_server_deadline(const evg_server_t *server);

/* As after a restart: no jobs, no functions, handles from 1. All its sessions have ended. */
void evg_server_forget(evg_server_t *server);

/* Takes one off the list of those that have something to write or have to end; NULL: none has. */
evg_server_session_t *evg_server_touched(evg_server_t *server);

#endif
