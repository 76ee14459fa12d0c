/* The servers of one client: a list of sessions, which of them a submission goes to, and when it goes to another.
 *
 *     evg_fleet_init(&fleet, EVG_ROUTE_SPREAD);
 *     evg_fleet_add(&fleet, &member, &session, address);      for each, in the order of the list
 *     member = evg_fleet_pick(&fleet, &submission, keyed);
 *     evg_fleet_seek(&fleet, member);                         then evg_client_submit on its session, and
 *     evg_fleet_take(&fleet, member, &request, keyed);        it may move from now on
 *     evg_fleet_settle(&fleet, moved, context);               after each step of a session
 *
 * A server is away from a failed attempt or a lost connection until it has answered on another one (session->away). What is
 * picked is never away while another one is not. When a server is away, submissions of which no byte was written go on to
 * the next server of their route, in their order and with their deadlines; when all are away they wait where they
 * are, and go with whichever answers first. What was written, even in part, stays. So none is ever on two servers.
 *
 * Among several nothing is written to a server that has not answered: one that accepts connections and says nothing costs
 * those who wait for it options.introduce_timeout, and nobody anything afterwards. */
#ifndef EVG_SESSION_FLEET_H
#define EVG_SESSION_FLEET_H

#include "session/state.h"

typedef enum {
    EVG_ROUTE_SPREAD, /* a key meets the same server; what has none goes round */
    EVG_ROUTE_FIRST   /* the first of the list */
} evg_route_t;

typedef struct {
    evg_session_t *session;
    /* private */
    uint64_t hash; /* of its address */
    evg_list_t link;
} evg_fleet_member_t;

typedef struct {
    evg_route_t route;
    size_t count;
    /* private */
    evg_list_t members;
    evg_list_t *turn; /* the member that went last, or the head */
} evg_fleet_t;

/* A submission went from one session to another. It may call neither, nor the fleet. */
typedef void evg_fleet_moved_t(void *context, evg_request_t *request, evg_fleet_member_t *to);

/* Allocates nothing; nothing is to be freed. */
void evg_fleet_init(evg_fleet_t *fleet, evg_route_t route);

/* At the end of the list. `address` is what its keys are known by: "host:port", or a path. */
void evg_fleet_add(evg_fleet_t *fleet, evg_fleet_member_t *member, evg_session_t *session, evg_bytes_t address);

/* Where this is to go now. `keyed`: its key is the application's, by which it is to meet others. There is a member. */
evg_fleet_member_t *evg_fleet_pick(evg_fleet_t *fleet, evg_bytes_t function, evg_bytes_t unique, bool keyed);

/* Where a new submission goes was picked, by this or by the application. If that is away all are, and any may be back: a connection
 * is wanted to each that none is being made to, nor will be by itself. true: to some, maybe. */
bool evg_fleet_seek(evg_fleet_t *fleet, const evg_fleet_member_t *picked);

/* A submission of the caller's was taken by a session: it may move. */
void evg_fleet_take(evg_request_t *request, bool keyed);

/* A request that is made of each server was taken by one: it ends when that is away and another is not. */
void evg_fleet_brief(evg_request_t *request);

/* Moves what has to be moved. 0; EVG_ENOMEM: what could not be moved waits where it is, until the next call. */
int evg_fleet_settle(evg_fleet_t *fleet, evg_fleet_moved_t *moved, void *context);

#endif
