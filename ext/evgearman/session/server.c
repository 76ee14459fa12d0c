#include "session/server.h"

#include "base/error.h"
#include "session/jobqueue_handles.h"
#include "session/server_output.h"

enum { MIB = 1024 * 1024 };

evg_server_settings_t evg_server_defaults(void)
{
    return (evg_server_settings_t){
        .queue = evg_queue_defaults,
        .max_packet = 64 * MIB,
        .max_buffer = 64 * MIB,
        .prefix = "H:localhost",
        .version = "evgearman",
    };
}

/* -- what the queue tells others ----------------------------------------------------------------------------------- */

static evg_server_session_t *of_client(evg_queue_client_t *client)
{
    return evg_container(client, evg_server_session_t, client);
}

static bool end_p(evg_command_t type)
{
    return type == EVG_WORK_COMPLETE || type == EVG_WORK_FAIL || type == EVG_WORK_EXCEPTION;
}

/* The header of a result, and not its body. */
static void cut(evg_server_session_t *s)
{
    evg_buffer_truncate(&s->wire.out, evg_buffer_len(&s->wire.out) - 1);
    evg_server_end(s, EVG_ECLOSED);
}

static void tell_oddly(evg_server_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc)
{
    if (end_p(type) && evg_server_quirk_p(s->server, EVG_QUIRK_DOUBLE_END)) evg_server_say(s, type, args, argc);
    if (type != EVG_WORK_COMPLETE) return;
    if (evg_server_quirk_p(s->server, EVG_QUIRK_LATE_FAIL)) evg_server_say(s, EVG_WORK_FAIL, args, 1);
    if (evg_server_quirk_p(s->server, EVG_QUIRK_CUT_RESULT)) cut(s);
}

/* gearmand's way to put it: the handle and a NUL. */
static void say_failed(evg_server_session_t *s, evg_bytes_t handle)
{
    uint8_t room[EVG_QUEUE_HANDLE_CAP + 1];
    memcpy(room, handle.at, handle.len);
    room[handle.len] = 0;
    evg_bytes_t with_nul = evg_bytes(room, handle.len + 1);
    evg_server_say(s, EVG_WORK_FAIL, &with_nul, 1);
}

static void say_event(evg_server_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc)
{
    bool hidden = type == EVG_WORK_EXCEPTION && !s->exceptions;
    if (hidden && evg_server_quirk_p(s->server, EVG_QUIRK_PERL)) return; /* its WORK_FAIL follows */
    if (hidden && evg_server_quirk_p(s->server, EVG_QUIRK_FAIL_WITH_NUL))
        say_failed(s, args[0]);
    else if (hidden)
        evg_server_say(s, EVG_WORK_FAIL, args, 1);
    else
        evg_server_say(s, type, args, argc);
    if (s->server->settings.quirks) tell_oddly(s, hidden ? EVG_WORK_FAIL : type, args, argc);
}

static bool tell(evg_queue_client_t *client, evg_command_t type, const evg_bytes_t *args, int argc)
{
    evg_server_session_t *s = of_client(client);
    say_event(s, type, args, argc);
    return !s->ending;
}

static void wake(evg_queue_worker_t *worker)
{
    evg_server_session_t *s = evg_container(worker, evg_server_session_t, worker);
    if (s->noop_sent && !s->sleeps_now && evg_server_quirk_p(s->server, EVG_QUIRK_ONE_NOOP)) return;
    s->noop_sent = !s->sleeps_now;
    evg_server_say(s, EVG_NOOP, NULL, 0);
}

static const evg_queue_ops_t queue_ops = {.tell = tell, .wake = wake};

/* -- life ---------------------------------------------------------------------------------------------------------- */

static void apply_quirks(evg_server_settings_t *settings)
{
    evg_queue_options_t *options = &settings->queue;
    options->sleep_through_epoch |= (settings->quirks & EVG_QUIRK_SLEEP_THROUGH_EPOCH) != 0;
    options->function_first |= (settings->quirks & EVG_QUIRK_FUNCTION_FIRST) != 0;
    options->client_takes_all |= (settings->quirks & EVG_QUIRK_CLIENT_TAKES_ALL) != 0;
    if (settings->quirks & EVG_QUIRK_PERL) options->job_retries = 0;
}

static void start_queue(evg_server_t *server)
{
    const evg_server_settings_t *settings = &server->settings;
    evg_queue_init(&server->queue, &queue_ops, settings->prefix, settings->seed[0], settings->seed[1]);
    server->queue.options = settings->queue;
}

void evg_server_init(evg_server_t *server, const evg_server_settings_t *settings)
{
    *server = (evg_server_t){.settings = *settings};
    evg_list_init(&server->sessions);
    evg_list_init(&server->touched);
    evg_faults_init(&server->faults);
    apply_quirks(&server->settings);
    start_queue(server);
}

void evg_server_deinit(evg_server_t *server)
{
    evg_queue_deinit(&server->queue);
    evg_faults_deinit(&server->faults);
}

void evg_server_forget(evg_server_t *server)
{
    double now = server->queue.now, wall = server->queue.wall;
    evg_queue_deinit(&server->queue);
    start_queue(server);
    evg_queue_clock(&server->queue, now, wall);
}

void evg_server_clock(evg_server_t *server, double now, double wall)
{
    evg_queue_clock(&server->queue, now, wall);
}

void evg_server_tick(evg_server_t *server)
{
    evg_queue_tick(&server->queue);
}

double evg_server_deadline(const evg_server_t *server)
{
    return evg_queue_deadline(&server->queue);
}

evg_server_session_t *evg_server_touched(evg_server_t *server)
{
    evg_list_t *at = evg_list_shift(&server->touched);
    return at ? evg_container(at, evg_server_session_t, touched) : NULL;
}
