/* The functions of a job queue. One is made by who first names it and stays until it is dropped, so that status lists it,
 * or until nobody uses it and room is needed for another. */
#ifndef EVG_SESSION_JOBQUEUE_FUNCTIONS_H
#define EVG_SESSION_JOBQUEUE_FUNCTIONS_H

#include "session/jobqueue.h"

/* NULL: there is none of that name. */
evg_queue_function_t *evg_queue_function_find(const evg_queue_t *q, evg_bytes_t name);

/* Of a name that find does not know. 0; EVG_EFUNCTION: the name is too long; EVG_EQUEUE_FULL: max_functions are in use;
 * EVG_ENOMEM. */
int evg_queue_function_add(evg_queue_t *q, evg_bytes_t name, evg_queue_function_t **function);

/* It stays though nobody uses it, until it is dropped. */
void evg_queue_function_keep(evg_queue_function_t *function);

/* Has it jobs or workers? */
bool evg_queue_function_used_p(const evg_queue_function_t *function);

/* Of one that is not used. */
void evg_queue_function_drop(evg_queue_t *q, evg_queue_function_t *function);

/* It may have begun or ceased to be used. */
void evg_queue_function_settle(evg_queue_t *q, evg_queue_function_t *function);

#endif
