#include "session/fleet.h"

#include "session/exchange.h"
#include "session/output.h"
#include "session/rendezvous.h"
#include "session/session.h"

void evg_fleet_init(evg_fleet_t *fleet, evg_route_t route)
{
    *fleet = (evg_fleet_t){.route = route};
    evg_list_init(&fleet->members);
    fleet->turn = &fleet->members;
}

static evg_fleet_member_t *member_at(evg_list_t *link)
{
    return evg_container(link, evg_fleet_member_t, link);
}

void evg_fleet_add(evg_fleet_t *fleet, evg_fleet_member_t *member, evg_session_t *session, evg_bytes_t address)
{
    *member = (evg_fleet_member_t){.session = session, .hash = evg_rendezvous_server(address)};
    evg_list_init(&member->link);
    evg_list_append(&fleet->members, &member->link);
    fleet->count++;
    if (fleet->count == 1) return; /* alone it has nobody to leave anything to */
    member_at(fleet->members.next)->session->in_fleet = session->in_fleet = true;
}

/* -- routes -------------------------------------------------------------------------------------------------------- */

/* Is `a` to be tried before `b`? */
typedef struct {
    bool away;
    uint64_t score; /* the higher the better */
} rank_t;

static bool better_p(rank_t a, rank_t b)
{
    return a.away == b.away ? a.score > b.score : b.away;
}

/* The best by rank; of equals the one that comes first behind `after`. */
static evg_fleet_member_t *best(evg_fleet_t *fleet, evg_list_t *after, const uint64_t *key)
{
    evg_fleet_member_t *found = NULL;
    rank_t highest = {0};
    evg_list_t *at = after;
    for (size_t i = 0; i < fleet->count; i++) {
        at = at->next == &fleet->members ? fleet->members.next : at->next;
        evg_fleet_member_t *member = member_at(at);
        rank_t rank = {member->session->away, key ? evg_rendezvous_score(*key, member->hash) : 0};
        if (found && !better_p(rank, highest)) continue;
        found = member;
        highest = rank;
    }
    return found;
}

evg_fleet_member_t *evg_fleet_pick(evg_fleet_t *fleet, evg_bytes_t function, evg_bytes_t unique, bool keyed)
{
    if (fleet->count == 1 || fleet->route == EVG_ROUTE_FIRST) return best(fleet, &fleet->members, NULL);
    if (keyed) {
        uint64_t key = evg_rendezvous_key(function, unique);
        return best(fleet, &fleet->members, &key);
    }
    evg_fleet_member_t *member = best(fleet, fleet->turn, NULL);
    fleet->turn = &member->link;
    return member;
}

bool evg_fleet_seek(evg_fleet_t *fleet, const evg_fleet_member_t *picked)
{
    if (!picked->session->away) return false;
    for (evg_list_t *at = fleet->members.next; at != &fleet->members; at = at->next) {
        evg_session_t *session = member_at(at)->session;
        /* of one that is closed the submission hears */
        if (evg_session_idle_p(session)) (void)evg_session_want(session);
    }
    return true;
}

/* -- moving -------------------------------------------------------------------------------------------------------- */

void evg_fleet_take(evg_request_t *request, bool keyed)
{
    request->movable = true;
    request->by_key = keyed;
}

void evg_fleet_brief(evg_request_t *request)
{
    request->brief = true;
}

/* Somebody to move to. */
static bool anybody_p(const evg_fleet_t *fleet)
{
    for (evg_list_t *at = fleet->members.next; at != &fleet->members; at = at->next) {
        if (!member_at(at)->session->away) return true;
    }
    return false;
}

typedef struct {
    evg_fleet_t *fleet;
    evg_fleet_moved_t *moved;
    void *context;
} move_t;

static int move(const move_t *how, evg_session_t *from, evg_request_t *request)
{
    evg_packet_t packet;
    evg_bytes_t bytes = evg_session_bytes_of(from, request);
    (void)evg_packet_decode(&packet, EVG_REQ, bytes, SIZE_MAX); /* it is ours */
    evg_fleet_member_t *to = evg_fleet_pick(how->fleet, packet.args[0], packet.args[1], request->by_key);
    int r = evg_session_hand_over(from, request, to->session);
    if (r == 0) how->moved(how->context, request, to);
    return r;
}

static int move_all(const move_t *how, evg_session_t *from)
{
    int r = 0;
    evg_list_t *next;
    for (evg_list_t *at = from->last_written->next; r == 0 && at != &from->owed; at = next) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        next = at->next;
        if (!evg_session_unwritten_p(from, request)) continue;
        if (request->movable)
            r = move(how, from, request);
        else if (request->brief)
            r = evg_session_withdraw(from, request, from->open_error ? from->open_error : EVG_EDISCONNECTED);
    }
    return r;
}

/* A connection may come about, so what waits may go with it. */
static bool hope_p(const evg_fleet_t *fleet)
{
    for (evg_list_t *at = fleet->members.next; at != &fleet->members; at = at->next) {
        if (!evg_session_idle_p(member_at(at)->session)) return true;
    }
    return false;
}

static void end_all(const evg_fleet_t *fleet)
{
    for (evg_list_t *at = fleet->members.next; at != &fleet->members; at = at->next) {
        evg_session_t *session = member_at(at)->session;
        if (session->unwritten_count) evg_session_end_waiting(session);
    }
}

int evg_fleet_settle(evg_fleet_t *fleet, evg_fleet_moved_t *moved, void *context)
{
    const move_t how = {.fleet = fleet, .moved = moved, .context = context};
    int r = 0;
    if (!anybody_p(fleet)) {
        if (!hope_p(fleet)) end_all(fleet);
        return 0;
    }
    for (evg_list_t *at = fleet->members.next; r == 0 && at != &fleet->members; at = at->next) {
        evg_session_t *session = member_at(at)->session;
        if (session->away && session->unwritten_count) r = move_all(&how, session);
    }
    return r;
}
