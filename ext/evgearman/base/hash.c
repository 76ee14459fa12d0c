#include "base/hash.h"

static inline uint64_t turned(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = turned(v[1], 13) ^ v[0];
    v[3] = turned(v[3], 16) ^ v[2];
    v[0] = turned(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = turned(v[1], 17) ^ v[2];
    v[3] = turned(v[3], 21) ^ v[0];
    v[2] = turned(v[2], 32);
}

static inline void sip_absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
}

static uint64_t sip_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The bytes behind the last whole word, below the length: of a longer key the upper ones of its last word. */
static uint64_t sip_tail(evg_bytes_t key)
{
    uint64_t word = (uint64_t)key.len << 56;
    size_t rest = key.len % 8;
    if (key.len > 8 && rest) return word | sip_word(key.at + key.len - 8) >> (64 - 8 * rest);
    for (size_t i = 0; i < rest; i++) word |= (uint64_t)key.at[key.len - rest + i] << (8 * i);
    return word;
}

uint64_t evg_hash(const uint64_t seed[2], evg_bytes_t key)
{
    uint64_t v[4] = {
        seed[0] ^ 0x736f6d6570736575,
        seed[1] ^ 0x646f72616e646f6d,
        seed[0] ^ 0x6c7967656e657261,
        seed[1] ^ 0x7465646279746573,
    };
    for (size_t i = 0; i < key.len / 8; i++) sip_absorb(v, sip_word(key.at + i * 8));
    sip_absorb(v, sip_tail(key));
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
