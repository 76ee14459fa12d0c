/* The first 12 bytes of a packet, of any type and length: also of those that no encoder makes. */
#ifndef EVG_SPEC_PACKET_HEADER_H
#define EVG_SPEC_PACKET_HEADER_H

#include "protocol/packet.h"

static inline void packet_header(uint8_t *at, const char *magic, uint32_t type, uint32_t len)
{
    memcpy(at, magic, 4);
    for (int i = 0; i < 4; i++) {
        at[4 + i] = (uint8_t)(type >> (24 - 8 * i));
        at[8 + i] = (uint8_t)(len >> (24 - 8 * i));
    }
}

#endif
