#include "session/quirks.h"

static const char *const names[] = {
#define X(NAME, name, text) #name,
    EVG_QUIRKS(X)
#undef X
};

static const struct {
    const char *name;
    uint32_t quirks;
} habits[] = {
    {"gearmand_1_1_20", EVG_QUIRK_FAIL_WITH_NUL | EVG_QUIRK_SLEEP_THROUGH_EPOCH | EVG_QUIRK_CUT_FUNCTION |
                            EVG_QUIRK_MUTE_LONG | EVG_QUIRK_ONE_NOOP | EVG_QUIRK_SLEEP_STOPS_TIMERS |
                            EVG_QUIRK_FUNCTION_FIRST | EVG_QUIRK_CLIENT_TAKES_ALL},
    {"gearmand_2_0", EVG_QUIRK_FAIL_WITH_NUL | EVG_QUIRK_CUT_FUNCTION | EVG_QUIRK_MUTE_LONG | EVG_QUIRK_ONE_NOOP |
                         EVG_QUIRK_SLEEP_STOPS_TIMERS | EVG_QUIRK_CLIENT_TAKES_ALL},
};

uint32_t evg_quirks_of(evg_bytes_t name)
{
    for (int bit = 0; bit < EVG_QUIRK_COUNT; bit++) {
        if (evg_bytes_equal_p(name, evg_bytes_of(names[bit]))) return UINT32_C(1) << bit;
    }
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        if (evg_bytes_equal_p(name, evg_bytes_of(habits[i].name))) return habits[i].quirks;
    }
    return 0;
}

const char *evg_quirk_name(int bit)
{
    return names[bit];
}
