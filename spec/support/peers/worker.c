/* Does five functions whose names begin with PREFIX, and prints each job: name, workload in hexadecimal.
 *
 *     worker HOST PORT PREFIX */
#include <libgearman/gearman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(const char *name, gearman_job_st *job)
{
    const unsigned char *data = gearman_job_workload(job);
    printf("%s ", name);
    for (size_t i = 0; i < gearman_job_workload_size(job); i++) printf("%02x", data[i]);
    printf("\n");
}

static gearman_return_t echo(gearman_job_st *job, void *context)
{
    (void)context;
    print("echo", job);
    return gearman_job_send_complete(job, gearman_job_workload(job), gearman_job_workload_size(job));
}

static gearman_return_t fail(gearman_job_st *job, void *context)
{
    (void)context;
    print("fail", job);
    return GEARMAN_FATAL;
}

static gearman_return_t refuse(gearman_job_st *job, void *context)
{
    (void)context;
    print("refuse", job);
    return gearman_job_send_exception(job, gearman_job_workload(job), gearman_job_workload_size(job));
}

static gearman_return_t progress(gearman_job_st *job, void *context)
{
    (void)context;
    print("progress", job);
    gearman_job_send_data(job, "one", 3);
    gearman_job_send_warning(job, "careful", 7);
    gearman_job_send_status(job, 1, 2);
    gearman_job_send_data(job, "two\0three", 9);
    return gearman_job_send_complete(job, "done", 4);
}

static gearman_return_t unique(gearman_job_st *job, void *context)
{
    (void)context;
    print("unique", job);
    return gearman_job_send_complete(job, gearman_job_unique(job), strlen(gearman_job_unique(job)));
}

static void define(gearman_worker_st *worker, const char *prefix, const char *name, gearman_function_fn *run)
{
    char full[512];
    int len = snprintf(full, sizeof full, "%s-%s", prefix, name);
    gearman_worker_define_function(worker, full, (size_t)len, gearman_function_create(run), 0, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    gearman_worker_st *worker = gearman_worker_create(NULL);
    gearman_worker_add_server(worker, argv[1], (in_port_t)atoi(argv[2]));
    define(worker, argv[3], "echo", echo);
    define(worker, argv[3], "fail", fail);
    define(worker, argv[3], "refuse", refuse);
    define(worker, argv[3], "progress", progress);
    define(worker, argv[3], "unique", unique);
    for (;;) (void)gearman_worker_work(worker);
}
