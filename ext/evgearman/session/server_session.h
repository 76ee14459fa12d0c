/* One connection of a job server: a client, a worker, one who asks for status, or all of them. Bytes go into its wire, and
 * answers come out of it, in the order of the requests; events of jobs and NOOPs come in between.
 *
 *     evg_server_session_open(s, server, "127.0.0.1", fd);
 *     evg_server_clock(server, now, wall);
 *     room = evg_wire_reserve(&s->wire, n); ...; evg_wire_commit(&s->wire, got);
 *     evg_server_session_run(s);
 *     bytes = evg_wire_output(&s->wire);  write some of it; evg_wire_written
 *     evg_server_session_close(s);
 *
 * Nothing is called but what it says. What goes wrong ends this one connection. */
#ifndef EVG_SESSION_SERVER_SESSION_H
#define EVG_SESSION_SERVER_SESSION_H

#include "session/server.h"
#include "session/wire.h"

enum { EVG_PEER_CAP = 64, EVG_CLIENT_ID_CAP = 128 };

struct evg_server_session {
    evg_server_t *server;
    evg_wire_t wire;
    int number;              /* that `workers` shows: its descriptor */
    char peer[EVG_PEER_CAP]; /* address that `workers` shows */
    int ending;              /* not 0: it is to be closed, behind what it has to say; an evg_error_t:
                                EVG_EMAGIC, _EUNEXPECTED, _EPACKET_SIZE, _EMALFORMED, _ETEXT_SIZE, _EARGS: what came;
                                _EBACKPRESSURE: it does not read; _ECOMMAND_TIMEOUT: it said nothing, or half a packet;
                                _ENOMEM; _ECLOSED: it was told to go (shutdown) */
    /* private */
    evg_queue_client_t client;
    evg_queue_worker_t worker;
    bool exceptions; /* OPTION_REQ: a WORK_EXCEPTION is told as such, not as WORK_FAIL */
    bool noop_sent;  /* since its last GRAB_JOB */
    bool sleeps_now; /* PRE_SLEEP is being done: a NOOP is its answer */
    char *id;        /* SET_CLIENT_ID; NULL: none */
    double open_since;
    evg_list_t link;    /* in the server's sessions */
    evg_list_t touched; /* in the server's */
};

/* A connection begins. `peer` is copied, and may be cut. */
void evg_server_session_open(evg_server_session_t *s, evg_server_t *server, const char *peer, int number);

/* It is over, for whichever reason: its jobs go back, who waits for nothing else lets go. What was not written is gone. */
void evg_server_session_close(evg_server_session_t *s);

/* Does what came, in order, until it ends in the middle of something, is `ending`, or does not read its answers. */
void evg_server_session_run(evg_server_session_t *s);

/* false: it has so much to read that nothing more is taken from it until it has read some; run again then. */
bool evg_server_session_reads_p(const evg_server_session_t *s);

/* Ends it when it has been silent for too long, in the middle of something or from the start; looks after its buffers.
 * At evg_server_session_deadline at the latest. */
void evg_server_session_tick(evg_server_session_t *s);

/* INFINITY for never. Putting it off is for who has many: it moves with each byte. */
double evg_server_session_deadline(const evg_server_session_t *s);

#endif
