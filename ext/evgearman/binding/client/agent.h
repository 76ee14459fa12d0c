/* An agent: what acts for the program at its servers, a Client or a Worker, with a link to each. */
#ifndef EVG_CLIENT_AGENT_H
#define EVG_CLIENT_AGENT_H

#include <ruby.h>

#include "base/list.h"
#include "binding/client/link.h"
#include "binding/client/pending.h"
#include "binding/drive/loop.h"
#include "binding/loop/loop_life.h"
#include "binding/values/coding.h"
#include "session/crew.h"
#include "session/fleet.h"

enum {
    HOOK_ERROR,
    HOOK_CONNECT,
    HOOK_DISCONNECT,
    HOOK_DRAIN,
    HOOK_CALLBACK_ERROR,
    HOOK_IDLE,
    HOOK_STOPPED,
    HOOK_PACKET,
    HOOK_TRACE, /* the same, for the environment's EVGEARMAN_TRACE */
    HOOKS
};

typedef struct agent agent_t;

/* What an object of Ruby speaks to: all links of an agent, its own or another's, or one of them. */
typedef struct {
    agent_t *agent;
    link_t *links;
    size_t count; /* 0: it was not initialised */
} view_t;

struct agent {
    view_t view;
    VALUE whole;       /* another's: whose it is, and nothing below here counts; or nil */
    evg_fleet_t fleet; /* its own links */
    evg_crew_t crew;   /* the same, of a Worker at several servers */
    link_t *grabbed;   /* the last that grab_job asked, or NULL */
    VALUE route;       /* what is called for one, or nil: as the fleet has it */
    VALUE self;
    loop_t *loop;
    VALUE loop_value;
    VALUE hooks[HOOKS];
    bool hook_wide[HOOKS]; /* it takes the server, too */
    coding_t coding;       /* unless a call has its own */
    VALUE unique;          /* of background jobs, unless a call has its own: :auto or nil */
    pending_t pending;     /* Tasks that are not resolved */
    VALUE handlers;        /* Array of Handler, alive as long as an ability or a job may need them */
    VALUE pool;            /* threads for synchronous handlers, or nil: they run where the loop does */
    uint64_t pool_forks;   /* evg_forks when its threads were there */
    VALUE on_lost;         /* Hash: job number => Array of blocks */
    uint64_t jobs_finished;
    VALUE last_error;   /* that on_error was told, or nil */
    bool roused;        /* its `run` was told to look around while it did not turn the loop */
    size_t marked_in;   /* see lifetime.h */
    member_t member;    /* on its loop */
    evg_list_t waiters; /* who waits in flush and close, and for room */
};

agent_t *agent_of(VALUE self);    /* raises for one that was not initialised; follows a fork */
view_t *view_of(VALUE self);      /* the same */
view_t *open_view_of(VALUE self); /* raises ConnectionError "closed" */

/* Another object that speaks to so many of its links. */
VALUE view_new(VALUE klass, agent_t *agent, link_t *links, size_t count);

/* Behind its last link. */
static inline link_t *links_end(const view_t *view)
{
    return view->links + view->count;
}

/* Its links are shut together. */
static inline bool view_shut_p(const view_t *view)
{
    return link_session(view->links)->state == EVG_SHUT;
}

/* For what an error says of it: NULL when it is about none in particular. */
static inline const evg_address_t *only_server_of(const view_t *view)
{
    return view->count == 1 ? server_of(view->links) : NULL;
}

/* Something is pending on it: its loop keeps it alive. */
bool agent_kept_p(const agent_t *agent);

/* Nobody has it any more, though it may not be swept yet. */
bool agent_over_p(const agent_t *agent);

/* That, or its loop is collected: there is nobody to be told. */
static inline bool agent_gone_p(const agent_t *agent)
{
    return !agent->loop || agent_over_p(agent);
}

/* It is collected, alone or with what is pending on it: in any order, so whoever is freed first says it. */
void agent_dispose(agent_t *agent);

/* It asks for jobs, at one of its servers at least. */
bool agent_working_p(const agent_t *agent);

/* It is a worker that works, has no connection, and makes none any more, to any server. */
bool agent_hopeless_p(const agent_t *agent);

/* A Worker's `run` looks around, or will before it next turns the loop. Takes no lock and makes no object, so that a trap
 * handler may call it. */
void agent_rouse(agent_t *agent);

#endif
