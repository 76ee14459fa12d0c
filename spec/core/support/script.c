#include "support/script.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

static const uint8_t *next_byte, *end;

uint8_t script_byte(void)
{
    return next_byte < end ? *next_byte++ : 0;
}

evg_bytes_t script_some(size_t most)
{
    size_t len = script_byte() % (most + 1);
    if (len > (size_t)(end - next_byte)) len = (size_t)(end - next_byte);
    evg_bytes_t bytes = evg_bytes(next_byte, len);
    next_byte += len;
    return bytes;
}

evg_bytes_t script_word(const char *const *words, unsigned count)
{
    return evg_bytes_of(words[script_byte() % count]);
}

void script_run(const uint8_t *bytes, size_t len, void (*step)(void))
{
    next_byte = bytes;
    end = bytes + len;
    while (next_byte < end) {
        if (*next_byte / 16 == 15) evg_alloc_fail_at(1 + *next_byte % 16 / 4);
        step();
        evg_alloc_fail_at(0);
    }
}

void script_violated(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
    abort();
}
