/* Scripts by chance, or those of files:
 *
 *     fuzz --seeds 1000 --first 1    with --verbose each seed is told before it runs
 *     fuzz crash-0123abcd */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCRIPT = 4096 };

static uint64_t state;

/* xorshift64* */
static uint64_t draw(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static void run_seed(uint64_t seed)
{
    static uint8_t script[SCRIPT];
    state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    size_t len = 64 + draw() % (SCRIPT - 64);
    for (size_t at = 0; at < len; at++) script[at] = (uint8_t)(draw() >> 32);
    LLVMFuzzerTestOneInput(script, len);
}

static int run_file(const char *path)
{
    static uint8_t script[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) return perror(path), 1;
    size_t len = fread(script, 1, sizeof script, file);
    fclose(file);
    LLVMFuzzerTestOneInput(script, len);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, seeds = 0;
    bool verbose = false;
    for (int at = 1; at < argc; at++) {
        uint64_t value = at + 1 < argc ? strtoull(argv[at + 1], NULL, 10) : 0;
        if (strcmp(argv[at], "--verbose") == 0)
            verbose = true;
        else if (strcmp(argv[at], "--seeds") == 0)
            seeds = value, at++;
        else if (strcmp(argv[at], "--first") == 0)
            first = value, at++;
        else if (run_file(argv[at]))
            return 1;
    }
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        if (verbose) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
    return 0;
}
