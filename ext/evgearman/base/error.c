#include "base/error.h"

#include <stdbool.h>

typedef struct {
    const char *name;
    const char *text;
    evg_fault_t fault;
} row_t;

static const row_t rows[] = {
#define X(name, fault, text) {#name, text, EVG_##fault},
    EVG_ERRORS(X)
#undef X
};

static const row_t unknown = {"UNKNOWN", "unknown error", EVG_LOCAL};

static const row_t *row_of(int error)
{
    bool code_p = error > EVG_ERROR_FLOOR && error < EVG_ERROR_CEILING;
    return code_p ? &rows[error - EVG_ERROR_FLOOR - 1] : &unknown;
}

const char *evg_error_text(int error)
{
    return row_of(error)->text;
}

const char *evg_error_name(int error)
{
    return row_of(error)->name;
}

evg_fault_t evg_error_fault(int error)
{
    return row_of(error)->fault;
}
