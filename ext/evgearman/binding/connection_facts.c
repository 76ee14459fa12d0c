/* What there is to know of a connection, without waiting. */
#include "binding/binding.h"
#include "binding/rb_address.h"
#include "binding/rb_client.h"

static const char *state_name(const client_t *client)
{
    const evg_session_t *s = &client->c->session;
    switch (s->state) {
    case EVG_SHUT: return "closed";
    case EVG_OPEN: return "connected";
    case EVG_OPENING: return "connecting";
    default: return s->wanted && s->retry_at > 0 ? "waiting" : s->wanted ? "connecting" : "idle";
    }
}

static VALUE client_state(VALUE self)
{
    return ID2SYM(rb_intern(state_name(client_of(self))));
}

static VALUE client_connected_p(VALUE self)
{
    return RBOOL(client_of(self)->c->session.state == EVG_OPEN);
}

static VALUE client_connecting_p(VALUE self)
{
    return RBOOL(strcmp(state_name(client_of(self)), "connecting") == 0);
}

static VALUE client_host(VALUE self)
{
    const char *host = client_of(self)->c->address.host;
    return *host ? rb_utf8_str_new_cstr(host) : Qnil;
}

static VALUE client_port(VALUE self)
{
    const evg_address_t *address = &client_of(self)->c->address;
    return *address->host ? INT2NUM(address->port) : Qnil;
}

static VALUE client_path(VALUE self)
{
    const char *path = client_of(self)->c->address.path;
    return *path ? rb_utf8_str_new_cstr(path) : Qnil;
}

static VALUE client_server(VALUE self)
{
    return address_string(&client_of(self)->c->address);
}

/* With a block it is Kernel's, which a subclass may well call. */
static VALUE client_loop(VALUE self)
{
    return rb_block_given_p() ? rb_call_super(0, NULL) : client_of(self)->loop_value;
}

static VALUE client_client_id(VALUE self)
{
    const char *id = client_of(self)->c->session.client_id;
    return *id ? rb_utf8_str_new_cstr(id) : Qnil;
}

static VALUE client_dialect(VALUE self)
{
    const evg_session_t *s = &client_of(self)->c->session;
    evg_dialect_t known = s->options.dialect != EVG_UNKNOWN_DIALECT ? s->options.dialect : s->dialect;
    return ID2SYM(rb_intern(evg_dialect_name(known)));
}

static VALUE client_pending_count(VALUE self)
{
    return SIZET2NUM(evg_session_pending_count(&client_of(self)->c->session));
}

static VALUE client_waiting_count(VALUE self)
{
    return SIZET2NUM(evg_session_waiting_count(&client_of(self)->c->session));
}

static VALUE client_active_count(VALUE self)
{
    return SIZET2NUM(evg_session_active_count(&client_of(self)->c->session));
}

static VALUE client_unsent_bytes(VALUE self)
{
    return SIZET2NUM(evg_session_unsent(&client_of(self)->c->session));
}

static VALUE client_stats(VALUE self)
{
    return stats_of(&client_of(self)->c->session);
}

void Init_evg_connection_facts(VALUE connection_class)
{
    rb_define_method(connection_class, "state", client_state, 0);
    rb_define_method(connection_class, "connected?", client_connected_p, 0);
    rb_define_method(connection_class, "connecting?", client_connecting_p, 0);
    rb_define_method(connection_class, "host", client_host, 0);
    rb_define_method(connection_class, "port", client_port, 0);
    rb_define_method(connection_class, "path", client_path, 0);
    rb_define_method(connection_class, "server", client_server, 0);
    rb_define_method(connection_class, "loop", client_loop, 0);
    rb_define_method(connection_class, "client_id", client_client_id, 0);
    rb_define_method(connection_class, "dialect", client_dialect, 0);
    rb_define_method(connection_class, "pending_count", client_pending_count, 0);
    rb_define_method(connection_class, "waiting_count", client_waiting_count, 0);
    rb_define_method(connection_class, "active_count", client_active_count, 0);
    rb_define_method(connection_class, "unsent_bytes", client_unsent_bytes, 0);
    rb_define_method(connection_class, "stats", client_stats, 0);
}
