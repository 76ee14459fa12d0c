/* What is done once, when the extension is loaded. */
#include <ruby.h>

#include "binding/values/forks.h"
#include "net/libev.h"

/* The classes: each `Init_evg_…` stands at the end of its file. Some build on those in front of them. */
/* clang-format off */
#define CLASSES(X)                                                                \
    X(error) X(seconds) X(coding) X(packets) X(tls)                               \
    X(loop_life) X(loop) X(background) X(attendant) X(deputy) X(timer) X(watcher) \
    X(agent) X(connection) X(connection_facts) X(closing)                         \
    X(options) X(hooks) X(questions) X(by_hand)                                         \
    X(routing) X(client) X(bulk) X(window_class) X(window)                        \
    X(worker) X(grab_one)                                                         \
    X(task_class) X(task) X(task_facts) X(conversion)                             \
    X(job_class) X(job) X(perform)                                                \
    X(protocol) X(session_life) X(session) X(session_request) X(session_job)      \
    X(server_life) X(server_options) X(server) X(server_faults)
/* clang-format on */

#define X(name) void Init_evg_##name(void);
CLASSES(X)
#undef X

void Init_evgearman(void);

__attribute__((visibility("default"))) void Init_evgearman(void)
{
    const char *missing = evg_libev_load();
    if (missing) rb_raise(rb_eLoadError, "%s", missing);
    forks_count();
#define X(name) Init_evg_##name();
    CLASSES(X)
#undef X
}
