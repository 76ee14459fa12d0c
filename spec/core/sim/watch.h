/* What servers of ours must do, told from the packets alone.
 *
 *     ledger.c   the jobs of all servers, as whoever reads along knows them: who waits, who runs what, what has its turn
 *     watch.c    what each connection asked and was told, one packet at a time
 *     requests.c what each request does, and what it has to draw
 *     rules.c    whose turn it is, and who may sleep
 *
 * Of everything that happens at a server watch.c sees first what was asked and then what was said. Each request has its
 * reply, each report reaches all who wait, once and in order; who asks for a job gets the one whose turn it is; and
 * nobody sleeps beside a job that he could do. */
#ifndef EVG_SPEC_SIM_WATCH_H
#define EVG_SPEC_SIM_WATCH_H

#include "session/server_session.h"
#include "sim/sim.h"

/* -- ledger.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
    evg_list_t link;
    unsigned number; /* of its handle */
    int function, priority;
    char key[8], work[WORK];
    int worker;        /* -1: it is queued */
    bool background;   /* it runs, whoever waits */
    bool waits, quiet; /* for its second; it woke nobody then */
    double due;
    uint64_t turn;   /* the lower the sooner, among those of its function and priority; equal ones may change places */
    double timer_at; /* 0: none */
    unsigned attempts, done, of;
    unsigned waiters[PEERS], waiter_count;
} entry_t;

typedef struct {
    evg_server_t *server;
    evg_list_t entries;
    size_t count, running;
    unsigned last;                                 /* handle */
    uint64_t submitted, joined, completed, failed; /* ever; as the server counts them */
    uint64_t turn;
    unsigned waking; /* bits of functions for which somebody may be woken, by what happens now */
} ledger_t;

extern ledger_t ledgers[SERVERS];

void ledger_begin(int at, evg_server_t *server);
void ledger_forget(ledger_t *ledger);
entry_t *ledger_find(ledger_t *ledger, evg_bytes_t handle);
entry_t *ledger_find_key(ledger_t *ledger, int function, evg_bytes_t key); /* function -1: any */
bool ledger_quirk_p(const ledger_t *ledger, evg_quirk_t quirk);

/* A submission got this handle. */
void ledger_submitted(ledger_t *ledger, int at, const evg_packet_t *packet, evg_bytes_t handle);
void ledger_assigned(ledger_t *ledger, entry_t *entry, int at, double timeout);
void ledger_ended(ledger_t *ledger, entry_t *entry, evg_command_t type);
void ledger_cancelled(ledger_t *ledger, entry_t *entry);
void ledger_time_passed(ledger_t *ledger);
void ledger_client_left(ledger_t *ledger, int at);
void ledger_worker_left(ledger_t *ledger, int at, int function); /* -1: all that it can do */
void ledger_timers_stop(ledger_t *ledger, int at);

static inline entry_t *entry_of(evg_list_t *link)
{
    return evg_container(link, entry_t, link);
}

static inline bool entry_runnable_p(const entry_t *entry)
{
    return entry->worker < 0 && !entry->waits;
}

/* -- watch.c ------------------------------------------------------------------------------------------------------- */

typedef struct {
    evg_server_session_t *session; /* NULL: closed */
    ledger_t *ledger;
    bool asleep, noop_sent, exceptions;
    bool able[FUNCTIONS];
    unsigned
        excused; /* bits of functions whose jobs it sleeps beside, because it could not do them when it went to sleep */
    double timeouts[FUNCTIONS];
    unsigned passed[FUNCTIONS][3]; /* how often others had their turn while this one had a job of that priority */
    evg_buffer_t asked;            /* and not executed */
    uint64_t seen;                 /* stream position in what it was said */
    unsigned from, to;             /* what it is still to be told without having asked */
} view_t;

extern view_t views[PEERS];

static inline int view_number(const view_t *view)
{
    return (int)(view - views);
}

static inline bool view_of_p(const view_t *view, const ledger_t *ledger)
{
    return view->session && view->ledger == ledger;
}

void watch_begin(void);
void watch_opened(int at, evg_server_session_t *session, ledger_t *ledger);
void watch_closed(int at); /* it is no session any more */

/* It got these bytes. */
void watch_heard(int at, evg_bytes_t bytes);

/* It has executed so many requests. */
void watch_ran(int at, uint64_t requests);

/* The server was told the time. */
void watch_time_passed(ledger_t *ledger);

/* Those who wait for this job are to be told. */
void watch_expects(const entry_t *entry, evg_command_t type);

/* Those who can do it may be woken, and if they are not they must not sleep on. */
void watch_wakes(ledger_t *ledger, int function);

/* And for requests.c: */

/* The rest of what it was said. */
evg_bytes_t watch_unseen(const view_t *view);

/* Is there a reply to a packet of this type, or one in text? false: it is told nothing any more. */
bool watch_reply(view_t *view, evg_packet_t *packet, evg_command_t request);
bool watch_text(view_t *view);

/* It can do that no more. If it was woken, others may be. */
void watch_resigns(view_t *view, int function);

void watch_expect(view_t *view, evg_command_t type, unsigned number);
void watch_told(view_t *view, const evg_packet_t *packet); /* what is expected */

/* -- requests.c ---------------------------------------------------------------------------------------------------- */

void request_packet(view_t *view, const evg_packet_t *packet);
void request_line(view_t *view, evg_bytes_t line);

/* -- rules.c ------------------------------------------------------------------------------------------------------- */

/* Is there a job that it could have? */
bool rules_job_p(const view_t *view);

/* It asks for one; ditto. */
bool rules_look(view_t *view);

/* It gets this one, whose turn has to be. */
void rules_check_turn(view_t *view, const entry_t *entry);

/* Of what there is between two events: nobody sleeps beside a job, and the server knows what the ledger does. */
void rules_check(const ledger_t *ledger);

#endif
