#include "session/rendezvous.h"

static const uint64_t FNV_OFFSET = UINT64_C(0xcbf29ce484222325), FNV_PRIME = UINT64_C(0x100000001b3);

static uint64_t fnv(uint64_t hash, evg_bytes_t bytes)
{
    for (size_t i = 0; i < bytes.len; i++) hash = (hash ^ bytes.at[i]) * FNV_PRIME;
    return hash;
}

uint64_t evg_rendezvous_key(evg_bytes_t function, evg_bytes_t key)
{
    return fnv(fnv(fnv(FNV_OFFSET, function), evg_bytes("", 1)), key);
}

uint64_t evg_rendezvous_server(evg_bytes_t address)
{
    return fnv(FNV_OFFSET, address);
}

uint64_t evg_rendezvous_score(uint64_t key, uint64_t server)
{
    uint64_t n = key ^ server;
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
}
