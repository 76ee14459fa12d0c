#include "binding/values/forks.h"

#include <pthread.h>
#include <stddef.h>

uint64_t evg_forks;

/* Process.daemon does not call Process._fork: so the count is kept where every fork passes. */
static void child_of_fork(void)
{
    evg_forks++;
}

void forks_count(void)
{
    pthread_atfork(NULL, NULL, child_of_fork);
}
