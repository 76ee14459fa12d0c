/* The command line of what runs one seed after another: --first N, --seeds N, --verbose. */
#ifndef EVG_SPEC_SEEDS_H
#define EVG_SPEC_SEEDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t first, count;
    bool verbose;
} seeds_t;

/* Changes what is said of. `other` gets each argument that is none of these, or is NULL; answers whether it took all. */
static inline bool seeds_parse(seeds_t *seeds, int argc, char **argv, bool (*other)(const char *argument))
{
    for (int at = 1; at < argc; at++) {
        uint64_t value = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : 0;
        if (strcmp(argv[at], "--verbose") == 0)
            seeds->verbose = true;
        else if (strcmp(argv[at], "--seeds") == 0)
            seeds->count = value, at++;
        else if (strcmp(argv[at], "--first") == 0)
            seeds->first = value, at++;
        else if (other && !other(argv[at]))
            return false;
    }
    return true;
}

#endif
