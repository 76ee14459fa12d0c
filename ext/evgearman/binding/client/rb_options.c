/* Options of a connection, beside the tunables: what values become, and keys. */
#include <ruby/encoding.h>

#include "binding/client/agent.h"
#include "binding/values/blame.h"
#include "binding/values/coding.h"
#include "binding/values/tunables.h"
#include "binding/values/unique.h"

static VALUE connection_option_get(VALUE self, VALUE name)
{
    return tunable_get(view_of(self)->links->c, name);
}

static void set_option(evg_connection_t *c, VALUE name, VALUE value)
{
    double keepalive = c->keepalive;
    tunable_set(c, name, value);
    if (c->keepalive != keepalive) evg_connection_set_keepalive(c, c->keepalive);
    evg_connection_clock(c);
    evg_session_reconsider(&c->session);
    evg_connection_pump(c);
    evg_connection_changed(c);
}

static VALUE connection_option_set(VALUE self, VALUE name, VALUE value)
{
    const view_t *view = view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) set_option(at->c, name, value);
    return value;
}

/* Both nil unless given; what a call says goes first. */
static VALUE connection_set_coding(VALUE self, VALUE coder, VALUE encoding)
{
    agent_t *agent = agent_of(self);
    agent->coding.encoding = encoding_of(encoding, 0);
    agent->coding.coder = coder_of(coder, Qnil);
    return self;
}

static VALUE connection_set_unique(VALUE self, VALUE unique)
{
    if (!NIL_P(unique) && !unique_auto_p(unique)) {
        blame_caller(rb_eArgError, "unique: must be :auto or nil, not %+" PRIsVALUE, unique);
    }
    agent_of(self)->unique = unique;
    return self;
}

static VALUE connection_unique(VALUE self)
{
    return agent_of(self)->unique;
}

/* call-seq: coder -> object or nil
 *
 * What makes bytes of values and values of bytes, unless a call has its own. */
static VALUE connection_coder(VALUE self)
{
    return agent_of(self)->coding.coder;
}

/* call-seq: encoding -> encoding
 *
 * The Encoding of the bytes that come, unless a call has its own. */
static VALUE connection_encoding(VALUE self)
{
    return rb_enc_from_encoding(rb_enc_from_index(agent_of(self)->coding.encoding));
}

void Init_evg_options(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_option", connection_option_get, 1);
    rb_define_private_method(connection_class, "_set_option", connection_option_set, 2);
    rb_define_private_method(connection_class, "_set_coding", connection_set_coding, 2);
    rb_define_private_method(connection_class, "_set_unique", connection_set_unique, 1);
    rb_define_private_method(connection_class, "_unique", connection_unique, 0);
    rb_define_method(connection_class, "coder", connection_coder, 0);
    rb_define_method(connection_class, "encoding", connection_encoding, 0);
}
