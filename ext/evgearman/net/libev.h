/* libev, loaded at run time.
 *
 * It is not linked: CRuby loads extensions so that they see each other's symbols, and nio4r (in every Puma)
 * exports its own patched ev_*. Whichever came second would get the other's libev, and hang. So the library is
 * opened with RTLD_LOCAL | RTLD_DEEPBIND (without DEEPBIND even its calls to itself land in nio4r) and called
 * through this table; ev.h gives only structs and macros. Sanitizer builds link it (EVG_LIBEV_LINKED). */
#ifndef EVG_NET_LIBEV_H
#define EVG_NET_LIBEV_H

#include <ev.h>

typedef struct {
    int (*version_major)(void);
    void (*set_syserr_cb)(void (*)(const char *what));
    struct ev_loop *(*loop_new)(unsigned int flags);
    void (*loop_destroy)(struct ev_loop *);
    int (*run)(struct ev_loop *, int flags);
    void (*set_invoke_pending_cb)(struct ev_loop *, void (*)(struct ev_loop *));
    void (*set_loop_release_cb)(struct ev_loop *, void (*release)(struct ev_loop *), void (*acquire)(struct ev_loop *));
    void (*set_userdata)(struct ev_loop *, void *);
    void *(*userdata)(struct ev_loop *);
    void (*invoke_pending)(struct ev_loop *);
    unsigned int (*pending_count)(struct ev_loop *);
    unsigned int (*backend)(struct ev_loop *);
    void (*now_update)(struct ev_loop *);
    void (*io_start)(struct ev_loop *, ev_io *);
    void (*io_stop)(struct ev_loop *, ev_io *);
    void (*timer_start)(struct ev_loop *, ev_timer *);
    void (*timer_stop)(struct ev_loop *, ev_timer *);
    void (*async_start)(struct ev_loop *, ev_async *);
    void (*async_stop)(struct ev_loop *, ev_async *);
    void (*async_send)(struct ev_loop *, ev_async *);
} evg_libev_t;

extern evg_libev_t evg_libev;

/* What the system refuses ends the process, says libev (no descriptor for its pipe, a poll that fails); not in these.
 * 0, or errno. */
int evg_libev_async_start(struct ev_loop *ev, ev_async *async); /* refused: the loop is good for being destroyed only */
int evg_libev_run(struct ev_loop *ev, int flags);

/* Fills the table. NULL: done (also when it was already). Else a text that says what is missing and how to get it;
 * static, not to be freed. */
const char *evg_libev_load(void);

#endif
