/* An agent whose bytes are carried by hand, as `evgearman/testing` does: its session is open while its connection stays down,
 * and everything above the session is as ever. No socket, and no server either: Ruby code is the other end. */
#include "binding/client/agent.h"
#include "binding/values/errors.h"
#include "binding/values/strings.h"

/* Opens the session, or opens it anew. */
static VALUE connection_join(VALUE self)
{
    const link_t *link = open_view_of(self)->links;
    evg_session_t *s = link_session(link);
    evg_connection_clock(link->c);
    evg_session_leave(s);
    evg_connection_pump(link->c); /* a connection that was being made is given up */
    evg_session_opening(s);
    error_check(server_of(link), evg_session_opened(s));
    evg_connection_pump(link->c);
    return self;
}

/* What it has to say, or a part of that: "" when there is nothing. Making a String may free a job, which then has something
 * to say too, behind the rest; so the bytes are looked for again. */
static VALUE connection_said(VALUE self)
{
    evg_connection_t *c = view_of(self)->links->c;
    evg_connection_clock(c);
    VALUE said = rb_str_new(NULL, (long)evg_session_output(&c->session).len);
    evg_bytes_t out = evg_session_output(&c->session);
    if (out.len > (size_t)RSTRING_LEN(said)) out.len = (size_t)RSTRING_LEN(said);
    if (out.len) memcpy(RSTRING_PTR(said), out.at, out.len);
    if (c->on_bytes) c->on_bytes(c->owner, true, bytes_of(said));
    evg_session_written(&c->session, out.len);
    evg_connection_changed(c);
    return said;
}

/* Takes bytes for it: in the next turn of its loop, as if they had come from a socket, or at once. What comes when it is not
 * open is lost. */
static VALUE connection_heard(VALUE self, VALUE bytes, VALUE at_once)
{
    const link_t *link = view_of(self)->links;
    evg_connection_t *c = link->c;
    if (c->session.state != EVG_OPEN) return self;
    evg_connection_clock(c);
    error_check(server_of(link), evg_wire_feed(&c->session.wire, bytes_of(bytes)));
    if (c->on_bytes) c->on_bytes(c->owner, false, bytes_of(bytes));
    if (RTEST(at_once)) evg_connection_pump(c);
    evg_connection_changed(c);
    RB_GC_GUARD(bytes);
    return self;
}

void Init_evg_by_hand(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_private_method(connection_class, "_join", connection_join, 0);
    rb_define_private_method(connection_class, "_said", connection_said, 0);
    rb_define_private_method(connection_class, "_heard", connection_heard, 2);
}
