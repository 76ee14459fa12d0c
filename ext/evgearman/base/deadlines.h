/* Deadlines that mostly come in order.
 *
 * Requests of one connection share one timeout, so each new deadline lies behind the last: those go to the
 * end of a list, in O(1). One that does not (its own timeout, or the option was changed) goes to a heap. */
#ifndef EVG_BASE_DEADLINES_H
#define EVG_BASE_DEADLINES_H

#include "base/heap.h"
#include "base/list.h"

#include <math.h>

typedef struct {
    evg_heap_node_t heap; /* heap.at is the deadline in either place */
    evg_list_t link;
} evg_deadline_t;

typedef struct {
    evg_list_t ordered;
    evg_heap_t odd;
} evg_deadlines_t;

void evg_deadlines_init(evg_deadlines_t *deadlines);
void evg_deadlines_deinit(evg_deadlines_t *deadlines);

/* Before the first use of a node. */
static inline void evg_deadline_init(evg_deadline_t *deadline)
{
    deadline->heap = (evg_heap_node_t){0};
    evg_list_init(&deadline->link);
}

/* Makes room for so many in all: setting them cannot fail then. 0, or EVG_ENOMEM. */
int evg_deadlines_reserve(evg_deadlines_t *deadlines, size_t count);

/* Sets a deadline that is not set. 0, or EVG_ENOMEM. */
int evg_deadlines_add(evg_deadlines_t *deadlines, evg_deadline_t *deadline, double at);

/* Sets anew one that is set. 0, or EVG_ENOMEM. */
int evg_deadlines_move(evg_deadlines_t *deadlines, evg_deadline_t *deadline, double at);

/* One that is not set stays as it is. */
static inline void evg_deadlines_remove(evg_deadlines_t *deadlines, evg_deadline_t *deadline)
{
    evg_list_unlink(&deadline->link);
    if (deadline->heap.index) evg_heap_remove(&deadlines->odd, &deadline->heap);
}

static inline bool evg_deadline_set_p(const evg_deadline_t *deadline)
{
    return evg_list_linked_p(&deadline->link) || deadline->heap.index;
}

/* The one that is due first, where some came out of order. */
evg_deadline_t *evg_deadlines_first_of_both(const evg_deadlines_t *deadlines);

/* The one that is due first, or NULL. */
static inline evg_deadline_t *evg_deadlines_first(const evg_deadlines_t *deadlines)
{
    if (deadlines->odd.count) return evg_deadlines_first_of_both(deadlines);
    evg_list_t *link = evg_list_first(&deadlines->ordered);
    return link ? evg_container(link, evg_deadline_t, link) : NULL;
}

/* When that is; INFINITY for never. */
static inline double evg_deadlines_at(const evg_deadlines_t *deadlines)
{
    const evg_deadline_t *first = evg_deadlines_first(deadlines);
    return first ? first->heap.at : INFINITY;
}

#endif
