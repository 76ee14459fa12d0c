/* What a server says, put together before it is told to a session. */
#ifndef EVG_SPEC_STREAM_H
#define EVG_SPEC_STREAM_H

#include "support/session_kit.h"

static uint8_t stream[4096];
static size_t stream_len;

static inline void stream_put(evg_bytes_t bytes)
{
    assert_true(stream_len + bytes.len <= sizeof stream);
    memcpy(stream + stream_len, bytes.at, bytes.len);
    stream_len += bytes.len;
}

static inline void stream_put_packet(evg_command_t type, int argc, const char *const args[])
{
    evg_bytes_t list[EVG_MAX_ARGS];
    for (int i = 0; i < argc; i++) list[i] = evg_bytes_of(args[i]);
    stream_put(kit_packet(type, list, argc));
}

#define PUT(type, ...) \
    stream_put_packet(type, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})
#define PUT_TEXT(text) stream_put(evg_bytes_of(text))
#define PUT_BARE(type) stream_put(kit_packet(type, NULL, 0))

#endif
