#include "netfuzz/netfuzz.h"

bool caller_rests, caller_hurries;

static void changed(client_t *client)
{
    evg_connection_changed(client->c);
    caller_hurries = true;
}

/* -- requests ------------------------------------------------------------------------------------------------------ */

#define ONE_OF(...)                      \
    evg_bytes_of(((const char *const[]){ \
        __VA_ARGS__}[pick((unsigned)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))]))

/* Its number, and more. */
static evg_bytes_t marked(const asked_t *asked)
{
    evg_bytes_t bytes = talk_workload(SIZE_MAX);
    memcpy((uint8_t *)(uintptr_t)bytes.at, &asked->number, sizeof asked->number);
    if (bytes.len < sizeof asked->number) bytes.len = sizeof asked->number;
    return bytes;
}

static int submit(evg_session_t *s, asked_t *asked)
{
    static const evg_command_t types[] = {EVG_SUBMIT_JOB,    EVG_SUBMIT_JOB,        EVG_SUBMIT_JOB_HIGH,
                                          EVG_SUBMIT_JOB_BG, EVG_SUBMIT_JOB_LOW_BG, EVG_SUBMIT_JOB_EPOCH};
    static const double timeouts[] = {0, 0, 0.2, 1, 5};
    evg_submission_t submission = {.type = types[pick(6)], .function = ONE_OF("f", "g"), .run_at = 1000000000};
    submission.unique = ONE_OF("", "", "k", "l");
    submission.workload = marked(asked);
    if (evg_command_foreground_p(submission.type)) submission.timeout = timeouts[pick(5)];
    if (submission.timeout > 0) asked->give_up_at = machine.now + submission.timeout;
    return evg_client_submit(s, &asked->request, &submission);
}

static int ask(evg_session_t *s, asked_t *asked)
{
    evg_request_t *request = &asked->request;
    switch (pick(14)) {
    case 0:
    case 1: return evg_session_echo(s, request, marked(asked));
    case 2: return evg_client_get_status(s, request, ONE_OF("H:1", "H:2:3"));
    case 3: return evg_client_get_status_unique(s, request, ONE_OF("k", "l"));
    case 4: return evg_session_option(s, request, ONE_OF("exceptions", "other"));
    case 5: return evg_session_admin(s, request, ONE_OF("getpid", "maxqueue f 1"), EVG_LINE);
    case 6: return evg_session_admin(s, request, ONE_OF("status", "workers"), EVG_DOTTED);
    case 7: return evg_worker_grab(s, request);
    default: return submit(s, asked);
    }
}

static void tell_of_it(client_t *client)
{
    switch (pick(4)) {
    case 0: evg_connection_asked(client->c); break;
    case 1: evg_connection_flush(client->c); break;
    default: changed(client);
    }
}

void caller_asks(client_t *client)
{
    evg_connection_clock(client->c);
    for (unsigned n = pick(6) ? 1 : pick(30); n > 0; n--) {
        asked_t *asked = client_request(client);
        client_asked(asked, ask(&client->c->session, asked));
    }
    tell_of_it(client);
}

void caller_echoes(client_t *client)
{
    asked_t *asked = client_request(client);
    evg_connection_clock(client->c);
    client_asked(asked, evg_session_echo(&client->c->session, &asked->request, evg_bytes(&asked->number, 4)));
    changed(client);
}

static void take_back(client_t *client)
{
    if (evg_list_empty_p(&client->asked)) return;
    evg_list_t *any = pick(2) ? client->asked.prev : client->asked.next;
    (void)evg_session_take_back(&client->c->session, &evg_container(any, asked_t, link)->request);
    changed(client);
}

/* -- jobs ---------------------------------------------------------------------------------------------------------- */

static void work(client_t *client)
{
    evg_session_t *s = &client->c->session;
    evg_bytes_t name = ONE_OF("f", "g");
    static const double times[] = {0, 0.1, 2};
    switch (pick(8)) {
    case 0: (void)evg_worker_cant_do(s, name); break;
    case 1: evg_worker_reset_abilities(s); break;
    case 2: (void)evg_worker_work_one(s); break;
    case 3: evg_worker_stop(s); break;
    case 4:
    case 5: (void)evg_worker_work(s); break;
    default: (void)evg_worker_can_do(s, name, times[pick(3)], pick(2) * 5, pick(4) ? client : NULL);
    }
    changed(client);
}

static void begin(evg_session_t *s, held_t *held)
{
    if (!held->entered && pick(2)) evg_job_entered(&held->job);
    held->entered = held->job.entered;
    evg_job_started(s, &held->job);
}

