#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "base/error.h"
#include "protocol/packet.h"

static evg_bytes_t handle(void)
{
    return ONE_OF("H:1", "H:2", "H:3", "H:4", "", "H:1234567890123456789012345678901234567890123456789012345678901234");
}

/* -- the caller ---------------------------------------------------------------------------------------------------- */

static void submit(evg_request_t *request)
{
    bool keyed = false;
    static const evg_command_t types[] = {EVG_SUBMIT_JOB, EVG_SUBMIT_JOB_HIGH, EVG_SUBMIT_JOB_LOW, EVG_SUBMIT_JOB_BG,
                                          EVG_SUBMIT_JOB_EPOCH};
    evg_submission_t submission = {.type = types[script_byte() % 5], .function = ONE_OF("f", "g"), .run_at = 1e9};
    submission.unique = ONE_OF("", "k", "l");
    submission.timeout = script_byte() % 4;
    submission.workload = script_some(16);
    if (life.joined) life_route(&submission, keyed = script_byte() % 2);
    int answer = evg_client_submit(life.s, request, &submission);
    if (answer == 0 && life.joined) evg_fleet_take(request, keyed);
    life_made(request, answer);
}

static void ask(evg_request_t *request)
{
    switch (script_byte() % 7) {
    case 0: life_made(request, evg_session_echo(life.s, request, script_some(8))); break;
    case 1: life_made(request, evg_client_get_status(life.s, request, handle())); break;
    case 2: life_made(request, evg_client_get_status_unique(life.s, request, ONE_OF("k", "l"))); break;
    case 3: life_made(request, evg_session_option(life.s, request, ONE_OF("exceptions", "o"))); break;
    case 4: life_made(request, evg_session_admin(life.s, request, ONE_OF("getpid", "maxqueue f 1"), EVG_LINE)); break;
    case 5: life_made(request, evg_session_admin(life.s, request, ONE_OF("status", "workers"), EVG_DOTTED)); break;
    default: life_made(request, evg_worker_grab(life.s, request));
    }
}

static void work(evg_session_t *s, uint8_t what, evg_bytes_t name, uint8_t timeouts)
{
    switch (what % 6) {
    case 0: (void)evg_worker_can_do(s, name, timeouts % 3, (timeouts / 3 % 3) * 5.0, &life); break;
    case 1: (void)evg_worker_cant_do(s, name); break;
    case 2: evg_worker_reset_abilities(s); break;
    case 3: (void)evg_worker_work(s); break;
    case 4: (void)evg_worker_work_one(s); break;
    default: evg_worker_stop(s);
    }
}

/* With all sessions, as workers do; now and then with one. */
static void do_work(void)
{
    evg_bytes_t name = ONE_OF("f", "g");
    uint8_t what = script_byte(), timeouts = script_byte();
    if (what > 240) return work(life.s, what, name, timeouts);
    for (int at = 0; at < life.count; at++) work(&life.sessions[at], what, name, timeouts);
}

static void say_of(evg_job_t *job)
{
    switch (script_byte() % 7) {
    case 0: evg_job_started(life.s, job); break;
    case 1: (void)evg_job_data(life.s, job, script_some(8)); break;
    case 2: (void)evg_job_status(life.s, job, script_byte(), script_byte()); break;
    case 3:
        if (evg_job_complete(life.s, job, script_some(8)) == 0) life_finished(job);
        break;
    case 4:
        if (evg_job_fail(life.s, job) == 0) life_finished(job);
        break;
    case 5:
        if (evg_job_exception(life.s, job, script_some(8)) == 0) life_finished(job);
        break;
    default: evg_job_forget(life.s, job); life_finished(job);
    }
}

static void set_options(evg_session_t *s, uint8_t bits, int prefetch)
{
    evg_session_options_t *options = &s->options;
    options->reconnect = bits & 1;
    options->exceptions = bits & 2;
    options->heartbeat = bits & 4 ? 20 : 0;
    options->lost_check = bits & 8 ? 10 : 0;
    options->command_timeout = bits & 16 ? 30 : 0;
    options->max_unsent = bits & 32 ? 256 : 1 << 20;
    s->worker.grab_unique = bits & 64;
    s->worker.poll_interval = bits & 128 ? 1 : 0;
    s->worker.prefetch = prefetch;
    evg_session_reconsider(s);
}

static void set_all_options(void)
{
    uint8_t bits = script_byte();
    int prefetch = (int)(script_byte() % 4) - 1;
    for (int at = 0; at < life.count; at++) set_options(&life.sessions[at], bits, prefetch);
    life_tell();
}

/* -- the server ---------------------------------------------------------------------------------------------------- */

static evg_bytes_t word(void)
{
    return ONE_OF("f", "g", "k", "l", "1", "0", "x", "QUEUE_ERROR", "JOB_NOT_FOUND", "UNKNOWN_OPTION", "exceptions");
}

static void say(evg_command_t type, const evg_bytes_t *args)
{
    evg_buffer_t packet;
    evg_buffer_init(&packet);
    if (evg_packet_encode(&packet, EVG_RES, type, args, evg_command_info(type)->args, SIZE_MAX) == 0)
        life_hear(evg_buffer_bytes(&packet));
    evg_buffer_deinit(&packet);
}

