#include "session/jobqueue_waiters.h"

#include "base/alloc.h"
#include "base/error.h"
#include "session/jobqueue_handles.h"

typedef struct {
    evg_queue_job_t *job;
    evg_queue_client_t *client;
    evg_list_t of_job, of_client;
} waiter_t;

void evg_queue_client_init(evg_queue_client_t *client)
{
    *client = (evg_queue_client_t){0};
    evg_list_init(&client->waiters);
}

int evg_queue_await(evg_queue_t *q, evg_queue_job_t *job, evg_queue_client_t *client)
{
    waiter_t *waiter = evg_alloc(sizeof *waiter);
    if (!waiter) return EVG_ENOMEM;
    waiter->job = job;
    waiter->client = client;
    evg_list_init(&waiter->of_job);
    evg_list_init(&waiter->of_client);
    evg_list_append(&job->waiters, &waiter->of_job);
    evg_list_append(&client->waiters, &waiter->of_client);
    job->waiter_count++;
    q->bytes += sizeof *waiter;
    return 0;
}

static void drop(evg_queue_t *q, waiter_t *waiter)
{
    evg_list_unlink(&waiter->of_job);
    evg_list_unlink(&waiter->of_client);
    waiter->job->waiter_count--;
    q->bytes -= sizeof *waiter;
    evg_free(waiter);
}

evg_queue_job_t *evg_queue_unawait(evg_queue_t *q, evg_queue_client_t *client)
{
    evg_list_t *at = evg_list_first(&client->waiters);
    if (!at) return NULL;
    waiter_t *waiter = evg_container(at, waiter_t, of_client);
    evg_queue_job_t *job = waiter->job;
    drop(q, waiter);
    return job;
}

void evg_queue_let_go(evg_queue_t *q, evg_queue_job_t *job)
{
    for (evg_list_t *at; (at = evg_list_first(&job->waiters));) drop(q, evg_container(at, waiter_t, of_job));
}

/* However many submissions one client makes, once it is going they are not gone through again for each event. */
void evg_queue_tell(evg_queue_t *q, evg_queue_job_t *job, evg_command_t type, const evg_bytes_t *args, int argc)
{
    for (evg_list_t *at = job->waiters.next, *next; at != &job->waiters; at = next) {
        waiter_t *waiter = evg_container(at, waiter_t, of_job);
        next = at->next;
        if (!q->ops->tell(waiter->client, type, args, argc)) drop(q, waiter);
    }
}

void evg_queue_tell_failed(evg_queue_t *q, evg_queue_job_t *job)
{
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_bytes_t handle = evg_queue_handle(q, job, room);
    evg_queue_tell(q, job, EVG_WORK_FAIL, &handle, 1);
}
