#include "binding/values/stats.h"

static void put(VALUE hash, const char *name, uint64_t value)
{
    rb_hash_aset(hash, ID2SYM(rb_intern(name)), ULL2NUM(value));
}

VALUE stats_of(const evg_session_t *s)
{
    VALUE stats = rb_hash_new();
    put(stats, "submitted", s->stats.submitted);
    put(stats, "resolved", s->stats.resolved);
    put(stats, "pending", evg_session_unresolved(s));
    put(stats, "bytes_in", s->wire.bytes_in);
    put(stats, "bytes_out", s->wire.bytes_out);
    put(stats, "packets_in", s->stats.packets_in);
    put(stats, "packets_out", s->stats.packets_out);
    put(stats, "reconnects", s->stats.connects ? s->stats.connects - 1 : 0);
    put(stats, "ignored_packets", s->stats.ignored_packets);
    put(stats, "refused_jobs", s->stats.refused_jobs);
    put(stats, "read_capacity", s->wire.in.cap);
    put(stats, "write_capacity", s->wire.out.cap);
    return stats;
}
