/* Scripts by chance, for a compiler without a fuzzer; or those of files:
 *
 *     fuzz --seeds 1000 --first 1    with --verbose each seed is told before it runs
 *     fuzz crash-0123abcd */
#include "support/script.h"

#include <stdio.h>

#include "support/seeds.h"

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

static bool run_file(const char *path)
{
    static uint8_t script[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) return perror(path), false;
    size_t len = fread(script, 1, sizeof script, file);
    fclose(file);
    LLVMFuzzerTestOneInput(script, len);
    return true;
}

int main(int argc, char **argv)
{
    seeds_t seeds = {.first = 1};
    if (!seeds_parse(&seeds, argc, argv, run_file)) return 1;
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        if (seeds.verbose) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
    return 0;
}
