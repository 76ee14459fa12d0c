/* A job server in the middle of a crowd that says anything, in pieces, and reads when it likes.
 *
 *     crowd.c     the server, its connections, time, and what must always be true of them
 *     heard.c     what each connection was told: one reply for each request that draws one, in order
 *     talk.c      what each byte of a script makes them do
 *
 * See support/script.h. */
#ifndef EVG_SPEC_CROWD_H
#define EVG_SPEC_CROWD_H

#include "session/server_session.h"
#include "support/script.h"

enum { CROWD = 5, PILE = 1 << 17 };

/* Bytes in a row; in no memory of ours, which is told to fail. */
typedef struct {
    size_t len;
    uint8_t bytes[PILE];
} pile_t;

typedef struct {
    evg_server_session_t s;
    bool writes;     /* it was touched, and has not written all */
    pile_t coming;   /* what it has said, and the server has not read */
    pile_t asked;    /* what the server has read, and not executed */
    size_t skip;     /* bytes to come that are of a packet too large */
    size_t refusals; /* of such packets that may still be told */
    uint64_t seen;   /* stream position of what it was told and we have looked at */
} person_t;

typedef struct {
    evg_server_t server;
    person_t people[CROWD];
    double now, wall;
    bool exact; /* it has no quirks and no faults: every reply is judged */
} crowd_t;

extern crowd_t crowd;

void pile_add(pile_t *pile, evg_bytes_t bytes);
void pile_take(pile_t *pile, size_t len);

/* -- crowd.c ------------------------------------------------------------------------------------------------------- */

void crowd_begin(const evg_server_settings_t *settings);
void crowd_end(void);
void crowd_audit(void);
void crowd_comes_back(person_t *person); /* as somebody else */
void crowd_restart(void);
void crowd_says(person_t *person, evg_bytes_t bytes);
void crowd_moves(person_t *person, size_t most); /* so much of that is read */
void crowd_reads(person_t *person, size_t most); /* so much of what it was told */
void crowd_waits(double seconds, double wall);

/* -- heard.c ------------------------------------------------------------------------------------------------------- */

/* It has executed so many requests; 0: others have, or time has passed. */
void heard(person_t *person, uint64_t requests);

#endif
