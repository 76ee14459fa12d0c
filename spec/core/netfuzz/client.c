#include "netfuzz/netfuzz.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>

client_t *clients[CLIENTS];
uint64_t told;

/* A job ends in the turn in which its `timeout:` is over, but a connection that ends in that turn, or memory that is not
 * there for a moment, costs another. */
enum { LATE_TURNS = 8, BROKEN_TURNS = 200, NUMBERS = 1 << 16 };

static void free_asked(asked_t *asked)
{
    evg_list_unlink(&asked->link);
    free(asked);
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

/* Of this life; and of those whose caller was told that the server has nothing of them. */
static uint32_t numbers;
static bool not_sent[NUMBERS];

void client_forget_numbers(void)
{
    numbers = 0;
    memset(not_sent, 0, sizeof not_sent);
}

bool client_not_sent_p(uint32_t number)
{
    return number < NUMBERS && not_sent[number];
}

asked_t *client_request(client_t *client)
{
    asked_t *asked = malloc(sizeof *asked);
    must(numbers + 1 < NUMBERS);
    *asked = (asked_t){.client = client, .number = ++numbers, .give_up_at = INFINITY};
    evg_request_init(&asked->request, asked);
    evg_list_init(&asked->link);
    return asked;
}

void client_asked(asked_t *asked, int answer)
{
    client_t *client = asked->client;
    if (answer < 0) {
        must(answer == EVG_ENOMEM || answer == EVG_EWORKING || evg_error_fault(answer) == EVG_USAGE);
        free_asked(asked);
        return;
    }
    evg_list_append(&client->asked, &asked->link);
    client->made++;
}

/* Echoes are compared by the session; of results those that are no lie are somebody's. */
static void check_answer(const asked_t *asked, const evg_event_t *event)
{
    evg_bytes_t own = evg_bytes(&asked->number, sizeof asked->number), got = event->argc ? event->args[0] : own;
    bool echo = asked->request.type == EVG_ECHO_REQ;
    if (!echo && !evg_command_foreground_p((evg_command_t)asked->request.type)) return;
    bool lie = !echo && (got.len != own.len);
    if (got.len > own.len) got.len = own.len;
    must(lie || evg_bytes_equal_p(got, own));
}

/* Whose outcome was told may go at once. */
static void done(client_t *client, asked_t *asked, const evg_event_t *event)
{
    must((event->error != 0) == (event->delivery != EVG_DELIVERY_NONE));
    if (!event->error) check_answer(asked, event);
    if (event->delivery == EVG_NOT_SENT && evg_error_fault(event->error) != EVG_SERVER) not_sent[asked->number] = true;
    client->ended++;
    free_asked(asked);
}

static void request_event(client_t *client, const evg_event_t *event)
{
    asked_t *asked = event->request->owner;
    must(asked->client == client && &asked->request == event->request && evg_list_linked_p(&asked->link));
    if (event->type == EVG_EVENT_DONE) done(client, asked, event);
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static void accept_job(client_t *client, const evg_event_t *event)
{
    must(event->argc == 4);
    held_t *held = malloc(sizeof *held);
    *held = (held_t){0};
    evg_job_init(&held->job);
    evg_list_init(&held->link);
    evg_worker_accept(&client->c->session, &held->job, event, held);
    evg_list_append(&client->held, &held->link);
    client->awaits_job = false;
}

static void job_event(const evg_event_t *event)
{
    const held_t *held = event->job->owner;
    must(&held->job == event->job && event->job->state != EVG_JOB_HELD);
    must(event->type == EVG_EVENT_LOST || event->type == EVG_EVENT_EXPIRED);
}

void client_drop(client_t *client, held_t *held)
{
    if (held->entered) evg_job_left(&client->c->session, &held->job);
    evg_job_forget(&client->c->session, &held->job);
    evg_list_unlink(&held->link);
    free(held);
}

/* -- events -------------------------------------------------------------------------------------------------------- */

/* A view must be readable, all of it: the sanitizer sees whether it is. */
static void read_all(evg_bytes_t bytes)
{
    volatile uint8_t sum = 0;
    for (size_t at = 0; at < bytes.len; at++) sum = (uint8_t)(sum + bytes.at[at]);
}

/* Who says only what is right is never taken for one who does not. */
static bool wrong_p(int error)
{
    return error == EVG_ETLS || error == EVG_EMAGIC || error == EVG_EMALFORMED || error == EVG_EUNEXPECTED ||
           error == EVG_EUNEXPECTED_TEXT;
}

static void on_event(void *owner, const evg_event_t *event)
{
    client_t *client = owner;
    told++;
    must(!server_honest || !wrong_p(event->error));
    for (int at = 0; at < event->argc; at++) read_all(event->args[at]);
    read_all(event->text);
    note("client %p: event %d, error %s", owner, (int)event->type,
         event->error ? evg_error_name(event->error) : "none");
    if (event->type == EVG_EVENT_ASSIGNED) accept_job(client, event);
    if (event->request) request_event(client, event);
    if (event->job) job_event(event);
    caller_reacts(client);
}

static void on_bytes(void *owner, bool out, evg_bytes_t bytes)
{
    note("client %p: %s %zu", owner, out ? "writes" : "reads", bytes.len);
    read_all(bytes);
}

/* -- what must be true --------------------------------------------------------------------------------------------- */

static void audit_phase(const evg_connection_t *c)
{
    switch (c->session.state) {
    case EVG_OPEN: must(c->phase == EVG_PHASE_OPEN); break;
    case EVG_OPENING: must(c->phase == EVG_PHASE_RESOLVING || c->phase == EVG_PHASE_CONNECTING); break;
    default: must(c->phase == EVG_PHASE_DOWN && evg_session_active_count(&c->session) == 0);
    }
}

static void count(unsigned *turns, bool true_now, unsigned most)
{
    *turns = true_now ? *turns + 1 : 0;
    must(*turns < most);
}

/* No deadline is left behind; and behind a write that failed what has come is read, then it ends. */
static void audit_turns(client_t *client)
{
    const evg_connection_t *c = client->c;
    double deadline = fmin(evg_session_deadline(&c->session), c->give_up_at);
    count(&client->late, deadline < machine.now && !c->pipe.postponed, LATE_TURNS);
    count(&client->broken, c->pipe.broken, BROKEN_TURNS);
}

/* While there is more to be read the judgement is put off. */
static void judge(asked_t *asked)
{
    if (machine.now < asked->give_up_at || asked->client->c->pipe.postponed) return;
    must(++asked->late < LATE_TURNS);
}

void client_audit(client_t *client)
{
    const evg_session_stats_t *stats = &client->c->session.stats;
    must(stats->submitted == client->made);
    must(stats->resolved >= client->ended);
    must(stats->submitted == stats->resolved + evg_session_unresolved(&client->c->session));
    audit_phase(client->c);
    audit_turns(client);
    for (evg_list_t *at = client->asked.next; at != &client->asked; at = at->next) {
        judge(evg_container(at, asked_t, link));
    }
}

/* -- beginning and end --------------------------------------------------------------------------------------------- */

#define ONE_OF(type, ...) \
    ((const type[]){__VA_ARGS__}[pick((unsigned)(sizeof((const type[]){__VA_ARGS__}) / sizeof(type)))])

static void set_up(evg_connection_t *c)
{
    evg_session_options_t *options = &c->session.options;
    options->command_timeout = ONE_OF(double, 0, 0.5, 2);
    options->heartbeat = ONE_OF(double, 0, 0.3, 1);
    options->lost_check = ONE_OF(double, 0, 0.2, 1);
    options->reconnect = pick(6);
    options->exceptions = pick(2);
    options->max_packet = ONE_OF(size_t, 1 << 16, 1 << 20, 1 << 28);
    options->max_text = ONE_OF(size_t, 16, 1 << 20, 1 << 20);
    options->max_unsent = ONE_OF(size_t, 1 << 12, 1 << 16, 1 << 22);
    c->connect_timeout = ONE_OF(double, 0, 0.2, 1);
    c->keepalive = pick(2) * 60;
    c->session.backoff.first = 0.01;
    c->session.backoff.most = 0.3;
    c->session.backoff.attempts = ONE_OF(uint32_t, 0, 0, 0, 3);
    c->session.worker.concurrency = ONE_OF(size_t, 0, 1, 4);
    c->session.worker.prefetch = (int)pick(5) - 1;
    c->session.worker.poll_interval = ONE_OF(double, 0, 0.05, 0.5);
    c->session.worker.grab_unique = pick(2);
}

client_t *client_new(evg_loop_t *loop)
{
    evg_connection_t *c = evg_connection_new(loop, &places[pick(2) ? PLACE_TCP : pick(PLACES)], pick(1000), pick(1000));
    if (!c) return NULL;
    client_t *client = malloc(sizeof *client);
    *client = (client_t){.c = c};
    evg_list_init(&client->asked);
    evg_list_init(&client->held);
    c->owner = client;
    c->on_event = on_event;
    if (pick(2)) c->on_bytes = on_bytes;
    evg_connection_set_tls(c, secure_context);
    set_up(c);
    return client;
}

/* What was its own goes at once: nobody may look at it any more. */
void client_free(client_t *client)
{
    evg_list_t *at;
    if (pick(2)) evg_session_abandon(&client->c->session);
    evg_connection_free(client->c);
    while ((at = evg_list_shift(&client->asked))) free(evg_container(at, asked_t, link));
    while ((at = evg_list_shift(&client->held))) free(evg_container(at, held_t, link));
    free(client);
}
