/* What came in, as events. */
#ifndef EVG_SESSION_INBOX_H
#define EVG_SESSION_INBOX_H

#include "session/state.h"

/* 1 and an event; 0: nothing more to tell; negative: the stream is broken, close. To be called behind each commit, and at
 * wire.trim_at at the latest. */
int evg_session_next(evg_session_t *s, evg_event_t *event);

/* Something ended, or changed, that it has to tell without a byte more. */
bool evg_session_news_p(const evg_session_t *s);

#endif
