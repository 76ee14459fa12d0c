/* EVGearman::Server as a Ruby object: a host, which no Ruby code runs in, and what it is made with. */
#ifndef EVG_SERVER_LIFE_H
#define EVG_SERVER_LIFE_H

#include <ruby.h>

#include "net/host.h"

typedef struct {
    evg_host_t host;
    evg_server_settings_t settings; /* until it is initialized */
    size_t max_connections;
    char prefix[EVG_QUEUE_PREFIX_MAX + 1], version[64];
    bool initialized; /* `initialize` has been called */
} rb_server_t;

rb_server_t *any_server_of(VALUE self); /* it need not be initialized */
rb_server_t *server_of(VALUE self);     /* raises TypeError */

/* Calls it without the GVL: the server's thread never waits for that, and nobody holds both. Interrupts come before, or wait;
 * nothing is left half done. */
void server_without_gvl(void (*call)(rb_server_t *server, void *arg), rb_server_t *server, void *arg);

/* The same, alone with the server: its thread stands still. */
void server_alone(void (*call)(rb_server_t *server, void *arg), rb_server_t *server, void *arg);

#endif
