#include "session/server_admin.h"

#include "base/error.h"
#include "protocol/words.h"
#include "session/jobqueue_client.h"
#include "session/jobqueue_functions.h"
#include "session/jobqueue_handles.h"
#include "session/jobqueue_waiters.h"
#include "session/jobqueue_worker.h"
#include "session/server_output.h"

/* A line of a client's, cut into words. */
typedef struct {
    const evg_bytes_t *words;
    int count;
    bool crlf;
} line_t;

static bool said_p(const line_t *line, int at, const char *word)
{
    return at < line->count && evg_word_equal_p(line->words[at], evg_bytes_of(word));
}

static bool perl_p(const evg_server_session_t *s)
{
    return evg_server_quirk_p(s->server, EVG_QUIRK_PERL);
}

static void say_ok(evg_server_session_t *s)
{
    evg_server_write(s, perl_p(s) ? "OK\n" : "OK\r\n");
}

static void say_unknown(evg_server_session_t *s, const line_t *line)
{
    if (perl_p(s)) {
        evg_server_write(s, "ERR unknown_command \r\n");
        return;
    }
    evg_server_write(s, "ERR UNKNOWN_COMMAND Unknown+server+command");
    if (line->count) evg_server_write_name(s, line->words[0]);
    evg_server_write(s, "\r\n");
}

static void say_incomplete(evg_server_session_t *s, const line_t *line)
{
    evg_server_write(s, perl_p(s) ? "ERR incomplete_args " : "ERR INVALID_ARGUMENTS ");
    evg_server_write(s, "An+incomplete+set+of+arguments+was+sent+to+this+command+");
    evg_server_write_name(s, line->words[0]);
    evg_server_write(s, "\r\n");
}

/* -- about the server ---------------------------------------------------------------------------------------------- */

static void say_version(evg_server_session_t *s, const line_t *line)
{
    (void)line;
    if (perl_p(s)) {
        evg_server_write(s, "v1.130.1\n");
        return;
    }
    evg_server_write(s, "OK ");
    evg_server_write(s, s->server->settings.version);
    evg_server_write(s, "\n");
}

static void say_pid(evg_server_session_t *s, const line_t *line)
{
    (void)line;
    evg_server_write(s, "OK ");
    evg_server_write_number(s, (uint64_t)s->server->settings.pid);
    evg_server_write(s, "\n");
}

static void say_verbosity(evg_server_session_t *s, const line_t *line)
{
    (void)line;
    evg_server_write(s, "OK ERROR\n");
}

static void shut_down(evg_server_session_t *s, const line_t *line)
{
    bool gracefully = said_p(line, 1, "graceful");
    if ((!s->server->settings.allow_shutdown && !perl_p(s)) || line->count > 2 || (line->count == 2 && !gracefully)) {
        say_unknown(s, line);
        return;
    }
    evg_server_write(s, "OK\n");
    s->server->wish = gracefully ? EVG_SHUTS_GRACEFULLY : EVG_SHUTS;
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

static void write_count(evg_server_session_t *s, size_t count)
{
    evg_server_write(s, "\t");
    evg_server_write_number(s, count);
}

typedef void write_function_t(evg_server_session_t *s, const evg_queue_function_t *function);

static void list_functions(evg_server_session_t *s, write_function_t *write)
{
    const evg_list_t *all = &s->server->queue.all;
    for (const evg_list_t *at = all->next; at != all; at = at->next) {
        const evg_queue_function_t *function = evg_container(at, const evg_queue_function_t, link);
        evg_server_write_name(s, evg_queue_name(function));
        write(s, function);
        write_count(s, function->workers);
        evg_server_write(s, "\n");
    }
    evg_server_write(s, ".\n");
}

static void write_totals(evg_server_session_t *s, const evg_queue_function_t *function)
{
    write_count(s, evg_queue_total(function));
    write_count(s, function->running);
}

static void write_priorities(evg_server_session_t *s, const evg_queue_function_t *function)
{
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) write_count(s, function->queued[p]);
}

static void list_status(evg_server_session_t *s, const line_t *line)
{
    (void)line;
    list_functions(s, write_totals);
}

static void list_priorities(evg_server_session_t *s, const line_t *line)
{
    (void)line;
    list_functions(s, write_priorities);
}

static void write_worker(evg_server_session_t *s, const evg_server_session_t *other)
{
    evg_server_write_number(s, (uint64_t)other->number);
    evg_server_write(s, " ");
    evg_server_write(s, other->peer);
    evg_server_write(s, " ");
    evg_server_write_name(s, evg_bytes_of(other->id ? other->id : "-"));
    evg_server_write(s, " :");
    const evg_queue_ability_t *ability = evg_queue_next_of(&other->worker, NULL);
    if (!ability && perl_p(s)) evg_server_write(s, " ");
    for (; ability; ability = evg_queue_next_of(&other->worker, ability)) {
        evg_server_write(s, " ");
        evg_server_write_name(s, evg_queue_name(ability->function));
    }
    evg_server_write(s, "\n");
}

static void list_workers(evg_server_session_t *s, const line_t *line)
{
    const evg_list_t *all = &s->server->sessions;
    (void)line;
    for (const evg_list_t *at = all->next; at != all; at = at->next)
        write_worker(s, evg_container(at, const evg_server_session_t, link));
    evg_server_write(s, ".\n");
}

/* The last number is whether it is kept for its own sake: gearmand calls that queued, running or not. */
static void write_job(evg_server_session_t *s, const evg_queue_job_t *job)
{
    char room[EVG_QUEUE_HANDLE_CAP];
    evg_server_write_name(s, evg_queue_handle(&s->server->queue, job, room));
    write_count(s, job->attempts);
    write_count(s, !evg_queue_wanted_p(job));
    write_count(s, job->background);
    evg_server_write(s, "\n");
}

