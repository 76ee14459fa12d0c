/* What tests want to go wrong. */
#include "base/error.h"
#include "binding/server/server_life.h"
#include "binding/values/strings.h"

static void pause_it(rb_server_t *server, void *arg)
{
    evg_host_pause(&server->host, *(const bool *)arg);
}

/* call-seq: pause -> self
 *
 * For tests: does nothing from now on, as a process that is stopped. Connections are made by the kernel, and what is said lies
 * there. */
static VALUE server_pause(VALUE self)
{
    bool pause = true;
    server_without_gvl(pause_it, server_of(self), &pause);
    return self;
}

/* call-seq: resume -> self
 *
 * Ends `pause`. */
static VALUE server_resume(VALUE self)
{
    bool pause = false;
    server_without_gvl(pause_it, server_of(self), &pause);
    return self;
}

static void delay(rb_server_t *server, void *arg)
{
    server->host.service.delay = *(const double *)arg;
}

static VALUE server_delay(VALUE self, VALUE seconds)
{
    double later = NUM2DBL(seconds);
    server_alone(delay, server_of(self), &later);
    return self;
}

static void lose(rb_server_t *server, void *arg)
{
    evg_faults_lose(&server->host.service.server.faults, *(const evg_command_t *)arg);
}

static VALUE server_lose(VALUE self, VALUE number)
{
    evg_command_t type = (evg_command_t)NUM2UINT(number);
    server_alone(lose, server_of(self), &type);
    return self;
}

typedef struct {
    evg_command_t type;
    const char *code, *text;
    int rc;
} refusing_t;

static void refuse(rb_server_t *server, void *arg)
{
    refusing_t *refusing = arg;
    evg_faults_t *faults = &server->host.service.server.faults;
    refusing->rc = evg_faults_refuse(faults, refusing->type, refusing->code, refusing->text);
}

/* Code nil: no more. */
static VALUE server_refuse(VALUE self, VALUE number, VALUE code, VALUE text)
{
    refusing_t refusing = {.type = (evg_command_t)NUM2UINT(number)};
    if (!NIL_P(code)) refusing.code = StringValueCStr(code);
    refusing.text = StringValueCStr(text);
    server_alone(refuse, server_of(self), &refusing);
    RB_GC_GUARD(code);
    RB_GC_GUARD(text);
    if (refusing.rc < 0) rb_memerror();
    return self;
}

void Init_evg_server_faults(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE klass = rb_define_class_under(module, "Server", rb_cObject);
    rb_define_method(klass, "pause", server_pause, 0);
    rb_define_method(klass, "resume", server_resume, 0);
    rb_define_private_method(klass, "_delay", server_delay, 1);
    rb_define_private_method(klass, "_lose", server_lose, 1);
    rb_define_private_method(klass, "_refuse", server_refuse, 3);
}
