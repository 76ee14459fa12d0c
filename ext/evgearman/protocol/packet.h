/* Packets: bytes to arguments and back. Stateless, allocates nothing but room in the output buffer.
 *
 *     0   4 bytes  magic "\0REQ" (to the server) or "\0RES" (from it)
 *     4   u32 BE   type
 *     8   u32 BE   length of the body
 *     12  body     arguments joined by one NUL each; the last one runs to the end and may hold anything
 */
#ifndef EVG_PROTOCOL_PACKET_H
#define EVG_PROTOCOL_PACKET_H

#include "base/buffer.h"
#include "protocol/command.h"

enum { EVG_HEADER_LEN = 12 };

typedef enum { EVG_REQ = 1, EVG_RES = 2, EVG_REQ_OR_RES = 3 } evg_magic_t;

/* Views into the input: valid until that buffer is next changed. */
typedef struct {
    evg_magic_t magic;
    evg_command_t type;
    int argc;
    evg_bytes_t args[EVG_MAX_ARGS];
} evg_packet_t;

/* Decodes the packet at the front of `input`, whose first byte is NUL (else it is text: see admin.h).
 * > 0: so many bytes were it. 0: more bytes are needed. Never reads past input.len.
 * A negative answer means that no further byte can mend it, and comes as soon as the bytes show it:
 * EVG_EMAGIC (neither or not the wanted magic), EVG_EUNEXPECTED (no such type), EVG_EPACKET_SIZE (the length
 * announced is above max_body), EVG_EMALFORMED (fewer arguments than the type has; told by the whole body).
 * A body behind a type without arguments is skipped. */
ptrdiff_t evg_packet_decode(evg_packet_t *out, evg_magic_t magic, evg_bytes_t input, size_t max_body);

/* The type that the packet at the front of `input` says, which may be none; there are 8 bytes at least. */
uint32_t evg_packet_type(evg_bytes_t input);

/* Looks at a packet whose body is larger than is taken (EVG_EPACKET_SIZE above): its type and its first argument, of at
 * most `max_arg` bytes, are enough to know whom it is about. > 0: so many bytes it has in all, and out->args[0] is filled
 * in. 0: more bytes are needed. EVG_EPACKET_SIZE: it has no such argument, or is of a length that nobody sends. */
ptrdiff_t evg_packet_peek(evg_packet_t *out, evg_bytes_t input, size_t max_arg);

/* Bytes that still lack to the packet at the front of `input`; 0 when it is whole or can't be told yet. */
size_t evg_packet_lacks(evg_bytes_t input);

/* Bytes of the packet or line of text at the front of `input`, which has all of it. */
size_t evg_packet_span(evg_bytes_t input);

/* Appends one packet. 0; EVG_EARGS (argc is not what the type has), EVG_ENUL (a NUL before the last argument),
 * EVG_ETOO_LARGE (body above max_body), EVG_ENOMEM. */
int evg_packet_encode(evg_buffer_t *out, evg_magic_t magic, evg_command_t type, const evg_bytes_t *args, int argc,
                      size_t max_body);

/* What evg_packet_encode would say to these, room given. */
int evg_packet_check(evg_command_t type, const evg_bytes_t *args, int argc, size_t max_body);

/* Bytes of the whole packet these arguments make. */
size_t evg_packet_size(const evg_bytes_t *args, int argc);

enum { EVG_NUMBER_CAP = 24 };

/* Decimal digits of n into `room` (EVG_NUMBER_CAP bytes); the view of them. */
evg_bytes_t evg_number_encode(char *room, uint64_t n);

/* Decimal digits only; empty is 0, as the Perl server sends it. false: not a number, or above UINT64_MAX. */
bool evg_number_decode(evg_bytes_t text, uint64_t *out);

#endif
