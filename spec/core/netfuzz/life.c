/*     netfuzz --seeds 300 --first 1    with --verbose all is told */
#include "netfuzz/netfuzz.h"

#include "base/alloc.h"
#include "net/timer.h"
#include "support/seeds.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDLE_TURNS = 12, WOKEN_A_SECOND = 60, LATE_TURNS = 4, LIFE_SECONDS = 60, LIFE_ALARM = 60 };

static const double TICK = 0.05, BIRTH = 1000;

static evg_loop_t *loop;
static uint64_t seed, state;
static int descriptors; /* before this life */
static bool verbose, starved, poor, acted;
static unsigned idle, late, woken;
static evg_timer_t ticking;

/* -- seed and voice ------------------------------------------------------------------------------------------------ */

/* xorshift64* */
unsigned pick(unsigned n)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (unsigned)((state * UINT64_C(2685821657736338717)) >> 33) % n;
}

double some_time(double most)
{
    return most * pick(1000) / 1000;
}

void note(const char *format, ...)
{
    va_list args;
    if (!verbose) return;
    fprintf(stderr, "%.4f ", machine.now);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static void say_seed(void)
{
    fprintf(stderr, "seed %llu: netfuzz --first %llu --seeds 1 --verbose\n", (unsigned long long)seed,
            (unsigned long long)seed);
}

void violated(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: at %.4f not true: %s\n", file, line, machine.now, what);
    say_seed();
    abort();
}

static void on_alarm(int signal)
{
    (void)signal;
    violated("a life ends", __FILE__, __LINE__);
}

/* -- turns --------------------------------------------------------------------------------------------------------- */

static void audit(void)
{
    for (int at = 0; at < CLIENTS; at++) {
        if (clients[at]) client_audit(clients[at]);
    }
}

static uint64_t moved(void)
{
    uint64_t sum = told;
    for (int at = 0; at < CLIENTS; at++) {
        if (!clients[at]) continue;
        const evg_session_t *s = &clients[at]->c->session;
        sum += s->wire.bytes_in + s->wire.bytes_out + s->stats.connects;
    }
    return sum;
}

/* Anywhere in a turn; `chance` 0: nowhere. */
static void act(unsigned chance)
{
    if (!chance || pick(chance)) return;
    caller_act(loop);
    acted = true;
}

static void turn(double deadline, unsigned chance)
{
    machine.slept = false;
    act(chance);
    must(evg_loop_reconcile(loop));
    caller_hurries = false;
    act(chance);
    evg_loop_aim(loop, deadline, true);
    act(chance);
    evg_loop_poll(loop);
    must(!caller_hurries || !machine.slept);
    act(chance);
    evg_loop_collect(loop);
    act(chance);
    evg_loop_dispatch(loop);
}

static void tick(evg_timer_t *timer)
{
    (void)timer;
}

/* However much the connections have to do, a timer fires when it is its time. */
static void audit_timer(void)
{
    late = ticking.at < machine.now ? late + 1 : 0;
    must(late < LATE_TURNS);
}

/* Turns follow each other without a sleep only while something moves, and a sleep that ends for nothing is rare. */
static void audit_turn(bool still, double deadline)
{
    if (!still || machine.slept)
        idle = 0;
    else if (!acted)
        idle++;
    if (still && machine.slept && machine.now < deadline) woken++;
    must(idle < IDLE_TURNS);
    must(woken < WOKEN_A_SECOND * (1 + machine.now - BIRTH));
}

static void one_turn(double deadline, unsigned chance)
{
    uint64_t before = moved();
    acted = false;
    turn(deadline, chance);
    audit_turn(moved() == before, deadline);
    must(evg_loop_reconcile(loop));
    audit();
    audit_timer();
}

/* -- trouble ------------------------------------------------------------------------------------------------------- */

static void make_trouble(void)
{
    if (starved && pick(3) == 0) evg_alloc_fail_at(1 + pick(6));
    if (!poor || pick(20)) return;
    machine.no_watch = pick(2);
    machine_refuse_descriptors(!machine.no_watch);
}

static void end_trouble(void)
{
    evg_alloc_fail_at(0);
    machine.no_watch = false;
    machine_refuse_descriptors(false);
}

static void end_lookups(unsigned chance)
{
    if (pick(chance) == 0 && machine_threads() > 1) machine_answer_lookups();
}

static void live(void)
{
    unsigned chance = (unsigned[]){6, 12, 30, 100}[pick(4)];
    for (unsigned step = 100 + pick(600); step > 0; step--) {
        server_act();
        make_trouble();
        one_turn(fmin(server_next(), machine.now + some_time(pick(4) ? 0.05 : 0.5)), chance);
        end_trouble();
        end_lookups(4);
    }
}

/* -- the end ------------------------------------------------------------------------------------------------------- */

static bool all_done(void)
{
    for (int at = 0; at < CLIENTS; at++) {
        if (clients[at] && (clients[at]->awaits_job || !evg_list_empty_p(&clients[at]->asked))) return false;
    }
    return true;
}

/* With a server that is good nothing waits for ever, and connections are good again. */
static void heal(void)
{
    caller_rests = true;
    server_heal();
    for (int at = 0; at < CLIENTS; at++) {
        if (!clients[at]) continue;
        caller_heals(clients[at]);
        caller_echoes(clients[at]);
    }
    double until = machine.now + LIFE_SECONDS;
    while (!all_done()) {
        must(machine.now < until);
        server_act();
        one_turn(server_next(), 0);
        for (int at = 0; at < CLIENTS; at++) {
            if (clients[at]) caller_ends_jobs(clients[at]);
        }
    }
}

static void end_loop(void)
{
    if (pick(2)) evg_loop_close(loop);
    for (int at = 0; at < CLIENTS; at++) {
        if (clients[at]) client_free(clients[at]);
        clients[at] = NULL;
    }
    evg_timer_stop(&ticking);
    evg_loop_close(loop);
    evg_loop_release(loop);
    secure_forget();
    must(evg_alloc_live() == 0);
}

/* In the child nothing is under way, nothing was said, and nothing is open before it is needed. */
static _Noreturn void be_a_child(void)
{
    alarm(LIFE_ALARM);
    caller_rests = true;
    evg_loop_forked(loop);
    must(machine_descriptors() == descriptors + server_descriptors());
    turn(0, 0);
    audit();
    must(all_done());
    end_loop();
    _exit(0);
}

static void fork_once(void)
{
    int status;
    machine_answer_lookups();
    pid_t child = fork();
    if (child == 0) be_a_child();
    must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void run_seed(void)
{
    descriptors = machine_descriptors();
    state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    machine = (machine_t){.now = BIRTH};
    caller_rests = false;
    starved = pick(3) == 0;
    poor = pick(4) == 0;
    idle = late = woken = 0;
    client_forget_numbers();
    server_begin();
    secure_begin(seed);
    loop = evg_loop_new();
    must(loop);
    evg_timer_init(&ticking, tick, NULL);
    evg_timer_start(&ticking, loop, TICK, TICK);
    clients[0] = client_new(loop);
    live();
    if (pick(16) == 0) fork_once();
    if (pick(3)) heal();
    machine_answer_lookups();
    end_loop();
    server_end();
    secure_end();
    note("life ends");
    must(machine_descriptors() == descriptors);
}

void __sanitizer_set_death_callback(void (*callback)(void));

int main(int argc, char **argv)
{
    seeds_t seeds = {.first = 1, .count = 1};
    (void)seeds_parse(&seeds, argc, argv, NULL);
    verbose = seeds.verbose;
    __sanitizer_set_death_callback(say_seed);
    signal(SIGALRM, on_alarm);
    if (evg_libev_load()) return 1;
    secure_prepare();
    for (seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        alarm(LIFE_ALARM);
        note("seed %llu", (unsigned long long)seed);
        run_seed();
    }
    secure_finish();
    return 0;
}