static void say_of(client_t *client, held_t *held)
{
    evg_session_t *s = &client->c->session;
    evg_job_t *job = &held->job;
    switch (pick(8)) {
    case 0:
    case 1: (void)evg_job_data(s, job, talk_workload(SIZE_MAX)); break;
    case 2: (void)evg_job_warning(s, job, talk_workload(100)); break;
    case 3: (void)evg_job_status(s, job, pick(10), 10); break;
    case 4:
    case 5: (void)evg_job_complete(s, job, talk_workload(SIZE_MAX)); break;
    case 6: (void)evg_job_fail(s, job); break;
    default: (void)evg_job_exception(s, job, talk_workload(SIZE_MAX));
    }
}

static void about_jobs(client_t *client)
{
    evg_list_t *at, *next;
    evg_connection_clock(client->c);
    for (at = client->held.next; at != &client->held; at = next) {
        held_t *held = evg_container(at, held_t, link);
        next = at->next;
        if (pick(2)) continue;
        if (held->job.started_at == 0 && pick(3)) {
            begin(&client->c->session, held);
            continue;
        }
        say_of(client, held);
        if (held->job.state != EVG_JOB_HELD || pick(20) == 0) client_drop(client, held);
    }
    tell_of_it(client);
}

/* -- the connection ------------------------------------------------------------------------------------------------ */

static void end_it(client_t *client)
{
    switch (pick(8)) {
    case 0: evg_connection_disconnect(client->c); break;
    case 1: evg_connection_hand_back(client->c); break;
    case 2: evg_connection_cut(client->c); break;
    case 3:
        if (pick(8)) break;
        evg_connection_shut(client->c);
        break;
    default: evg_connection_move(client->c, &places[pick(3) ? pick(2) : pick(PLACES)]);
    }
}

static void adjust(client_t *client)
{
    evg_connection_t *c = client->c;
    switch (pick(6)) {
    case 0: c->session.paused = !c->session.paused; break;
    case 1: c->pipe.priority = (int)pick(5) - 2; break;
    case 2: evg_connection_set_keepalive(c, pick(2) * 10); break;
    case 3: c->session.options.reconnect = pick(4); break;
    case 4: c->session.options.command_timeout = pick(3) * 0.7; break;
    default: (void)evg_session_set_client_id(&c->session, ONE_OF("me", "you"));
    }
    changed(client);
}

static void want(client_t *client)
{
    (void)evg_session_want(&client->c->session);
    changed(client);
}

static void replace(client_t **client, evg_loop_t *loop)
{
    if (*client && pick(12)) return;
    if (*client) client_free(*client);
    *client = client_new(loop);
}

void caller_act(evg_loop_t *loop)
{
    client_t **one = &clients[pick(CLIENTS)], *client = *one;
    if (!client) return replace(one, loop);
    switch (pick(24)) {
    case 0:
    case 20:
    case 21: return work(client);
    case 1: return pick(3) ? want(client) : end_it(client);
    case 2: return adjust(client);
    case 3: return want(client);
    case 4: return take_back(client);
    case 5: return evg_connection_flush(client->c);
    case 6: return replace(one, loop);
    case 7: return machine_pass(pick(10) ? some_time(0.1) : some_time(3)); /* it is busy elsewhere */
    case 8:
    case 9:
    case 10:
    case 11: return about_jobs(client);
    default: return caller_asks(client);
    }
}

/* In the middle of an event. */
void caller_reacts(client_t *client)
{
    switch (caller_rests ? 399 : pick(400)) {
    case 0: evg_connection_disconnect(client->c); break;
    case 1: evg_connection_flush(client->c); break;
    case 2:
    case 3:
    case 4:
    case 5: caller_asks(client); break;
    default: break;
    }
}

/* -- all is well again --------------------------------------------------------------------------------------------- */

void caller_ends_jobs(client_t *client)
{
    while (!evg_list_empty_p(&client->held)) {
        held_t *held = evg_container(client->held.next, held_t, link);
        (void)evg_job_fail(&client->c->session, &held->job);
        client_drop(client, held);
        changed(client);
    }
}

void caller_heals(client_t *client)
{
    evg_session_t *s = &client->c->session;
    s->paused = false;
    s->options.reconnect = true;
    s->options.max_unsent = 1 << 24;
    caller_ends_jobs(client);
    evg_connection_move(client->c, &places[pick(2) ? PLACE_TCP : PLACE_UNIX]);
    want(client);
    client->awaits_job =
        pick(2) && evg_worker_can_do(s, evg_bytes_of("f"), 0, 0, client) == 0 && evg_worker_work(s) == 0;
    if (!client->awaits_job) evg_worker_stop(s);
}
