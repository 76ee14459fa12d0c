/* Submits what it reads, and prints what it hears: an event a line, bytes in hexadecimal.
 *
 *     client HOST PORT FUNCTION [unique=KEY] [priority=high] [background=1] [exceptions=1] < workload */
#include <libgearman/gearman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef gearman_task_st *submit_fn(gearman_client_st *, gearman_task_st *, void *, const char *, const char *,
                                   const void *, size_t, gearman_return_t *);

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(2);
}

static const char *option(int argc, char **argv, const char *name)
{
    size_t len = strlen(name);
    for (int i = 4; i < argc; i++) {
        if (!strncmp(argv[i], name, len) && argv[i][len] == '=') return argv[i] + len + 1;
    }
    return NULL;
}

static char *read_all(size_t *size)
{
    size_t room = 1 << 16;
    char *data = malloc(room);
    for (size_t n; data && (n = fread(data + *size, 1, room - *size, stdin)) > 0;) {
        *size += n;
        if (*size == room) data = realloc(data, room *= 2);
    }
    return data ? data : (die("read", "out of memory"), NULL);
}

static gearman_return_t tell(const char *event, const gearman_task_st *task)
{
    const unsigned char *data = gearman_task_data(task);
    printf("%s ", event);
    for (size_t i = 0; i < gearman_task_data_size(task); i++) printf("%02x", data[i]);
    printf("\n");
    return GEARMAN_SUCCESS;
}

static gearman_return_t on_created(gearman_task_st *task)
{
    printf("created %s\n", gearman_task_job_handle(task));
    return GEARMAN_SUCCESS;
}

static gearman_return_t on_data(gearman_task_st *task)
{
    return tell("data", task);
}

static gearman_return_t on_warning(gearman_task_st *task)
{
    return tell("warning", task);
}

static gearman_return_t on_status(gearman_task_st *task)
{
    printf("status %u %u\n", gearman_task_numerator(task), gearman_task_denominator(task));
    return GEARMAN_SUCCESS;
}

static gearman_return_t on_complete(gearman_task_st *task)
{
    return tell("complete", task);
}

static gearman_return_t on_exception(gearman_task_st *task)
{
    return tell("exception", task);
}

static gearman_return_t on_fail(gearman_task_st *task)
{
    (void)task;
    printf("fail\n");
    return GEARMAN_SUCCESS;
}

static submit_fn *submission(const char *priority, const char *background)
{
    bool high = priority && !strcmp(priority, "high"), low = priority && !strcmp(priority, "low");
    if (background)
        return high  ? gearman_client_add_task_high_background
               : low ? gearman_client_add_task_low_background
                     : gearman_client_add_task_background;
    return high ? gearman_client_add_task_high : low ? gearman_client_add_task_low : gearman_client_add_task;
}

static void listen_to(gearman_client_st *client)
{
    gearman_client_set_created_fn(client, on_created);
    gearman_client_set_data_fn(client, on_data);
    gearman_client_set_warning_fn(client, on_warning);
    gearman_client_set_status_fn(client, on_status);
    gearman_client_set_complete_fn(client, on_complete);
    gearman_client_set_exception_fn(client, on_exception);
    gearman_client_set_fail_fn(client, on_fail);
}

int main(int argc, char **argv)
{
    if (argc < 4) die("usage", "client HOST PORT FUNCTION [OPTION=VALUE...]");
    setvbuf(stdout, NULL, _IOLBF, 0);
    gearman_client_st *client = gearman_client_create(NULL);
    gearman_client_add_server(client, argv[1], (in_port_t)atoi(argv[2]));
    if (option(argc, argv, "exceptions")) gearman_client_set_server_option(client, "exceptions", strlen("exceptions"));
    listen_to(client);

    size_t size = 0;
    char *workload = read_all(&size);
    gearman_return_t result;
    submit_fn *submit = submission(option(argc, argv, "priority"), option(argc, argv, "background"));
    submit(client, NULL, NULL, argv[3], option(argc, argv, "unique"), size ? workload : NULL, size, &result);
    if (gearman_failed(result)) die("submit", gearman_client_error(client));
    result = gearman_client_run_tasks(client);
    if (gearman_failed(result)) die("run", gearman_client_error(client));
    gearman_client_free(client);
    free(workload);
}
