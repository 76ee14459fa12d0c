/* Every packet type of the Gearman protocol, written once.
 *
 * Encoder, decoder, reply matching, the Ruby constant and the specs all read this list; a new command is one
 * row. Columns: number, name, who sends it (C client, W worker, S server; as flags), how many arguments,
 * and the replies it may draw. EVG_DRAWS_ERROR says that an ERROR may be *the reply* to it; an ERROR of
 * code JOB_NOT_FOUND about a WORK_* is a report and nobody's reply. */
#ifndef EVG_PROTOCOL_COMMAND_H
#define EVG_PROTOCOL_COMMAND_H

#include "base/bytes.h"

enum { EVG_BY_CLIENT = 1, EVG_BY_WORKER = 2, EVG_BY_SERVER = 4, EVG_BY_ANY = 3 };

#define EVG_DRAWS(type) (UINT64_C(1) << EVG_##type)
#define EVG_DRAWS_NOTHING UINT64_C(0)
#define EVG_DRAWS_ERROR EVG_DRAWS(ERROR)
#define EVG_DRAWS_HANDLE (EVG_DRAWS(JOB_CREATED) | EVG_DRAWS_ERROR)
#define EVG_DRAWS_JOB (EVG_DRAWS(NO_JOB) | EVG_DRAWS(JOB_ASSIGN))
#define EVG_DRAWS_JOB_UNIQ (EVG_DRAWS(NO_JOB) | EVG_DRAWS(JOB_ASSIGN_UNIQ))
#define EVG_DRAWS_JOB_ALL (EVG_DRAWS_JOB_UNIQ | EVG_DRAWS(JOB_ASSIGN_ALL))

