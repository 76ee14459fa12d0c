/* Where the submissions of a fleet have to go, and when: told from what happened to connections, and from packets. */
#include "sim/sim.h"

#include <stdio.h>

/* Which of these servers a key meets, plus one; 0: none has met any. */
static uint8_t meets[FUNCTIONS][KEYS][1 << SERVERS];

void routes_begin(void)
{
    memset(meets, 0, sizeof meets);
}

/* -- the next ------------------------------------------------------------------------------------------------------ */

static bool all_gone_p(const team_t *team)
{
    for (int i = 0; i < team->count; i++) {
        if (!team_peer(team, i)->gone) return false;
    }
    return true;
}

/* The first behind `i` that is not gone; when all are, the very first. */
static int first_behind(const team_t *team, int i)
{
    bool any = all_gone_p(team);
    do i = (i + 1) % team->count;
    while (team_peer(team, i)->gone && !any);
    return i;
}

/* Among others the same server, as long as there is the one and the other. */
static void check_key(const team_t *team, const ask_t *ask, const peer_t *to)
{
    uint8_t *met = meets[ask->function][ask->text[1] - '0'];
    unsigned among = 0;
    bool any = all_gone_p(team);
    for (int i = 0; i < team->count; i++) {
        if (any || !team_peer(team, i)->gone) among |= 1u << team_peer(team, i)->home;
    }
    for (unsigned others = 1; others < 1 << SERVERS; others++) {
        int other = met[others] - 1;
        if (other < 0 || other == to->home || !(among >> other & 1) || !(others >> to->home & 1)) continue;
        broken("%s of f%d meets server %d and server %d", ask->text, ask->function, other, to->home);
    }
    met[among] = (uint8_t)(to->home + 1);
}

static void check(team_t *team, const ask_t *ask, const peer_t *to)
{
    bool first = team->fleet.route == EVG_ROUTE_FIRST;
    if (to->gone && !all_gone_p(team)) broken("%u goes to server %d, which is away", ask->id, to->home);
    if (ask->keyed && !first) {
        check_key(team, ask, to);
        return;
    }
    int next = first_behind(team, first ? team->count - 1 : team->last);
    if (team_peer(team, next) != to) broken("%u goes to %d and not to %d", ask->id, to->at, team->first + next);
    if (!first) team->last = next;
}

/* All are away, and any may be back. */
static void check_sought(const team_t *team)
{
    for (int i = 0; i < team->count; i++) {
        const peer_t *peer = team_peer(team, i);
        if (evg_session_idle_p(&peer->s)) broken("%d is not tried", peer->at);
    }
}

peer_t *routes_pick(team_t *team, const ask_t *ask)
{
    char name[3] = {'f', (char)('0' + ask->function), 0};
    evg_bytes_t key = evg_bytes_of(ask->keyed ? ask->text : "");
    evg_fleet_member_t *member = evg_fleet_pick(&team->fleet, evg_bytes_of(name), key, ask->keyed);
    (void)evg_fleet_seek(&team->fleet, member);
    peer_t *to = team_peer(team, (int)(member - team->members));
    check(team, ask, to);
    if (to->gone) check_sought(team);
    team->moves++;
    return to;
}

/* -- moving -------------------------------------------------------------------------------------------------------- */

/* No byte of it was written; and those that waited before it went before it. */
void routes_moved(team_t *team, ask_t *ask, peer_t *to)
{
    const peer_t *from = &peers[ask->at];
    note("%u moves from %d to %d", ask->id, from->at, to->at);
    if (ask->kind > BACKGROUND) broken("%d: what is for one server goes to another", from->at);
    if (!from->gone || all_gone_p(team)) broken("%u moves for nothing", ask->id);
    if (world.ids[ask->id] != UNSEEN) broken("%u moves, and was written", ask->id);
    for (int i = 0; i < ASKS; i++) {
        const ask_t *other = &team->asks[i];
        bool waits = other->used && other->request.state == EVG_REQUEST_OWED && other->kind <= BACKGROUND;
        if (waits && other->at == ask->at && other->place < ask->place && world.ids[other->id] == UNSEEN)
            broken("%u moves before %u", ask->id, other->id);
    }
    check(team, ask, to);
    team->moves++;
    ask->at = to->at;
    ask->place = ++world.places;
    ask->behind = 0;
}

/* It waits at a server that is away, and another one is not. */
static bool strands_p(const ask_t *ask)
{
    bool waits = ask->used && ask->kind <= BACKGROUND && ask->request.state == EVG_REQUEST_OWED;
    return waits && peers[ask->at].gone && world.ids[ask->id] == UNSEEN;
}

/* It waits for a connection that is not to come. */
static bool in_vain_p(const ask_t *ask, bool hopeless)
{
    bool waits = ask->used && ask->request.state == EVG_REQUEST_OWED;
    return waits && (hopeless || ask->kind > BACKGROUND) && evg_session_idle_p(&peers[ask->at].s);
}

void routes_check(const team_t *team)
{
    if (!team->joined) return;
    bool all = all_gone_p(team), hopeless = team_hopeless_p(team);
    for (int i = 0; i < ASKS; i++) {
        if (!all && strands_p(&team->asks[i])) broken("%u waits at a server that is away", team->asks[i].id);
        if (in_vain_p(&team->asks[i], hopeless)) broken("%u waits for nothing", team->asks[i].id);
    }
}

/* -- leaving ------------------------------------------------------------------------------------------------------- */

static void submission_leaves(int at, const evg_packet_t *packet)
{
    char work[WORK];
    copy(work, sizeof work, packet->args[packet->argc - 1]);
    begin_submission(work);
    const ask_t *ask = client_ask_of(id_of(work));
    if (team_several_p(peers[at].team) && !wires[at].answered) broken("%d sends %s to nobody", at, work);
    if (!ask || ask->at != at) broken("%d sends %s, which is not its own", at, work);
    if (ask->place < wires[at].last_place) broken("%d sends %s too late", at, work);
    wires[at].last_place = ask->place;
}

void routes_leaves(int at, evg_bytes_t bytes)
{
    evg_packet_t packet;
    if (evg_packet_decode(&packet, EVG_REQ, bytes, SIZE_MAX) > 0) submission_leaves(at, &packet);
}
