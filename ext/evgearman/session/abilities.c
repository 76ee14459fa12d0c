/* What a worker says it can do, and taking it back.
 *
 * A CANT_DO that overtakes a running job makes gearmand give the job to somebody else, so it runs twice. So an
 * ability that is to go stays until none of its jobs is held and no GRAB is outstanding that could bring one. */
#include "session/abilities.h"

#include "base/alloc.h"
#include "session/crew.h"
#include "session/exchange.h"
#include "session/state.h"

static evg_function_t *function_of(evg_list_t *link)
{
    return evg_container(link, evg_function_t, link);
}

static evg_bytes_t name_of(const evg_function_t *function)
{
    return evg_bytes(function->name, function->name_len);
}

static evg_function_t *of_todo(evg_list_t *todo)
{
    return evg_container(todo, evg_function_t, todo);
}

/* Any entry of that name, leaving or not. */
static evg_function_t *find(evg_worker_session_t *w, evg_bytes_t name)
{
    if (w->last && evg_bytes_equal_p(name_of(w->last), name)) return w->last;
    return w->last = evg_table_get(&w->by_name, name);
}

/* To those of which something is to be said, or away from them: so that nobody walks all of them at each job. */
static void sort(evg_worker_session_t *w, evg_function_t *function)
{
    evg_list_unlink(&function->todo);
    if (function->leaving)
        evg_list_append(&w->leaving, &function->todo);
    else if (!function->announced)
        evg_list_append(&w->unannounced, &function->todo);
}

static bool stays_p(const evg_function_t *function)
{
    return !function->leaving || function->returning;
}

evg_function_t *evg_worker_function(evg_session_t *s, evg_bytes_t name)
{
    evg_function_t *function = find(&s->worker, name);
    return function && stays_p(function) ? function : NULL;
}

evg_function_t *evg_worker_any_function(evg_session_t *s, evg_bytes_t name)
{
    return find(&s->worker, name);
}

evg_function_t *evg_worker_next_any_function(evg_session_t *s, const evg_function_t *after)
{
    evg_list_t *head = &s->worker.functions;
    evg_list_t *at = after ? after->link.next : head->next;
    return at == head ? NULL : function_of(at);
}

evg_function_t *evg_worker_next_function(evg_session_t *s, const evg_function_t *after)
{
    evg_function_t *function = evg_worker_next_any_function(s, after);
    while (function && !stays_p(function)) function = evg_worker_next_any_function(s, function);
    return function;
}

/* Until it has, another one of the crew may ask in its place. */
static void leave(evg_session_t *s, evg_function_t *function)
{
    function->leaving = true;
    sort(&s->worker, function);
    evg_crew_stir(s);
}

static void forget(evg_worker_session_t *w, evg_function_t *function)
{
    (void)evg_table_remove(&w->by_name, name_of(function));
    evg_list_unlink(&function->link);
    evg_list_unlink(&function->todo);
    evg_free(function);
    w->last = NULL;
}

static evg_function_t *add(evg_worker_session_t *w, evg_bytes_t name)
{
    evg_function_t *function = evg_zalloc(sizeof *function + name.len);
    if (!function) return NULL;
    function->name_len = name.len;
    memcpy(function->name, name.at, name.len);
    if (evg_table_put(&w->by_name, name_of(function), function) < 0) {
        evg_free(function);
        return NULL;
    }
    evg_list_init(&function->link);
    evg_list_init(&function->todo);
    evg_list_append(&w->functions, &function->link);
    sort(w, function);
    return function;
}

static int announce(evg_session_t *s, evg_function_t *function)
{
    char digits[EVG_NUMBER_CAP];
    evg_bytes_t args[2] = {name_of(function)};
    int r;
    if (function->server_timeout > 0) {
        double unit = evg_dialect_timeout_unit(s->dialect);
        args[1] = evg_number_encode(digits, (uint64_t)(function->server_timeout * unit + 0.5));
        r = evg_session_send(s, EVG_CAN_DO_TIMEOUT, args, 2);
    } else {
        r = evg_session_send(s, EVG_CAN_DO, args, 1);
    }
    if (r < 0) return r;
    function->announced = true;
    function->timed = function->server_timeout > 0;
    sort(&s->worker, function);
    return 0;
}

int evg_worker_announce(evg_session_t *s)
{
    evg_list_t *head = &s->worker.unannounced, *next;
    if (s->state != EVG_OPEN) return 0;
    for (evg_list_t *at = head->next; at != head; at = next) {
        next = at->next;
        bool unit_known = of_todo(at)->server_timeout == 0 || s->introduced;
        if (!unit_known) continue;
        int r = announce(s, of_todo(at));
        if (r < 0) return r;
        (void)evg_grab(s, EVG_ON_ABLE);
    }
    return 0;
}

