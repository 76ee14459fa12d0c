/* Events of a session as text. */
#ifndef EVG_SPEC_EVENT_NAME_H
#define EVG_SPEC_EVENT_NAME_H

#include "session/event.h"

static inline const char *event_name(evg_event_type_t type)
{
    static const char *const names[] = {
        [EVG_EVENT_CONNECTED] = "CONNECTED", [EVG_EVENT_DISCONNECTED] = "DISCONNECTED",
        [EVG_EVENT_ERROR] = "ERROR",         [EVG_EVENT_DRAINED] = "DRAINED",
        [EVG_EVENT_CREATED] = "CREATED",     [EVG_EVENT_DATA] = "DATA",
        [EVG_EVENT_WARNING] = "WARNING",     [EVG_EVENT_STATUS] = "STATUS",
        [EVG_EVENT_EXCEPTION] = "EXCEPTION", [EVG_EVENT_DONE] = "DONE",
        [EVG_EVENT_ASSIGNED] = "ASSIGNED",   [EVG_EVENT_LOST] = "LOST",
        [EVG_EVENT_EXPIRED] = "EXPIRED",     [EVG_EVENT_IDLE] = "IDLE",
        [EVG_EVENT_STOPPED] = "STOPPED",     [EVG_EVENT_REFUSED] = "REFUSED",
    };
    return names[type];
}

#endif
