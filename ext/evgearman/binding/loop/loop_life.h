/* What is on a loop: the whole of the object behind EVGearman::Loop. */
#ifndef EVG_LOOP_LOOP_LIFE_H
#define EVG_LOOP_LOOP_LIFE_H

#include <ruby.h>

#include "binding/drive/loop.h"

/* Whatever is on a loop: a Client or Worker, a timer, a watcher. All but `mark` and `gone` may be NULL. */
typedef struct member member_t;

typedef struct {
    void (*mark)(const member_t *member); /* the loop is marked: marks what it is to keep alive */
    void (*runs)(member_t *member);       /* the loop runs */
    void (*shut)(member_t *member);       /* the loop is closed */
    void (*forked)(member_t *member);     /* this is a child, and what was pending has failed; nothing is called */
    void (*gone)(member_t *member);       /* the loop is being freed */
} member_ops_t;

struct member {
    evg_list_t link; /* in members */
    const member_ops_t *ops;
};

typedef struct {
    loop_t drive; /* first */
    evg_list_t members;
    evg_list_t watched;             /* active watcher_t of `io` */
    evg_list_t each_turn;           /* those of `each_turn` */
    size_t watched_count, sweep_at; /* for IOs that were closed */
    VALUE background, starter;      /* the thread of `start`, and who is about to make it; or nil */
    bool restart;                   /* it was started before the fork: see loop_of */
    size_t marked_in;               /* see lifetime.h */
    evg_list_t all;                 /* every loop of the process */
} rb_loop_t;

static inline rb_loop_t *rb_loop(const loop_t *loop)
{
    return (rb_loop_t *)loop;
}

/* Raises for one that was not initialised; follows a fork. In a child a loop that was started is started again at its
 * first use, which is Ruby code. */
loop_t *loop_of(VALUE self);
loop_t *open_loop_of(VALUE self); /* raises ConnectionError "closed" */

/* The same for who has it: a method of something on it was called. */
void loop_used(loop_t *loop);

void loop_add(loop_t *loop, member_t *member, const member_ops_t *ops);

/* The next on it behind that one, or the first (NULL), of those with these ops; NULL: no more. */
member_t *loop_next_member(const loop_t *loop, const member_t *behind, const member_ops_t *ops);

/* Tells each. It may unlink itself; a GC in between may free others. */
void loop_tell_members(loop_t *loop, void (*tell)(member_t *member));

/* The loop runs: what is on it and never connected is to. */
void loop_runs(loop_t *loop);

/* The next of the process behind that one, or the first (NULL), that is somebody's; NULL: no more. */
rb_loop_t *loops_next(const rb_loop_t *behind);

/* Once, before the first is made. */
void loops_use(const loop_ops_t *ops);

#endif
