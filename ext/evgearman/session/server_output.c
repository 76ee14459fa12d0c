#include "session/server_output.h"

#include "base/error.h"

void evg_server_touch(evg_server_session_t *s)
{
    if (!evg_list_linked_p(&s->touched)) evg_list_append(&s->server->touched, &s->touched);
}

void evg_server_end(evg_server_session_t *s, int reason)
{
    if (s->ending) return;
    s->ending = reason;
    if (reason != EVG_ECLOSED) s->server->counts.cut_off++;
    evg_server_touch(s);
}

/* Is something more to be said? Not behind the end, and not to one that has let too much lie already. */
static bool open_p(evg_server_session_t *s)
{
    if (s->ending) return false;
    if (evg_buffer_len(&s->wire.out) >= s->server->settings.max_buffer) {
        evg_server_end(s, EVG_EBACKPRESSURE);
        return false;
    }
    evg_wire_clock(&s->wire, s->server->queue.now);
    evg_server_touch(s);
    return true;
}

void evg_server_say(evg_server_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc)
{
    if (evg_faults_lost_p(&s->server->faults, type) || !open_p(s)) return;
    int r = evg_wire_send(&s->wire, EVG_RES, type, args, argc, SIZE_MAX);
    if (r < 0)
        evg_server_end(s, r);
    else
        s->server->counts.packets_out++;
}

void evg_server_refuse(evg_server_session_t *s, const char *code, const char *text)
{
    evg_bytes_t args[] = {evg_bytes_of(code), evg_bytes_of(text)};
    evg_server_say(s, EVG_ERROR, args, 2);
}

static void write_bytes(evg_server_session_t *s, evg_bytes_t bytes)
{
    if (!open_p(s)) return;
    evg_wire_hold(&s->wire);
    if (evg_buffer_append(&s->wire.out, bytes) < 0) evg_server_end(s, EVG_ENOMEM);
}

void evg_server_write(evg_server_session_t *s, const char *text)
{
    write_bytes(s, evg_bytes_of(text));
}

static bool printable_p(uint8_t byte)
{
    return (byte >= ' ' && byte != 127) || byte == '\t';
}

void evg_server_write_name(evg_server_session_t *s, evg_bytes_t name)
{
    static const uint8_t unprintable = '?';
    if (evg_bytes_equal_p(name, evg_bytes_of("."))) name = evg_bytes(&unprintable, 1);
    while (name.len) {
        size_t len = 0;
        while (len < name.len && printable_p(name.at[len])) len++;
        write_bytes(s, len ? evg_bytes(name.at, len) : evg_bytes(&unprintable, len = 1));
        name = evg_bytes(name.at + len, name.len - len);
    }
}

void evg_server_write_number(evg_server_session_t *s, uint64_t number)
{
    char digits[EVG_NUMBER_CAP];
    write_bytes(s, evg_number_encode(digits, number));
}
