/* Connections between servers that do anything and callers who do anything: real sockets, a real loop, and libev. Only
 * time and names are ours. All runs on one thread, and time passes while the loop sleeps, so a seed plays again; but for
 * those in which TCP takes more at once, or less, than it did.
 *
 *     system.c    the clock, the sleep of a poll, names, refusals: in place of the C library's
 *     server.c    places to connect to, and who is behind them
 *     secure.c    TLS in one life of three: OpenSSL itself at the server's end
 *     talk.c      what those say
 *     client.c    a connection of the caller, its requests and jobs, and what must be true of them
 *     caller.c    what the caller does with it
 *     life.c      one life after another: turns, the end, and what must be true of them
 *
 * A violation aborts, and says by which seed it comes again. */
#ifndef EVG_SPEC_NETFUZZ_H
#define EVG_SPEC_NETFUZZ_H

#include "net/connection.h"

#include <stdarg.h>
#include <stdint.h>

/* -- life.c -------------------------------------------------------------------------------------------------------- */

unsigned pick(unsigned n); /* 0 .. n - 1 */
double some_time(double most);

#define must(condition) ((condition) ? (void)0 : violated(#condition, __FILE__, __LINE__))
_Noreturn void violated(const char *what, const char *file, int line);

/* With --verbose. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);

/* -- system.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
    double now;
    bool slept;    /* in the last poll */
    bool no_watch; /* epoll takes nothing new */
} machine_t;

extern machine_t machine;

void machine_pass(double seconds);
void machine_answer_lookups(void); /* all that are under way, and their threads are over */
int machine_threads(void);
int machine_descriptors(void);
void machine_refuse_descriptors(bool refuse);

/* -- server.c ------------------------------------------------------------------------------------------------------ */

typedef enum {
    PLACE_TCP,
    PLACE_UNIX,
    PLACE_NAME,    /* of PLACE_TCP */
    PLACE_TWO,     /* a name of a place that refuses, and of PLACE_TCP */
    PLACE_UNKNOWN, /* a name of nothing */
    PLACE_REFUSES,
    PLACE_NO_FILE,
    PLACE_FULL, /* its queue of connections is full, and nobody accepts */
    PLACES
} place_t;

extern evg_address_t places[PLACES];
extern evg_sockaddr_t tcp_place, refusing_place;

typedef struct {
    uint8_t *at;
    size_t len, cap;
} bytes_t;

void bytes_add(bytes_t *bytes, const void *more, size_t len);
void bytes_drop(bytes_t *bytes, size_t len); /* from the front */

/* FINE ends each job at once. */
typedef enum { GOOD, SLOPPY, LIAR, NOISY, MUTE, DEAF, GREETER, SLAMMER, FINE, MOODS } mood_t;

enum { PEER_JOBS = 8 };

typedef struct secure secure_t;

/* One connection, at the server's end. */
typedef struct {
    int fd; /* -1: none */
    unsigned number;
    mood_t mood;
    bool honest; /* what was said so far was right, and to the right request */
    bool leaving;
    double next_at, pace, busy_until;
    size_t grain;     /* bytes that are said in one go */
    secure_t *secure; /* NULL: in the clear */
    bool misled;      /* in the clear, and spoken to by TLS */
    bytes_t in, out;
    bytes_t wire; /* `out` as it goes to the socket */
    unsigned handles;
    char jobs[PEER_JOBS][32]; /* foreground, created and not ended; "" */
} peer_t;

extern bool server_honest; /* all that is said in this life is right, if it is said */

void server_begin(void);
void server_act(void);
double server_next(void); /* when it does something again */
int server_descriptors(void);
void server_heal(void); /* hangs up, and is good from now on */
void server_end(void);

/* -- secure.c ------------------------------------------------------------------------------------------------------ */

extern evg_tls_context_t *secure_context; /* of the caller in this life; NULL: all is said in the clear */

void secure_prepare(void); /* once */
void secure_begin(uint64_t seed);
void secure_forget(void); /* the caller's side of it */
void secure_end(void);
void secure_finish(void); /* once */

/* One that is not `trusted` shows a certificate that nobody takes. */
secure_t *secure_open(bool trusted);
void secure_close(secure_t *secure);

/* What came; what was said by it, and what TLS says to it. false: nothing more is to come. */
bool secure_hear(secure_t *secure, evg_bytes_t came, bytes_t *in, bytes_t *wire);

/* All that is to be said, when hands were shaken; and the last word. */
void secure_say(secure_t *secure, bytes_t *out, bytes_t *wire);
void secure_farewell(secure_t *secure, bytes_t *wire);

/* -- talk.c -------------------------------------------------------------------------------------------------------- */

void talk_answer(peer_t *peer);   /* to all that was heard */
void talk_of_a_job(peer_t *peer); /* an earlier one: its end, or more of it */
void talk_nonsense(peer_t *peer); /* something that nobody asked for */
evg_bytes_t talk_workload(size_t most);

/* -- client.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
    evg_connection_t *c;
    evg_list_t asked, held;
    uint64_t made, ended;
    unsigned late, broken; /* turns since a deadline passed, or a write failed */
    bool awaits_job;
} client_t;

typedef struct {
    evg_request_t request;
    evg_list_t link;
    client_t *client;
    uint32_t number;
    double give_up_at; /* of a job with a timeout */
    unsigned late;     /* turns since */
} asked_t;

typedef struct {
    evg_job_t job;
    evg_list_t link;
    bool entered;
} held_t;

enum { CLIENTS = 3 };

extern client_t *clients[CLIENTS]; /* NULL: none */
extern uint64_t told;              /* events */

client_t *client_new(evg_loop_t *loop);
void client_free(client_t *client);
void client_forget_numbers(void);
bool client_not_sent_p(uint32_t number); /* so nobody may hear of it any more */
asked_t *client_request(client_t *client);
void client_asked(asked_t *asked, int answer); /* what the session said to it; frees what was not taken */
void client_drop(client_t *client, held_t *held);
void client_audit(client_t *client);

/* -- caller.c ------------------------------------------------------------------------------------------------------ */

extern bool caller_rests;   /* does nothing in the middle of an event */
extern bool caller_hurries; /* said that something changed */

void caller_act(evg_loop_t *loop);
void caller_asks(client_t *client);
void caller_echoes(client_t *client);
void caller_heals(client_t *client);
void caller_ends_jobs(client_t *client);
void caller_reacts(client_t *client);

#endif
