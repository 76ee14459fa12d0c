#include "serverfuzz/crowd.h"

#include "base/alloc.h"
#include "protocol/packet.h"

enum { SETTINGS = 4 }; /* bytes at the beginning of a script */

static evg_buffer_t packet;

/* -- words --------------------------------------------------------------------------------------------------------- */

static evg_bytes_t padded(size_t len)
{
    static uint8_t bytes[9000];
    memset(bytes, 'x', sizeof bytes);
    return evg_bytes(bytes, len);
}

static evg_bytes_t name(void)
{
    uint8_t which = script_byte();
    if (which % 32 == 31) return padded(512 + which / 128); /* one is too long */
    return ONE_OF("f", "g", "h", "i", "", "f\tg", "a\nb", ".");
}

static evg_bytes_t unique(void)
{
    uint8_t which = script_byte();
    if (which % 32 == 31) return padded(63 + which / 128);
    return ONE_OF("", "", "k", "l", "f", "-", ".", "\n");
}

/* Mostly one of the first that were given. */
static evg_bytes_t handle(void)
{
    uint8_t which = script_byte();
    if (which % 32 == 31) return padded(which / 2);
    return ONE_OF("H:1", "H:2", "H:3", "H:4", "H:5", "H:6", "H:7", "H:8", "H:9", "H:10", "H:0", "H:", "");
}

static evg_bytes_t number(void)
{
    return ONE_OF("0", "1", "2", "1000", "1500", "1000000002", "99999999999999999999999", "-1", "x", "");
}

static evg_bytes_t data(void)
{
    uint8_t which = script_byte();
    return which % 32 == 31 ? padded(which * 8) : script_some(24);
}

/* -- packets ------------------------------------------------------------------------------------------------------- */

static void say(person_t *person, evg_magic_t magic, evg_command_t type, const evg_bytes_t *args)
{
    evg_buffer_init(&packet);
    if (evg_packet_encode(&packet, magic, type, args, evg_commands[type].args, SIZE_MAX) == 0)
        crowd_says(person, evg_buffer_bytes(&packet));
    evg_buffer_deinit(&packet);
}

static void submit(person_t *person)
{
    static const evg_command_t types[] = {EVG_SUBMIT_JOB,         EVG_SUBMIT_JOB,
                                          EVG_SUBMIT_JOB_BG,      EVG_SUBMIT_JOB_HIGH,
                                          EVG_SUBMIT_JOB_HIGH_BG, EVG_SUBMIT_JOB_LOW,
                                          EVG_SUBMIT_JOB_LOW_BG,  EVG_SUBMIT_JOB_EPOCH,
                                          EVG_SUBMIT_REDUCE_JOB,  EVG_SUBMIT_REDUCE_JOB_BACKGROUND};
    evg_command_t type = types[script_byte() % 10];
    evg_bytes_t args[5] = {name(), unique()};
    int argc = 2;
    if (type == EVG_SUBMIT_JOB_EPOCH) args[argc++] = number();
    if (type == EVG_SUBMIT_REDUCE_JOB || type == EVG_SUBMIT_REDUCE_JOB_BACKGROUND) {
        args[argc++] = name();
        args[argc++] = number();
    }
    args[argc] = data();
    say(person, EVG_REQ, type, args);
}

static void work(person_t *person)
{
    static const evg_command_t types[] = {EVG_WORK_COMPLETE, EVG_WORK_COMPLETE, EVG_WORK_FAIL,  EVG_WORK_EXCEPTION,
                                          EVG_WORK_DATA,     EVG_WORK_WARNING,  EVG_WORK_STATUS};
    evg_bytes_t args[3] = {handle()};
    evg_command_t type = types[script_byte() % 7];
    args[1] = type == EVG_WORK_STATUS ? number() : data();
    args[2] = number();
    say(person, EVG_REQ, type, args);
}

static void serve(person_t *person)
{
    static const evg_command_t types[] = {EVG_CAN_DO,    EVG_CAN_DO,       EVG_CAN_DO_TIMEOUT, EVG_GRAB_JOB,
                                          EVG_GRAB_JOB,  EVG_GRAB_JOB_ALL, EVG_GRAB_JOB_UNIQ,  EVG_GRAB_JOB_UNIQ,
                                          EVG_PRE_SLEEP, EVG_PRE_SLEEP,    EVG_CANT_DO,        EVG_RESET_ABILITIES};
    evg_bytes_t args[2] = {name(), number()};
    say(person, EVG_REQ, types[script_byte() % 12], args);
}

static void ask(person_t *person)
{
    evg_bytes_t arg = data();
    switch (script_byte() % 5) {
    case 0: arg = handle(); return say(person, EVG_REQ, EVG_GET_STATUS, &arg);
    case 1: arg = unique(); return say(person, EVG_REQ, EVG_GET_STATUS_UNIQUE, &arg);
    case 2: arg = ONE_OF("exceptions", "EXCEPTIONS", "foo", ""); return say(person, EVG_REQ, EVG_OPTION_REQ, &arg);
    case 3: return say(person, EVG_REQ, EVG_SET_CLIENT_ID, &arg);
    default: return say(person, EVG_REQ, EVG_ECHO_REQ, &arg);
    }
}

