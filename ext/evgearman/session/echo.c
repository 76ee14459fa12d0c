/* ECHO_REQ, and whether its reply is its own.
 *
 * Of the bytes that went out the request keeps as much as it has room for: themselves when they are few, else a digest
 * of them all. It need not stand up to whoever makes bytes to meet it: the server can answer what it likes anyway. */
#include "session/echo.h"

#include "session/exchange.h"

static uint64_t mix(uint64_t sum, uint64_t word)
{
    return (sum ^ word) * 0x9e3779b97f4a7c15;
}

enum { LANES = 8, BLOCK = LANES * sizeof(uint64_t) };

static void add(uint64_t sums[LANES], const uint8_t block[BLOCK])
{
    uint64_t words[LANES];
    memcpy(words, block, BLOCK);
    for (int i = 0; i < LANES; i++) sums[i] = mix(sums[i], words[i]);
}

/* Sums side by side, so that none waits for the other. One word that differs always shows. */
static uint64_t digest(evg_bytes_t data)
{
    uint64_t sums[LANES] = {1, 2, 3, 4, 5, 6, 7, 8}, all = 0;
    uint8_t rest[BLOCK] = {0};
    for (; data.len >= BLOCK; data.at += BLOCK, data.len -= BLOCK) add(sums, data.at);
    memcpy(rest, data.at, data.len);
    add(sums, rest);
    for (int i = 0; i < LANES; i++) all = mix(all, sums[i]);
    return all;
}

static size_t sent_len(const evg_request_t *request)
{
    return request->length - EVG_HEADER_LEN;
}

/* It has no handle: that is where the bytes are kept, without a length, so nobody takes them for one. */
static void keep(evg_request_t *request, evg_bytes_t data)
{
    uint64_t sum = data.len > EVG_KEY_MAX ? digest(data) : 0;
    if (data.len > EVG_KEY_MAX)
        memcpy(request->handle, &sum, sizeof sum);
    else if (data.len > 0)
        memcpy(request->handle, data.at, data.len);
}

bool evg_session_echo_of_p(const evg_request_t *request, evg_bytes_t data)
{
    if (data.len != sent_len(request)) return false;
    if (data.len <= EVG_KEY_MAX) return data.len == 0 || memcmp(request->handle, data.at, data.len) == 0;
    uint64_t sum = digest(data);
    return memcmp(request->handle, &sum, sizeof sum) == 0;
}

int evg_session_echo(evg_session_t *s, evg_request_t *request, evg_bytes_t data)
{
    int r = evg_session_ask(s, request, EVG_ECHO_REQ, &data, 1);
    if (r == 0) keep(request, data);
    return r;
}
