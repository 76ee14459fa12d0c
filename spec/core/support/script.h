/* What a fuzzer does is told by bytes: a script that somebody else wrote, by chance or guided by what others have reached.
 * A violation aborts, so whatever runs the scripts has a small thing to look at. */
#ifndef EVG_SPEC_SCRIPT_H
#define EVG_SPEC_SCRIPT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole script of one life. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Each step takes bytes of the script as it likes. One step in sixteen has its nth allocation fail. */
void script_run(const uint8_t *bytes, size_t len, void (*step)(void));

uint8_t script_byte(void);                                         /* 0 behind the end */
evg_bytes_t script_some(size_t most);                              /* a piece of the script itself */
evg_bytes_t script_word(const char *const *words, unsigned count); /* one of these */

#define ONE_OF(...) \
    script_word((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#define must(condition) ((condition) ? (void)0 : script_violated(#condition, __FILE__, __LINE__))
_Noreturn void script_violated(const char *what, const char *file, int line);

#endif
