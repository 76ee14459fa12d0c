#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT = 32, LINE = 120 };

world_t world;
static char lines[KEPT][LINE];
static uint64_t line_count;

void world_begin(uint64_t seed)
{
    world = (world_t){.program = world.program, .recording = world.recording, .verbose = world.verbose, .seed = seed};
    world.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    world.now = 1000;
    world.delays = pick(2);
    line_count = 0;
}

/* splitmix64 */
uint64_t draw(void)
{
    uint64_t z = world.random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

unsigned pick(unsigned n)
{
    return (unsigned)(draw() % n);
}

bool chance(unsigned permille)
{
    return !world.calm && pick(1000) < permille;
}

double uniform(void)
{
    return (double)(draw() >> 11) / 9007199254740992.0;
}

bool text_p(evg_bytes_t bytes, const char *text)
{
    return evg_bytes_equal_p(bytes, evg_bytes_of(text));
}

void record(const char *format, ...)
{
    char *line = lines[line_count++ % KEPT];
    va_list list;
    int len = snprintf(line, LINE, "%8llu %10.4f ", (unsigned long long)world.step, world.now);
    va_start(list, format);
    vsnprintf(line + len, (size_t)(LINE - len), format, list);
    va_end(list);
    if (world.verbose) puts(line);
}

static void tell_last(void)
{
    uint64_t first = line_count > KEPT ? line_count - KEPT : 0;
    for (uint64_t i = first; i < line_count && !world.verbose; i++) puts(lines[i % KEPT]);
}

static void run_again(void)
{
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)world.seed);
    fflush(stdout);
    execl(world.program, world.program, "--server", far_end->name, "--again", seed, NULL);
}

void broken(const char *format, ...)
{
    va_list list;
    tell_last();
    printf("seed %llu of %s, step %llu: ", (unsigned long long)world.seed, far_end->name,
           (unsigned long long)world.step);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    puts("");
    if (!world.recording) run_again();
    exit(1);
}
