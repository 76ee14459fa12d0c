#include "net/service_stats.h"

#include "net/accepted.h"

static void count_jobs(const evg_service_t *s, evg_service_stats_t *out)
{
    const evg_queue_t *q = &s->server.queue;
    const evg_server_counts_t *counts = &s->server.counts;
    out->functions = q->functions.count;
    out->jobs_running = q->running;
    out->jobs_delayed = q->epochs.count;
    out->jobs_queued = q->jobs.count - q->running - q->epochs.count;
    out->memory = q->bytes;
    out->jobs_submitted = counts->submitted;
    out->jobs_joined = counts->joined;
    out->jobs_refused = counts->refused;
    out->jobs_completed = counts->completed;
    out->jobs_failed = counts->failed;
}

static void count_connection(const evg_accepted_t *a, evg_service_stats_t *out)
{
    const evg_server_session_t *session = &a->session;
    out->workers += !evg_list_empty_p(&session->worker.abilities);
    out->bytes_in += session->wire.bytes_in;
    out->bytes_out += session->wire.bytes_out;
}

void evg_service_count(const evg_service_t *s, evg_service_stats_t *out)
{
    const evg_server_counts_t *counts = &s->server.counts;
    *out = (evg_service_stats_t){
        .connections = s->connection_count,
        .connections_accepted = s->accepted,
        .connections_refused = s->refused,
        .connections_cut = counts->cut_off,
        .packets_in = counts->packets_in,
        .packets_out = counts->packets_out,
        .bytes_in = counts->bytes_in,
        .bytes_out = counts->bytes_out,
    };
    count_jobs(s, out);
    for (evg_list_t *at = s->connections.next; at != &s->connections; at = at->next) {
        count_connection(evg_container(at, evg_accepted_t, link), out);
    }
}
