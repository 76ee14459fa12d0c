#include "net/libev.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef EVG_LIBEV_LINKED
#include <dlfcn.h>
#endif

#ifndef EVG_LIBEV_NAME
#define EVG_LIBEV_NAME "libev.so.4"
#endif

evg_libev_t evg_libev;

/* Of the thread that is in one of the two functions below. */
static _Thread_local bool guarded;
static _Thread_local int refusal;
static _Thread_local jmp_buf *way_out;

/* For its pipe libev would ask again without end, so that is left by a jump. The library may be another's, too: whose
 * loop it is not, is served as if this were not here. */
static void refused(const char *what)
{
    if (!guarded) {
        perror(what);
        abort();
    }
    refusal = errno;
    if (way_out) longjmp(*way_out, 1);
}

int evg_libev_async_start(struct ev_loop *ev, ev_async *async)
{
    jmp_buf out;
    refusal = 0;
    guarded = true;
    way_out = &out;
    if (setjmp(out) == 0) evg_libev.async_start(ev, async);
    way_out = NULL;
    guarded = false;
    return refusal;
}

int evg_libev_run(struct ev_loop *ev, int flags)
{
    refusal = 0;
    guarded = true;
    evg_libev.run(ev, flags);
    guarded = false;
    return refusal;
}

#define FUNCTIONS(X)         \
    X(version_major)         \
    X(set_syserr_cb)         \
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
    evg_libev.set_syserr_cb(refused);
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
    evg_libev.set_syserr_cb(refused);
    return NULL;
}

#endif
