/* The text protocol that shares the port: one line in, one line or a list of lines out.
 *
 * A list ends with a line that is just ".", everything else is one line, and an "ERR ..." line (which
 * servers end with CR LF) ends any reply. */
#ifndef EVG_PROTOCOL_ADMIN_H
#define EVG_PROTOCOL_ADMIN_H

#include "base/buffer.h"

typedef enum { EVG_LINE, EVG_DOTTED } evg_shape_t;

/* words, arguments behind them (least, most), shape of the reply, line end to send */
#define EVG_ADMIN_COMMANDS(X)                                                                      \
    X("version", 0, 0, EVG_LINE, "\n")                                                             \
    X("getpid", 0, 0, EVG_LINE, "\n")                                                              \
    X("verbose", 0, 0, EVG_LINE, "\n")                                                             \
    X("status", 0, 0, EVG_DOTTED, "\n")                                                            \
    X("prioritystatus", 0, 0, EVG_DOTTED, "\n")                                                    \
    X("workers", 0, 0, EVG_DOTTED, "\n")                                                           \
    X("show jobs", 0, 0, EVG_DOTTED, "\n")                                                         \
    X("show unique jobs", 0, 0, EVG_DOTTED, "\n")                                                  \
    X("cancel job", 1, 1, EVG_LINE, "\n")                                                          \
    X("create function", 1, 1, EVG_LINE, "\r\n") /* with "\n" gearmand cuts off the last letter */ \
    X("drop function", 1, 1, EVG_LINE, "\n")                                                       \
    X("maxqueue", 1, 4, EVG_LINE, "\n")                                                            \
    X("shutdown", 0, 1, EVG_LINE, "\n")                                                            \
    X("clients", 0, 0, EVG_DOTTED, "\n") /* this and the next two: the Perl server */              \
    X("jobs", 0, 0, EVG_DOTTED, "\n")                                                              \
    X("gladiator", 0, 1, EVG_DOTTED, "\n")

typedef struct {
    const char *words;
    uint8_t least, most;
    evg_shape_t shape;
    const char *newline;
} evg_admin_t;

/* The row whose words begin the line, in any case and however many spaces; NULL for an unknown command. */
const evg_admin_t *evg_admin_find(evg_bytes_t line);

/* Appends the line and the line end its row asks for ("\n" without a row). 0, EVG_EADMIN (empty, or has
 * control bytes), EVG_ENOMEM. */
int evg_admin_encode(evg_buffer_t *out, evg_bytes_t line);

/* How far a reply has been looked at, so that each byte is looked at once. Zero it before each reply. */
typedef struct {
    size_t line;    /* start of the line being read */
    size_t scanned; /* bytes known to hold no further line end */
} evg_scan_t;

/* > 0: so many bytes were the reply, and `text` views it without its final line end or dot line (the rows of
 * a list keep their line ends: an empty row is a row).
 * 0: more bytes are needed. EVG_ETEXT_SIZE: it is longer than max. */
ptrdiff_t evg_admin_decode(evg_scan_t *scan, evg_shape_t shape, evg_bytes_t input, size_t max, evg_bytes_t *text);

/* True for a reply that tells of an error: `code` and `rest` are its parts, '+' in the rest kept. Codes have an
 * underscore; "there are still connected workers" and its like have no code. */
bool evg_admin_error_p(evg_bytes_t text, evg_bytes_t *code, evg_bytes_t *rest);

enum { EVG_ADMIN_WORDS = 5, EVG_ADMIN_LINE = 8192 };

/* For a server: the words of one request line. > 0: bytes consumed, `count` words (0 for an empty line); 0: more
 * needed; EVG_ETEXT_SIZE (longer than EVG_ADMIN_LINE with its newline), EVG_EARGS (more than EVG_ADMIN_WORDS). */
ptrdiff_t evg_admin_split(evg_bytes_t input, evg_bytes_t words[EVG_ADMIN_WORDS], int *count);

#endif
