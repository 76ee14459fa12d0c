#include "protocol/command.h"

#include "protocol/words.h"

const evg_command_info_t evg_commands[EVG_COMMAND_CEILING] = {
#define X(number, name, senders, args, draws) [number] = {#name, (senders), (args), (draws)},
    EVG_COMMANDS(X)
#undef X
};

evg_command_t evg_command_find(evg_bytes_t name)
{
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const char *known = evg_commands[type].name;
        if (known && evg_word_equal_p(name, evg_bytes_of(known))) return (evg_command_t)type;
    }
    return EVG_TEXT;
}

bool evg_command_submit_p(evg_command_t type)
{
    const evg_command_info_t *info = evg_command_info((uint32_t)type);
    return info && (info->draws & EVG_DRAWS(JOB_CREATED));
}

bool evg_command_foreground_p(evg_command_t type)
{
    switch (type) {
    case EVG_SUBMIT_JOB:
    case EVG_SUBMIT_JOB_HIGH:
    case EVG_SUBMIT_JOB_LOW:
    case EVG_SUBMIT_REDUCE_JOB: return true;
    default: return false;
    }
}
