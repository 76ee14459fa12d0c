/* What must be true of a job queue between two calls, whoever asked for what. */
#ifndef EVG_SPEC_QUEUE_AUDIT_H
#define EVG_SPEC_QUEUE_AUDIT_H

#include "session/jobqueue.h"

/* Walks everything there is. NULL, or what is not true. */
const char *queue_audit(const evg_queue_t *q);

#endif
