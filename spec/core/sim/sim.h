/* Clients and workers against servers, in memory and in virtual time, from one seed. The servers are ours, or a model of
 * gearmand: each seed runs with either.
 *
 *     sim.c      what happens next, and the end: faults stop, and all has to come to rest
 *     model.c    gearmand's connections and what they ask; model_jobs.c its jobs and queues
 *     own.c      our servers, and what a listener does with them; watch.h what they must do
 *     net.c      bytes between the two, in pieces, fast or slow, until somebody cuts them
 *     peer.c     a session and its turn; client.c what it asks for; worker.c the jobs it runs
 *     team.c     the sessions of one client or worker: alone, or one for each of its servers, as a fleet and a crew
 *     routes.c   where the requests of a fleet have to go; turns.c when a crew has to ask, and when it may sleep
 *     words.c    what packets say; world.c chance, the record of what happened, and the way to fail
 *
 * Peers and the connections of servers share their numbers. The workload of a submission is "ID/PAYLOAD"; the payload is
 * its unique key if it has one, else the id. Whatever comes back about a job begins with one letter for what it
 * is (R result, D data, W warning, X exception), then the function's digit, then the payload; behind data and warnings
 * "#" and a number that only grows, so that a copy which reaches the wrong one of two that share a job is found out. */
#ifndef EVG_SPEC_SIM_H
#define EVG_SPEC_SIM_H

#include "base/error.h"
#include "session/crew.h"
#include "session/fleet.h"
#include "session/session.h"

enum { PEERS = 12, TEAMS = 7, SERVERS = 3, ASKS = 40, TASKS = 512, FUNCTIONS = 4, KEYS = 4, IDS = 4096, WORK = 32 };

/* -- world.c ------------------------------------------------------------------------------------------------------- */

/* BEGUN: a byte of it was written. FORBIDDEN: its client was told that it was not sent. */
typedef enum { UNSEEN, BEGUN, SEEN, FORBIDDEN } id_state_t;

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
    bool several; /* sessions have their servers for good, and are together in fleets and crews */
    uint8_t ids[IDS];
    unsigned id_count, reports, echoes, places;
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
unsigned id_of(const char *work);
void begin_submission(const char *work);  /* its first byte leaves: once */
void see_submission(const char *work);    /* a server got it: once, and only if its client does not know better */
void refuse_submission(const char *work); /* and did not take it */

/* -- the far end of the wires -------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
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
    bool (*owes_job_p)(int at); /* a GRAB would bring one; and it was not told that nobody would ask */
    bool (*vanished_p)(int server,
                       evg_bytes_t handle); /* it dropped that job without a word to those who wait for it */
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
    evg_command_t type; /* EVG_TEXT: a line */
} way_t;

