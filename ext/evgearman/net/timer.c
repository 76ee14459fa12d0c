#include "net/timer.h"

#include <math.h>

static evg_timer_t *timer_of(evg_source_t *source)
{
    return evg_container(source, evg_timer_t, source);
}

/* Only when there was no memory to set it. */
static void timer_reconcile(evg_source_t *source)
{
    evg_source_due_at(source, timer_of(source)->at);
}

static void timer_serve(evg_source_t *source)
{
    (void)source;
}

static void timer_judge(evg_source_t *source)
{
    evg_timer_t *timer = timer_of(source);
    double now = source->loop->now;
    if (timer->every > 0) {
        double missed = floor((now - timer->at) / timer->every);
        timer->at += timer->every * (missed + 1);
        evg_source_due_at(source, timer->at);
    } else {
        evg_timer_stop(timer);
    }
    timer->fire(timer);
}

/* A timer that went on in a forked child would do in two processes what was asked for in one. */
static void timer_ended(evg_source_t *source)
{
    evg_timer_stop(timer_of(source));
}

static const evg_source_ops_t timer_ops = {
    .reconcile = timer_reconcile,
    .serve = timer_serve,
    .judge = timer_judge,
    .forked = timer_ended,
    .closed = timer_ended,
};

void evg_timer_init(evg_timer_t *timer, void (*fire)(evg_timer_t *), void *owner)
{
    evg_source_init(&timer->source, &timer_ops);
    timer->at = INFINITY;
    timer->every = 0;
    timer->fire = fire;
    timer->owner = owner;
}

void evg_timer_start(evg_timer_t *timer, evg_loop_t *loop, double after, double every)
{
    evg_timer_stop(timer);
    evg_source_attach(&timer->source, loop);
    timer->at = evg_loop_now(loop) + after;
    timer->every = every;
    evg_source_due_at(&timer->source, timer->at);
}

void evg_timer_stop(evg_timer_t *timer)
{
    evg_source_detach(&timer->source);
    timer->at = INFINITY;
}
