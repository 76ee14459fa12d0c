/* What waits for a second of the wall clock: links of the caller's, in a heap of seconds. Those of one second come in the
 * order in which they were added, and however many they are the heap has one node for them. */
#ifndef EVG_SESSION_EPOCHS_H
#define EVG_SESSION_EPOCHS_H

#include "base/heap.h"
#include "base/index.h"
#include "base/list.h"

typedef struct {
    size_t count; /* links that wait */
    /* private */
    uint64_t seed[2];
    evg_heap_t heap;
    evg_index_t by_second;
} evg_epochs_t;

void evg_epochs_init(evg_epochs_t *epochs, uint64_t seed0, uint64_t seed1);

/* Links that still wait are just forgotten. */
void evg_epochs_deinit(evg_epochs_t *epochs);

/* An unlinked link waits for that second. 0, or EVG_ENOMEM. */
int evg_epochs_add(evg_epochs_t *epochs, evg_list_t *link, int64_t second);

/* A link that waits here waits no more. */
void evg_epochs_remove(evg_epochs_t *epochs, evg_list_t *link);

/* The first second that something waits for; INFINITY: none. */
double evg_epochs_at(const evg_epochs_t *epochs);

/* Takes out the first link, if its second has come; else NULL. */
evg_list_t *evg_epochs_shift(evg_epochs_t *epochs, double wall);

#endif
