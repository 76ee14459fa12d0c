#include "session/epochs.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <math.h>

typedef struct {
    evg_heap_node_t due;
    evg_index_node_t node;
    int64_t second;
    evg_list_t links;
} second_t;

void evg_epochs_init(evg_epochs_t *epochs, uint64_t seed0, uint64_t seed1)
{
    *epochs = (evg_epochs_t){.seed = {seed0, seed1}};
    evg_heap_init(&epochs->heap);
    evg_index_init(&epochs->by_second);
}

static second_t *first(const evg_epochs_t *epochs)
{
    evg_heap_node_t *due = evg_heap_first(&epochs->heap);
    return due ? evg_container(due, second_t, due) : NULL;
}

static void drop(evg_epochs_t *epochs, second_t *second)
{
    evg_heap_remove(&epochs->heap, &second->due);
    evg_index_remove(&epochs->by_second, &second->node);
    evg_list_clear(&second->links);
    evg_free(second);
    if (!epochs->heap.count) evg_heap_deinit(&epochs->heap);
}

void evg_epochs_deinit(evg_epochs_t *epochs)
{
    for (second_t *second; (second = first(epochs));) drop(epochs, second);
    evg_index_deinit(&epochs->by_second);
}

static uint64_t hash_of(const evg_epochs_t *epochs, int64_t second)
{
    return evg_hash(epochs->seed, evg_bytes(&second, sizeof second));
}

static second_t *find(const evg_epochs_t *epochs, int64_t at, uint64_t hash)
{
    evg_index_node_t *node = evg_index_find(&epochs->by_second, hash);
    for (; node; node = evg_index_find_next(&epochs->by_second, node)) {
        second_t *second = evg_container(node, second_t, node);
        if (second->second == at) return second;
    }
    return NULL;
}

static second_t *make(evg_epochs_t *epochs, int64_t at, uint64_t hash)
{
    second_t *second = evg_zalloc(sizeof *second);
    if (!second) return NULL;
    if (evg_heap_add(&epochs->heap, &second->due, (double)at) < 0) {
        evg_free(second);
        return NULL;
    }
    second->second = at;
    evg_list_init(&second->links);
    evg_index_add(&epochs->by_second, &second->node, hash);
    return second;
}

int evg_epochs_add(evg_epochs_t *epochs, evg_list_t *link, int64_t at)
{
    uint64_t hash = hash_of(epochs, at);
    second_t *second = find(epochs, at, hash);
    if (!second && !(second = make(epochs, at, hash))) return EVG_ENOMEM;
    evg_list_append(&second->links, link);
    epochs->count++;
    return 0;
}

void evg_epochs_remove(evg_epochs_t *epochs, evg_list_t *link)
{
    evg_list_t *beside = link->next;
    evg_list_unlink(link);
    epochs->count--;
    /* what is alone is the head of the list: only heads stay linked to themselves */
    if (evg_list_empty_p(beside)) drop(epochs, evg_container(beside, second_t, links));
}

double evg_epochs_at(const evg_epochs_t *epochs)
{
    const second_t *second = first(epochs);
    return second ? second->due.at : INFINITY;
}

evg_list_t *evg_epochs_shift(evg_epochs_t *epochs, double wall)
{
    second_t *second = first(epochs);
    if (!second || second->due.at > wall) return NULL;
    evg_list_t *link = evg_list_first(&second->links);
    evg_epochs_remove(epochs, link);
    return link;
}
