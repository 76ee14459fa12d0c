#include <errno.h>
#include <fcntl.h>

#include "binding/server/server_life.h"
#include "binding/values/addresses.h"
#include "binding/values/blame.h"
#include "binding/values/objects.h"
#include "binding/values/strings.h"
#include "net/service_stats.h"
#include "session/snapshot.h"

/* -- life ---------------------------------------------------------------------------------------------------------- */

typedef struct {
    evg_address_t address;
    int end_fd;
    int error;
} starting_t;

static void place_of(evg_address_t *address, VALUE host, VALUE port, VALUE path)
{
    if (NIL_P(path) && port == INT2FIX(0)) {
        if (evg_address_any_port(address, StringValueCStr(host))) return;
        port = INT2FIX(1); /* for what is said of the host */
    }
    address_of(address, host, port, path);
}

static void start(rb_server_t *server, void *arg)
{
    starting_t *starting = arg;
    starting->error = evg_host_start(&server->host, &starting->address, starting->end_fd);
}

/* Listens at an IP literal or a path, and serves; true. false: it did so already. When it ends, `end` is at its end. */
static VALUE server_start(VALUE self, VALUE host, VALUE port, VALUE path, VALUE end)
{
    char room[EVG_HOST_MAX + sizeof(((evg_address_t *)0)->path)];
    rb_server_t *server = server_of(self);
    starting_t starting;
    place_of(&starting.address, host, port, path);
    starting.end_fd = fcntl(NUM2INT(end), F_DUPFD_CLOEXEC, 0);
    if (starting.end_fd < 0) rb_sys_fail("start");
    server_without_gvl(start, server, &starting);
    if (starting.error == EALREADY) return Qfalse;
    if (starting.error) rb_syserr_fail(starting.error, evg_address_text(&starting.address, room, sizeof room));
    return Qtrue;
}

/* Is it an IP literal that only this machine reaches? nil: it is none. */
static VALUE server_local_p(VALUE klass, VALUE host)
{
    evg_address_t address;
    evg_sockaddrs_t ways;
    bool literal = evg_address_any_port(&address, StringValueCStr(host)) && evg_address_literal(&address, &ways);
    return literal ? RBOOL(evg_sockaddr_local_p(&ways.addresses[0])) : Qnil;
}

static void drain(rb_server_t *server, void *arg)
{
    evg_host_drain(&server->host, *(const double *)arg);
}

/* It ends by itself in so many seconds at most; nil: when all is written. */
static VALUE server_drain(VALUE self, VALUE seconds)
{
    double limit = NIL_P(seconds) ? INFINITY : NUM2DBL(seconds);
    server_without_gvl(drain, server_of(self), &limit);
    return self;
}

static void end(rb_server_t *server, void *arg)
{
    evg_host_end(&server->host);
}

/* It has ended when this returns, without a word. */
static VALUE server_end(VALUE self)
{
    server_without_gvl(end, server_of(self), NULL);
    return self;
}

/* call-seq: running? -> true or false
 *
 * Does it serve? Not in a forked child. */
static VALUE server_running_p(VALUE self)
{
    return RBOOL(evg_host_runs_p(&server_of(self)->host));
}

static void note_port(rb_server_t *server, void *arg)
{
    *(int *)arg = server->host.service.listener.listening.address.port;
}

/* That it listens at, or did when it ran last; 0: none. */
static VALUE server_port(VALUE self)
{
    int port;
    server_alone(note_port, server_of(self), &port);
    return INT2FIX(port);
}

/* -- looks --------------------------------------------------------------------------------------------------------- */

static void count(rb_server_t *server, void *arg)
{
    evg_service_count(&server->host.service, arg);
}

/* call-seq: stats -> hash
 *
 * Numbers of what there is, and of what there was since the object was made, over all starts. */
static VALUE server_stats(VALUE self)
{
    evg_service_stats_t stats;
    VALUE hash = rb_hash_new();
    server_alone(count, server_of(self), &stats);
#define X(name) rb_hash_aset(hash, ID2SYM(rb_intern(#name)), ULL2NUM(stats.name));
    EVG_SERVICE_STATS(X)
#undef X
    return hash;
}

typedef struct {
    rb_server_t *server;
    evg_snapshot_t snapshot;
    int rc;
} looking_t;

static void look(rb_server_t *server, void *arg)
{
    looking_t *looking = arg;
    looking->rc = evg_snapshot_take(&looking->snapshot, &server->host.service.server.queue);
}

static VALUE symbol_of(const char *const names[], int number)
{
    return ID2SYM(rb_intern(names[number]));
}

static VALUE row_of(const evg_job_row_t *row)
{
    static const char *const priorities[] = {"high", "normal", "low"};
    static const char *const states[] = {"queued", "delayed", "running"};
    const VALUE values[] = {
        ULL2NUM(row->number),
        name_string(row->handle),
        name_string(row->function),
        row->unique.len ? name_string(row->unique) : Qnil,
        binary_string(row->workload),
        symbol_of(priorities, (int)row->priority),
        symbol_of(states, (int)row->state),
        RBOOL(row->background),
        UINT2NUM(row->waiters),
        UINT2NUM(row->attempts),
        UINT2NUM(row->numerator),
        UINT2NUM(row->denominator),
    };
    return rb_ary_new_from_values(sizeof values / sizeof *values, values);
}

static VALUE rows(VALUE arg)
{
    looking_t *looking = (looking_t *)arg;
    server_alone(look, looking->server, looking);
    if (looking->rc < 0) rb_memerror();
    VALUE all = rb_ary_new();
    for (size_t i = 0; i < looking->snapshot.count; i++) rb_ary_push(all, row_of(&looking->snapshot.rows[i]));
    return all;
}

static VALUE looked(VALUE arg)
{
    evg_snapshot_free(&((looking_t *)arg)->snapshot);
    return Qnil;
}

/* [[number, handle, …], …] in no order. */
static VALUE server_jobs(VALUE self)
{
    looking_t looking = {.server = server_of(self)};
    return rb_ensure(rows, (VALUE)&looking, looked, (VALUE)&looking);
}

void Init_evg_server(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Server", rb_cObject);
    rb_define_private_method(klass, "_start", server_start, 4);
    rb_define_private_method(klass, "_drain", server_drain, 1);
    rb_define_private_method(klass, "_end", server_end, 0);
    rb_define_private_method(klass, "_port", server_port, 0);
    rb_define_private_method(klass, "_jobs", server_jobs, 0);
    rb_define_private_method(rb_singleton_class(klass), "_local?", server_local_p, 1);
    rb_define_method(klass, "running?", server_running_p, 0);
    rb_define_method(klass, "stats", server_stats, 0);
}
