/* Every way to fail, written once: code, text, and whose fault it is.
 *
 * How functions of the core answer, unless their header says otherwise: an `int` is 0 or a positive count for good, one of
 * these (all negative) for bad, and then nothing has changed. One that works through many things stops at the first that
 * fails, and goes on from there when it is called again. Headers list the codes that may come.
 *
 * The texts are the messages of the Ruby errors; the binding maps codes to classes. */
#ifndef EVG_BASE_ERROR_H
#define EVG_BASE_ERROR_H

/* USAGE: the caller; nothing was sent. LOCAL: our machine. LINK: the way to the server. SERVER: it said no.
 * PEER: the server broke the protocol. JOB: the job ended badly. */
#define EVG_ERRORS(X)                                                                              \
    X(NOMEM, LOCAL, "out of memory")                                                               \
    X(FUNCTION, USAGE, "function must be 1 to 512 bytes without control bytes but TAB")            \
    X(UNIQUE, USAGE, "unique must be 1 to 63 bytes without NUL")                                   \
    X(HANDLE, USAGE, "handle must be 1 to 63 bytes without NUL")                                   \
    X(CLIENT_ID, USAGE, "client_id must be 1 to 63 printable ASCII characters without spaces")     \
    X(OPTION, USAGE, "option must be 1 to 63 bytes without control bytes")                         \
    X(ADMIN, USAGE, "admin command must be one line without control bytes")                        \
    X(ADMIN_ARG, USAGE, "admin arguments must be 1 to 512 bytes without control bytes and spaces") \
    X(EPOCH, USAGE, "time must lie between 0 and 2**63 - 1 seconds")                               \
    X(TIMEOUT, USAGE, "server_timeout must lie between 1 and 2147483 seconds")                     \
    X(RANGE, USAGE, "number out of range")                                                         \
    X(NAME, USAGE, "name is longer than max_packet")                                               \
    X(ARGS, USAGE, "wrong number of arguments")                                                    \
    X(NUL, USAGE, "only the last argument may contain NUL")                                        \
    X(TOO_LARGE, USAGE, "payload too large")                                                       \
    X(BACKPRESSURE, USAGE, "too many unsent bytes")                                                \
    X(CLOSED, USAGE, "closed")                                                                     \
    X(ALREADY, USAGE, "already connected")                                                         \
    X(WORKING, USAGE, "already working")                                                           \
    X(FINISHED, USAGE, "job already finished")                                                     \
    X(RESOLVE, LINK, "connect failed: cannot resolve host")                                        \
    X(CONNECT, LINK, "connect failed")                                                             \
    X(CONNECT_TIMEOUT, LINK, "connect timeout")                                                    \
    X(TLS, LINK, "TLS failed")                                                                     \
    X(EXHAUSTED, LINK, "max reconnect attempts reached")                                           \
    X(DISCONNECTED, LINK, "disconnected")                                                          \
    X(SERVER_CLOSED, LINK, "connection closed by server")                                          \
    X(IO, LINK, "connection failed")                                                               \
    X(COMMAND_TIMEOUT, LINK, "command timeout")                                                    \
    X(ABANDONED, LOCAL, "abandoned")                                                               \
    X(INTERRUPTED, LOCAL, "interrupted while its value was made")                                  \
    X(FORKED, LOCAL, "forked")                                                                     \
    X(MAGIC, PEER, "invalid response magic")                                                       \
    X(PACKET_SIZE, PEER, "response packet too large")                                              \
    X(TEXT_SIZE, PEER, "response text too large")                                                  \
    X(UNEXPECTED_TEXT, PEER, "unexpected admin response")                                          \
    X(UNEXPECTED, PEER, "unexpected reply")                                                        \
    X(MALFORMED, PEER, "malformed packet")                                                         \
    X(SERVER, SERVER, "server error")                                                              \
    X(QUEUE_FULL, SERVER, "queue full")                                                            \
    X(ARGUMENT_TOO_LARGE, SERVER, "argument too large")                                            \
    X(UNSUPPORTED, SERVER, "unsupported command")                                                  \
    X(JOB_NOT_FOUND, SERVER, "job not found")                                                      \
    X(NO_JOB, SERVER, "no job")                                                                    \
    X(JOB_FAILED, JOB, "job failed")                                                               \
    X(JOB_EXCEPTION, JOB, "exception")                                                             \
    X(JOB_LOST, JOB, "job lost")                                                                   \
    X(JOB_TIMEOUT, JOB, "job timeout")

typedef enum {
    EVG_OK = 0,
    EVG_ERROR_FLOOR = -1000, /* codes count up from here */
#define X(name, fault, text) EVG_E##name,
    EVG_ERRORS(X)
#undef X
        EVG_ERROR_CEILING
} evg_error_t;

typedef enum { EVG_USAGE, EVG_LOCAL, EVG_LINK, EVG_SERVER, EVG_PEER, EVG_JOB } evg_fault_t;

/* Its text ("disconnected"); "unknown error" for what is no code. */
const char *evg_error_text(int error);

/* Its name without prefix ("DISCONNECTED"). */
const char *evg_error_name(int error);

evg_fault_t evg_error_fault(int error);

#endif
