/* Keys of jobs: what is submitted with the function and key of a job that is there joins it; and a key is asked about whatever
 * the function.
 *
 * Of the jobs that have a key in common, mostly one, the first stands in an index by that key; the others, of other functions,
 * in one by function and key, and all of them in a ring. So a job costs one place, and its submission one look. */
#ifndef EVG_SESSION_JOBQUEUE_KEYS_H
#define EVG_SESSION_JOBQUEUE_KEYS_H

#include "session/jobqueue.h"

/* The key of a submission, looked for; good until a job comes or goes. */
typedef struct {
    evg_bytes_t unique, workload;
    bool any; /* it is one: not empty, nor "-" of an empty workload */
    /* private */
    uint64_t hash;
    evg_queue_job_t *first; /* of the jobs that have it; NULL: none, or it is "-" */
} evg_queue_key_t;

evg_queue_key_t evg_queue_key(const evg_queue_t *q, evg_bytes_t unique, evg_bytes_t workload);

/* The job of that function and key, or with "-" of that workload; NULL: there is none. */
evg_queue_job_t *evg_queue_job_of_key(const evg_queue_t *q, const evg_queue_key_t *key,
                                      const evg_queue_function_t *function);

/* A new job of that key, which has its function: it is found from now on. */
void evg_queue_job_take_key(evg_queue_t *q, evg_queue_job_t *job, const evg_queue_key_t *key);

/* Nobody joins it any more. */
void evg_queue_job_lose_key(evg_queue_t *q, evg_queue_job_t *job);

/* It will, soon: a hint for the cache. */
void evg_queue_job_prefetch_key(const evg_queue_t *q, const evg_queue_job_t *job);

#endif
