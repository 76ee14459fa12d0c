/* EVGearman::Protocol: packets and text lines, for people who bring their own transport. */
#ifndef EVG_BINDING_RB_PROTOCOL_H
#define EVG_BINDING_RB_PROTOCOL_H

#include <ruby.h>

void Init_evg_protocol(VALUE mod);

#endif
