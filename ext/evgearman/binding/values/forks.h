#ifndef EVG_VALUES_FORKS_H
#define EVG_VALUES_FORKS_H

#include <stdint.h>

extern uint64_t evg_forks; /* how many forks lie between this process and the first */

/* Counts from now on. Once, when the extension is loaded. */
void forks_count(void);

#endif
