/* The sessions of one client or worker. */
#include "sim/sim.h"

team_t teams[TEAMS];
int team_count;

/* What its sessions have in common. */
static void equip(evg_session_t *s)
{
    s->options.lost_check = 2 + 8 * uniform();
    s->options.exceptions = pick(2);
    if (pick(3) == 0) s->options.command_timeout = 1 + 10 * uniform();
    if (pick(3) == 0) s->options.heartbeat = 1 + 10 * uniform();
    if (pick(3) == 0) s->options.introduce_timeout = 0.2 + uniform();
    if (pick(8) == 0) s->options.reconnect = false;
    if (pick(8) == 0) s->backoff.attempts = 1 + pick(4);
    if (pick(8) == 0) s->options.max_unsent = 200;
    if (pick(4) == 0) (void)evg_session_set_client_id(s, evg_bytes_of("me"));
    static const size_t concurrencies[] = {1, 1, 1, 2, 3, 8, 0};
    static const int prefetches[] = {0, 0, 1, 4, EVG_PREFETCH_AUTO};
    s->worker.concurrency = concurrencies[pick(7)];
    s->worker.prefetch = prefetches[pick(5)];
    s->worker.grab_unique = pick(4) > 0;
    s->worker.poll_interval = world.polls ? 0.2 + uniform() : 0;
}

static void equip_like(evg_session_t *s, const evg_session_t *other)
{
    s->options = other->options;
    s->backoff.attempts = other->backoff.attempts;
    memcpy(s->client_id, other->client_id, sizeof s->client_id);
    s->worker.concurrency = other->worker.concurrency;
    s->worker.prefetch = other->worker.prefetch;
    s->worker.grab_unique = other->worker.grab_unique;
    s->worker.poll_interval = other->worker.poll_interval;
}

static void join(team_t *team, int i)
{
    char address[] = "host0:4730";
    peer_t *peer = team_peer(team, i);
    address[4] = (char)('0' + peer->home);
    evg_fleet_add(&team->fleet, &team->members[i], &peer->s, evg_bytes_of(address));
    if (team->worker) evg_crew_add(&team->crew, &peer->s);
}

void team_begin(bool client, bool worker, bool joined, const int *homes, int count)
{
    team_t *team = &teams[team_count++];
    memset(team, 0, sizeof *team);
    team->client = client;
    team->worker = worker;
    team->joined = joined;
    team->first = peer_count;
    team->count = count;
    team->last = count - 1;
    evg_fleet_init(&team->fleet, pick(4) ? EVG_ROUTE_SPREAD : EVG_ROUTE_FIRST);
    evg_crew_init(&team->crew);
    for (int i = 0; i < count; i++) {
        peer_begin(team, client, worker, homes[i]);
        evg_session_t *s = &team_peer(team, i)->s;
        if (i == 0)
            equip(s);
        else
            equip_like(s, &team_peer(team, 0)->s);
        if (joined) join(team, i);
    }
    const evg_worker_session_t *w = &team_peer(team, 0)->s.worker;
    team->threads = w->concurrency > 0 && w->prefetch == 0 && pick(2);
    note("peers %d to %d: client %d worker %d concurrency %zu prefetch %d", team->first, peer_count - 1, client, worker,
         w->concurrency, w->prefetch);
}

/* -- moving -------------------------------------------------------------------------------------------------------- */

static void moved(void *context, evg_request_t *request, evg_fleet_member_t *to)
{
    team_t *team = context;
    routes_moved(team, request->owner, team_peer(team, (int)(to - team->members)));
}

bool team_hopeless_p(const team_t *team)
{
    for (int i = 0; i < team->count; i++) {
        const peer_t *peer = team_peer(team, i);
        if (!peer->gone || !evg_session_idle_p(&peer->s)) return false;
    }
    return true;
}

static void excuse_all(team_t *team)
{
    for (int i = 0; i < ASKS; i++) team->asks[i].excused |= team->asks[i].used;
}

void team_settle(team_t *team)
{
    if (!team->joined) return;
    if (team_hopeless_p(team)) excuse_all(team);
    if (evg_fleet_settle(&team->fleet, moved, team) < 0) broken("no memory");
    routes_check(team);
}

void team_disconnect(team_t *team)
{
    for (int i = 0; i < team->count; i++) peer_disconnect(team_peer(team, i));
}

/* -- slots --------------------------------------------------------------------------------------------------------- */

size_t team_limit(const team_t *team)
{
    const evg_worker_session_t *w = &team_peer(team, 0)->s.worker;
    if (w->concurrency == 0) return SIZE_MAX;
    size_t ahead = w->prefetch == EVG_PREFETCH_AUTO ? EVG_GRABS_MAX : (size_t)w->prefetch;
    return w->concurrency + ahead;
}

bool team_stirred(team_t *team)
{
    bool stirred = evg_crew_stirred(&team->crew) | team->stirred;
    team->stirred = false;
    return stirred;
}

bool team_busy_p(const team_t *team)
{
    for (int i = 0; i < team->count; i++) {
        const evg_session_t *s = &team_peer(team, i)->s;
        if (s->worker.held_count || s->grabs || s->asked_grabs || s->worker.stuck_count) return true;
    }
    return false;
}

static size_t held_by(const peer_t *peer)
{
    size_t held = 0;
    for (int i = 0; i < peer->task_top; i++)
        held += peer->tasks[i].state == RUNNING && peer->tasks[i].job.state == EVG_JOB_HELD;
    return held;
}

/* Handlers whose jobs are held no more. */
static size_t stuck_at(const peer_t *peer)
{
    size_t stuck = 0;
    for (int i = 0; i < peer->task_top; i++) stuck += peer->team->threads && peer->tasks[i].state == GONE;
    return stuck;
}

/* Jobs that are held and those that may come: counted by handlers and packets. */
static void audit_slots(const team_t *team)
{
    size_t held = 0, grabs = 0, stuck = 0;
    for (int i = 0; i < team->count; i++) {
        const peer_t *peer = team_peer(team, i);
        size_t own = held_by(peer);
        if (own != peer->s.worker.held_count)
            broken("%d holds %zu jobs and counts %zu", peer->at, own, peer->s.worker.held_count);
        if (own && peer->s.state != EVG_OPEN) broken("%d holds %zu jobs of a server that is away", peer->at, own);
        if (far_end->held_count(peer->at) > team_limit(team)) broken("%d was given too many jobs", peer->at);
        held += own;
        stuck += stuck_at(peer);
        grabs += wires[peer->at].up ? wires[peer->at].grabs : 0;
    }
    if (held + grabs + stuck > team_limit(team))
        broken("%d.. holds %zu jobs and asks for %zu, and %zu handlers run on", team->first, held, grabs, stuck);
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

static void audit_requests(const team_t *team)
{
    size_t asks[SERVERS] = {0};
    for (int i = 0; i < ASKS; i++) {
        if (team->asks[i].used) asks[team->asks[i].at - team->first]++;
    }
    for (int i = 0; i < team->count; i++) {
        const evg_session_t *s = &team_peer(team, i)->s;
        size_t pending = s->owed_count + s->created_count, ended = 0;
        if (s->stats.submitted != s->stats.resolved + pending) broken("%d lost count of its requests", team->first + i);
        for (const evg_list_t *at = s->ended.next; at != &s->ended; at = at->next) ended++;
        if (asks[i] != pending + ended)
            broken("%d: %zu requests, but %zu are pending", team->first + i, asks[i], pending);
    }
}

void team_audit(team_t *team)
{
    audit_requests(team);
    audit_slots(team);
    routes_check(team);
}
