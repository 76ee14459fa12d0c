/* Clients and workers against servers, in memory and in virtual time, from one seed. The servers are ours, or a model of
 * gearmand: each seed runs with either.
 *
 *     sim.c      what happens next, and the end: faults stop, and all has to come to rest
 *     model.c    gearmand's connections and what they ask; model_jobs.c its jobs and queues
 *     own.c      our servers, and what a listener does with them; watch.h what they must do
 *     net.c      bytes between the two, in pieces, fast or slow, until somebody cuts them
 *     peer.c     a session and its turn; client.c what it asks for; worker.c the jobs it runs
 *     words.c    what packets say; world.c chance, the record of what happened, and the way to fail
 *
 * Peers and the connections of servers share their numbers. The workload of a submission is "ID/PAYLOAD"; the payload is
 * its unique key if it has one, else the id. Whatever comes back about a job begins with one letter for what it
 * is (R result, D data, W warning, X exception), then the function's digit, then the payload; behind data and warnings
 * "#" and a number that only grows, so that a copy which reaches the wrong one of two that share a job is found out. */
#ifndef EVG_SPEC_SIM_H
#define EVG_SPEC_SIM_H

#include "base/error.h"
#include "session/session.h"

enum { PEERS = 7, SERVERS = 2, ASKS = 40, TASKS = 128, FUNCTIONS = 4, KEYS = 4, IDS = 4096, WORK = 32 };

/* -- world.c ------------------------------------------------------------------------------------------------------- */

typedef enum { UNSEEN, SEEN, FORBIDDEN } id_state_t; /* FORBIDDEN: its client was told that it was not sent */

typedef struct {
    const char *program; /* ours, to be run again */
    uint64_t seed, random, step;
    double now, wall_ahead; /* monotonic, which is gearmand's wall clock, too; by what ours differs from that */
    bool recording;         /* what happens is noted; costs half of the time, so only where somebody looks */
    bool verbose;           /* and told at once */
    bool delays;            /* there are epoch jobs */
    bool polls;   /* a server wakes nobody for those; else no worker polls, since nothing but a mistake could make it
                    have to */
    bool refuses; /* a server takes only so many jobs */
    bool calm;    /* no more faults and no more requests */
    uint8_t ids[IDS];
    unsigned id_count, reports, echoes;
    unsigned stuck; /* deadlines in a row that had passed */
} world_t;

extern world_t world;

void world_begin(uint64_t seed);
uint64_t draw(void);
unsigned pick(unsigned n);      /* 0 .. n-1 */
bool chance(unsigned permille); /* never when calm, for faults and fancies */
double uniform(void);           /* [0, 1) */
bool text_p(evg_bytes_t bytes, const char *text);

#define LIKE_PRINTF __attribute__((format(printf, 1, 2)))
#define note(...) (world.recording ? record(__VA_ARGS__) : (void)0)
void record(const char *format, ...) LIKE_PRINTF;

/* Tells what is wrong, and what was noted last; if nothing was, the seed runs again. */
void broken(const char *format, ...) LIKE_PRINTF __attribute__((noreturn));

/* -- words.c ------------------------------------------------------------------------------------------------------- */

int function_of(evg_bytes_t name);
int priority_of(evg_command_t type);
void copy(char *to, size_t cap, evg_bytes_t from);
void see_submission(const char *work);    /* a server got it: once, and only if its client does not know better */
void refuse_submission(const char *work); /* and did not take it */

/* -- the far end of the wires -------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    int most; /* servers that there may be */
    void (*begin)(void);
    void (*end)(void);           /* all are disconnected, and at rest */
    void (*restart)(int server); /* cuts its connections and forgets all */
    void (*open)(int at);        /* to wires[at].server */
    void (*close)(int at);
    bool (*reads_p)(int at);                 /* else nothing is to come */
    void (*hear)(int at, evg_bytes_t bytes); /* answers go on its wire */
    void (*taken)(int at);                   /* some of those were */
    void (*pass)(void);                      /* time has */
    double (*deadline)(void);
    unsigned (*held_count)(int at);
    bool (*vanished_p)(evg_bytes_t handle); /* it dropped that job without a word to those who wait for it */
    size_t (*left)(void);                   /* jobs that somebody should still run */
} far_end_t;

extern const far_end_t model_end, own_end;
extern const far_end_t *far_end;

/* -- net.c --------------------------------------------------------------------------------------------------------- */

/* The packet whose first bytes are through, and whose last are not. */
typedef struct {
    size_t left;  /* bytes; 0: there is none */
    double since; /* its first byte was through */
    unsigned number;
} way_t;

typedef struct {
    bool up;
    int server;
    bool stalled, was_stalled;               /* nothing moves; ever on this connection */
    bool slow;                               /* few bytes at a time, with pauses that nobody may take for silence */
    bool deep;                               /* slow only behind the peer's kernel, which takes all at once */
    double write_at, read_at;                /* then: the next ones */
    double heard_at, said_at;                /* when bytes last came to the peer, and from it */
    way_t arriving, leaving;                 /* what is under way, as seen from the peer */
    evg_buffer_t kernel, to_server, to_peer; /* the first: what was written and is not on its way */
} wire_t;

extern wire_t wires[PEERS];

