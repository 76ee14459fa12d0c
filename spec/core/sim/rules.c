#include "sim/watch.h"

static bool could_p(const view_t *view, const entry_t *entry)
{
    return view->able[entry->function] && entry_runnable_p(entry);
}

bool rules_job_p(const view_t *view)
{
    const evg_list_t *entries = &view->ledger->entries;
    for (evg_list_t *at = entries->next; at != entries; at = at->next) {
        if (could_p(view, entry_of(at))) return true;
    }
    return false;
}

bool rules_look(view_t *view)
{
    const evg_list_t *entries = &view->ledger->entries;
    unsigned has[3] = {0};
    for (evg_list_t *at = entries->next; at != entries; at = at->next) {
        const entry_t *entry = entry_of(at);
        if (could_p(view, entry)) has[entry->priority] |= 1u << entry->function;
    }
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int p = 0; p < 3; p++) {
            if (!(has[p] & 1u << f)) view->passed[f][p] = 0;
        }
    }
    return has[0] | has[1] | has[2];
}

/* -- turns --------------------------------------------------------------------------------------------------------- */

/* Has `other` to come before `entry`? */
static bool before_p(const ledger_t *ledger, const entry_t *other, const entry_t *entry)
{
    bool same = other->function == entry->function;
    if (same && other->priority == entry->priority) return other->turn < entry->turn;
    if (!same && ledger_quirk_p(ledger, EVG_QUIRK_FUNCTION_FIRST)) return false;
    return other->priority < entry->priority;
}

/* Functions take turns: none is passed over by another one twice while it has a job of that priority. */
static void count_turn(view_t *view, const entry_t *entry, unsigned has)
{
    int p = entry->priority;
    for (int f = 0; f < FUNCTIONS; f++) {
        if (f != entry->function && has & 1u << f && ++view->passed[f][p] == FUNCTIONS)
            broken("%d gets no job of f%d", view_number(view), f);
    }
    view->passed[entry->function][p] = 0;
}

static bool turns_p(const ledger_t *ledger)
{
    return ledger->server->settings.queue.round_robin && !ledger_quirk_p(ledger, EVG_QUIRK_FUNCTION_FIRST);
}

void rules_check_turn(view_t *view, const entry_t *entry)
{
    const evg_list_t *entries = &view->ledger->entries;
    unsigned has = 0;
    for (evg_list_t *at = entries->next; at != entries; at = at->next) {
        const entry_t *other = entry_of(at);
        if (!could_p(view, other)) continue;
        if (other->priority == entry->priority) has |= 1u << other->function;
        if (before_p(view->ledger, other, entry))
            broken("%d gets job %u before %u", view_number(view), entry->number, other->number);
    }
    if (!could_p(view, entry)) broken("%d gets job %u, which is not to be had", view_number(view), entry->number);
    if (turns_p(view->ledger)) count_turn(view, entry, has);
}

/* -- sleep --------------------------------------------------------------------------------------------------------- */

/* Bits of the functions that have a job of which sleepers were told. */
static unsigned functions_at_hand(const ledger_t *ledger)
{
    unsigned functions = 0;
    for (evg_list_t *at = ledger->entries.next; at != &ledger->entries; at = at->next) {
        const entry_t *entry = entry_of(at);
        if (entry_runnable_p(entry) && !entry->quiet) functions |= 1u << entry->function;
    }
    return functions;
}

/* It has not answered a NOOP by asking, and with that habit gets no other. */
static bool told_already_p(const view_t *view)
{
    return view->noop_sent && ledger_quirk_p(view->ledger, EVG_QUIRK_ONE_NOOP);
}

static bool somebody_awake_p(const ledger_t *ledger, int function)
{
    for (int i = 0; i < PEERS; i++) {
        const view_t *view = &views[i];
        if (!view_of_p(view, ledger) || !view->able[function]) continue;
        if (!view->asleep || told_already_p(view)) return true;
    }
    return false;
}

static void check_sleeper(view_t *view, unsigned at_hand)
{
    view->excused &= at_hand;
    at_hand &= ~view->excused;
    if (told_already_p(view)) return;
    for (int f = 0; f < FUNCTIONS; f++) {
        if (!view->able[f] || !(at_hand & 1u << f)) continue;
        if (!view->ledger->server->settings.queue.worker_wakeup || !somebody_awake_p(view->ledger, f))
            broken("%d sleeps beside a job of f%d", view_number(view), f);
    }
}

void rules_check(const ledger_t *ledger)
{
    const evg_queue_t *q = &ledger->server->queue;
    const evg_server_counts_t *counts = &ledger->server->counts;
    unsigned at_hand = functions_at_hand(ledger);
    for (int i = 0; i < PEERS; i++) {
        if (view_of_p(&views[i], ledger) && views[i].asleep) check_sleeper(&views[i], at_hand);
    }
    if (q->jobs.count != ledger->count) broken("there are %zu jobs, not %zu", q->jobs.count, ledger->count);
    if (q->jobs.count > q->options.max_jobs) broken("there are %zu jobs", q->jobs.count);
    if (q->running != ledger->running) broken("%zu jobs run, not %zu", q->running, ledger->running);
    if (counts->submitted != ledger->submitted || counts->joined != ledger->joined)
        broken("submissions are miscounted");
    if (counts->completed != ledger->completed || counts->failed != ledger->failed) broken("jobs are miscounted");
}