#define EVG_COMMANDS(X)                                                                        \
    X(1, CAN_DO, EVG_BY_WORKER, 1, EVG_DRAWS_NOTHING)                                          \
    X(2, CANT_DO, EVG_BY_WORKER, 1, EVG_DRAWS_NOTHING)                                         \
    X(3, RESET_ABILITIES, EVG_BY_WORKER, 0, EVG_DRAWS_NOTHING)                                 \
    X(4, PRE_SLEEP, EVG_BY_WORKER, 0, EVG_DRAWS_NOTHING)                                       \
    X(6, NOOP, EVG_BY_SERVER, 0, EVG_DRAWS_NOTHING)                                            \
    X(7, SUBMIT_JOB, EVG_BY_CLIENT, 3, EVG_DRAWS_HANDLE)                                       \
    X(8, JOB_CREATED, EVG_BY_SERVER, 1, EVG_DRAWS_NOTHING)                                     \
    X(9, GRAB_JOB, EVG_BY_WORKER, 0, EVG_DRAWS_JOB)                                            \
    X(10, NO_JOB, EVG_BY_SERVER, 0, EVG_DRAWS_NOTHING)                                         \
    X(11, JOB_ASSIGN, EVG_BY_SERVER, 3, EVG_DRAWS_NOTHING)                                     \
    X(12, WORK_STATUS, EVG_BY_WORKER | EVG_BY_SERVER, 3, EVG_DRAWS_NOTHING)                    \
    X(13, WORK_COMPLETE, EVG_BY_WORKER | EVG_BY_SERVER, 2, EVG_DRAWS_NOTHING)                  \
    X(14, WORK_FAIL, EVG_BY_WORKER | EVG_BY_SERVER, 1, EVG_DRAWS_NOTHING)                      \
    X(15, GET_STATUS, EVG_BY_CLIENT, 1, EVG_DRAWS(STATUS_RES))                                 \
    X(16, ECHO_REQ, EVG_BY_ANY, 1, EVG_DRAWS(ECHO_RES))                                        \
    X(17, ECHO_RES, EVG_BY_SERVER, 1, EVG_DRAWS_NOTHING)                                       \
    X(18, SUBMIT_JOB_BG, EVG_BY_CLIENT, 3, EVG_DRAWS_HANDLE)                                   \
    X(19, ERROR, EVG_BY_SERVER, 2, EVG_DRAWS_NOTHING)                                          \
    X(20, STATUS_RES, EVG_BY_SERVER, 5, EVG_DRAWS_NOTHING)                                     \
    X(21, SUBMIT_JOB_HIGH, EVG_BY_CLIENT, 3, EVG_DRAWS_HANDLE)                                 \
    X(22, SET_CLIENT_ID, EVG_BY_ANY, 1, EVG_DRAWS_NOTHING)                                     \
    X(23, CAN_DO_TIMEOUT, EVG_BY_WORKER, 2, EVG_DRAWS_NOTHING)                                 \
    X(24, ALL_YOURS, EVG_BY_WORKER, 0, EVG_DRAWS_ERROR)                                        \
    X(25, WORK_EXCEPTION, EVG_BY_WORKER | EVG_BY_SERVER, 2, EVG_DRAWS_NOTHING)                 \
    X(26, OPTION_REQ, EVG_BY_ANY, 1, EVG_DRAWS(OPTION_RES) | EVG_DRAWS_ERROR)                  \
    X(27, OPTION_RES, EVG_BY_SERVER, 1, EVG_DRAWS_NOTHING)                                     \
    X(28, WORK_DATA, EVG_BY_WORKER | EVG_BY_SERVER, 2, EVG_DRAWS_NOTHING)                      \
    X(29, WORK_WARNING, EVG_BY_WORKER | EVG_BY_SERVER, 2, EVG_DRAWS_NOTHING)                   \
    X(30, GRAB_JOB_UNIQ, EVG_BY_WORKER, 0, EVG_DRAWS_JOB_UNIQ | EVG_DRAWS_ERROR)               \
    X(31, JOB_ASSIGN_UNIQ, EVG_BY_SERVER, 4, EVG_DRAWS_NOTHING)                                \
    X(32, SUBMIT_JOB_HIGH_BG, EVG_BY_CLIENT, 3, EVG_DRAWS_HANDLE)                              \
    X(33, SUBMIT_JOB_LOW, EVG_BY_CLIENT, 3, EVG_DRAWS_HANDLE)                                  \
    X(34, SUBMIT_JOB_LOW_BG, EVG_BY_CLIENT, 3, EVG_DRAWS_HANDLE)                               \
    X(35, SUBMIT_JOB_SCHED, EVG_BY_CLIENT, 8, EVG_DRAWS_HANDLE)                                \
    X(36, SUBMIT_JOB_EPOCH, EVG_BY_CLIENT, 4, EVG_DRAWS_HANDLE)                                \
    X(37, SUBMIT_REDUCE_JOB, EVG_BY_CLIENT, 5, EVG_DRAWS_HANDLE)                               \
    X(38, SUBMIT_REDUCE_JOB_BACKGROUND, EVG_BY_CLIENT, 5, EVG_DRAWS_HANDLE)                    \
    X(39, GRAB_JOB_ALL, EVG_BY_WORKER, 0, EVG_DRAWS_JOB_ALL | EVG_DRAWS_ERROR)                 \
    X(40, JOB_ASSIGN_ALL, EVG_BY_SERVER, 5, EVG_DRAWS_NOTHING)                                 \
    X(41, GET_STATUS_UNIQUE, EVG_BY_CLIENT, 1, EVG_DRAWS(STATUS_RES_UNIQUE) | EVG_DRAWS_ERROR) \
    X(42, STATUS_RES_UNIQUE, EVG_BY_SERVER, 6, EVG_DRAWS_NOTHING)

typedef enum {
    EVG_TEXT = 0, /* not a packet type: a line of the admin protocol */
#define X(number, name, senders, args, draws) EVG_##name = number,
    EVG_COMMANDS(X)
#undef X
        EVG_COMMAND_CEILING
} evg_command_t;

enum { EVG_MAX_ARGS = 8 };

typedef struct {
    const char *name; /* "SUBMIT_JOB"; NULL in the rows of unused numbers */
    uint8_t senders;
    uint8_t args;
    uint64_t draws; /* bit n: a reply of type n */
} evg_command_info_t;

extern const evg_command_info_t evg_commands[EVG_COMMAND_CEILING];

/* The row of a type, or NULL for a number that is none. */
static inline const evg_command_info_t *evg_command_info(uint32_t type)
{
    return type < EVG_COMMAND_CEILING && evg_commands[type].name ? &evg_commands[type] : NULL;
}

/* The type of a name in any case ("submit_job"), or EVG_TEXT. */
evg_command_t evg_command_find(evg_bytes_t name);

/* A submission, and one whose result comes back. */
bool evg_command_submit_p(evg_command_t type);
bool evg_command_foreground_p(evg_command_t type);

/* GRAB_JOB and its kin. */
static inline bool evg_command_grab_p(evg_command_t type)
{
    return type == EVG_GRAB_JOB || type == EVG_GRAB_JOB_UNIQ || type == EVG_GRAB_JOB_ALL;
}

#endif
