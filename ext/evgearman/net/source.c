#include "net/source.h"

#include <math.h>

void evg_source_init(evg_source_t *source, const evg_source_ops_t *ops)
{
    *source = (evg_source_t){.ops = ops, .fd = -1, .due_at = INFINITY};
    evg_list_init(&source->all);
    evg_list_init(&source->dirty);
    evg_list_init(&source->ready);
    evg_list_init(&source->due);
}

void evg_source_attach(evg_source_t *source, evg_loop_t *loop)
{
    source->loop = evg_loop_hold(loop);
    evg_list_append(&loop->all, &source->all);
}

void evg_source_detach(evg_source_t *source)
{
    evg_loop_t *loop = source->loop;
    if (!loop) return;
    evg_list_unlink(&source->all);
    evg_list_unlink(&source->dirty);
    evg_list_unlink(&source->ready);
    evg_list_unlink(&source->due);
    evg_heap_remove(&loop->alarms, &source->alarm);
    source->due_at = INFINITY;
    source->loop = NULL;
    evg_loop_release(loop);
}

void evg_source_due_at(evg_source_t *source, double at)
{
    evg_loop_t *loop = source->loop;
    if (!loop) return;
    source->due_at = at;
    if (isinf(at) || (source->alarm.index && source->alarm.at <= at)) return;
    evg_heap_remove(&loop->alarms, &source->alarm);
    evg_source_set_alarm(source);
    if (loop->polling && at < loop->aimed_at) evg_loop_wake(loop);
}

void evg_source_knock(evg_source_t *source)
{
    atomic_store(&source->knocked, true);
    atomic_store(&source->loop->knocked, true);
    evg_loop_wake(source->loop);
}