/* A well-formed packet, whether it fits or not. */
static void say_packet(void)
{
    static const evg_command_t types[] = {
        EVG_NOOP,        EVG_JOB_CREATED,    EVG_NO_JOB,     EVG_JOB_ASSIGN,       EVG_JOB_ASSIGN_UNIQ,
        EVG_WORK_STATUS, EVG_WORK_COMPLETE,  EVG_WORK_FAIL,  EVG_ECHO_RES,         EVG_ERROR,
        EVG_STATUS_RES,  EVG_WORK_EXCEPTION, EVG_OPTION_RES, EVG_WORK_DATA,        EVG_WORK_WARNING,
        EVG_GRAB_JOB,    EVG_SUBMIT_JOB,     EVG_CAN_DO,     EVG_STATUS_RES_UNIQUE};
    evg_command_t type = types[script_byte() % (sizeof types / sizeof *types)];
    evg_bytes_t args[EVG_MAX_ARGS];
    bool about_a_job = type != EVG_ERROR && type != EVG_STATUS_RES_UNIQUE && type != EVG_OPTION_RES;
    for (int at = 0; at < EVG_MAX_ARGS; at++) args[at] = at == 0 && about_a_job ? handle() : word();
    say(type, args);
}

static void say_text(void)
{
    life_hear(
        ONE_OF("OK 1.1.20\n", "v1.130\n", "OK\n", ".\n", "f\t1\t0\t1\n", "ERR UNKNOWN_COMMAND x\n", "OK 5\r\n", "f"));
}

static void assign(bool unique)
{
    const evg_bytes_t args[] = {handle(), ONE_OF("f", "g"), ONE_OF("k", ""), evg_bytes_of("w")};
    const evg_bytes_t plain[] = {args[0], args[1], args[3]};
    if (script_byte() % 4 == 0)
        say(EVG_NO_JOB, NULL);
    else
        say(unique ? EVG_JOB_ASSIGN_UNIQ : EVG_JOB_ASSIGN, unique ? args : plain);
}

/* What is right to say to the request that was written first. */
static void answer(void)
{
    if (evg_list_empty_p(&life.s->owed)) return;
    const evg_request_t *head = evg_container(life.s->owed.next, evg_request_t, link);
    const evg_bytes_t args[] = {evg_request_handle(head), word(), word(), word(), word(), word()};
    switch (head->type) {
    case EVG_ECHO_REQ: say(EVG_ECHO_RES, args); break;
    case EVG_GET_STATUS: say(EVG_STATUS_RES, args); break;
    case EVG_GET_STATUS_UNIQUE: say(EVG_STATUS_RES_UNIQUE, args); break;
    case EVG_OPTION_REQ: say(EVG_OPTION_RES, args); break;
    case EVG_GRAB_JOB:
    case EVG_GRAB_JOB_UNIQ: assign(head->type == EVG_GRAB_JOB_UNIQ); break;
    case EVG_TEXT: say_text(); break;
    default: {
        evg_bytes_t created = handle();
        say(EVG_JOB_CREATED, &created);
    }
    }
}

static void write_all(void)
{
    evg_session_written(life.s, life_output().len);
    life_tell();
}

/* -- both ---------------------------------------------------------------------------------------------------------- */

static void write_some(void)
{
    size_t most = script_byte();
    evg_bytes_t output = life_output();
    evg_session_written(life.s, most < 255 && most < output.len ? most : output.len);
    life_tell();
}

static void request(void (*make)(evg_request_t *request))
{
    evg_request_t *one = life_request();
    if (one) make(one);
}

static void about_a_job(void)
{
    evg_job_t *job = life_job(script_byte() % 8); /* they fill up from the first */
    if (job) say_of(job);
}

static void act(void)
{
    switch (script_byte() % 24) {
    case 0:
    case 1: request(submit); break;
    case 2: request(ask); break;
    case 3: do_work(); break;
    case 4: about_a_job(); break;
    case 5: set_all_options(); break;
    case 6:
        evg_session_disconnect(life.s);
        life_tell();
        break;
    case 7: life_close(script_byte() % 2 ? EVG_ESERVER_CLOSED : EVG_ECONNECT); break;
    case 8:
        (void)evg_session_want(life.s);
        life_open();
        break;
    case 9: life_pass(script_byte() / 8.0); break;
    case 10:
        if (script_byte() % 8 == 0) life_hear(script_some(64));
        break;
    case 11: say_text(); break;
    case 12: write_some(); break;
    case 13:
    case 14: say_packet(); break;
    default: write_all(); answer();
    }
}

static void step(void)
{
    if (life.joined) life_turn_to(script_byte() % 4); /* the last one twice as often */
    act();
    evg_alloc_fail_at(0);
    life_tell();
    life_audit();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    bool joined = len > 0 && *bytes % 2;
    life_begin(joined);
    script_run(bytes, len, step);
    life_end();
    return 0;
}
