#include "binding/values/asking.h"

#include "binding/values/strings.h"

static evg_bytes_t text_of(const void *question)
{
    return bytes_of(((const question_t *)question)->text);
}

int ask_echo(evg_session_t *s, evg_request_t *request, const void *question)
{
    return evg_session_echo(s, request, text_of(question));
}

int ask_option(evg_session_t *s, evg_request_t *request, const void *question)
{
    return evg_session_option(s, request, text_of(question));
}

int ask_status(evg_session_t *s, evg_request_t *request, const void *question)
{
    return evg_client_get_status(s, request, text_of(question));
}

int ask_status_unique(evg_session_t *s, evg_request_t *request, const void *question)
{
    return evg_client_get_status_unique(s, request, text_of(question));
}

int ask_admin(evg_session_t *s, evg_request_t *request, const void *question)
{
    return evg_session_admin(s, request, text_of(question), ((const question_t *)question)->shape);
}

int ask_grab(evg_session_t *s, evg_request_t *request, const void *nothing)
{
    (void)nothing;
    return evg_worker_grab(s, request);
}

evg_submission_t submission_of(const submit_t *submit)
{
    return (evg_submission_t){.type = submit->command,
                              .function = bytes_of(submit->function),
                              .unique = NIL_P(submit->unique) ? evg_bytes("", 0) : bytes_of(submit->unique),
                              .workload = bytes_of(submit->workload),
                              .run_at = submit->run_at,
                              .timeout = submit->timeout};
}

int ask_submit(evg_session_t *s, evg_request_t *request, const void *submit)
{
    const evg_submission_t submission = submission_of(submit);
    return evg_client_submit(s, request, &submission);
}
