/* An agent: what acts for the program at a server, a Client or a Worker, with its connection. */
#ifndef EVG_CLIENT_AGENT_H
#define EVG_CLIENT_AGENT_H

#include <ruby.h>

#include "base/list.h"
#include "binding/client/pending.h"
#include "binding/client/trace.h"
#include "binding/drive/loop.h"
#include "binding/loop/loop_life.h"
#include "binding/values/coding.h"
#include "net/connection.h"

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

typedef struct {
    VALUE self;
    evg_connection_t *c;
    loop_t *loop;
    VALUE loop_value;
    VALUE hooks[HOOKS];
    trace_t *trace;      /* while somebody listens to packets */
    coding_t coding;     /* unless a call has its own */
    VALUE unique;        /* of background jobs, unless a call has its own: :auto or nil */
    pending_t pending;   /* Tasks that are not resolved */
    VALUE handlers;      /* Array of Handler, alive as long as an ability or a job may need them */
    VALUE pool;          /* threads for synchronous handlers, or nil: they run where the loop does */
    uint64_t pool_forks; /* evg_forks when its threads were there */
    VALUE shared;        /* the Worker whose connection this Client is, or nil: nothing else here counts then */
    VALUE on_lost;       /* Hash: job number => Array of blocks */
    uint64_t jobs_finished;
    VALUE last_error;   /* that on_error was told, or nil */
    bool roused;        /* its `run` was told to look around while it did not turn the loop */
    bool asked;         /* `connect` was called since the last `disconnect` */
    size_t marked_in;   /* see lifetime.h */
    size_t told;        /* see memory_tell */
    member_t member;    /* on its loop */
    evg_list_t waiters; /* who waits in flush and close, and for room */
} agent_t;

agent_t *agent_of(VALUE self);      /* raises for one that was not initialised; follows a fork */
agent_t *open_agent_of(VALUE self); /* raises ConnectionError "closed" */

/* The server that it talks to, for what an error says of it. */
static inline const evg_address_t *server_of(const agent_t *agent)
{
    return &agent->c->address;
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

/* What its connection holds in memory has changed. */
void agent_weigh(agent_t *agent);

/* It is a worker that works, has no connection, and makes none any more. */
bool agent_hopeless_p(const agent_t *agent);

/* A Worker's `run` looks around, or will before it next turns the loop. Takes no lock and makes no object, so that a trap
 * handler may call it. */
void agent_rouse(agent_t *agent);

#endif
