#include "binding/values/stats.h"

static void add(VALUE hash, const char *name, uint64_t value)
{
    VALUE key = ID2SYM(rb_intern(name)), before = rb_hash_lookup(hash, key);
    rb_hash_aset(hash, key, ULL2NUM(NIL_P(before) ? value : NUM2ULL(before) + value));
}

void stats_add(VALUE stats, const evg_session_t *s)
{
    add(stats, "submitted", s->stats.submitted);
    add(stats, "resolved", s->stats.resolved);
    add(stats, "pending", evg_session_unresolved(s));
    add(stats, "bytes_in", s->wire.bytes_in);
    add(stats, "bytes_out", s->wire.bytes_out);
    add(stats, "packets_in", s->stats.packets_in);
    add(stats, "packets_out", s->stats.packets_out);
    add(stats, "reconnects", s->stats.connects ? s->stats.connects - 1 : 0);
    add(stats, "ignored_packets", s->stats.ignored_packets);
    add(stats, "refused_jobs", s->stats.refused_jobs);
    add(stats, "read_capacity", s->wire.in.cap);
    add(stats, "write_capacity", s->wire.out.cap);
}
