#include "binding/values/tls_object.h"

#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/objects.h"

static void tls_free(void *context)
{
    evg_tls_context_release(context);
}

static const rb_data_type_t tls_type = {
    .wrap_struct_name = "EVGearman::TLS",
    .function = {.dfree = tls_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static VALUE tls_allocate(VALUE klass)
{
    return TypedData_Wrap_Struct(klass, &tls_type, NULL);
}

evg_tls_context_t *tls_context_of(VALUE tls)
{
    evg_tls_context_t *context = NIL_P(tls) ? NULL : rb_check_typeddata(tls, &tls_type);
    if (!context && !NIL_P(tls)) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(tls));
    return context;
}

static const char *text_of(VALUE string)
{
    return NIL_P(string) ? NULL : StringValueCStr(string);
}

NORETURN(static void refuse(const char *why));

static void refuse(const char *why)
{
#ifdef EVG_OPENSSL
    blame_caller(rb_eArgError, "tls: %s", why);
#else
    error_raise(NULL, "TLSError", why);
#endif
}

/* Names of files: of CAs, a folder of such, of the certificate, of its key. */
static VALUE tls_init(VALUE self, VALUE accepts, VALUE verify, VALUE only_1_3, VALUE hostname, VALUE files)
{
    char why[200];
    evg_tls_options_t options = {
        .accepts = RTEST(accepts),
        .verify = RTEST(verify),
        .only_1_3 = RTEST(only_1_3),
        .hostname = text_of(hostname),
        .ca_file = text_of(rb_ary_entry(files, 0)),
        .ca_path = text_of(rb_ary_entry(files, 1)),
        .cert_file = text_of(rb_ary_entry(files, 2)),
        .key_file = text_of(rb_ary_entry(files, 3)),
    };
    if (RTYPEDDATA_DATA(self)) rb_raise(rb_eTypeError, "already initialized");
    RTYPEDDATA_DATA(self) = evg_tls_context_new(&options, why, sizeof why);
    if (!RTYPEDDATA_DATA(self)) refuse(why);
    RB_GC_GUARD(hostname);
    RB_GC_GUARD(files);
    return self;
}

void Init_evg_tls(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "TLS", rb_cObject);
    rb_define_alloc_func(klass, tls_allocate);
    refuse_copies(klass);
    rb_define_private_method(klass, "_init", tls_init, 5);
}
