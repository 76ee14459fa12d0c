/* Codes of the core as Ruby exceptions. */
#ifndef EVG_BINDING_RB_ERROR_H
#define EVG_BINDING_RB_ERROR_H

#include "base/error.h"
#include "binding/binding.h"

void Init_evg_error(VALUE module);

/* What an error is about, besides its code. All may be empty. (glibc has an error_t.) */
typedef struct {
    int code;
    evg_bytes_t text;        /* what the system or the server said */
    evg_bytes_t server_code; /* "QUEUE_ERROR" */
    evg_delivery_t delivery;
    const evg_request_t *request;
    client_t *client;
    VALUE data; /* of a WORK_EXCEPTION, or Qnil */
} failure_t;

/* The exception; runs no Ruby code. */
VALUE error_new(const failure_t *error);

/* Raises for a negative answer of the core: ArgumentError for bad arguments, else our class. `client` may be NULL. */
void error_check(client_t *client, int code);

/* Raises EVGearman::ConnectionError, TimeoutError … with these words. `client` may be NULL. */
NORETURN(void error_raise(const client_t *client, const char *class_name, const char *message));

#endif
