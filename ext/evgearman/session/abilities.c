/* What a worker says it can do, and taking it back.
 *
 * A CANT_DO that overtakes a running job makes gearmand give the job to somebody else, so it runs twice. So an
 * ability that is to go stays until none of its jobs is held and no GRAB is outstanding that could bring one. */
#include "session/internal.h"

#include "base/alloc.h"

static evg_function_t *function_of(evg_list_t *link)
{
    return evg_container(link, evg_function_t, link);
}

static evg_bytes_t name_of(const evg_function_t *function)
{
    return evg_bytes(function->name, function->name_len);
}

/* Any entry of that name, leaving or not. */
static evg_function_t *find(evg_worker_session_t *w, evg_bytes_t name)
{
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        if (evg_bytes_equal_p(name_of(function_of(at)), name)) return function_of(at);
    }
    return NULL;
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

evg_function_t *evg_worker_assigned_function(evg_session_t *s, evg_bytes_t name)
{
    return find(&s->worker, name);
}

evg_function_t *evg_worker_next_function(evg_session_t *s, evg_function_t *after)
{
    evg_list_t *head = &s->worker.functions;
    evg_list_t *at = after ? after->link.next : head->next;
    while (at != head && !stays_p(function_of(at))) at = at->next;
    return at == head ? NULL : function_of(at);
}

static void drop(evg_function_t *function)
{
    evg_list_unlink(&function->link);
    evg_free(function);
}

static evg_function_t *add(evg_worker_session_t *w, evg_bytes_t name)
{
    evg_function_t *function = evg_zalloc(sizeof *function + name.len);
    if (!function) return NULL;
    function->name_len = name.len;
    memcpy(function->name, name.at, name.len);
    evg_list_init(&function->link);
    evg_list_append(&w->functions, &function->link);
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
    return 0;
}

int evg_worker_announce(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (s->state != EVG_OPEN) return 0;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        evg_function_t *function = function_of(at);
        bool unit_known = function->server_timeout == 0 || s->introduced;
        if (function->announced || function->leaving || !unit_known) continue;
        int r = announce(s, function);
        if (r < 0) return r;
        evg_worker_awake(s);
    }
    return 0;
}

int evg_worker_can_do(evg_session_t *s, evg_bytes_t name, double timeout, double server_timeout, void *owner)
{
    int r = evg_check_function(name);
    if (r == 0 && server_timeout != 0) r = evg_check_server_timeout(server_timeout);
    if (r < 0) return r;
    evg_function_t *function = find(&s->worker, name);
    bool known = function != NULL;
    if (!known && !(function = add(&s->worker, name))) return EVG_ENOMEM;
    if (function->leaving) function->returning = true;
    if (known && function->announced && function->server_timeout != server_timeout) {
        function->leaving = function->returning = true; /* registered twice it would count twice */
    }
    function->timeout = timeout;
    function->server_timeout = server_timeout;
    function->owner = owner;
    (void)evg_worker_announce(s); /* without memory it is announced with the next output */
    return 0;
}

/* An ability that no server has heard of can go at once. */
static void forget_unannounced(evg_worker_session_t *w)
{
    evg_list_t *next;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = next) {
        next = at->next;
        evg_function_t *function = function_of(at);
        if (!function->leaving || function->announced || function->held) continue;
        function->leaving = false;
        if (function->returning)
            function->returning = false;
        else
            drop(function);
    }
}

int evg_worker_cant_do(evg_session_t *s, evg_bytes_t name)
{
    int r = evg_check_function(name);
    evg_function_t *function = r < 0 ? NULL : find(&s->worker, name);
    if (!function) return r;
    function->leaving = true;
    function->returning = false;
    forget_unannounced(&s->worker);
    return 0;
}

int evg_worker_reset_abilities(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        function_of(at)->leaving = true;
        function_of(at)->returning = false;
    }
    w->reset = s->state == EVG_OPEN;
    forget_unannounced(w);
    return 0;
}

bool evg_worker_leaving_p(const evg_session_t *s)
{
    const evg_worker_session_t *w = &s->worker;
    if (w->reset) return true;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        if (function_of(at)->leaving) return true;
    }
    return false;
}

/* RESET_ABILITIES takes all back, also what was registered after it was asked for. */
static int send_reset(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    if (w->held_count) return 0;
    int r = evg_session_send(s, EVG_RESET_ABILITIES, NULL, 0);
    if (r < 0) return r;
    w->reset = false;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) function_of(at)->announced = false;
    return 0;
}

static int send_cant_do(evg_session_t *s)
{
    evg_worker_session_t *w = &s->worker;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        evg_function_t *function = function_of(at);
        if (!function->leaving || function->held || !function->announced) continue;
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
    if (w->grabs || w->asked || !evg_worker_leaving_p(s)) return 0;
    int r = w->reset ? send_reset(s) : send_cant_do(s);
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
    evg_worker_session_t *w = &s->worker;
    for (evg_list_t *at = w->functions.next; at != &w->functions; at = at->next) {
        function_of(at)->announced = false;
        function_of(at)->held = 0;
    }
    w->reset = false;
    forget_unannounced(w);
}

void evg_worker_abilities_deinit(evg_session_t *s)
{
    for (evg_list_t *at; (at = evg_list_first(&s->worker.functions));) drop(function_of(at));
}
