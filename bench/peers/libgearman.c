/* One operation of libgearman, measured in a process of its own.
 *
 *     libgearman HOST:PORT foreground|background|call|worker OPS WINDOW      so many tasks at once
 *
 * Prints operations, seconds and CPU seconds, as floor.c does. It makes a key for each task by itself. */
#define _GNU_SOURCE
#include <libgearman/gearman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char workload[] = "0123456789abcdef"; /* of 16 bytes */
enum { LEN = sizeof workload - 1 };
static char *host;
static in_port_t port;
static size_t ops, window;

static void check(gearman_return_t result, const char *what)
{
    if (gearman_success(result)) return;
    fprintf(stderr, "%s: %s\n", what, gearman_strerror(result));
    exit(1);
}

static double clock_at(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A window of tasks, then the next: tasks cannot be added while others run. */
static void run_tasks(gearman_client_st *client, bool background)
{
    gearman_return_t result;
    for (size_t done = 0; done < ops;) {
        for (size_t n = 0; n < window && done < ops; n++, done++) {
            if (background)
                gearman_client_add_task_background(client, NULL, NULL, "bench", NULL, workload, LEN, &result);
            else
                gearman_client_add_task(client, NULL, NULL, "bench", NULL, workload, LEN, &result);
            check(result, "add");
        }
        check(gearman_client_run_tasks(client), "run");
        gearman_client_task_free_all(client);
    }
}

static void call(gearman_client_st *client)
{
    for (size_t n = 0; n < ops; n++) {
        size_t size;
        gearman_return_t result;
        free(gearman_client_do(client, "bench", NULL, workload, LEN, &size, &result));
        check(result, "do");
    }
}

static void *echo(gearman_job_st *job, void *context, size_t *size, gearman_return_t *result)
{
    (void)context;
    *size = gearman_job_workload_size(job);
    *result = GEARMAN_SUCCESS;
    return memcpy(malloc(*size), gearman_job_workload(job), *size);
}

static void work(gearman_worker_st *worker)
{
    check(gearman_worker_add_function(worker, "bench", 0, echo, NULL), "function");
    for (size_t n = 0; n < ops; n++) check(gearman_worker_work(worker), "work");
}

static void run(const char *operation)
{
    if (!strcmp(operation, "worker")) {
        gearman_worker_st *worker = gearman_worker_create(NULL);
        check(gearman_worker_add_server(worker, host, port), "server");
        work(worker);
        gearman_worker_free(worker);
        return;
    }
    gearman_client_st *client = gearman_client_create(NULL);
    check(gearman_client_add_server(client, host, port), "server");
    if (!strcmp(operation, "call"))
        call(client);
    else
        run_tasks(client, !strcmp(operation, "background"));
    gearman_client_free(client);
}

int main(int argc, char **argv)
{
    char *colon = argc == 5 ? strrchr(argv[1], ':') : NULL;
    if (!colon) return 2;
    *colon = 0;
    host = argv[1];
    port = (in_port_t)atoi(colon + 1);
    ops = strtoul(argv[3], NULL, 10);
    window = strtoul(argv[4], NULL, 10);
    double start = clock_at(CLOCK_MONOTONIC), cpu = clock_at(CLOCK_PROCESS_CPUTIME_ID);
    run(argv[2]);
    printf("%zu %.6f %.6f\n", ops, clock_at(CLOCK_MONOTONIC) - start, clock_at(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return 0;
}
