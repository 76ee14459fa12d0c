/* What there is to know of a connection, without waiting. */
#include "binding/client/agent.h"
#include "binding/client/each.h"
#include "binding/drive/loop.h"
#include "binding/values/addresses.h"
#include "binding/values/objects.h"
#include "binding/values/stats.h"

/* From worst to best. */
typedef enum { CLOSED, IDLE, WAITING, CONNECTING, CONNECTED } standing_t;

static standing_t standing_of(const evg_session_t *s)
{
    if (s->state == EVG_SHUT) return CLOSED;
    if (s->state == EVG_OPEN) return CONNECTED;
    if (evg_session_connecting_p(s)) return CONNECTING;
    return evg_session_idle_p(s) ? IDLE : WAITING;
}

static standing_t best_standing(const view_t *view)
{
    standing_t best = CLOSED;
    for (link_t *at = view->links; at < links_end(view); at++) {
        standing_t standing = standing_of(link_session(at));
        if (standing > best) best = standing;
    }
    return best;
}

/* call-seq: state -> symbol
 *
 * How it stands with the connection: `:idle`, `:connecting`, `:connected`, `:waiting` (to connect again), `:closed`. */
static VALUE connection_state(VALUE self)
{
    static const char *const names[] = {"closed", "idle", "waiting", "connecting", "connected"};
    return ID2SYM(rb_intern(names[best_standing(view_of(self))]));
}

/* call-seq: connected? -> true or false
 *
 * Is a connection established? */
static VALUE connection_connected_p(VALUE self)
{
    return RBOOL(best_standing(view_of(self)) == CONNECTED);
}

/* call-seq: connecting? -> true or false
 *
 * Is a connection being made, or about to be? */
static VALUE connection_connecting_p(VALUE self)
{
    bool connecting = false;
    const view_t *view = view_of(self);
    for (link_t *at = view->links; at < links_end(view); at++) connecting |= evg_session_connecting_p(link_session(at));
    return RBOOL(connecting);
}

/* call-seq: host -> string or nil
 *
 * Name or address of the server; nil for a unix socket. */
static VALUE connection_host(VALUE self)
{
    const char *host = server_of(view_of(self)->links)->host;
    return *host ? rb_utf8_str_new_cstr(host) : Qnil;
}

/* call-seq: port -> integer or nil
 *
 * Port of the server; nil for a unix socket. */
static VALUE connection_port(VALUE self)
{
    const evg_address_t *address = server_of(view_of(self)->links);
    return *address->host ? INT2NUM(address->port) : Qnil;
}

/* call-seq: path -> string or nil
 *
 * Path of the server's unix socket; nil for TCP. */
static VALUE connection_path(VALUE self)
{
    const char *path = server_of(view_of(self)->links)->path;
    return *path ? rb_utf8_str_new_cstr(path) : Qnil;
}

/* call-seq: server -> string
 *
 * Where the server is, in one word: "host:port", IPv6 addresses in brackets, or the path of its socket. Several with commas
 * between them. */
static VALUE connection_server(VALUE self)
{
    return rb_ary_join(each_servers(view_of(self)), rb_utf8_str_new_cstr(","));
}

/* call-seq: loop -> loop
 *
 * The Loop that it is on. */
static VALUE connection_loop(VALUE self)
{
    /* With a block it is Kernel's, which a subclass may well call. */
    return rb_block_given_p() ? rb_call_super(0, NULL) : agent_of(self)->loop_value;
}

/* call-seq: client_id -> string or nil
 *
 * What set_client_id was given. */
static VALUE connection_client_id(VALUE self)
{
    const char *id = link_session(view_of(self)->links)->client_id;
    return *id ? rb_utf8_str_new_cstr(id) : Qnil;
}

/* call-seq: dialect -> symbol
 *
 * Which server it is, as of the last connection: `:gearmand`, `:perl` or `:unknown`. Told by its answer to
 * `version`. */
static VALUE connection_dialect(VALUE self)
{
    const evg_session_t *s = link_session(view_of(self)->links);
    evg_dialect_t known = s->options.dialect != EVG_UNKNOWN_DIALECT ? s->options.dialect : s->dialect;
    return ID2SYM(rb_intern(evg_dialect_name(known)));
}

static VALUE sum_of(VALUE self, size_t (*count)(const evg_session_t *s))
{
    const view_t *view = view_of(self);
    size_t sum = 0;
    for (link_t *at = view->links; at < links_end(view); at++) sum += count(link_session(at));
    return SIZET2NUM(sum);
}

/* call-seq: pending_count -> integer
 *
 * Requests that were written and await their first reply. What the gem asks for itself does not count. */
static VALUE connection_pending_count(VALUE self)
{
    return sum_of(self, evg_session_pending_count);
}

/* call-seq: waiting_count -> integer
 *
 * Requests of which no byte was written. */
static VALUE connection_waiting_count(VALUE self)
{
    return sum_of(self, evg_session_waiting_count);
}

/* call-seq: active_count -> integer
 *
 * Foreground jobs between JOB_CREATED and their end. */
static VALUE connection_active_count(VALUE self)
{
    return sum_of(self, evg_session_active_count);
}

/* call-seq: unsent_bytes -> integer
 *
 * Bytes that wait to be written. */
static VALUE connection_unsent_bytes(VALUE self)
{
    return sum_of(self, evg_session_unsent);
}

/* call-seq: stats -> hash
 *
 * Counters since the object was made: `submitted`, `resolved`, `pending`, `bytes_in`, `bytes_out`, `packets_in`,
 * `packets_out`, `reconnects`, `ignored_packets`, `refused_jobs`; and the buffers' `read_capacity` and
 * `write_capacity` in bytes. Always `submitted == resolved + pending`. */
static VALUE connection_stats(VALUE self)
{
    const view_t *view = view_of(self);
    VALUE stats = rb_hash_new();
    for (link_t *at = view->links; at < links_end(view); at++) stats_add(stats, link_session(at));
    return stats;
}

void Init_evg_connection_facts(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    rb_define_method(connection_class, "state", connection_state, 0);
    rb_define_method(connection_class, "connected?", connection_connected_p, 0);
    rb_define_method(connection_class, "connecting?", connection_connecting_p, 0);
    rb_define_method(connection_class, "host", connection_host, 0);
    rb_define_method(connection_class, "port", connection_port, 0);
    rb_define_method(connection_class, "path", connection_path, 0);
    rb_define_method(connection_class, "server", connection_server, 0);
    rb_define_method(connection_class, "loop", connection_loop, 0);
    rb_define_method(connection_class, "client_id", connection_client_id, 0);
    rb_define_method(connection_class, "dialect", connection_dialect, 0);
    rb_define_method(connection_class, "pending_count", connection_pending_count, 0);
    rb_define_method(connection_class, "waiting_count", connection_waiting_count, 0);
    rb_define_method(connection_class, "active_count", connection_active_count, 0);
    rb_define_method(connection_class, "unsent_bytes", connection_unsent_bytes, 0);
    rb_define_method(connection_class, "stats", connection_stats, 0);
}
