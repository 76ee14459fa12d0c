#include "binding/sessions/session_life.h"

#include <math.h>

#include "binding/values/objects.h"
#include "binding/values/seconds.h"
#include "binding/values/strings.h"

/* -- memory -------------------------------------------------------------------------------------------------------- */

/* Its clock may stand still: the GC is who gives large buffers back. */
static void session_mark(void *ptr)
{
    rb_session_t *session = ptr;
    evg_wire_rest(&session->s.wire, INFINITY);
    for (size_t i = 0; i < session->pending_count; i++) rb_gc_mark(session->pending[i]);
}

void session_grew(rb_session_t *session)
{
    memory_tell(&session->told, evg_session_memsize(&session->s));
}

void session_dispose(rb_session_t *session)
{
    if (session->dead) return;
    session->dead = true;
    memory_tell(&session->told, 0);
    evg_session_abandon(&session->s);
    evg_session_deinit(&session->s);
    ruby_xfree(session->pending);
    session->pending = NULL;
    session->pending_count = 0;
}

void session_leave(rb_session_t *session)
{
    if (--session->users == 0) ruby_xfree(session);
}

static void session_free(void *ptr)
{
    session_dispose(ptr);
    session_leave(ptr);
}

static size_t session_size(const void *ptr)
{
    const rb_session_t *session = ptr;
    return sizeof *session + evg_session_memsize(&session->s) + session->pending_cap * sizeof *session->pending;
}

static const rb_data_type_t session_type = {
    .wrap_struct_name = "EVGearman::Protocol::Session",
    .function = {.dmark = session_mark, .dfree = session_free, .dsize = session_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

static VALUE session_allocate(VALUE klass)
{
    rb_session_t *session;
    VALUE self = TypedData_Make_Struct(klass, rb_session_t, &session_type, session);
    evg_session_init(&session->s, 0, 0, 0);
    session->users = 1;
    return self;
}

static rb_session_t *any_session(VALUE self)
{
    return rb_check_typeddata(self, &session_type);
}

rb_session_t *session_of(VALUE self)
{
    rb_session_t *session = any_session(self);
    if (!session->initialized) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    return session;
}

rb_session_t *session_use(VALUE self)
{
    rb_session_t *session = session_of(self);
    session->users++;
    return session;
}

/* -- birth ---------------------------------------------------------------------------------------------------------- */

static VALUE session_init(VALUE self, VALUE now)
{
    rb_session_t *session = any_session(self);
    uint64_t seed[2];
    double instant = instant_of(now, "now");
    if (session->initialized) rb_raise(rb_eTypeError, "already initialized");
    random_bytes(seed, sizeof seed);
    evg_session_init(&session->s, seed[0], seed[1], instant);
    session->initialized = true;
    return self;
}

void Init_evg_session_life(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE protocol = rb_define_module_under(module, "Protocol");
    VALUE klass = rb_define_class_under(protocol, "Session", rb_cObject);
    rb_define_class_under(protocol, "ClientSession", klass);
    rb_define_class_under(protocol, "WorkerSession", klass);
    rb_define_alloc_func(klass, session_allocate);
    refuse_copies(klass);
    rb_define_private_method(klass, "_init", session_init, 1);
}
