#include "net/libev.h"

#include <stdbool.h>
#include <stdio.h>

#ifndef EVG_LIBEV_LINKED
#include <dlfcn.h>
#endif

#ifndef EVG_LIBEV_NAME
#define EVG_LIBEV_NAME "libev.so.4"
#endif

evg_libev_t evg_libev;

#define FUNCTIONS(X)         \
    X(version_major)         \
    X(loop_new)              \
    X(loop_destroy)          \
    X(run)                   \
    X(set_invoke_pending_cb) \
    X(set_loop_release_cb)   \
    X(set_userdata)          \
    X(userdata)              \
    X(invoke_pending)        \
    X(pending_count)         \
    X(backend)               \
    X(now_update)            \
    X(io_start)              \
    X(io_stop)               \
    X(timer_start)           \
    X(timer_stop)            \
    X(async_start)           \
    X(async_stop)            \
    X(async_send)

#ifdef EVG_LIBEV_LINKED

const char *evg_libev_load(void)
{
#define X(name) evg_libev.name = ev_##name;
    FUNCTIONS(X)
#undef X
    return ev_version_major() == 4 ? NULL : "the libev that is linked is not version 4";
}

#else

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0 /* musl and macOS: there a library's own symbols win anyway, or cannot be made to */
#endif

#define HINT " (Debian, Ubuntu: libev4; Fedora, Alpine, Homebrew: libev)"

static char complaint[256];

static const char *complain(const char *what, const char *why)
{
    snprintf(complaint, sizeof complaint, "%s%s%.120s" HINT, what, why ? ": " : "", why ? why : "");
    return complaint;
}

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises the same representation. */
static bool find(void *library, const char *name, void *slot)
{
    void *symbol = dlsym(library, name);
    *(void **)slot = symbol;
    return symbol != NULL;
}

static const char *fill(void *library, evg_libev_t *table)
{
#define X(name) \
    if (!find(library, "ev_" #name, &table->name)) return complain("libev lacks ev_" #name, NULL);
    FUNCTIONS(X)
#undef X
    return table->version_major() == 4 ? NULL : complain("libev 4 is needed, not another", NULL);
}

const char *evg_libev_load(void)
{
    if (evg_libev.run) return NULL;
    void *library = dlopen(EVG_LIBEV_NAME, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!library) return complain("cannot load libev", dlerror());
    evg_libev_t table;
    const char *missing = fill(library, &table);
    if (missing) {
        dlclose(library);
        return missing;
    }
    evg_libev = table;
    return NULL;
}

#endif