static void write_unique(evg_server_session_t *s, const evg_queue_job_t *job)
{
    evg_server_write_name(s, evg_queue_unique(job));
    evg_server_write(s, "\n");
}

static void list_jobs(evg_server_session_t *s, void (*write)(evg_server_session_t *s, const evg_queue_job_t *job))
{
    const evg_queue_t *q = &s->server->queue;
    for (const evg_queue_job_t *job = NULL; (job = evg_queue_next_job(q, job));) write(s, job);
    evg_server_write(s, ".\n");
}

static void show(evg_server_session_t *s, const line_t *line)
{
    if (line->count == 1)
        say_unknown(s, line);
    else if (line->count == 2 && said_p(line, 1, "jobs"))
        list_jobs(s, write_job);
    else if (line->count == 3 && said_p(line, 1, "unique") && said_p(line, 2, "jobs"))
        list_jobs(s, write_unique);
    else
        evg_server_write(s, "ERR UNKNOWN_SHOW_ARGUMENTS\r\n");
}

/* -- changes ------------------------------------------------------------------------------------------------------- */

static void cancel_job(evg_server_session_t *s, evg_bytes_t handle)
{
    evg_queue_job_t *job = evg_queue_find(&s->server->queue, handle);
    if (job) evg_queue_cancel(&s->server->queue, job);
    evg_server_write(s, job ? "OK\r\n" : "ERR UNKNOWN_JOB\r\n");
}

static void cancel(evg_server_session_t *s, const line_t *line)
{
    if (line->count == 1 || (line->count == 2 && said_p(line, 1, "job")))
        say_unknown(s, line);
    else if (line->count == 3 && said_p(line, 1, "job"))
        cancel_job(s, line->words[2]);
    else
        evg_server_write(s, "ERR UNKNOWN_ERROR\r\n");
}

/* The function of that name, which stays until it is dropped; NULL: it was refused. */
static evg_queue_function_t *keep_function(evg_server_session_t *s, evg_bytes_t name)
{
    name = evg_bytes_cut(name);
    evg_queue_function_t *function = evg_queue_function_find(&s->server->queue, name);
    if (!function && evg_queue_function_add(&s->server->queue, name, &function) < 0) {
        evg_server_write(s, "ERR QUEUE_ERROR No+room+for+this+function\r\n");
        return NULL;
    }
    evg_queue_function_keep(function);
    return function;
}

static void create_function(evg_server_session_t *s, const line_t *line)
{
    evg_bytes_t name = line->words[2];
    if (!line->crlf && evg_server_quirk_p(s->server, EVG_QUIRK_CUT_FUNCTION)) name.len--;
    if (keep_function(s, name)) say_ok(s);
}

static void create(evg_server_session_t *s, const line_t *line)
{
    if (line->count == 3 && said_p(line, 1, "function"))
        create_function(s, line);
    else
        say_incomplete(s, line);
}

static void drop_function(evg_server_session_t *s, evg_bytes_t name)
{
    evg_queue_function_t *function = evg_queue_function_find(&s->server->queue, evg_bytes_cut(name));
    if (!function) {
        evg_server_write(s, "ERR function not found\r\n");
    } else if (evg_queue_function_used_p(function)) {
        evg_server_write(s, "ERR there are still connected workers or executing clients\r\n");
    } else {
        evg_queue_function_drop(&s->server->queue, function);
        say_ok(s);
    }
}

static void drop(evg_server_session_t *s, const line_t *line)
{
    if (line->count == 3 && said_p(line, 1, "function"))
        drop_function(s, line->words[2]);
    else
        say_incomplete(s, line);
}

/* 0, which is no limit, for what is no positive number. */
static size_t limit_of(evg_bytes_t word)
{
    uint64_t number;
    return evg_number_decode(word, &number) && number <= SIZE_MAX ? (size_t)number : 0;
}

/* One number is for all priorities; else the first are those of the higher ones. */
static void max_queue(evg_server_session_t *s, const line_t *line)
{
    if (line->count < 2) {
        say_incomplete(s, line);
        return;
    }
    evg_queue_function_t *function = keep_function(s, line->words[1]);
    if (!function) return;
    const evg_bytes_t *limits = line->words + 2;
    int count = line->count - 2;
    for (int p = 0; p < EVG_QUEUE_PRIORITIES; p++) {
        int at = count == 1 ? 0 : p;
        function->limits[p] = at < count ? limit_of(limits[at]) : 0;
    }
    say_ok(s);
}

/* -- lines --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    bool perl; /* the Perl server knows it, too */
    void (*answer)(evg_server_session_t *s, const line_t *line);
} commands[] = {
    {"version", true, say_version},
    {"getpid", false, say_pid},
    {"verbose", false, say_verbosity},
    {"status", true, list_status},
    {"prioritystatus", false, list_priorities},
    {"workers", true, list_workers},
    {"show", false, show},
    {"cancel", false, cancel},
    {"create", false, create},
    {"drop", false, drop},
    {"maxqueue", true, max_queue},
    {"shutdown", true, shut_down},
};

void evg_server_answer(evg_server_session_t *s, const evg_bytes_t *words, int count, bool crlf)
{
    const line_t line = {.words = words, .count = count, .crlf = crlf};
    s->server->counts.packets_out++;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (!said_p(&line, 0, commands[i].word) || (perl_p(s) && !commands[i].perl)) continue;
        commands[i].answer(s, &line);
        return;
    }
    say_unknown(s, &line);
}
