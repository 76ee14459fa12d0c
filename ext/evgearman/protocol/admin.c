#include "protocol/admin.h"

#include "base/error.h"
#include "protocol/check.h"
#include "protocol/words.h"

static const evg_admin_t admins[] = {
#define X(words, least, most, shape, newline) {words, least, most, shape, newline},
    EVG_ADMIN_COMMANDS(X)
#undef X
};

static bool begins_p(evg_bytes_t line, evg_bytes_t words)
{
    for (;;) {
        evg_bytes_t word = evg_word_next(&words);
        if (word.len == 0) return true;
        if (!evg_word_equal_p(word, evg_word_next(&line))) return false;
    }
}

const evg_admin_t *evg_admin_find(evg_bytes_t line)
{
    for (size_t i = 0; i < sizeof admins / sizeof *admins; i++) {
        if (begins_p(line, evg_bytes_of(admins[i].words))) return &admins[i];
    }
    return NULL;
}

int evg_admin_encode(evg_buffer_t *out, evg_bytes_t line)
{
    int error = evg_check_admin(line);
    if (error) return error;
    const evg_admin_t *admin = evg_admin_find(line);
    evg_bytes_t newline = evg_bytes_of(admin ? admin->newline : "\n");
    uint8_t *room = evg_buffer_reserve(out, line.len + newline.len);
    if (!room) return EVG_ENOMEM;
    memcpy(room, line.at, line.len);
    memcpy(room + line.len, newline.at, newline.len);
    evg_buffer_commit(out, line.len + newline.len);
    return 0;
}

/* The line without its end, LF or CR LF. */
static evg_bytes_t chomp(const uint8_t *at, size_t len)
{
    len--;
    if (len > 0 && at[len - 1] == '\r') len--;
    return evg_bytes(at, len);
}

static bool err_p(evg_bytes_t text)
{
    return text.len >= 4 && memcmp(text.at, "ERR ", 4) == 0;
}

/* Does the line that ends at `end` end the reply? */
static bool last_p(const evg_scan_t *scan, evg_shape_t shape, const uint8_t *at, size_t end, evg_bytes_t *text)
{
    evg_bytes_t line = chomp(at + scan->line, end - scan->line);
    if (shape == EVG_DOTTED && evg_bytes_equal_p(line, evg_bytes_of("."))) {
        *text = evg_bytes(at, scan->line);
        return true;
    }
    /* a function may be called "ERR x", but its row ends with a bare LF */
    bool err = scan->line == 0 && line.len + 2 == end && err_p(line);
    *text = line;
    return shape == EVG_LINE || err;
}

ptrdiff_t evg_admin_decode(evg_scan_t *scan, evg_shape_t shape, evg_bytes_t input, size_t max, evg_bytes_t *text)
{
    size_t limit = input.len < max ? input.len : max;
    while (scan->scanned < limit) {
        const uint8_t *lf = memchr(input.at + scan->scanned, '\n', limit - scan->scanned);
        scan->scanned = lf ? (size_t)(lf + 1 - input.at) : limit;
        if (!lf) break;
        if (last_p(scan, shape, input.at, scan->scanned, text)) return (ptrdiff_t)scan->scanned;
        scan->line = scan->scanned;
    }
    return input.len >= max ? EVG_ETEXT_SIZE : 0;
}

bool evg_admin_error_p(evg_bytes_t text, evg_bytes_t *code, evg_bytes_t *rest)
{
    /* more than one line is a list whose first row is called "ERR ..." */
    if (!err_p(text) || memchr(text.at, '\n', text.len)) return false;
    evg_bytes_t sentence = evg_bytes(text.at + 4, text.len - 4), tail = sentence;
    evg_bytes_t word = evg_word_next(&tail);
    bool coded = memchr(word.at, '_', word.len);
    *code = coded ? word : evg_bytes(word.at, 0);
    *rest = !coded ? sentence : tail.len ? evg_bytes(tail.at + 1, tail.len - 1) : tail;
    return true;
}

ptrdiff_t evg_admin_split(evg_bytes_t input, evg_bytes_t words[EVG_ADMIN_WORDS], int *count)
{
    size_t limit = input.len < EVG_ADMIN_LINE ? input.len : EVG_ADMIN_LINE;
    const uint8_t *lf = limit ? memchr(input.at, '\n', limit) : NULL;
    if (!lf) return limit == EVG_ADMIN_LINE ? EVG_ETEXT_SIZE : 0;
    size_t len = (size_t)(lf + 1 - input.at);
    evg_bytes_t rest = chomp(input.at, len), word;
    *count = 0;
    while ((word = evg_word_next(&rest)).len) {
        if (*count == EVG_ADMIN_WORDS) return EVG_EARGS;
        words[(*count)++] = word;
    }
    return (ptrdiff_t)len;
}
