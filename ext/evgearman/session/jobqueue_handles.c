#include "session/jobqueue_handles.h"

#include "protocol/packet.h"

evg_bytes_t evg_queue_handle(const evg_queue_t *q, const evg_queue_job_t *job, char room[EVG_QUEUE_HANDLE_CAP])
{
    char digits[EVG_NUMBER_CAP];
    evg_bytes_t number = evg_number_encode(digits, job->by_number.hash);
    memcpy(room, q->prefix, q->prefix_len);
    room[q->prefix_len] = ':';
    memcpy(room + q->prefix_len + 1, number.at, number.len);
    return evg_bytes(room, q->prefix_len + 1 + number.len);
}

/* The number of a handle as we write it; 0, which is nobody's: it is none of ours. */
static uint64_t number_of(const evg_queue_t *q, evg_bytes_t handle)
{
    uint64_t number;
    size_t len = q->prefix_len;
    if (handle.len < len + 2 || memcmp(handle.at, q->prefix, len) != 0 || handle.at[len] != ':') return 0;
    evg_bytes_t digits = evg_bytes(handle.at + len + 1, handle.len - len - 1);
    if (digits.at[0] == '0' || !evg_number_decode(digits, &number)) return 0;
    return number;
}

evg_queue_job_t *evg_queue_find(const evg_queue_t *q, evg_bytes_t handle)
{
    uint64_t number = number_of(q, handle);
    evg_index_node_t *node = number ? evg_index_find(&q->jobs, number) : NULL;
    return node ? evg_container(node, evg_queue_job_t, by_number) : NULL;
}
