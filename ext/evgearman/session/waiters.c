#include "session/waiters.h"

#include "base/error.h"

void evg_waiters_init(evg_waiters_t *waiters, uint64_t seed0, uint64_t seed1)
{
    evg_table_init(&waiters->table, seed0, seed1);
}

void evg_waiters_deinit(evg_waiters_t *waiters)
{
    evg_table_deinit(&waiters->table);
}

/* Another's turn. The key is always the bytes of the one whose turn it is, so any other may leave without a word. */
static void pass_turn(evg_table_entry_t *entry, evg_request_t *request)
{
    entry->key = evg_request_handle(request);
    entry->value = request;
}

static evg_table_entry_t *entry_of(evg_waiters_t *waiters, const evg_request_t *request)
{
    return evg_table_find(&waiters->table, evg_request_handle(request));
}

int evg_waiters_place(evg_waiters_t *waiters, const evg_request_t *request, evg_table_entry_t **place)
{
    *place = evg_table_place(&waiters->table, evg_request_handle(request));
    if (!*place) return EVG_ENOMEM;
    const evg_request_t *turn = (*place)->value;
    return !turn || (turn->keyed && request->keyed) ? 0 : EVG_EUNEXPECTED;
}

void evg_waiters_join(evg_table_entry_t *place, evg_request_t *request)
{
    evg_request_t *turn = place->value;
    if (turn)
        evg_list_insert(&turn->link, &request->link);
    else
        pass_turn(place, request);
}

int evg_waiters_add(evg_waiters_t *waiters, evg_request_t *request)
{
    evg_table_entry_t *place;
    int r = evg_waiters_place(waiters, request, &place);
    if (r == 0) evg_waiters_join(place, request);
    return r;
}

/* The one behind it in the ring; NULL when it waits alone. */
static evg_request_t *neighbour(evg_request_t *request)
{
    if (!evg_list_linked_p(&request->link)) return NULL;
    return evg_container(request->link.next, evg_request_t, link);
}

evg_request_t *evg_waiters_turn(evg_waiters_t *waiters, evg_bytes_t handle)
{
    evg_table_entry_t *entry = evg_table_find(&waiters->table, handle);
    if (!entry) return NULL;
    evg_request_t *turn = entry->value, *next = neighbour(turn);
    if (next) pass_turn(entry, next);
    return turn;
}

/* The one whose turn it is leaves. */
static void leave(evg_waiters_t *waiters, evg_table_entry_t *entry)
{
    evg_request_t *turn = entry->value, *next = neighbour(turn);
    if (next)
        pass_turn(entry, next);
    else
        evg_table_take(&waiters->table, entry);
    evg_list_unlink(&turn->link);
}

evg_request_t *evg_waiters_finish(evg_waiters_t *waiters, evg_bytes_t handle)
{
    evg_table_entry_t *entry = evg_table_find(&waiters->table, handle);
    evg_request_t *turn = entry ? entry->value : NULL;
    if (entry) leave(waiters, entry);
    return turn;
}

void evg_waiters_remove(evg_waiters_t *waiters, evg_request_t *request)
{
    evg_table_entry_t *entry = entry_of(waiters, request);
    if (entry && entry->value == request)
        leave(waiters, entry);
    else
        evg_list_unlink(&request->link);
}

void evg_waiters_replace(evg_waiters_t *waiters, evg_request_t *request, evg_request_t *stand_in)
{
    evg_table_entry_t *entry = entry_of(waiters, request);
    evg_request_set_handle(stand_in, evg_request_handle(request));
    stand_in->keyed = request->keyed;
    evg_list_insert(&request->link, &stand_in->link);
    if (entry && entry->value == request) pass_turn(entry, stand_in);
    evg_list_unlink(&request->link);
}
