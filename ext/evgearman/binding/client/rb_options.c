/* Options of a connection, beside the tunables: what values become, and keys. */
#include <ruby/encoding.h>

#include "binding/client/client.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/tunables.h"
#include "binding/values/unique.h"

static VALUE client_option_get(VALUE self, VALUE name)
{
    return tunable_get(client_of(self)->c, name);
}

static VALUE client_option_set(VALUE self, VALUE name, VALUE value)
{
    client_t *client = client_of(self);
    double keepalive = client->c->keepalive;
    tunable_set(client->c, name, value);
    if (client->c->keepalive != keepalive) evg_connection_set_keepalive(client->c, client->c->keepalive);
    evg_connection_clock(client->c);
    evg_session_reconsider(&client->c->session);
    evg_connection_pump(client->c);
    client_changed(client);
    return value;
}

/* Both nil unless given; what a call says goes first. */
static VALUE client_set_coding(VALUE self, VALUE coder, VALUE encoding)
{
    client_t *client = client_of(self);
    client->coding.encoding = encoding_of(encoding, 0);
    client->coding.coder = coder_of(coder, Qnil);
    return self;
}

static VALUE client_set_unique(VALUE self, VALUE unique)
{
    if (!NIL_P(unique) && !unique_auto_p(unique)) {
        blame_caller(rb_eArgError, "unique: must be :auto or nil, not %+" PRIsVALUE, unique);
    }
    client_of(self)->unique = unique;
    return self;
}

/* call-seq: coder -> object or nil
 *
 * What makes bytes of values and values of bytes, unless a call has its own. */
static VALUE client_coder(VALUE self)
{
    return client_of(self)->coding.coder;
}

/* call-seq: encoding -> encoding
 *
 * The Encoding of the bytes that come, unless a call has its own. */
static VALUE client_encoding(VALUE self)
{
    return rb_enc_from_encoding(rb_enc_from_index(client_of(self)->coding.encoding));
}

void Init_evg_options(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_option", client_option_get, 1);
    rb_define_private_method(connection_class, "_set_option", client_option_set, 2);
    rb_define_private_method(connection_class, "_set_coding", client_set_coding, 2);
    rb_define_private_method(connection_class, "_set_unique", client_set_unique, 1);
    rb_define_method(connection_class, "coder", client_coder, 0);
    rb_define_method(connection_class, "encoding", client_encoding, 0);
}
