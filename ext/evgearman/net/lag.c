#include "net/lag.h"

#include "base/alloc.h"

#include <math.h>

typedef struct {
    evg_list_t link;
    uint64_t end; /* stream position behind its bytes */
    double at;
} mark_t;

static mark_t *mark_of(evg_list_t *link)
{
    return evg_container(link, mark_t, link);
}

void evg_lag_init(evg_lag_t *lag)
{
    *lag = (evg_lag_t){0};
    evg_list_init(&lag->marks);
}

static void drop(mark_t *mark)
{
    evg_list_unlink(&mark->link);
    evg_free(mark);
}

void evg_lag_deinit(evg_lag_t *lag)
{
    for (evg_list_t *at; (at = evg_list_first(&lag->marks));) drop(mark_of(at));
}

void evg_lag_note(evg_lag_t *lag, uint64_t position, double at)
{
    if (position <= lag->noted) return;
    lag->noted = position;
    mark_t *last = evg_list_empty_p(&lag->marks) ? NULL : mark_of(lag->marks.prev);
    mark_t *mark = last && last->at >= at ? NULL : evg_alloc(sizeof *mark);
    if (mark) {
        *mark = (mark_t){.end = position, .at = at};
        evg_list_init(&mark->link);
        evg_list_append(&lag->marks, &mark->link);
    } else if (last) {
        last->end = position;
    }
}

void evg_lag_release(evg_lag_t *lag, double now)
{
    for (evg_list_t *at; (at = evg_list_first(&lag->marks)) && mark_of(at)->at <= now;) {
        lag->released = mark_of(at)->end;
        drop(mark_of(at));
    }
}

double evg_lag_due(const evg_lag_t *lag)
{
    evg_list_t *at = evg_list_first(&lag->marks);
    return at ? mark_of(at)->at : INFINITY;
}

size_t evg_lag_let(const evg_lag_t *lag, uint64_t position, size_t len)
{
    if (evg_list_empty_p(&lag->marks)) return len;
    if (lag->released <= position) return 0;
    return lag->released - position < len ? (size_t)(lag->released - position) : len;
}
