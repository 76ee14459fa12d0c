#include "binding/server/server_life.h"

#include <ruby/thread.h>

#include "binding/values/objects.h"
#include "binding/values/strings.h"
#include "binding/values/tls_object.h"

/* Its thread waits for nobody but who has entered, so this is short. At the end of the program, too. */
static void server_free(void *ptr)
{
    rb_server_t *server = ptr;
    if (server->initialized) {
        evg_host_end(&server->host);
        evg_host_deinit(&server->host);
    }
    ruby_xfree(server);
}

static size_t server_size(const void *ptr)
{
    (void)ptr;
    return sizeof(rb_server_t);
}

static const rb_data_type_t server_type = {
    .wrap_struct_name = "EVGearman::Server",
    .function = {.dfree = server_free, .dsize = server_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static VALUE server_allocate(VALUE klass)
{
    rb_server_t *server;
    VALUE self = TypedData_Make_Struct(klass, rb_server_t, &server_type, server);
    server->settings = evg_server_defaults();
    server->max_connections = SIZE_MAX;
    return self;
}

rb_server_t *any_server_of(VALUE self)
{
    return rb_check_typeddata(self, &server_type);
}

rb_server_t *server_of(VALUE self)
{
    rb_server_t *server = any_server_of(self);
    if (!server->initialized) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    return server;
}

/* Behind its options. TLS nil: in the clear. */
static VALUE server_init(VALUE self, VALUE prefix, VALUE version, VALUE tls)
{
    rb_server_t *server = any_server_of(self);
    if (server->initialized) rb_raise(rb_eTypeError, "already initialized");
    tls_context_of(tls); /* raises before anything is made */
    snprintf(server->prefix, sizeof server->prefix, "%s", StringValueCStr(prefix));
    snprintf(server->version, sizeof server->version, "%s", StringValueCStr(version));
    server->settings.prefix = server->prefix;
    server->settings.version = server->version;
    random_bytes(server->settings.seed, sizeof server->settings.seed);
    evg_host_init(&server->host, &server->settings);
    server->host.service.max_connections = server->max_connections;
    evg_service_set_tls(&server->host.service, tls_context_of(tls));
    server->initialized = true;
    return self;
}

/* -- without the GVL ----------------------------------------------------------------------------------------------- */

typedef struct {
    void (*call)(rb_server_t *server, void *arg);
    rb_server_t *server;
    void *arg;
    bool called;
} calling_t;

static void *call_it(void *arg)
{
    calling_t *calling = arg;
    calling->call(calling->server, calling->arg);
    calling->called = true;
    return NULL;
}

void server_without_gvl(void (*call)(rb_server_t *server, void *arg), rb_server_t *server, void *arg)
{
    calling_t calling = {call, server, arg, false};
    for (;;) {
        rb_nogvl(call_it, &calling, NULL, NULL, RB_NOGVL_INTR_FAIL);
        if (calling.called) return;
        rb_thread_check_ints();
    }
}

static void call_alone(rb_server_t *server, void *arg)
{
    calling_t *calling = arg;
    evg_host_enter(&server->host);
    calling->call(server, calling->arg);
    evg_host_leave(&server->host);
}

void server_alone(void (*call)(rb_server_t *server, void *arg), rb_server_t *server, void *arg)
{
    calling_t calling = {call, server, arg, false};
    server_without_gvl(call_alone, server, &calling);
}

void Init_evg_server_life(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Server", rb_cObject);
    rb_define_alloc_func(klass, server_allocate);
    refuse_copies(klass);
    rb_define_private_method(klass, "_init", server_init, 3);
}
