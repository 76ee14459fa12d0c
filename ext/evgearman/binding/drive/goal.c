#include "binding/drive/goal.h"

void goal_wake(evg_list_t *waiters)
{
    for (evg_list_t *at = waiters->next; at != waiters; at = at->next) {
        goal_waiter_t *waiter = evg_container(at, goal_waiter_t, in_goal);
        waiter->woken = true;
        waiter->wake(waiter);
    }
}

void goal_wake_reached(evg_list_t *waiters)
{
    for (evg_list_t *at = waiters->next; at != waiters; at = at->next) {
        goal_waiter_t *waiter = evg_container(at, goal_waiter_t, in_goal);
        if (waiter->woken || !waiter->goal.reached(&waiter->goal)) continue;
        waiter->woken = true;
        waiter->wake(waiter);
    }
}
