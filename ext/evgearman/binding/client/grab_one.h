/* One job, asked for by hand, of whichever server has one. */
#ifndef EVG_CLIENT_GRAB_ONE_H
#define EVG_CLIENT_GRAB_ONE_H

#include "binding/client/task.h"

/* What a server said to it. Had that no job, and is there one that was not asked: then that is asked, true, and the Task
 * goes on. */
bool grab_elsewhere(task_t *task, const evg_event_t *event);

#endif
