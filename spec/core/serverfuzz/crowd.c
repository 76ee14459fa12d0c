#include "serverfuzz/crowd.h"

#include "base/alloc.h"
#include "base/error.h"
#include "support/queue_audit.h"

#include <math.h>

enum { LINES = 1 << 16 }; /* what a list may be long */

crowd_t crowd;

static size_t live;

void pile_add(pile_t *pile, evg_bytes_t bytes)
{
    must(pile->len + bytes.len <= PILE);
    if (bytes.len) memcpy(pile->bytes + pile->len, bytes.at, bytes.len);
    pile->len += bytes.len;
}

void pile_take(pile_t *pile, size_t len)
{
    must(len <= pile->len);
    memmove(pile->bytes, pile->bytes + len, pile->len - len);
    pile->len -= len;
}

/* -- what must be true --------------------------------------------------------------------------------------------- */

/* Who has something to say is known to have. */
static void audit(const person_t *person)
{
    const evg_server_session_t *s = &person->s;
    size_t out = evg_buffer_len(&s->wire.out);
    must(person->writes || (!out && !s->ending));
    must(out <= s->server->settings.max_buffer + s->server->settings.max_packet + LINES);
    must(evg_buffer_len(&s->wire.in) <= PILE);
}

void crowd_audit(void)
{
    const char *fault = queue_audit(&crowd.server.queue);
    if (fault) script_violated(fault, "queue_audit.c", 0);
    must(crowd.server.session_count == CROWD);
    for (int i = 0; i < CROWD; i++) audit(&crowd.people[i]);
}

/* The end of a turn: what was touched is known, and who has to go goes. */
static void settle(void)
{
    for (evg_server_session_t *s; (s = evg_server_touched(&crowd.server));)
        evg_container(s, person_t, s)->writes = true;
    for (int i = 0; i < CROWD; i++) heard(&crowd.people[i], 0);
}

/* -- coming and going ---------------------------------------------------------------------------------------------- */

static void come(person_t *person)
{
    person->writes = false;
    person->coming.len = person->asked.len = person->skip = person->refusals = 0;
    person->seen = 0;
    evg_server_session_open(&person->s, &crowd.server, "127.0.0.1", (int)(person - crowd.people));
}

void crowd_comes_back(person_t *person)
{
    evg_server_session_close(&person->s);
    come(person);
    settle();
}

void crowd_restart(void)
{
    for (int i = 0; i < CROWD; i++) evg_server_session_close(&crowd.people[i].s);
    must(!evg_server_touched(&crowd.server));
    evg_server_forget(&crowd.server);
    must(crowd.server.queue.bytes == 0);
    for (int i = 0; i < CROWD; i++) come(&crowd.people[i]);
}

void crowd_begin(const evg_server_settings_t *settings)
{
    live = evg_alloc_live();
    crowd.now = 1000;
    crowd.wall = 1e9;
    crowd.exact = settings->quirks == 0;
    evg_server_init(&crowd.server, settings);
    evg_server_clock(&crowd.server, crowd.now, crowd.wall);
    for (int i = 0; i < CROWD; i++) come(&crowd.people[i]);
}

void crowd_end(void)
{
    for (int i = 0; i < CROWD; i++) evg_server_session_close(&crowd.people[i].s);
    must(crowd.server.session_count == 0);
    must(crowd.server.queue.running == 0);
    evg_server_deinit(&crowd.server);
    must(crowd.server.queue.bytes == 0);
    must(evg_alloc_live() == live);
}

/* -- bytes --------------------------------------------------------------------------------------------------------- */

void crowd_says(person_t *person, evg_bytes_t bytes)
{
    if (person->coming.len + bytes.len <= PILE / 2) pile_add(&person->coming, bytes);
}

static void run(person_t *person)
{
    uint64_t before = crowd.server.counts.packets_in;
    evg_server_session_run(&person->s);
    heard(person, crowd.server.counts.packets_in - before);
    settle();
}

/* A reader is read again when there is room, as long as there is something. */
static void go_on(person_t *person)
{
    while (!person->s.ending && evg_server_session_reads_p(&person->s)) {
        size_t before = person->asked.len;
        run(person);
        if (person->asked.len == before) return;
    }
}

void crowd_moves(person_t *person, size_t most)
{
    pile_t *coming = &person->coming;
    size_t len = most < coming->len ? most : coming->len;
    if (person->s.ending || !evg_server_session_reads_p(&person->s)) return;
    evg_wire_clock(&person->s.wire, crowd.now);
    if (evg_wire_feed(&person->s.wire, evg_bytes(coming->bytes, len)) < 0) return crowd_comes_back(person);
    pile_add(&person->asked, evg_bytes(coming->bytes, len));
    pile_take(coming, len);
    run(person);
}

void crowd_reads(person_t *person, size_t most)
{
    evg_wire_t *wire = &person->s.wire;
    size_t len = evg_wire_output(wire).len;
    if (most < len) len = most;
    evg_wire_written(wire, len);
    person->writes = person->s.ending || evg_wire_output(wire).len;
    if (person->s.ending && !evg_wire_output(wire).len) return crowd_comes_back(person);
    go_on(person);
}

/* -- time ---------------------------------------------------------------------------------------------------------- */

/* Nothing is left behind that is due: whoever waited for it would wait without sleeping. */
void crowd_waits(double seconds, double wall)
{
    crowd.now += seconds;
    crowd.wall = wall;
    evg_server_clock(&crowd.server, crowd.now, crowd.wall);
    evg_server_tick(&crowd.server);
    for (int i = 0; i < CROWD; i++) {
        evg_server_session_tick(&crowd.people[i].s);
        must(evg_server_session_deadline(&crowd.people[i].s) > crowd.now);
    }
    must(evg_server_deadline(&crowd.server) > crowd.now);
    settle();
}