typedef struct {
    bool up;
    int server;
    bool answered;                           /* the peer has heard a whole packet or line */
    bool stalled, was_stalled;               /* nothing moves; ever on this connection */
    bool slow;                               /* few bytes at a time, with pauses that nobody may take for silence */
    bool deep;                               /* slow only behind the peer's kernel, which takes all at once */
    double write_at, read_at;                /* then: the next ones */
    double heard_at, said_at;                /* when bytes last came to the peer, and from it */
    way_t arriving, leaving;                 /* what is under way, as seen from the peer */
    unsigned grabs;                          /* of which no answer has come */
    unsigned last_place;                     /* of the last submission that left */
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
void jobs_drop(int server);
void jobs_submit(int at, const evg_packet_t *packet);
bool jobs_grab(int at, evg_command_t grab);
bool jobs_runnable_p(int at);
bool jobs_at_hand_p(int at); /* a GRAB would bring one */
void jobs_report(int at, const evg_packet_t *packet);
bool jobs_cancel(int at, evg_bytes_t handle); /* false: unknown */
void jobs_client_left(int at);
void jobs_worker_left(int at);
void jobs_time_out(int at);
bool jobs_held_p(int at, int function, bool timed);
unsigned jobs_held_count(int at);
model_job_t *jobs_find(int at, evg_bytes_t handle);
model_job_t *jobs_find_key(int at, int function, evg_bytes_t key);
bool jobs_vanished_p(int server, evg_bytes_t handle); /* dropped without a word to those who were attached */
size_t jobs_left(void);                               /* that somebody should still run */
evg_bytes_t handle_text(const model_job_t *job, char *room);

/* -- peer.c, client.c, worker.c, team.c, routes.c, turns.c --------------------------------------------------------- */

typedef enum { FOREGROUND, BACKGROUND, ECHO, STATUS, STATUS_UNIQUE, OPTION, ADMIN, GRAB } ask_kind_t;

typedef struct {
    evg_request_t request;
    bool used, created;
    int at;         /* whose it is */
    unsigned place; /* the lower the sooner, among those of its session */
    bool excused;   /* it may end before its time: its session was told to be down, or there is no hope for any */
    double made_at;
    unsigned behind; /* the packet that was arriving when it was asked, with nothing else asked before it; 0: none */
    double free_at;  /* when that was through */
    ask_kind_t kind;
    unsigned id;
    int function;
    bool keyed, timed;
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

typedef struct team team_t;

typedef struct {
    evg_session_t s;
    team_t *team;
    int at;
    bool client, worker;
    int home;          /* its server; that to which it goes when all is calm */
    bool gone;         /* its last attempt failed, or its last connection was lost; until its server answers again */
    bool asleep;       /* as of the last look */
    bool said_no;      /* its server's last word about jobs on this connection was NO_JOB */
    unsigned passed;   /* jobs that others of its crew had, while there was one for it and it did not ask */
    double connect_at; /* while opening */
    double replied_at; /* when something it had asked was last answered */
    task_t tasks[TASKS];
    int task_top; /* no task above was ever used */
} peer_t;

struct team {
    bool client, worker, joined; /* joined: as a fleet and a crew, even of one */
    bool threads;                /* each handler has one of its own until it returns */
    bool stirred;                /* the crew was, when it was looked at for another reason than to heed it */
    unsigned moves;              /* requests that were given to a session other than that which is looked at, perhaps */
    int first, count;            /* of its peers, in the order of its servers */
    int last;                    /* the one that was last picked for what has no key */
    evg_fleet_t fleet;
    evg_fleet_member_t members[SERVERS];
    evg_crew_t crew;
    ask_t asks[ASKS];
};

extern peer_t peers[PEERS];
extern int peer_count;
extern team_t teams[TEAMS];
extern int team_count;

void peer_begin(team_t *team, bool client, bool worker, int home);
void peer_end(peer_t *peer);
void peer_turn(peer_t *peer); /* what a loop does with one connection */
void peer_events(peer_t *peer);
void peer_disconnect(peer_t *peer);
void peer_moves(peer_t *peer); /* to a server */
double peer_deadline(const peer_t *peer);
double peer_patience(const peer_t *peer); /* how long a peer that is alive may be silent */

void client_acts(peer_t *peer);
void client_submits(peer_t *peer);
ask_t *client_ask_of(unsigned id);                         /* the submission; NULL: it has ended */
bool client_event(peer_t *peer, const evg_event_t *event); /* false: it was about no request */
bool client_rests_p(const peer_t *peer);
bool client_grabs_p(const peer_t *peer); /* a job could come that nobody would run: then events do not help */
void client_excuse(const peer_t *peer);  /* all that it has asked */
void client_check_written(const peer_t *peer, uint64_t before); /* of what was written from there on nothing was late */
void client_free(peer_t *peer, unsigned packet);                /* that one is through */
void client_check_waiting(const peer_t *peer);                  /* behind a tick: nobody has waited for too long */

void worker_acts(peer_t *peer);
bool worker_event(peer_t *peer, const evg_event_t *event);
void worker_runs(peer_t *peer); /* handlers whose time has come */
void worker_serves_all(team_t *team);
double worker_deadline(const peer_t *peer);

ask_t *free_ask(const peer_t *peer, ask_kind_t kind);
void ask_taken(peer_t *peer, ask_t *ask, int r);

/* At so many of the servers, each for a peer; at the first only, unless it is joined. */
void team_begin(bool client, bool worker, bool joined, const int *homes, int count);
void team_settle(team_t *team); /* behind each change of a session's state */
void team_audit(team_t *team);
size_t team_limit(const team_t *team);    /* jobs that it may hold */
bool team_hopeless_p(const team_t *team); /* of its servers none is there, nor will be asked again */
bool team_stirred(team_t *team);          /* since it was asked last */
bool team_busy_p(const team_t *team);     /* it holds one, or has asked, or some handler runs */
void team_disconnect(team_t *team);

static inline bool team_several_p(const team_t *team)
{
    return team->joined && team->count > 1;
}

static inline peer_t *team_peer(const team_t *team, int i)
{
    return &peers[team->first + i];
}

void routes_begin(void);
peer_t *routes_pick(team_t *team, const ask_t *ask); /* where it goes, which is where it has to */
void routes_moved(team_t *team, ask_t *ask, peer_t *to);
void routes_leaves(int at, evg_bytes_t packet); /* its first byte */
void routes_check(const team_t *team);          /* nobody waits where he need not, or for nothing */

void turns_asked(int at);
void turns_answered(int at, evg_command_t type);
void turns_assigned(peer_t *peer);
void turns_look(const peer_t *peer);    /* behind each step of its session: may those sleep that do? */
void turns_check(const team_t *team);   /* nothing moves: nobody leaves a job where he could have it */
void turns_watch(peer_t *peer);         /* before a step of its session; */
void turns_compare(const peer_t *peer); /* and behind it: who has something to write, and is not told? */

extern int server_count;
extern bool server_up[SERVERS], server_refuses[SERVERS], server_mute[SERVERS];

#endif
