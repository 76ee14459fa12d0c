#include "session/waiters.h"

void evg_waiters_init(evg_waiters_t *waiters, uint64_t seed0, uint64_t seed1)
{
    evg_table_init(&waiters->table, seed0, seed1);
}

void evg_waiters_deinit(evg_waiters_t *waiters)
{
    evg_table_deinit(&waiters->table);
}

bool evg_waiters_may_share_p(evg_waiters_t *waiters, const evg_request_t *request)
{
    const evg_request_t *turn = evg_table_get(&waiters->table, evg_request_handle(request));
    return !turn || (turn->keyed && request->keyed);
}

int evg_waiters_add(evg_waiters_t *waiters, evg_request_t *request)
{
    evg_request_t *turn = evg_table_get(&waiters->table, evg_request_handle(request));
    if (!turn) return evg_table_put(&waiters->table, evg_request_handle(request), request);
    evg_list_insert(&turn->link, &request->link);
    return 0;
}

/* The one behind it in the ring; NULL when it waits alone. */
static evg_request_t *neighbour(evg_request_t *request)
{
    if (!evg_list_linked_p(&request->link)) return NULL;
    return evg_container(request->link.next, evg_request_t, link);
}

/* Replaces the entry of an equal key: cannot fail, since nothing grows. The key is always the bytes of the one
 * whose turn it is, so any other may leave without a word. */
static void set_turn(evg_waiters_t *waiters, evg_request_t *request)
{
    (void)evg_table_put(&waiters->table, evg_request_handle(request), request);
}

evg_request_t *evg_waiters_turn(evg_waiters_t *waiters, evg_bytes_t handle)
{
    evg_request_t *turn = evg_table_get(&waiters->table, handle);
    evg_request_t *next = turn ? neighbour(turn) : NULL;
    if (next) set_turn(waiters, next);
    return turn;
}

evg_request_t *evg_waiters_finish(evg_waiters_t *waiters, evg_bytes_t handle)
{
    evg_request_t *turn = evg_table_get(&waiters->table, handle);
    if (turn) evg_waiters_remove(waiters, turn);
    return turn;
}

void evg_waiters_remove(evg_waiters_t *waiters, evg_request_t *request)
{
    evg_request_t *next = neighbour(request);
    if (!next) {
        evg_table_remove(&waiters->table, evg_request_handle(request));
        return;
    }
    if (evg_table_get(&waiters->table, evg_request_handle(request)) == request) set_turn(waiters, next);
    evg_list_unlink(&request->link);
}

void evg_waiters_replace(evg_waiters_t *waiters, evg_request_t *request, evg_request_t *stand_in)
{
    bool turn = evg_table_get(&waiters->table, evg_request_handle(request)) == request;
    evg_request_set_handle(stand_in, evg_request_handle(request));
    stand_in->keyed = request->keyed;
    evg_list_insert(&request->link, &stand_in->link);
    if (turn) set_turn(waiters, stand_in);
    evg_list_unlink(&request->link);
}
