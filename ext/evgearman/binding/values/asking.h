/* Requests by what was said in Ruby: for a Client or Worker and for the sessions of Protocol alike. */
#ifndef EVG_VALUES_ASKING_H
#define EVG_VALUES_ASKING_H

#include <ruby.h>

#include "session/session.h"

/* Makes a request of a session: what the core answers to that. `arg` is as said below; its Strings are kept by the caller. */
typedef int ask_t(evg_session_t *s, evg_request_t *request, const void *arg);

/* Of one String. `arg` is a question_t. */
typedef struct {
    VALUE text;
    evg_shape_t shape; /* of the answer to a line of text */
} question_t;

int ask_echo(evg_session_t *s, evg_request_t *request, const void *question);
int ask_option(evg_session_t *s, evg_request_t *request, const void *question);
int ask_status(evg_session_t *s, evg_request_t *request, const void *question);
int ask_status_unique(evg_session_t *s, evg_request_t *request, const void *question);
int ask_admin(evg_session_t *s, evg_request_t *request, const void *question);

/* One job. `arg` is NULL. */
int ask_grab(evg_session_t *s, evg_request_t *request, const void *nothing);

/* A submission. Strings, not pointers into them: making an object may move what is embedded. `arg` is a submit_t. */
typedef struct {
    evg_command_t command;
    VALUE function, unique, workload; /* `unique` may be nil */
    int64_t run_at;                   /* whole Unix seconds */
    double timeout;
} submit_t;

evg_submission_t submission_of(const submit_t *submit);
int ask_submit(evg_session_t *s, evg_request_t *request, const void *submit);

#endif
