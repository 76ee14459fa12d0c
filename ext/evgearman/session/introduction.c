/* Which server this is.
 *
 * "version" is the first request on each connection. There are servers that know no text: they pass over a line, say it
 * back, answer it by an ERROR packet, or hang up. Replies come in order, so whoever answers what was asked behind
 * "version" first has passed it over; where nothing else is asked, an ECHO goes behind it after a while. Such a server
 * is spoken to as gearmand, and asked by an ECHO alone from then on; one that hung up without a word likewise. Among several
 * servers nothing else is asked before it is known that this one answers, so the ECHO goes behind "version" at once. */
#include "session/introduction.h"

#include <math.h>

#include "session/echo.h"
#include "session/exchange.h"

static const double patience = 0.25; /* seconds that "version" has before an ECHO goes behind it */

static int ask_version(evg_session_t *s, evg_request_t *request)
{
    return evg_session_ask_text(s, request, evg_bytes_of("version"), EVG_LINE);
}

static int ask_echo(evg_session_t *s, evg_request_t *request)
{
    return evg_session_echo(s, request, evg_bytes_of("dialect"));
}

static int ask(evg_session_t *s, int (*how)(evg_session_t *s, evg_request_t *request))
{
    evg_request_t *request = evg_session_own(s, EVG_FOR_DIALECT);
    if (!request) return EVG_ENOMEM;
    int r = how(s, request);
    if (r < 0) evg_session_give_back(s, request);
    return r;
}

int evg_session_introduce(evg_session_t *s)
{
    bool told = s->options.dialect != EVG_UNKNOWN_DIALECT;
    s->dialect = s->options.dialect;
    s->introduced = told;
    s->late_text = false;
    s->asked_text = !told && !s->wordless && !s->doubtful;
    s->probe_at = s->asked_text && !s->in_fleet ? s->wire.now + patience : INFINITY;
    int r = s->asked_text ? ask(s, ask_version) : 0;
    return r == 0 && !told && (s->in_fleet || !s->asked_text) ? ask(s, ask_echo) : r;
}

static void introduced(evg_session_t *s, evg_dialect_t dialect)
{
    s->dialect = dialect;
    s->introduced = true;
    s->away = false;
    s->probe_at = INFINITY;
}

void evg_session_introduced_by_text(evg_session_t *s, evg_bytes_t version)
{
    s->knows_text = true;
    introduced(s, evg_dialect_of(version));
}

void evg_session_introduced_by_packet(evg_session_t *s)
{
    if (s->introduced) return;
    s->wordless = true;
    introduced(s, EVG_GEARMAND);
}

void evg_session_passed_over(evg_session_t *s, const evg_request_t *answered)
{
    for (evg_list_t *at; (at = evg_list_first(&s->owed)) != &answered->link;) {
        evg_request_t *request = evg_container(at, evg_request_t, link);
        if (request->type == EVG_TEXT) s->late_text = true;
        if (request->purpose == EVG_FOR_DIALECT) evg_session_introduced_by_packet(s);
        evg_session_end(s, request, 0, EVG_DELIVERY_NONE);
    }
}

/* Nobody can have answered what lies before a socket that is full. */
static bool written_p(const evg_session_t *s)
{
    evg_list_t *first = evg_list_first(&s->owed);
    return !first || !evg_session_unwritten_p(s, evg_container(first, evg_request_t, link));
}

int evg_session_probe(evg_session_t *s)
{
    if (evg_session_probe_at(s) > s->wire.now) return 0;
    bool written = written_p(s);
    s->probe_at = written ? INFINITY : s->wire.now + patience;
    return written ? ask(s, ask_echo) : 0;
}

void evg_session_hung_up(evg_session_t *s, int reason)
{
    bool without_a_word = !s->heard && reason == EVG_ESERVER_CLOSED;
    s->doubtful = s->asked_text && !s->knows_text && without_a_word;
}

void evg_session_forget_server(evg_session_t *s)
{
    s->wordless = s->doubtful = s->knows_text = false;
}