/* Could it be announced? What is not would keep GRABs waiting for ever. */
static int check(const evg_session_t *s, evg_bytes_t name, double server_timeout)
{
    static const size_t longest_timeout = sizeof "2147483000"; /* with the NUL between them */
    size_t len = name.len + (server_timeout != 0 ? longest_timeout : 0);
    int r = evg_check_function(name);
    if (r == 0 && server_timeout != 0) r = evg_check_server_timeout(server_timeout);
    if (r == 0 && len > s->options.max_packet) r = EVG_ENAME;
    return r;
}

int evg_worker_can_do(evg_session_t *s, evg_bytes_t name, double timeout, double server_timeout, void *owner)
{
    int r = check(s, name, server_timeout);
    if (r < 0) return r;
    evg_function_t *function = find(&s->worker, name);
    if (!function && !(function = add(&s->worker, name))) return EVG_ENOMEM;
    if (function->leaving) function->returning = true;
    if (function->announced && function->server_timeout != server_timeout) {
        function->returning = true; /* registered twice it would count twice */
        leave(s, function);
    }
    function->timeout = timeout;
    function->server_timeout = server_timeout;
    function->owner = owner;
    (void)evg_worker_settle_abilities(s); /* without memory it is announced with the next output */
    return 0;
}

/* No server knows of it: it can go at once, or come back. */
static void unannounced(evg_worker_session_t *w, evg_function_t *function)
{
    if (function->leaving && !function->returning) {
        forget(w, function);
        return;
    }
    function->leaving = function->returning = false;
    sort(w, function);
}

static void forget_unannounced(evg_worker_session_t *w)
{
    evg_list_t *next;
    for (evg_list_t *at = w->leaving.next; at != &w->leaving; at = next) {
        next = at->next;
        if (!of_todo(at)->announced && !of_todo(at)->held) unannounced(w, of_todo(at));
    }
}

int evg_worker_cant_do(evg_session_t *s, evg_bytes_t name)
{
    int r = evg_check_function(name);
    evg_function_t *function = r < 0 ? NULL : find(&s->worker, name);
    if (!function) return r;
    function->returning = false;
    leave(s, function);
    forget_unannounced(&s->worker);
    (void)evg_worker_settle_abilities(s); /* without memory: with the next output */
    return 0;
}

void evg_worker_reset_abilities(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        function_of(at)->returning = false;
        leave(s, function_of(at));
    }
    w->reset = s->state == EVG_OPEN;
    forget_unannounced(w);
    (void)evg_worker_settle_abilities(s);
}

bool evg_worker_unsaid_p(const evg_session_t *s)
{
    const evg_worker_session_t *w = &s->worker;
    if (w->reset) return w->held_count == 0;
    for (evg_list_t *at = w->leaving.next; at != &w->leaving; at = at->next) {
        if (of_todo(at)->held == 0) return true;
    }
    return false;
}

/* The server knows of none any more; no job is held. */
static void forget_all(evg_worker_session_t *w)
{
    evg_list_t *next;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = next) {
        next = at->next;
        function_of(at)->announced = false;
        unannounced(w, function_of(at));
    }
}

/* RESET_ABILITIES takes all back, also what was registered after it was asked for. */
static int send_reset(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (w->held_count) return 0;
    int r = evg_session_send(s, EVG_RESET_ABILITIES, NULL, 0);
    if (r < 0) return r;
    w->reset = false;
    forget_all(w);
    return 0;
}

static int send_cant_do(evg_session_t *s)
{
    evg_list_t *head = &s->worker.leaving;
    for (evg_list_t *at = head->next; at != head; at = at->next) {
        evg_function_t *function = of_todo(at);
        if (function->held || !function->announced) continue;
        evg_bytes_t name = name_of(function);
        int r = evg_session_send(s, EVG_CANT_DO, &name, 1);
        if (r < 0) return r;
        function->announced = false;
    }
    return 0;
}

static int withdraw(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (s->grabs || s->asked_grabs || !evg_worker_leaving_p(w)) return 0;
    if (w->reset) return send_reset(s);
    int r = send_cant_do(s);
    forget_unannounced(w);
    return r;
}

int evg_worker_settle_abilities(evg_session_t *s)
{
    int r = withdraw(s);
    return r < 0 ? r : evg_worker_announce(s);
}

void evg_worker_abilities_closed(evg_session_t *s)
{
    s->worker.reset = false;
    forget_all(&s->worker);
}

void evg_worker_abilities_init(evg_session_t *s, uint64_t seed0, uint64_t seed1)
{
    evg_worker_session_t *w = &s->worker;
    evg_table_init(&w->by_name, seed0, seed1);
    evg_list_init(&w->functions);
    evg_list_init(&w->unannounced);
    evg_list_init(&w->leaving);
}

void evg_worker_abilities_deinit(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    for (evg_list_t *at; (at = evg_list_first(&w->functions));) forget(w, function_of(at));
    evg_table_deinit(&w->by_name);
}
