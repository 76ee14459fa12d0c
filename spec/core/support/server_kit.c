#include "support/server_kit.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

server_kit_t kit;

enum { TEXT_CAP = 65536, PACKETS_CAP = 65536 };

static void tell_time(void)
{
    evg_server_clock(&kit.server, kit.now, kit.wall);
}

static void open_session(int at)
{
    evg_server_session_open(&kit.sessions[at], &kit.server, "127.0.0.1", 10 + at);
}

static void start(void)
{
    kit.now = 100;
    kit.wall = SERVER_KIT_WALL;
    evg_server_init(&kit.server, &kit.settings);
    tell_time();
    for (int i = 0; i < SERVER_KIT_SESSIONS; i++) open_session(i);
}

static void stop(void)
{
    for (int i = 0; i < SERVER_KIT_SESSIONS; i++) evg_server_session_close(&kit.sessions[i]);
    assert_int_equal(kit.server.session_count, 0);
    assert_null(evg_server_touched(&kit.server));
    evg_server_deinit(&kit.server);
}

int server_kit_start(void **state)
{
    (void)state;
    memset(&kit, 0, sizeof kit);
    kit.live = evg_alloc_live();
    kit.settings = evg_server_defaults();
    kit.settings.prefix = "H";
    kit.settings.version = "1.2.3";
    kit.settings.pid = 42;
    start();
    return 0;
}

int server_kit_stop(void **state)
{
    (void)state;
    stop();
    assert_int_equal(evg_alloc_live(), kit.live);
    return 0;
}

void server_kit_with(evg_server_settings_t settings)
{
    stop();
    kit.settings = settings;
    start();
}

void server_kit_quirk(const char *name)
{
    evg_server_settings_t settings = kit.settings;
    settings.quirks = evg_quirks_of(evg_bytes_of(name));
    assert_true(settings.quirks != 0);
    server_kit_with(settings);
}

void server_kit_pass(double seconds)
{
    kit.now += seconds;
    kit.wall += seconds;
    tell_time();
    evg_server_tick(&kit.server);
    for (int i = 0; i < SERVER_KIT_SESSIONS; i++) evg_server_session_tick(&kit.sessions[i]);
}

/* -- asking -------------------------------------------------------------------------------------------------------- */

void feed(int at, evg_bytes_t bytes)
{
    evg_server_session_t *s = &kit.sessions[at];
    evg_wire_clock(&s->wire, kit.now);
    assert_int_equal(evg_wire_feed(&s->wire, bytes), 0);
    evg_alloc_fail_at(kit.fail_at);
    evg_server_session_run(s);
    evg_alloc_fail_at(0);
}

static void append(evg_buffer_t *out, const char *text)
{
    assert_int_equal(evg_buffer_append(out, evg_bytes_of(text)), 0);
}

static void append_packet(evg_buffer_t *out, char *text)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    char *rest = strchr(text, ' ');
    evg_command_t type = evg_command_find(evg_bytes(text, rest ? (size_t)(rest - text) : strlen(text)));
    int argc = evg_commands[type].args;
    assert_true(type != EVG_TEXT);
    for (int i = 0; i < argc; i++) {
        char *arg = rest ? rest + 1 : text + strlen(text);
        rest = i < argc - 1 ? strchr(arg, '|') : NULL;
        args[i] = evg_bytes(arg, rest ? (size_t)(rest - arg) : strlen(arg));
    }
    assert_int_equal(evg_packet_encode(out, EVG_REQ, type, args, argc, SIZE_MAX), 0);
}

void ask(int at, const char *packets)
{
    static char copy[PACKETS_CAP];
    evg_buffer_t out;
    evg_buffer_init(&out);
    assert_true(strlen(packets) < sizeof copy);
    strcpy(copy, packets);
    for (char *text = copy, *next; text; text = next) {
        next = strstr(text, "; ");
        if (next) {
            *next = 0;
            next += 2;
        }
        if (*text == '\'') {
            append(&out, text + 1);
            append(&out, "\n");
        } else {
            append_packet(&out, text);
        }
    }
    feed(at, evg_buffer_bytes(&out));
    evg_buffer_deinit(&out);
}

void leave(int at)
{
    evg_server_session_close(&kit.sessions[at]);
    open_session(at);
}

/* -- what was said ------------------------------------------------------------------------------------------------- */

typedef struct {
    char text[TEXT_CAP];
    size_t len;
} told_t;

static void tell_bytes(told_t *told, evg_bytes_t bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        assert_true(told->len + 8 < sizeof told->text);
        uint8_t byte = bytes.at[i];
        const char *form = byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : byte ? "%c" : "\\0";
        told->len += (size_t)sprintf(told->text + told->len, form, byte);
    }
}

static void tell(told_t *told, const char *text)
{
    tell_bytes(told, evg_bytes_of(text));
}

static void tell_packet(told_t *told, const evg_packet_t *packet)
{
    tell(told, evg_commands[packet->type].name);
    for (int i = 0; i < packet->argc; i++) {
        tell(told, i ? "|" : " ");
        tell_bytes(told, packet->args[i]);
    }
}

/* One packet, or all text up to the next. */
static size_t tell_next(told_t *told, evg_bytes_t out)
{
    evg_packet_t packet;
    if (told->len) tell(told, "; ");
    if (*out.at == 0) {
        ptrdiff_t len = evg_packet_decode(&packet, EVG_RES, out, SIZE_MAX);
        assert_true(len > 0);
        tell_packet(told, &packet);
        return (size_t)len;
    }
    const uint8_t *nul = memchr(out.at, 0, out.len);
    size_t len = nul ? (size_t)(nul - out.at) : out.len;
    tell(told, "'");
    tell_bytes(told, evg_bytes(out.at, len));
    tell(told, "'");
    return len;
}

void server_kit_assert_said(int at, const char *text, const char *file, int line)
{
    static told_t told;
    evg_wire_t *wire = &kit.sessions[at].wire;
    memset(&told, 0, sizeof told);
    while (evg_wire_output(wire).len) evg_wire_written(wire, tell_next(&told, evg_wire_output(wire)));
    _assert_string_equal(told.text, text, file, line);
}

void server_kit_assert_ends(int at, int reason, const char *file, int line)
{
    _assert_int_equal((LargestIntegralType)kit.sessions[at].ending, (LargestIntegralType)reason, file, line);
    if (reason) leave(at);
}
