/* The client's part of a session: submissions, their jobs and what workers say about them. */
#ifndef EVG_SESSION_CLIENT_SESSION_H
#define EVG_SESSION_CLIENT_SESSION_H

#include "protocol/packet.h"
#include "session/waiters.h"
#include "session/request.h"

enum { EVG_STAND_INS_MAX = 1024 };

struct evg_event;
struct evg_session;

typedef struct {
    evg_waiters_t waiters;
    evg_list_t created;   /* evg_request_t between JOB_CREATED and their end, oldest first */
    evg_list_t stand_ins; /* stand-ins of requests that have left a job which others may share */
    size_t stand_in_count;
} evg_client_session_t;

typedef struct {
    evg_command_t type; /* SUBMIT_JOB and its variants, SUBMIT_JOB_EPOCH */
    evg_bytes_t function;
    evg_bytes_t unique; /* empty: none */
    evg_bytes_t workload;
    int64_t run_at; /* SUBMIT_JOB_EPOCH: Unix seconds */
    double timeout; /* foreground: seconds from now to the terminal packet; 0 is never */
} evg_submission_t;

/* Is it fit to be sent? 0, EVG_EFUNCTION, EVG_EUNIQUE, EVG_EEPOCH, EVG_ETOO_LARGE. Changes nothing. */
int evg_client_check(const struct evg_session *s, const evg_submission_t *submission);

/* DONE of a foreground job: args[0] is the result; of a background job: args[0] is the handle. */
int evg_client_submit(struct evg_session *s, evg_request_t *request, const evg_submission_t *submission);

/* DONE: args as in STATUS_RES (handle, known, running, numerator, denominator). */
int evg_client_get_status(struct evg_session *s, evg_request_t *request, evg_bytes_t handle);

/* DONE: args as in STATUS_RES_UNIQUE (unique, known, running, numerator, denominator, clients). */
int evg_client_get_status_unique(struct evg_session *s, evg_request_t *request, evg_bytes_t unique);

/* -- for the other files of session/. Of a packet: 1, an event told; 0, nothing to tell; negative, the reason to close. */

void evg_client_init(struct evg_session *s, uint64_t seed0, uint64_t seed1);
void evg_client_deinit(struct evg_session *s);
void evg_client_closed(struct evg_session *s, int error);
int evg_client_tick(struct evg_session *s); /* 0, or the reason to close */
int evg_client_created(struct evg_session *s, evg_request_t *request, evg_bytes_t handle, struct evg_event *event);
int evg_client_work(struct evg_session *s, const evg_packet_t *packet, struct evg_event *event);
int evg_client_too_large(struct evg_session *s, const evg_packet_t *packet,
                         struct evg_event *event); /* a WORK_*: its handle */
int evg_client_lost_checked(struct evg_session *s, evg_request_t *check, const evg_packet_t *packet);

#endif
