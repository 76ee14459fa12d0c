/* OPTION_REQ, and the options that every connection begins with. */
#include "session/options.h"

#include "base/alloc.h"
#include "session/exchange.h"

/* An option besides "exceptions" that is sent again on every connect. */
typedef struct {
    evg_list_t link;
    size_t len;
    uint8_t name[];
} extra_t;

static int replay(evg_session_t *s, evg_bytes_t name)
{
    evg_request_t *request = evg_session_own(s, EVG_FOR_OPTION);
    if (!request) return EVG_ENOMEM;
    evg_request_set_handle(request, name);
    int r = evg_session_ask(s, request, EVG_OPTION_REQ, &name, 1);
    if (r < 0) evg_session_give_back(s, request);
    return r;
}

/* The request that it was first asked for by has not left yet: it asks on this connection, in its place. */
static bool waits_p(const evg_list_t *waiting, evg_bytes_t name)
{
    for (const evg_list_t *at = waiting->next; at != waiting; at = at->next) {
        const evg_request_t *request = evg_container(at, evg_request_t, link);
        if (request->first && evg_bytes_equal_p(name, evg_request_handle(request))) return true;
    }
    return false;
}

int evg_session_replay_options(evg_session_t *s, const evg_list_t *waiting)
{
    int r = s->options.exceptions ? replay(s, evg_bytes_of("exceptions")) : 0;
    for (evg_list_t *at = s->extras.next; r == 0 && at != &s->extras; at = at->next) {
        extra_t *extra = evg_container(at, extra_t, link);
        evg_bytes_t name = evg_bytes(extra->name, extra->len);
        if (!waits_p(waiting, name)) r = replay(s, name);
    }
    return r;
}

void evg_session_forget_options(evg_session_t *s)
{
    for (evg_list_t *at; (at = evg_list_shift(&s->extras));) evg_free(evg_container(at, extra_t, link));
}

static extra_t *extra_of(const evg_session_t *s, evg_bytes_t name)
{
    for (evg_list_t *at = s->extras.next; at != &s->extras; at = at->next) {
        extra_t *extra = evg_container(at, extra_t, link);
        if (evg_bytes_equal_p(name, evg_bytes(extra->name, extra->len))) return extra;
    }
    return NULL;
}

static bool remembered_p(const evg_session_t *s, evg_bytes_t name)
{
    if (s->options.exceptions && evg_bytes_equal_p(name, evg_bytes_of("exceptions"))) return true;
    return extra_of(s, name) != NULL;
}

void evg_session_option_refused(evg_session_t *s, const evg_request_t *request)
{
    extra_t *extra = extra_of(s, evg_request_handle(request));
    if (!extra) return;
    evg_list_unlink(&extra->link);
    evg_free(extra);
}

int evg_session_option(evg_session_t *s, evg_request_t *request, evg_bytes_t name)
{
    int r = evg_check_option(name);
    if (r == 0 && name.len > s->options.max_packet) r = EVG_ENAME;
    if (r < 0) return r;
    bool known = remembered_p(s, name);
    extra_t *extra = known ? NULL : evg_alloc(sizeof *extra + name.len);
    if (!extra && !known) return EVG_ENOMEM;
    evg_request_set_handle(request, name);
    r = evg_session_ask(s, request, EVG_OPTION_REQ, &name, 1);
    if (r < 0 || !extra) {
        evg_free(extra);
        return r;
    }
    request->first = true;
    memcpy(extra->name, name.at, name.len);
    extra->len = name.len;
    evg_list_init(&extra->link);
    evg_list_append(&s->extras, &extra->link);
    return 0;
}
