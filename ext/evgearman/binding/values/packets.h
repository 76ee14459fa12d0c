/* Packets and lines of text as Ruby values: what Protocol::Parser and the trace of a connection have in common. */
#ifndef EVG_VALUES_PACKETS_H
#define EVG_VALUES_PACKETS_H

#include <ruby.h>

#include "protocol/admin.h"
#include "protocol/packet.h"

/* The Symbol of a type: :submit_job; :text for a line. */
VALUE packet_name(evg_command_t type);

/* The type of a submission by that; raises ArgumentError. */
evg_command_t submission_type(VALUE name);

/* [name, *args]. Runs no Ruby code: the views of the packet stay valid. May raise NoMemoryError. */
VALUE packet_array(evg_packet_t *packet);

/* Cuts a stream that comes in any pieces. */
typedef struct {
    evg_buffer_t buffer; /* what was fed and not yet told */
    evg_scan_t scan;     /* of the text line at the front */
    evg_magic_t magic;
    size_t max;
    size_t told;      /* to the GC, of its buffer */
    bool initialized; /* initialize was called */
    bool text;        /* lines of text may stand between packets */
    bool broken;      /* no byte can mend what lies in the buffer: none is taken */
} packet_parser_t;

/* As evg_packet_decode; where text may stand a line is a packet of type EVG_TEXT. */
ptrdiff_t packet_decode(packet_parser_t *parser, evg_bytes_t input, evg_packet_t *out);

#endif