/* Any type, whoever sends it, and whatever its arguments are about. */
static void say_any(person_t *person)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    uint8_t type = script_byte() % EVG_COMMAND_CEILING;
    for (int i = 0; i < EVG_MAX_ARGS; i++) args[i] = i % 2 ? number() : handle();
    if (evg_commands[type].name) say(person, script_byte() % 8 ? EVG_REQ : EVG_RES, (evg_command_t)type, args);
}

/* Its length is a lie, or its type, or its magic; or it is too large. */
static void say_badly(person_t *person)
{
    uint8_t header[EVG_HEADER_LEN] = {0, 'R', 'E', 'Q'};
    uint8_t what = script_byte();
    header[7] = script_byte() % 64;
    header[9 + what % 3] = script_byte();
    if (what % 16 == 15) header[3] = 'X';
    crowd_says(person, evg_bytes(header, sizeof header));
    crowd_says(person, handle());
    crowd_says(person, evg_bytes("", 1));
    crowd_says(person, padded(what * 32u));
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

static void say_line(person_t *person)
{
    uint8_t what = script_byte();
    crowd_says(person, ONE_OF("status", "workers", "version", "getpid", "verbose", "prioritystatus", "show jobs",
                              "bogus", "show unique jobs", "show", "", "create function", "drop function", "maxqueue",
                              "cancel job", "shutdown", "shutdown graceful", "CANCEL JOB"));
    for (int i = 0; i < what % 4; i++) {
        crowd_says(person, evg_bytes_of(" "));
        crowd_says(person, what & 8 ? name() : what & 16 ? handle() : number());
    }
    if (what == 255) crowd_says(person, padded(8190));
    crowd_says(person, evg_bytes_of(what & 32 ? "\r\n" : "\n"));
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

static void wait(void)
{
    uint8_t what = script_byte();
    double wall = crowd.wall + what / 64.0;
    if (what % 32 == 31) wall = 1e9;
    crowd_waits(what % 32 == 30 ? 40 : what % 32 / 8.0, wall);
}

static void spoil(void)
{
    evg_command_t type = (evg_command_t)(script_byte() % EVG_COMMAND_CEILING);
    if (script_byte() % 4) return; /* seldom: after that nobody knows what is right */
    crowd.exact = false;
    if (script_byte() % 2)
        evg_faults_lose(&crowd.server.faults, type);
    else
        (void)evg_faults_refuse(&crowd.server.faults, type, script_byte() % 2 ? "CODE" : NULL, "text");
}

static void speak(person_t *person)
{
    switch (script_byte() % 16) {
    case 0:
    case 1:
    case 2:
    case 3: return submit(person);
    case 4:
    case 5:
    case 6:
    case 7: return serve(person);
    case 8:
    case 9:
    case 10: return work(person);
    case 11:
    case 12: return ask(person);
    case 13: return say_line(person);
    case 14: return say_any(person);
    default:
        if (script_byte() % 4) return say_line(person);
        if (script_byte() % 2) return say_badly(person);
        crowd_says(person, script_some(64));
    }
}

static void act(void)
{
    uint8_t who = script_byte();
    person_t *person = &crowd.people[who % CROWD];
    switch (script_byte() % 32) {
    case 0: return wait();
    case 1: return crowd_comes_back(person);
    case 2: return crowd_moves(person, script_byte());
    case 3: return crowd_reads(person, script_byte());
    case 4: return script_byte() % 8 ? crowd_reads(person, SIZE_MAX) : crowd_restart();
    case 5: return spoil();
    case 6:
    case 7:
    case 8:
    case 9:
        if (person != crowd.people) crowd_reads(person, SIZE_MAX); /* that one reads seldom */
        return;
    case 10: return speak(person);
    default: speak(person); crowd_moves(person, SIZE_MAX);
    }
}

static void step(void)
{
    act();
    evg_alloc_fail_at(0);
    crowd.server.wish = EVG_STAYS;
    crowd_audit();
}

static evg_server_settings_t some_settings(const uint8_t *bytes)
{
    uint8_t what = bytes[0], more = bytes[1];
    static const size_t packets[] = {64, 1200, 1 << 16}, buffers[] = {300, 4096, 1 << 20};
    evg_server_settings_t settings = evg_server_defaults();
    settings.prefix = "H";
    settings.version = "1";
    settings.allow_shutdown = what & 1;
    settings.max_packet = packets[what / 2 % 3];
    settings.max_buffer = buffers[what / 8 % 3];
    settings.queue.max_jobs = what & 32 ? 3 : 40;
    settings.queue.max_bytes = what & 64 ? 2000 : 1 << 16;
    settings.queue.max_functions = what & 128 ? 2 : 6;
    settings.queue.job_retries = more % 4 - 1;
    settings.queue.worker_wakeup = more / 4 % 3;
    settings.queue.round_robin = more & 16;
    if (more / 64 == 0) settings.quirks = (uint32_t)(bytes[2] | bytes[3] << 8);
    return settings;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < SETTINGS) return 0;
    evg_server_settings_t settings = some_settings(bytes);
    crowd_begin(&settings);
    script_run(bytes + SETTINGS, len - SETTINGS, step);
    crowd_end();
    return 0;
}
