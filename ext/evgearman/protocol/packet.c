#include "protocol/packet.h"

#include "base/error.h"

/* The first length refused: gearmand adds room of its own to it, in 32 bits. */
static const size_t BODY_CEILING = UINT32_MAX - UINT32_C(127);

static uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint8_t *store32(uint8_t *at, uint32_t n)
{
    at[0] = (uint8_t)(n >> 24);
    at[1] = (uint8_t)(n >> 16);
    at[2] = (uint8_t)(n >> 8);
    at[3] = (uint8_t)n;
    return at + 4;
}

static uint8_t *store(uint8_t *at, evg_bytes_t bytes)
{
    if (bytes.len) memcpy(at, bytes.at, bytes.len);
    return at + bytes.len;
}

static const uint32_t req_magic = 0x00524551, res_magic = 0x00524553; /* "\0REQ", "\0RES" */

/* The magics that the first bytes, fewer than four, may still become. */
static unsigned magics_begun(evg_bytes_t input)
{
    unsigned req = input.len == 0 || memcmp(input.at, "\0REQ", input.len) == 0 ? EVG_REQ : 0;
    unsigned res = input.len == 0 || memcmp(input.at, "\0RES", input.len) == 0 ? EVG_RES : 0;
    return req | res;
}

/* The magics that the first bytes are, or may still become. */
static unsigned magics_of(evg_bytes_t input)
{
    if (input.len < 4) return magics_begun(input);
    uint32_t magic = load32(input.at);
    return (magic == req_magic ? EVG_REQ : 0) | (magic == res_magic ? EVG_RES : 0);
}

static bool split(evg_packet_t *out, evg_bytes_t body, int argc)
{
    out->argc = argc;
    if (argc == 0) return true;
    for (int i = 0; i < argc - 1; i++) {
        const uint8_t *nul = memchr(body.at, 0, body.len);
        if (!nul) return false;
        out->args[i] = evg_bytes(body.at, (size_t)(nul - body.at));
        body = evg_bytes(nul + 1, body.len - out->args[i].len - 1);
    }
    out->args[argc - 1] = body;
    return true;
}

ptrdiff_t evg_packet_decode(evg_packet_t *out, evg_magic_t magic, evg_bytes_t input, size_t max_body)
{
    unsigned seen = magics_of(input) & magic;
    if (!seen) return EVG_EMAGIC;
    if (input.len < 8) return 0;
    uint32_t type = load32(input.at + 4);
    const evg_command_info_t *info = evg_command_info(type);
    if (!info) return EVG_EUNEXPECTED;
    if (input.len < EVG_HEADER_LEN) return 0;
    size_t len = load32(input.at + 8);
    if (len > max_body) return EVG_EPACKET_SIZE;
    if (input.len - EVG_HEADER_LEN < len) return 0;
    out->magic = (evg_magic_t)seen;
    out->type = (evg_command_t)type;
    if (!split(out, evg_bytes(input.at + EVG_HEADER_LEN, len), info->args)) return EVG_EMALFORMED;
    return (ptrdiff_t)(EVG_HEADER_LEN + len);
}

ptrdiff_t evg_packet_peek(evg_packet_t *out, evg_bytes_t input, size_t max_arg)
{
    if (input.len < EVG_HEADER_LEN) return 0;
    const evg_command_info_t *info = evg_command_info(load32(input.at + 4));
    size_t len = load32(input.at + 8), there = input.len - EVG_HEADER_LEN;
    if (!info || info->args < 2 || len >= BODY_CEILING) return EVG_EPACKET_SIZE;
    if (there > max_arg + 1) there = max_arg + 1;
    const uint8_t *at = input.at + EVG_HEADER_LEN, *nul = there ? memchr(at, 0, there) : NULL;
    if (!nul) return there > max_arg ? EVG_EPACKET_SIZE : 0;
    out->type = (evg_command_t)load32(input.at + 4);
    out->argc = 1;
    out->args[0] = evg_bytes(at, (size_t)(nul - at));
    return (ptrdiff_t)(EVG_HEADER_LEN + len);
}

uint32_t evg_packet_type(evg_bytes_t input)
{
    return load32(input.at + 4);
}

size_t evg_packet_lacks(evg_bytes_t input)
{
    if (input.len < EVG_HEADER_LEN || input.at[0] != 0) return 0;
    size_t len = load32(input.at + 8), there = input.len - EVG_HEADER_LEN;
    return len > there ? len - there : 0;
}

size_t evg_packet_span(evg_bytes_t input)
{
    if (input.at[0] == 0) return EVG_HEADER_LEN + load32(input.at + 8);
    const uint8_t *end = memchr(input.at, '\n', input.len);
    return end ? (size_t)(end - input.at) + 1 : input.len;
}

size_t evg_packet_size(const evg_bytes_t *args, int argc)
{
    size_t size = EVG_HEADER_LEN + (size_t)(argc > 1 ? argc - 1 : 0);
    for (int i = 0; i < argc; i++) {
        /* a sum that wraps would reserve little and copy much */
        size = args[i].len > SIZE_MAX - size ? SIZE_MAX : size + args[i].len;
    }
    return size;
}

static bool nul_p(const evg_bytes_t *args, int argc)
{
    for (int i = 0; i < argc - 1; i++) {
        if (args[i].len && memchr(args[i].at, 0, args[i].len)) return true;
    }
    return false;
}

static void write_packet(uint8_t *at, evg_magic_t magic, evg_command_t type, const evg_bytes_t *args, int argc,
                         size_t body)
{
    at = store32(at, magic == EVG_REQ ? req_magic : res_magic);
    at = store32(at, (uint32_t)type);
    at = store32(at, (uint32_t)body);
    for (int i = 0; i < argc; i++) {
        if (i > 0) *at++ = 0;
        at = store(at, args[i]);
    }
}

/* The size of the body besides. */
static int measure(evg_command_t type, const evg_bytes_t *args, int argc, size_t max_body, size_t *body)
{
    const evg_command_info_t *info = evg_command_info((uint32_t)type);
    if (!info || argc != info->args) return EVG_EARGS;
    if (nul_p(args, argc)) return EVG_ENUL;
    *body = evg_packet_size(args, argc) - EVG_HEADER_LEN;
    return *body > max_body || *body >= BODY_CEILING ? EVG_ETOO_LARGE : 0;
}

int evg_packet_check(evg_command_t type, const evg_bytes_t *args, int argc, size_t max_body)
{
    size_t body;
    return measure(type, args, argc, max_body, &body);
}

int evg_packet_encode(evg_buffer_t *out, evg_magic_t magic, evg_command_t type, const evg_bytes_t *args, int argc,
                      size_t max_body)
{
    size_t body;
    int r = measure(type, args, argc, max_body, &body);
    if (r < 0) return r;
    uint8_t *room = evg_buffer_reserve(out, EVG_HEADER_LEN + body);
    if (!room) return EVG_ENOMEM;
    write_packet(room, magic, type, args, argc, body);
    evg_buffer_commit(out, EVG_HEADER_LEN + body);
    return 0;
}

evg_bytes_t evg_number_encode(char *room, uint64_t n)
{
    char *end = room + EVG_NUMBER_CAP, *at = end;
    do {
        *--at = (char)('0' + n % 10);
    } while (n /= 10);
    return evg_bytes(at, (size_t)(end - at));
}

bool evg_number_decode(evg_bytes_t text, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') return false;
        uint64_t digit = text.at[i] - (uint64_t)'0';
        if (n > (UINT64_MAX - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}
