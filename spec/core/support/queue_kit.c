#include "support/queue_kit.h"

queue_kit_t kit;

static size_t live;

static void append(const char *text)
{
    size_t len = strlen(kit.told);
    assert_true(len + strlen(text) < sizeof kit.told);
    strcpy(kit.told + len, text);
}

static void append_bytes(evg_bytes_t bytes)
{
    char text[256];
    snprintf(text, sizeof text, " %.*s", (int)bytes.len, (const char *)bytes.at);
    append(text);
}

static void begin(const char *user, long at, const char *what)
{
    char text[64];
    snprintf(text, sizeof text, "%s%s%ld %s", *kit.told ? "; " : "", user, at, what);
    append(text);
}

static bool tell(evg_queue_client_t *client, evg_command_t type, const evg_bytes_t *args, int argc)
{
    begin("c", client - kit.clients, evg_commands[type].name);
    for (int i = 0; i < argc; i++) append_bytes(args[i]);
    return client != kit.deaf;
}

static void wake(evg_queue_worker_t *worker)
{
    begin("w", worker - kit.workers, "NOOP");
}

static const evg_queue_ops_t ops = {tell, wake};

void queue_kit_start(void)
{
    live = evg_alloc_live();
    memset(&kit, 0, sizeof kit);
    evg_queue_init(&kit.q, &ops, "H", 1, 2);
    evg_queue_clock(&kit.q, QUEUE_KIT_NOW, QUEUE_KIT_WALL);
    kit.order.priority = EVG_QUEUE_NORMAL;
    for (int i = 0; i < QUEUE_KIT_USERS; i++) {
        evg_queue_client_init(&kit.clients[i]);
        evg_queue_worker_init(&kit.q, &kit.workers[i]);
    }
}

void queue_kit_stop(void)
{
    for (int i = 0; i < QUEUE_KIT_USERS; i++) {
        client_leaves(i);
        worker_leaves(i);
    }
    evg_queue_deinit(&kit.q);
    assert_int_equal(kit.q.bytes, 0);
    assert_int_equal(kit.q.running, 0);
    assert_int_equal(evg_alloc_live(), live);
}

int queue_kit_setup(void **state)
{
    (void)state;
    queue_kit_start();
    return 0;
}

int queue_kit_teardown(void **state)
{
    (void)state;
    queue_kit_stop();
    return 0;
}

/* -- clients ------------------------------------------------------------------------------------------------------- */

static int submit_order(int client, const char *function, const char *unique, const char *workload,
                        evg_queue_order_t order)
{
    evg_queue_job_t *made;
    order.function = evg_bytes_of(function);
    order.unique = evg_bytes_of(unique);
    order.workload = evg_bytes_of(workload);
    return evg_queue_submit(&kit.q, &kit.clients[client], &order, &made);
}

int submit(int client, const char *function, const char *unique, const char *workload)
{
    return submit_order(client, function, unique, workload, kit.order);
}

int submit_background(int client, const char *function, const char *unique, const char *workload)
{
    evg_queue_order_t order = kit.order;
    order.background = true;
    return submit_order(client, function, unique, workload, order);
}

int submit_at(const char *function, const char *unique, int64_t epoch)
{
    evg_queue_order_t order = kit.order;
    order.background = true;
    order.epoch = epoch;
    return submit_order(0, function, unique, "later", order);
}

int submit_as(evg_queue_priority_t priority, const char *function, const char *workload)
{
    evg_queue_order_t order = kit.order;
    order.background = true;
    order.priority = priority;
    return submit_order(0, function, "", workload, order);
}

void client_leaves(int client)
{
    evg_queue_client_leave(&kit.q, &kit.clients[client]);
}

/* -- workers ------------------------------------------------------------------------------------------------------- */

void can_do_within(int worker, const char *function, double timeout)
{
    assert_int_equal(evg_queue_can_do(&kit.q, &kit.workers[worker], evg_bytes_of(function), timeout), 0);
}

void can_do(int worker, const char *function)
{
    can_do_within(worker, function, 0);
}

void cant_do(int worker, const char *function)
{
    evg_queue_cant_do(&kit.q, &kit.workers[worker], evg_bytes_of(function));
}

void pre_sleep(int worker)
{
    evg_queue_pre_sleep(&kit.q, &kit.workers[worker]);
}

void worker_leaves(int worker)
{
    evg_queue_worker_leave(&kit.q, &kit.workers[worker]);
}

bool end(int worker, const char *handle, evg_command_t type, const char *data)
{
    evg_queue_job_t *held = evg_queue_held(&kit.q, &kit.workers[worker], evg_bytes_of(handle));
    evg_bytes_t args[2] = {evg_bytes_of(handle), evg_bytes_of(data ? data : "")};
    if (held) evg_queue_end(&kit.q, held, type, args, data ? 2 : 1);
    return held;
}

const char *grab(int worker)
{
    static char text[512];
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_queue_job_t *got;
    int r = evg_queue_grab(&kit.q, &kit.workers[worker], &got);
    assert_true(r >= 0);
    if (r == 0) return "";
    evg_bytes_t parts[] = {evg_queue_handle(&kit.q, got, room), evg_queue_name(got->function), evg_queue_unique(got),
                           evg_queue_workload(got)};
    char *at = text;
    for (int i = 0; i < 4; i++)
        at += snprintf(at, 128, "%s%.*s", i ? " " : "", (int)parts[i].len, (const char *)parts[i].at);
    return text;
}

/* -- and the rest -------------------------------------------------------------------------------------------------- */

evg_queue_job_t *job(const char *handle)
{
    return evg_queue_find(&kit.q, evg_bytes_of(handle));
}

evg_queue_function_t *function(const char *name)
{
    return evg_queue_function_find(&kit.q, evg_bytes_of(name));
}

void pass(double seconds)
{
    evg_queue_clock(&kit.q, kit.q.now + seconds, kit.q.wall + seconds);
    evg_queue_tick(&kit.q);
}

const char *told(void)
{
    static char text[QUEUE_KIT_TEXT];
    strcpy(text, kit.told);
    *kit.told = 0;
    return text;
}
