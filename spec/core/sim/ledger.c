#include "sim/watch.h"

#include <stdlib.h>

ledger_t ledgers[SERVERS];

void ledger_begin(int at, evg_server_t *server)
{
    ledgers[at] = (ledger_t){.server = server};
    evg_list_init(&ledgers[at].entries);
}

static void drop(ledger_t *ledger, entry_t *entry)
{
    ledger->count--;
    ledger->running -= entry->worker >= 0;
    evg_list_unlink(&entry->link);
    free(entry);
}

void ledger_forget(ledger_t *ledger)
{
    for (evg_list_t *at; (at = evg_list_first(&ledger->entries));) drop(ledger, entry_of(at));
    ledger->last = 0;
}

bool ledger_quirk_p(const ledger_t *ledger, evg_quirk_t quirk)
{
    return ledger->server->settings.quirks & quirk;
}

/* "H:vm:12" is 12; anything else is 0. */
static unsigned number_of(evg_bytes_t handle)
{
    unsigned number = 0;
    if (handle.len < 6 || memcmp(handle.at, "H:vm:", 5) != 0) return 0;
    for (size_t i = 5; i < handle.len; i++) number = number * 10 + (unsigned)(handle.at[i] - '0');
    return number;
}

entry_t *ledger_find(ledger_t *ledger, evg_bytes_t handle)
{
    unsigned number = number_of(handle);
    for (evg_list_t *at = ledger->entries.next; at != &ledger->entries; at = at->next) {
        if (entry_of(at)->number == number) return entry_of(at);
    }
    return NULL;
}

entry_t *ledger_find_key(ledger_t *ledger, int function, evg_bytes_t key)
{
    for (evg_list_t *at = ledger->entries.next; key.len && at != &ledger->entries; at = at->next) {
        entry_t *entry = entry_of(at);
        if ((function < 0 || entry->function == function) && text_p(key, entry->key)) return entry;
    }
    return NULL;
}

/* -- coming and going ---------------------------------------------------------------------------------------------- */

static void push(ledger_t *ledger, entry_t *entry, bool wakes)
{
    entry->worker = -1;
    entry->waits = false;
    entry->turn = ledger->turn;
    entry->quiet = !wakes;
    if (wakes) watch_wakes(ledger, entry->function);
}

static bool wanted_p(const entry_t *entry)
{
    return entry->background || entry->waiter_count;
}

static void let_go(entry_t *entry)
{
    memset(entry->waiters, 0, sizeof entry->waiters);
    entry->waiter_count = 0;
}

static void abandon(ledger_t *ledger, entry_t *entry)
{
    entry->background = false;
    let_go(entry);
    if (entry->worker < 0) drop(ledger, entry);
}

static void give_back(ledger_t *ledger, entry_t *entry)
{
    int retries = ledger->server->settings.queue.job_retries;
    ledger->running--;
    entry->worker = -1;
    entry->timer_at = 0;
    entry->done = entry->of = 0;
    entry->attempts++;
    if (wanted_p(entry) && (retries < 0 || entry->attempts < (unsigned)retries)) {
        push(ledger, entry, true);
        return;
    }
    watch_expects(entry, EVG_WORK_FAIL);
    drop(ledger, entry);
}

/* -- submitting ---------------------------------------------------------------------------------------------------- */

static entry_t *new_entry(ledger_t *ledger, const evg_packet_t *packet, unsigned number)
{
    entry_t *entry = calloc(1, sizeof *entry);
    if (!entry) broken("no memory");
    evg_list_init(&entry->link);
    evg_list_append(&ledger->entries, &entry->link);
    entry->number = number;
    entry->function = function_of(packet->args[0]);
    entry->priority = priority_of(packet->type);
    copy(entry->key, sizeof entry->key, packet->args[1]);
    copy(entry->work, sizeof entry->work, packet->args[packet->argc - 1]);
    entry->worker = -1;
    if (packet->type == EVG_SUBMIT_JOB_EPOCH) entry->due = atof((const char *)packet->args[2].at);
    entry->waits = entry->due > ledger->server->queue.wall;
    if (!entry->waits) push(ledger, entry, true);
    return entry;
}

