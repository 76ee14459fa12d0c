/* Words of the text protocol: cut at spaces, compared in any case.
 *
 * Case is ASCII's own: strcasecmp asks the locale, and in Turkish "CLIENTS" is not "clients". */
#ifndef EVG_PROTOCOL_WORDS_H
#define EVG_PROTOCOL_WORDS_H

#include "base/bytes.h"

static inline uint8_t evg_ascii_fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static inline bool evg_word_equal_p(evg_bytes_t a, evg_bytes_t b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (evg_ascii_fold(a.at[i]) != evg_ascii_fold(b.at[i])) return false;
    }
    return true;
}

/* Takes the next word off the front of `rest`; it is empty when none is left. */
static inline evg_bytes_t evg_word_next(evg_bytes_t *rest)
{
    for (; rest->len && *rest->at == ' '; rest->at++) rest->len--;
    evg_bytes_t word = {rest->at, 0};
    for (; rest->len && *rest->at != ' '; rest->at++, word.len++) rest->len--;
    return word;
}

#endif