void wire_open(int at, int server);
void wire_drop(int at); /* with all that was under way */
void wire_cut(int at);  /* some of what was under way still arrives at the server */
bool wire_to_server(int at);
bool wire_to_peer(int at);
bool wire_write(int at); /* takes output of the session */
double wire_deadline(int at);
size_t some_of(size_t len);

/* -- model.c, model_jobs.c ----------------------------------------------------------------------------------------- */

typedef struct {
    evg_list_t link;
    unsigned number; /* of its handle */
    int function, priority;
    int worker; /* -1: queued */
    bool background, ignored;
    double run_at;
    char key[8], work[WORK];
    uint8_t clients[PEERS * ASKS]; /* one for each submission that is attached */
    int client_count;
    unsigned done, of;
} model_job_t;

typedef struct {
    bool open, sleeping, noop_sent, exceptions;
    evg_buffer_t in;
    int abilities[FUNCTIONS], ability_count; /* in the order of their registration */
    double timeouts[FUNCTIONS];
    double timer_at;    /* 0: none */
    unsigned timed;     /* the number of the job it is about */
    unsigned taken[64]; /* jobs that were re-queued while it held them */
    int taken_count;
    int naps; /* PRE_SLEEPs in this second since its last job */
    double nap_second;
} conn_t;

extern conn_t conns[PEERS];

void model_say(int at, evg_command_t type, const evg_bytes_t *args, int argc);
bool model_serves_p(int at, int function);

void jobs_begin(void);
void jobs_drop_all(void);
void jobs_submit(int at, const evg_packet_t *packet);
bool jobs_grab(int at, evg_command_t grab);
bool jobs_runnable_p(int at);
void jobs_report(int at, const evg_packet_t *packet);
bool jobs_cancel(evg_bytes_t handle); /* false: unknown */
void jobs_client_left(int at);
void jobs_worker_left(int at);
void jobs_time_out(int at);
bool jobs_held_p(int at, int function, bool timed);
unsigned jobs_held_count(int at);
model_job_t *jobs_find(evg_bytes_t handle);
model_job_t *jobs_find_key(int function, evg_bytes_t key);
bool jobs_vanished_p(evg_bytes_t handle); /* dropped without a word to those who were attached */
size_t jobs_left(void);                   /* that somebody should still run */
evg_bytes_t handle_text(const model_job_t *job, char *room);

/* -- peer.c, client.c, worker.c ------------------------------------------------------------------------------------ */

typedef enum { FOREGROUND, BACKGROUND, ECHO, STATUS, STATUS_UNIQUE, OPTION, ADMIN, GRAB } ask_kind_t;

typedef struct {
    evg_request_t request;
    bool used, created;
    double made_at;
    unsigned behind; /* the packet that was arriving when it was asked, with nothing else asked before it; 0: none */
    double free_at;  /* when that was through */
    ask_kind_t kind;
    unsigned id;
    int function;
    bool timed;
    unsigned heard; /* the last report's number */
    char text[64];  /* payload of a submission, what an echo sent, the key of a question */
} ask_t;

typedef enum { IDLE_SLOT, RUNNING, GONE } task_state_t; /* GONE: the session lost it, the handler does not know */

typedef struct {
    evg_job_t job;
    task_state_t state;
    int function;
    char payload[WORK];
    double next_at; /* its handler's next act */
    int progress;   /* reports before the end */
    bool never;
} task_t;

typedef struct {
    evg_session_t s;
    int at;
    bool client, worker;
    int home;          /* the server that it goes to when all is calm */
    double connect_at; /* while opening */
    double replied_at; /* when something it had asked was last answered */
    ask_t asks[ASKS];
    task_t tasks[TASKS];
    int task_top; /* no task above was ever used */
} peer_t;

extern peer_t peers[PEERS];
extern int peer_count;

void peer_begin(int at, bool client, bool worker, int home);
void peer_end(peer_t *peer);
void peer_turn(peer_t *peer); /* what a loop does with one connection */
void peer_events(peer_t *peer);
void peer_disconnect(peer_t *peer);
void peer_moves(peer_t *peer); /* to a server */
double peer_deadline(const peer_t *peer);
double peer_patience(const peer_t *peer);  /* how long a peer that is alive may be silent */
size_t peer_limit(const evg_session_t *s); /* jobs that it may hold */
void peer_audit(peer_t *peer);

void client_acts(peer_t *peer);
void client_submits(peer_t *peer);
bool client_event(peer_t *peer, const evg_event_t *event); /* false: it was about no request */
bool client_rests_p(const peer_t *peer);
bool client_grabs_p(const peer_t *peer); /* a job could come that nobody would run: then events do not help */
void client_check_written(const peer_t *peer, uint64_t before); /* of what was written from there on nothing was late */
void client_free(peer_t *peer, unsigned packet);                /* that one is through */
void client_check_waiting(const peer_t *peer);                  /* behind a tick: nobody has waited for too long */

void worker_acts(peer_t *peer);
bool worker_event(peer_t *peer, const evg_event_t *event);
void worker_runs(peer_t *peer); /* handlers whose time has come */
void worker_serves_all(peer_t *peer);
double worker_deadline(const peer_t *peer);

ask_t *free_ask(peer_t *peer, ask_kind_t kind);
void ask_taken(peer_t *peer, ask_t *ask, int r);

extern int server_count;
extern bool server_up[SERVERS], server_refuses;

#endif
