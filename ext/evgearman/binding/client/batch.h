/* Many requests of one Task: they lie side by side behind it, and its value grows in an Array. */
#ifndef EVG_CLIENT_BATCH_H
#define EVG_CLIENT_BATCH_H

#include <ruby.h>
#include <stdbool.h>

#include "binding/client/link.h"

/* One of them, and where it is to be made, or was. */
typedef struct {
    evg_request_t request;
    link_t *link;
} part_t;

typedef struct {
    VALUE functions; /* of each request, for its Error; empty: they have none */
    VALUE results;   /* of each request what it brought, or its Error; nil: not known yet */
    size_t left;     /* requests that are not answered */
    part_t parts[];
} batch_t;

/* Of that Task, which is to keep it, so many requests; `owner` is what they belong to. Nothing is asked yet: who asks counts
 * `left`. */
batch_t *batch_new(VALUE task, void *owner, VALUE functions, long count);

void batch_mark(const batch_t *batch);
size_t batch_memsize(const batch_t *batch); /* or NULL */

/* One of them came to its end, with that. true: it was the last. */
bool batch_ends(batch_t *batch, const evg_request_t *request, VALUE result);

VALUE batch_function(const batch_t *batch, const evg_request_t *request);

/* It goes elsewhere. */
void batch_moved(batch_t *batch, const evg_request_t *request, link_t *link);

/* What is not written. */
void batch_take_back(batch_t *batch);

#endif
