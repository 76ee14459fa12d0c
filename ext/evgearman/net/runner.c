#include "net/runner.h"

#include "base/assert.h"

#include <math.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* -- forks --------------------------------------------------------------------------------------------------------- */

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static evg_list_t all = {&all, &all};

static evg_runner_t *runner_of(evg_list_t *link)
{
    return evg_container(link, evg_runner_t, link);
}

static void before_fork(void)
{
    pthread_mutex_lock(&all_lock);
    for (evg_list_t *at = all.next; at != &all; at = at->next) evg_runner_enter(runner_of(at));
}

static void in_parent(void)
{
    for (evg_list_t *at = all.next; at != &all; at = at->next) evg_runner_leave(runner_of(at));
    pthread_mutex_unlock(&all_lock);
}

static void close_end(evg_runner_t *r)
{
    if (r->end_fd >= 0) close(r->end_fd);
    r->end_fd = -1;
}

static void begin_anew(evg_runner_t *r)
{
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->moved, NULL);
    r->asked = r->let_in = 0;
    r->admitted = UINT64_MAX;
    r->turning = r->quits = r->ended = r->made = false;
    atomic_store(&r->runs, false);
}

/* Those who waited are gone with the thread, and what they waited by is as new. */
static void in_child(void)
{
    for (evg_list_t *at = all.next; at != &all; at = at->next) {
        evg_runner_t *r = runner_of(at);
        bool made = r->made;
        begin_anew(r);
        close_end(r);
        if (made) evg_loop_forked(r->loop);
    }
    pthread_mutex_init(&all_lock, NULL);
}

static void heed_forks(void)
{
    pthread_atfork(before_fork, in_parent, in_child);
}

/* -- life ---------------------------------------------------------------------------------------------------------- */

void evg_runner_init(evg_runner_t *r, bool (*goes_on)(void *owner), void *owner)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, heed_forks);
    *r = (evg_runner_t){.goes_on = goes_on, .owner = owner, .end_fd = -1};
    begin_anew(r);
    evg_list_init(&r->link);
    pthread_mutex_lock(&all_lock);
    evg_list_append(&all, &r->link);
    pthread_mutex_unlock(&all_lock);
}

void evg_runner_deinit(evg_runner_t *r)
{
    evg_assert(!r->made);
    pthread_mutex_lock(&all_lock);
    evg_list_unlink(&r->link);
    pthread_mutex_unlock(&all_lock);
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->lock);
}

/* Whoever has the lock first, the thread has its turn when those have been let in who came before its gap. */
static bool may_enter_p(const evg_runner_t *r, uint64_t number)
{
    return !r->turning && r->let_in == number && (r->paused || number < r->admitted);
}

void evg_runner_enter(evg_runner_t *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t mine = r->asked++;
    if (r->turning) evg_loop_wake(r->loop);
    while (!may_enter_p(r, mine)) pthread_cond_wait(&r->moved, &r->lock);
}

void evg_runner_leave(evg_runner_t *r)
{
    r->let_in++;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
}

/* -- the thread ---------------------------------------------------------------------------------------------------- */

/* Between two turns. Who comes too late for this gap must not wait for a poll to end by itself. false: there is no next
 * turn. */
static bool let_others_in(evg_runner_t *r, bool *hurry)
{
    pthread_mutex_lock(&r->lock);
    r->admitted = r->asked;
    r->turning = false;
    pthread_cond_broadcast(&r->moved);
    while (!r->quits && (r->paused || r->let_in < r->admitted)) pthread_cond_wait(&r->moved, &r->lock);
    r->turning = !r->quits && r->goes_on(r->owner);
    *hurry = r->asked > r->let_in;
    pthread_mutex_unlock(&r->lock);
    return r->turning;
}

static void turn(evg_loop_t *loop, bool hurry)
{
    static const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
    evg_loop_reconcile(loop);
    evg_loop_aim(loop, INFINITY, !hurry);
    evg_loop_poll(loop);
    evg_loop_collect(loop);
    evg_loop_dispatch(loop);
    if (loop->refusal) nanosleep(&moment, NULL); /* or it would be asked again without end */
}

static void name_it(void)
{
#if defined __APPLE__
    pthread_setname_np("evgearman server");
#elif defined __linux__
    pthread_setname_np(pthread_self(), "evgearman serve"); /* 15 bytes are its most */
#endif
}

static void *run(void *argument)
{
    evg_runner_t *r = argument;
    bool hurry;
    name_it();
    while (let_others_in(r, &hurry)) turn(r->loop, hurry);
    pthread_mutex_lock(&r->lock);
    atomic_store(&r->runs, false);
    close_end(r);
    r->ended = true;
    r->admitted = UINT64_MAX;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* Signals are for threads that can handle them. */
static int make(evg_runner_t *r)
{
    sigset_t all_signals, before;
    sigfillset(&all_signals);
    pthread_sigmask(SIG_SETMASK, &all_signals, &before);
    int error = pthread_create(&r->thread, NULL, run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

int evg_runner_start(evg_runner_t *r, evg_loop_t *loop, int end_fd)
{
    evg_assert(!r->made);
    r->loop = loop;
    r->end_fd = end_fd;
    r->paused = r->quits = r->ended = false;
    r->admitted = r->let_in + 1; /* who has entered; others when the thread is there */
    atomic_store(&r->runs, true);
    int error = make(r);
    r->made = error == 0;
    if (!error) return 0;
    r->admitted = UINT64_MAX;
    atomic_store(&r->runs, false);
    close_end(r);
    return error;
}

void evg_runner_end(evg_runner_t *r)
{
    if (!r->made) return;
    r->quits = true;
    pthread_cond_broadcast(&r->moved);
    while (!r->ended) pthread_cond_wait(&r->moved, &r->lock);
    pthread_join(r->thread, NULL);
    r->made = false;
}
