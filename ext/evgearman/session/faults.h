/* What a test wants to go wrong at a server, by type of packet: some are lost, some are refused. */
#ifndef EVG_SESSION_FAULTS_H
#define EVG_SESSION_FAULTS_H

#include "protocol/command.h"

typedef struct {
    /* private */
    bool any; /* else nobody need look */
    uint32_t losses[EVG_COMMAND_CEILING];
    char *refusals[EVG_COMMAND_CEILING]; /* code, NUL, text; NULL: none */
} evg_faults_t;

/* Nothing goes wrong. Allocates nothing. */
void evg_faults_init(evg_faults_t *faults);
void evg_faults_deinit(evg_faults_t *faults);

/* The next one of this type is lost, and one more for each call: what is read is not done, what is written is not sent. */
void evg_faults_lose(evg_faults_t *faults, evg_command_t type);

/* Requests of this type draw ERROR with that code and text, and are not done; until it is called with code NULL. 0, or
 * EVG_ENOMEM. */
int evg_faults_refuse(evg_faults_t *faults, evg_command_t type, const char *code, const char *text);

/* Is this one to be lost? Each is asked for once. */
bool evg_faults_lost_p(evg_faults_t *faults, evg_command_t type);

/* Is it to be refused? Then with args[0] as code and args[1] as text, as long as that is asked for. */
bool evg_faults_refused_p(const evg_faults_t *faults, evg_command_t type, evg_bytes_t args[2]);

#endif
