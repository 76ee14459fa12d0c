/* Deadlines of what was asked, and the heartbeat. For the other files of session/. */
#ifndef EVG_SESSION_SILENCE_H
#define EVG_SESSION_SILENCE_H

#include "session/state.h"

/* When a deadline that passes at `due` may be judged: not while a packet that was under way then still moves. */
double evg_session_judged_at(const evg_session_t *s, double due);

/* A packet is arriving, or leaving through a full socket, and moves. */
bool evg_session_under_way_p(const evg_session_t *s);

/* Before deadlines are judged: what of the wire's output landed? The clocks of requests that flew begin anew. */
void evg_session_look(evg_session_t *s);

/* When that is to be looked at at the latest; INFINITY for never. */
double evg_session_look_due(const evg_session_t *s);

/* Bytes came of a packet that is arriving: the clock of the oldest request the caller awaits an answer to starts anew if that
 * could not come before it. */
void evg_session_arrives(evg_session_t *s);

/* Ends what was not written in time, where something may be past it. 0, EVG_ENOMEM. */
int evg_session_expire_overdue(evg_session_t *s);

static inline int evg_session_expire_waiting(evg_session_t *s)
{
    bool due = evg_deadlines_at(&s->waits) <= s->wire.now || evg_deadlines_at(&s->bounds) <= s->wire.now;
    return due ? evg_session_expire_overdue(s) : 0;
}

/* When that has something to do; INFINITY for never. */
double evg_session_waits_until(const evg_session_t *s);

/* Ends what was written and not answered in time. 0, or the reason to close. */
int evg_session_judge_answers(evg_session_t *s);
double evg_session_answer_due(const evg_session_t *s);

/* An ECHO on a quiet connection, if it is time. 0, EVG_ENOMEM; EVG_ECOMMAND_TIMEOUT: the last one was not answered. */
int evg_session_beat(evg_session_t *s);
double evg_session_beat_due(const evg_session_t *s);

#endif
