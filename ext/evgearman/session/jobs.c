#include "session/jobs.h"

void evg_jobs_init(evg_jobs_t *jobs, uint64_t seed0, uint64_t seed1)
{
    evg_table_init(&jobs->table, seed0, seed1);
}

void evg_jobs_deinit(evg_jobs_t *jobs)
{
    evg_table_deinit(&jobs->table);
}

bool evg_jobs_may_share_p(evg_jobs_t *jobs, const evg_request_t *request)
{
    const evg_request_t *turn = evg_table_get(&jobs->table, evg_request_handle(request));
    return !turn || (turn->keyed && request->keyed);
}

int evg_jobs_add(evg_jobs_t *jobs, evg_request_t *request)
{
    evg_request_t *turn = evg_table_get(&jobs->table, evg_request_handle(request));
    if (!turn) return evg_table_put(&jobs->table, evg_request_handle(request), request);
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
static void set_turn(evg_jobs_t *jobs, evg_request_t *request)
{
    (void)evg_table_put(&jobs->table, evg_request_handle(request), request);
}

evg_request_t *evg_jobs_turn(evg_jobs_t *jobs, evg_bytes_t handle)
{
    evg_request_t *turn = evg_table_get(&jobs->table, handle);
    evg_request_t *next = turn ? neighbour(turn) : NULL;
    if (next) set_turn(jobs, next);
    return turn;
}

evg_request_t *evg_jobs_finish(evg_jobs_t *jobs, evg_bytes_t handle)
{
    evg_request_t *turn = evg_table_get(&jobs->table, handle);
    if (turn) evg_jobs_remove(jobs, turn);
    return turn;
}

void evg_jobs_remove(evg_jobs_t *jobs, evg_request_t *request)
{
    evg_request_t *next = neighbour(request);
    if (!next) {
        evg_table_remove(&jobs->table, evg_request_handle(request));
        return;
    }
    if (evg_table_get(&jobs->table, evg_request_handle(request)) == request) set_turn(jobs, next);
    evg_list_unlink(&request->link);
}

void evg_jobs_replace(evg_jobs_t *jobs, evg_request_t *request, evg_request_t *stand_in)
{
    bool turn = evg_table_get(&jobs->table, evg_request_handle(request)) == request;
    evg_request_set_handle(stand_in, evg_request_handle(request));
    stand_in->keyed = request->keyed;
    evg_list_insert(&request->link, &stand_in->link);
    if (turn) set_turn(jobs, stand_in);
    evg_list_unlink(&request->link);
}
