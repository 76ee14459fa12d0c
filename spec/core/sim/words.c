/* What packets say of functions, jobs and submissions. */
#include "sim/sim.h"

#include <stdlib.h>

int function_of(evg_bytes_t name)
{
    if (name.len != 2 || name.at[0] != 'f' || name.at[1] < '0' || name.at[1] >= '0' + FUNCTIONS) broken("bad function");
    return name.at[1] - '0';
}

int priority_of(evg_command_t type)
{
    if (type == EVG_SUBMIT_JOB_HIGH || type == EVG_SUBMIT_JOB_HIGH_BG) return 0;
    return type == EVG_SUBMIT_JOB_LOW || type == EVG_SUBMIT_JOB_LOW_BG ? 2 : 1;
}

void copy(char *to, size_t cap, evg_bytes_t from)
{
    if (from.len >= cap) broken("a field is longer than any that was sent: %zu bytes", from.len);
    if (from.len) memcpy(to, from.at, from.len);
    to[from.len] = 0;
}

unsigned id_of(const char *work)
{
    unsigned id = (unsigned)atoi(work);
    if (id >= world.id_count) broken("a submission that nobody made: %s", work);
    return id;
}

static void become(const char *work, id_state_t before, id_state_t after)
{
    static const char *const names[] = {"not sent", "sent", "received", "told as not sent"};
    unsigned id = id_of(work);
    if (world.ids[id] != before) broken("%u is %s, and was %s", id, names[after], names[world.ids[id]]);
    world.ids[id] = (uint8_t)after;
}

void begin_submission(const char *work)
{
    become(work, UNSEEN, BEGUN);
}

void see_submission(const char *work)
{
    become(work, BEGUN, SEEN);
}

void refuse_submission(const char *work)
{
    world.ids[id_of(work)] = UNSEEN;
}
