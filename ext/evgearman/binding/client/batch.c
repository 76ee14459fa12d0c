#include "binding/client/batch.h"

/* The results have their full length from the start: no answer of the server is lost for want of memory. */
batch_t *batch_new(VALUE task, void *owner, VALUE functions, long count)
{
    VALUE results = rb_ary_new_capa(count);
    if (count > 0) rb_ary_store(results, count - 1, Qnil);
    batch_t *batch = ruby_xcalloc(1, sizeof *batch + (size_t)count * sizeof *batch->parts);
    RB_OBJ_WRITE(task, &batch->functions, functions);
    RB_OBJ_WRITE(task, &batch->results, results);
    for (long i = 0; i < count; i++) evg_request_init(&batch->parts[i].request, owner);
    return batch;
}

void batch_mark(const batch_t *batch)
{
    rb_gc_mark(batch->functions);
    rb_gc_mark(batch->results);
}

size_t batch_memsize(const batch_t *batch)
{
    return batch ? sizeof *batch + (size_t)RARRAY_LEN(batch->results) * sizeof *batch->parts : 0;
}

static long place_of(const batch_t *batch, const evg_request_t *request)
{
    return evg_container(request, const part_t, request) - batch->parts;
}

VALUE batch_function(const batch_t *batch, const evg_request_t *request)
{
    return rb_ary_entry(batch->functions, place_of(batch, request));
}

bool batch_ends(batch_t *batch, const evg_request_t *request, VALUE result)
{
    long place = place_of(batch, request);
    if (!NIL_P(RARRAY_AREF(batch->results, place))) return false;
    rb_ary_store(batch->results, place, result);
    return --batch->left == 0;
}

void batch_moved(batch_t *batch, const evg_request_t *request, link_t *link)
{
    batch->parts[place_of(batch, request)].link = link;
}

void batch_take_back(batch_t *batch)
{
    for (long i = 0; i < RARRAY_LEN(batch->results); i++) {
        part_t *part = &batch->parts[i];
        (void)evg_session_take_back(link_session(part->link), &part->request);
        evg_connection_changed(part->link->c);
    }
}
