#include <pthread.h>

#include "binding/binding.h"
#include "binding/rb_client.h"
#include "binding/rb_error.h"
#include "binding/rb_loop.h"
#include "binding/rb_protocol.h"

uint64_t evg_forks;

/* Process.daemon does not call Process._fork: so the count is kept where every fork passes. */
static void child_of_fork(void)
{
    evg_forks++;
}

void Init_evgearman(void);

__attribute__((visibility("default"))) void Init_evgearman(void)
{
    VALUE module = rb_define_module("EVGearman");
    const char *missing = evg_libev_load();
    if (missing) rb_raise(rb_eLoadError, "%s", missing);
    pthread_atfork(NULL, NULL, child_of_fork);
    Init_evg_error(module);
    Init_evg_seconds(module);
    Init_evg_coding();
    Init_evg_conversion();
    Init_evg_loop(module);
    Init_evg_connection(module);
    Init_evg_task(module);
    Init_evg_job(module);
    Init_evg_protocol(module);
}