/* A handle that was never given is the next one. */
static entry_t *enter(ledger_t *ledger, const evg_packet_t *packet, evg_bytes_t handle)
{
    if (number_of(handle) != ledger->last + 1)
        broken("the handle behind %u is %.*s", ledger->last, (int)handle.len, handle.at);
    if (ledger_find_key(ledger, function_of(packet->args[0]), packet->args[1])) broken("a second job of one key");
    ledger->last++;
    ledger->count++;
    ledger->submitted++;
    return new_entry(ledger, packet, ledger->last);
}

static void check_joined(const entry_t *entry, const evg_packet_t *packet)
{
    if (entry->function != function_of(packet->args[0]) || !*entry->key || !text_p(packet->args[1], entry->key))
        broken("a submission joined %u, which is another job", entry->number);
}

void ledger_submitted(ledger_t *ledger, int at, const evg_packet_t *packet, evg_bytes_t handle)
{
    entry_t *entry = ledger_find(ledger, handle);
    if (entry) {
        check_joined(entry, packet);
        ledger->joined++;
    } else {
        entry = enter(ledger, packet, handle);
    }
    if (evg_command_foreground_p(packet->type))
        entry->waiters[at]++, entry->waiter_count++;
    else
        entry->background = true;
}

/* -- working ------------------------------------------------------------------------------------------------------- */

void ledger_assigned(ledger_t *ledger, entry_t *entry, int at, double timeout)
{
    ledger->running++;
    entry->worker = at;
    entry->timer_at = timeout > 0 ? ledger->server->queue.now + timeout : 0;
}

void ledger_ended(ledger_t *ledger, entry_t *entry, evg_command_t type)
{
    if (type == EVG_WORK_COMPLETE)
        ledger->completed++;
    else
        ledger->failed++;
    drop(ledger, entry);
}

void ledger_cancelled(ledger_t *ledger, entry_t *entry)
{
    watch_expects(entry, EVG_WORK_FAIL);
    *entry->key = 0; /* nobody joins it */
    abandon(ledger, entry);
}

static void expire(ledger_t *ledger, entry_t *entry)
{
    if (entry->timer_at > 0 && entry->timer_at <= ledger->server->queue.now) give_back(ledger, entry);
}

static void come_due(ledger_t *ledger, entry_t *entry)
{
    if (!entry->waits || entry->due > ledger->server->queue.wall) return;
    push(ledger, entry, !ledger_quirk_p(ledger, EVG_QUIRK_SLEEP_THROUGH_EPOCH));
}

static void each(ledger_t *ledger, void (*act)(ledger_t *ledger, entry_t *entry))
{
    evg_list_t *next;
    for (evg_list_t *at = ledger->entries.next; at != &ledger->entries; at = next) {
        next = at->next;
        act(ledger, entry_of(at));
    }
}

void ledger_time_passed(ledger_t *ledger)
{
    each(ledger, expire);
    ledger->turn++;
    each(ledger, come_due);
}

/* -- leaving ------------------------------------------------------------------------------------------------------- */

void ledger_client_left(ledger_t *ledger, int client)
{
    evg_list_t *next;
    for (evg_list_t *at = ledger->entries.next; at != &ledger->entries; at = next) {
        next = at->next;
        entry_t *entry = entry_of(at);
        if (!entry->waiters[client]) continue;
        entry->waiter_count -= entry->waiters[client];
        entry->waiters[client] = 0;
        bool all = ledger_quirk_p(ledger, EVG_QUIRK_CLIENT_TAKES_ALL);
        if (!(all ? entry->waiter_count > 0 : wanted_p(entry))) abandon(ledger, entry);
    }
}

void ledger_worker_left(ledger_t *ledger, int worker, int function)
{
    evg_list_t *next;
    for (evg_list_t *at = ledger->entries.next; at != &ledger->entries; at = next) {
        next = at->next;
        entry_t *entry = entry_of(at);
        if (entry->worker == worker && (function < 0 || entry->function == function)) give_back(ledger, entry);
    }
}

void ledger_timers_stop(ledger_t *ledger, int worker)
{
    for (evg_list_t *at = ledger->entries.next; at != &ledger->entries; at = at->next) {
        if (entry_of(at)->worker == worker) entry_of(at)->timer_at = 0;
    }
}
