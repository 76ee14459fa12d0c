#include "session/faults.h"

#include "base/alloc.h"
#include "base/error.h"

void evg_faults_init(evg_faults_t *faults)
{
    *faults = (evg_faults_t){0};
}

void evg_faults_deinit(evg_faults_t *faults)
{
    for (int type = 0; type < EVG_COMMAND_CEILING; type++) evg_free(faults->refusals[type]);
    evg_faults_init(faults);
}

void evg_faults_lose(evg_faults_t *faults, evg_command_t type)
{
    faults->losses[type]++;
    faults->any = true;
}

static char *refusal(const char *code, const char *text)
{
    size_t code_size = strlen(code) + 1, text_size = strlen(text) + 1;
    char *both = evg_alloc(code_size + text_size);
    if (!both) return NULL;
    memcpy(both, code, code_size);
    memcpy(both + code_size, text, text_size);
    return both;
}

int evg_faults_refuse(evg_faults_t *faults, evg_command_t type, const char *code, const char *text)
{
    char *said = code ? refusal(code, text) : NULL;
    if (code && !said) return EVG_ENOMEM;
    evg_free(faults->refusals[type]);
    faults->refusals[type] = said;
    faults->any = true;
    return 0;
}

bool evg_faults_lost_p(evg_faults_t *faults, evg_command_t type)
{
    if (!faults->any || !faults->losses[type]) return false;
    faults->losses[type]--;
    return true;
}

bool evg_faults_refused_p(const evg_faults_t *faults, evg_command_t type, evg_bytes_t args[2])
{
    const char *said = faults->any ? faults->refusals[type] : NULL;
    if (!said) return false;
    args[0] = evg_bytes_of(said);
    args[1] = evg_bytes_of(said + args[0].len + 1);
    return true;
}
