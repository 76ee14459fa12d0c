/* Codes of the core as Ruby exceptions. */
#ifndef EVG_VALUES_ERRORS_H
#define EVG_VALUES_ERRORS_H

#include <ruby.h>

#include "base/error.h"
#include "net/address.h"
#include "session/session.h"

/* What an error is, and is about. All may be empty but the first two lines. (glibc has an error_t.) */
typedef struct {
    int code;
    VALUE klass;             /* of one that the core has no code for … */
    evg_bytes_t words;       /* … and how its message begins */
    evg_bytes_t text;        /* what the system or the server said */
    evg_bytes_t server_code; /* "QUEUE_ERROR" */
    evg_delivery_t delivery;
    const evg_request_t *request;
    VALUE function;     /* a String, or nothing */
    evg_bytes_t handle; /* without a request */
    const evg_address_t *server;
    VALUE data; /* of a WORK_EXCEPTION, or Qnil */
} failure_t;

VALUE error_class(const char *name); /* "TimeoutError" */

/* The exception, whose message says what is known of it; runs no Ruby code. */
VALUE error_new(const failure_t *error);

/* Of what a converter in Ruby raised: the same, and where. Another's exception is answered as it is. */
VALUE error_at(const evg_address_t *server, VALUE exception);

/* For each who waits one of his own, to be raised where he does: one object would keep its first backtrace. What was raised
 * elsewhere, as by a coder, is its cause. */
VALUE error_own(VALUE exception);

/* Raises for a negative answer of the core: ArgumentError for bad arguments, else our class. `server` may be NULL; or `about`
 * says what else is known. */
void error_check(const evg_address_t *server, int code);
void error_check_about(const failure_t *about, int code);

/* Of what the core answers to something said about a job. true: it will be sent. false: the job is not ours any more. Else
 * raises what is about that job. */
bool error_job_taken_p(const evg_address_t *server, VALUE function, const evg_job_t *job, int code);

/* Raises EVGearman::ConnectionError, TimeoutError … with these words. `server` may be NULL. */
NORETURN(void error_raise(const evg_address_t *server, const char *class_name, const char *words));

#endif
