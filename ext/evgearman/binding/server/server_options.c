/* What a server is made with: names, defaults and docs are in lib/. */
#include "binding/server/server_life.h"
#include "binding/values/option.h"
#include "binding/values/strings.h"

/* LIMIT: 1 or more. COUNT: also 0. RETRIES: as LIMIT, or nil for any number. */
typedef enum { LIMIT, COUNT, RETRIES, FLAG } kind_t;

#define OPTIONS(X)                                        \
    X(max_connections, LIMIT, max_connections)            \
    X(max_buffer, LIMIT, settings.max_buffer)             \
    X(max_packet, LIMIT, settings.max_packet)             \
    X(max_jobs, LIMIT, settings.queue.max_jobs)           \
    X(max_functions, LIMIT, settings.queue.max_functions) \
    X(worker_wakeup, COUNT, settings.queue.worker_wakeup) \
    X(job_retries, RETRIES, settings.queue.job_retries)   \
    X(round_robin, FLAG, settings.queue.round_robin)      \
    X(allow_shutdown, FLAG, settings.allow_shutdown)

/* Where they lie in rb_server_t. */
static const option_t options[] = {
#define X(name, kind, field) {#name, kind, offsetof(rb_server_t, field)},
    OPTIONS(X)
#undef X
};

static const option_t *find(VALUE name)
{
    return option_find(options, sizeof options / sizeof *options, name);
}

static int retries_of(const option_t *option, VALUE value)
{
    return NIL_P(value) ? EVG_QUEUE_UNLIMITED : (int)option_whole_number(option, value, 1, INT_MAX);
}

static VALUE server_set_option(VALUE self, VALUE name, VALUE value)
{
    const option_t *option = find(name);
    void *field = (char *)any_server_of(self) + option->offset;
    switch ((kind_t)option->kind) {
    case LIMIT: *(size_t *)field = (size_t)option_whole_number(option, value, 1, FIXNUM_MAX); break;
    case COUNT: *(size_t *)field = (size_t)option_whole_number(option, value, 0, FIXNUM_MAX); break;
    case RETRIES: *(int *)field = retries_of(option, value); break;
    case FLAG: *(bool *)field = RTEST(value); break;
    }
    return self;
}

/* One more; false: there is none of that name. */
static VALUE server_add_quirk(VALUE self, VALUE name)
{
    uint32_t quirks = evg_quirks_of(bytes_of(name));
    any_server_of(self)->settings.quirks |= quirks;
    return quirks ? Qtrue : Qfalse;
}

static VALUE quirk_names(VALUE klass)
{
    VALUE names = rb_ary_new();
    for (int bit = 0; bit < EVG_QUIRK_COUNT; bit++) rb_ary_push(names, ID2SYM(rb_intern(evg_quirk_name(bit))));
    return names;
}

void Init_evg_server_options(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Server", rb_cObject);
    rb_define_private_method(klass, "_set_option", server_set_option, 2);
    rb_define_private_method(klass, "_add_quirk", server_add_quirk, 1);
    rb_define_private_method(rb_singleton_class(klass), "_quirk_names", quirk_names, 0);
}
