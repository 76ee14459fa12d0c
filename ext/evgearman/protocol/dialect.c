#include "protocol/dialect.h"

#include "protocol/admin.h"

/* 1-4, 7, 9, 12-16, 18, 21-23, 25, 26, and text */
static const uint64_t PERL_KNOWS = EVG_DRAWS(TEXT) | EVG_DRAWS(CAN_DO) | EVG_DRAWS(CANT_DO) |
                                   EVG_DRAWS(RESET_ABILITIES) | EVG_DRAWS(PRE_SLEEP) | EVG_DRAWS(SUBMIT_JOB) |
                                   EVG_DRAWS(GRAB_JOB) | EVG_DRAWS(WORK_STATUS) | EVG_DRAWS(WORK_COMPLETE) |
                                   EVG_DRAWS(WORK_FAIL) | EVG_DRAWS(GET_STATUS) | EVG_DRAWS(ECHO_REQ) |
                                   EVG_DRAWS(SUBMIT_JOB_BG) | EVG_DRAWS(SUBMIT_JOB_HIGH) | EVG_DRAWS(SET_CLIENT_ID) |
                                   EVG_DRAWS(CAN_DO_TIMEOUT) | EVG_DRAWS(WORK_EXCEPTION) | EVG_DRAWS(OPTION_REQ);

static bool gearmand_knows(evg_command_t type)
{
    if (type == EVG_TEXT) return true;
    /* in its documents, but never implemented: it answers both with INVALID_COMMAND */
    if (type == EVG_ALL_YOURS || type == EVG_SUBMIT_JOB_SCHED) return false;
    const evg_command_info_t *info = evg_command_info((uint32_t)type);
    return info && (info->senders & EVG_BY_ANY);
}

evg_dialect_t evg_dialect_of(evg_bytes_t version)
{
    evg_bytes_t code, rest;
    if (version.len == 0 || evg_admin_error_p(version, &code, &rest)) return EVG_UNKNOWN_DIALECT;
    if (evg_bytes_equal_p(version, evg_bytes_of("version")))
        return EVG_GEARMAND; /* said back, as the unknown is by some */
    return version.len >= 3 && memcmp(version.at, "OK ", 3) == 0 ? EVG_GEARMAND : EVG_PERL;
}

const char *evg_dialect_name(evg_dialect_t dialect)
{
    switch (dialect) {
    case EVG_GEARMAND: return "gearmand";
    case EVG_PERL: return "perl";
    default: return "unknown";
    }
}

bool evg_dialect_speaks_p(evg_dialect_t dialect, evg_command_t type)
{
    if (dialect != EVG_PERL) return gearmand_knows(type);
    return type < EVG_COMMAND_CEILING && (PERL_KNOWS >> type & 1);
}

bool evg_dialect_exception_ends_p(evg_dialect_t dialect)
{
    return dialect != EVG_PERL;
}

uint32_t evg_dialect_timeout_unit(evg_dialect_t dialect)
{
    return dialect == EVG_PERL ? 1 : 1000;
}
