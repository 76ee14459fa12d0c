#include "serverfuzz/crowd.h"

#include "protocol/packet.h"

enum { REQUESTS = PILE / 12 };

typedef enum { NEVER, PERHAPS, ALWAYS } answered_t;

typedef struct {
    answered_t answered;
    uint64_t draws; /* bits of types, as in evg_commands; bit 0: text of that shape */
    evg_shape_t shape;
} request_t;

/* Those of one run. */
static request_t requests[REQUESTS];
static size_t count, at; /* at: the first that an answer may still be for */
static size_t answers;

/* -- what was asked ------------------------------------------------------------------------------------------------ */

static request_t line_of(evg_bytes_t line)
{
    while (line.len && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r')) line.len--;
    const evg_admin_t *known = evg_admin_find(line);
    return (request_t){ALWAYS, 1, known ? known->shape : EVG_LINE};
}

static bool server_knows_p(const evg_command_info_t *info)
{
    return info->senders & EVG_BY_ANY && info != &evg_commands[EVG_ALL_YOURS] &&
           info != &evg_commands[EVG_SUBMIT_JOB_SCHED];
}

/* Who reports about a job that is not his, or names a function too long, is told so. */
static request_t packet_of(const evg_packet_t *packet)
{
    const evg_command_info_t *info = &evg_commands[packet->type];
    if (packet->magic == EVG_RES || !server_knows_p(info)) return (request_t){ALWAYS, EVG_DRAWS_ERROR, 0};
    if (info->draws) return (request_t){ALWAYS, info->draws | EVG_DRAWS_ERROR, 0};
    bool quiet = packet->type == EVG_CANT_DO || packet->type == EVG_RESET_ABILITIES || packet->type == EVG_PRE_SLEEP ||
                 packet->type == EVG_SET_CLIENT_ID;
    return (request_t){quiet ? NEVER : PERHAPS, EVG_DRAWS_ERROR, 0};
}

/* A number that no packet has, or larger than is taken: that counts as no packet, and may be refused when enough of it has
 * come. */
static bool passed_over_p(const person_t *person)
{
    evg_bytes_t in = evg_bytes(person->asked.bytes, person->asked.len);
    if (in.len < EVG_HEADER_LEN || *in.at) return false;
    return !evg_command_info(evg_packet_type(in)) ||
           evg_packet_span(in) > EVG_HEADER_LEN + crowd.server.settings.max_packet;
}

static void pass_over(person_t *person)
{
    size_t span = evg_packet_span(evg_bytes(person->asked.bytes, person->asked.len));
    size_t len = span < person->asked.len ? span : person->asked.len;
    pile_take(&person->asked, len);
    person->skip = span - len;
    person->refusals++;
}

static void take_one(person_t *person)
{
    evg_packet_t packet;
    evg_bytes_t in = evg_bytes(person->asked.bytes, person->asked.len);
    ptrdiff_t len;
    must(in.len && count < REQUESTS);
    if (*in.at) {
        len = (ptrdiff_t)evg_packet_span(in);
        requests[count++] = line_of(evg_bytes(in.at, (size_t)len));
    } else {
        len = evg_packet_decode(&packet, EVG_REQ_OR_RES, in, crowd.server.settings.max_packet);
        must(len > 0);
        requests[count++] = packet_of(&packet);
    }
    pile_take(&person->asked, (size_t)len);
}

static void skip(person_t *person)
{
    size_t len = person->skip < person->asked.len ? person->skip : person->asked.len;
    pile_take(&person->asked, len);
    person->skip -= len;
}

static void take(person_t *person, uint64_t executed)
{
    for (skip(person); executed || passed_over_p(person);) {
        if (passed_over_p(person)) {
            pass_over(person);
        } else {
            take_one(person);
            executed--;
        }
    }
}

/* -- what was answered --------------------------------------------------------------------------------------------- */

static evg_bytes_t unseen(const person_t *person)
{
    const evg_buffer_t *out = &person->s.wire.out;
    size_t seen = (size_t)(person->seen - out->consumed), len = evg_buffer_len(out) - seen;
    return len ? evg_bytes(evg_buffer_data(out) + seen, len) : evg_bytes(NULL, 0);
}

/* The first request from here on that draws this; an ERROR may be anybody's. */
static const request_t *answer(evg_command_t type)
{
    answers++;
    if (type == EVG_ERROR) return NULL;
    while (at < count && !(requests[at].draws & UINT64_C(1) << type)) at++;
    must(at < count);
    return &requests[at++];
}

/* As our client would read it. */
static size_t hear_text(evg_bytes_t out)
{
    evg_bytes_t text;
    evg_scan_t scan = {0};
    const request_t *request = answer(EVG_TEXT);
    ptrdiff_t len = evg_admin_decode(&scan, request->shape, out, SIZE_MAX, &text);
    must(len > 0);
    return (size_t)len;
}

static size_t hear_packet(evg_bytes_t out)
{
    evg_packet_t packet;
    ptrdiff_t len = evg_packet_decode(&packet, EVG_RES, out, SIZE_MAX);
    must(len > 0);
    switch (packet.type) {
    case EVG_NOOP:
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_WORK_STATUS:
    case EVG_WORK_COMPLETE:
    case EVG_WORK_FAIL:
    case EVG_WORK_EXCEPTION: break;
    default:
        if (crowd.exact) (void)answer(packet.type);
    }
    return (size_t)len;
}

static void hear(person_t *person)
{
    for (evg_bytes_t out; (out = unseen(person)).len;) {
        if (*out.at)
            person->seen += crowd.exact ? hear_text(out) : evg_packet_span(out);
        else
            person->seen += hear_packet(out);
    }
}

/* -- and that it fits ---------------------------------------------------------------------------------------------- */

/* Each request that has an answer got one, and hardly any other did. */
static void judge(person_t *person)
{
    size_t least = 0, most = person->refusals;
    for (size_t i = 0; i < count; i++) {
        least += requests[i].answered == ALWAYS;
        most += requests[i].answered != NEVER;
    }
    must(answers >= least && answers <= most);
    size_t others = most - person->refusals;
    if (answers > others) person->refusals -= answers - others;
}

void heard(person_t *person, uint64_t executed)
{
    count = at = answers = 0;
    if (person->s.ending) {
        person->seen = evg_buffer_position(&person->s.wire.out); /* its last word may have been cut short */
        return;
    }
    take(person, executed);
    hear(person);
    if (crowd.exact) judge(person);
}
