/* One worker at several job servers, which are real ones without sockets. */
#include "session/crew.h"
#include "session/server_session.h"
#include "session/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"

enum { SERVERS = 3, JOBS = 2048, NOW = 1000 };

typedef struct {
    evg_server_t server;
    evg_server_session_t worker, client; /* its ends of the two connections */
    evg_session_t mate;                  /* the worker's end of one */
    bool up;
    int submitted, grabs_seen;
} place_t;

static place_t places[SERVERS];
static evg_crew_t crew;
static evg_job_t jobs[JOBS];
static int from[JOBS]; /* the place of each */
static int made, first_held;
static double now;
static char told[8192]; /* jobs by their places, and what else the worker is told */
static bool by_itself;  /* jobs are finished as they come */

/* -- two ends ------------------------------------------------------------------------------------------------------ */

static void tell(const char *text)
{
    size_t len = strlen(told);
    assert_true(len + strlen(text) + 2 < sizeof told);
    sprintf(told + len, "%s%s", len ? " " : "", text);
}

static void open_place(int at)
{
    place_t *place = &places[at];
    evg_server_clock(&place->server, now, now);
    evg_server_session_open(&place->worker, &place->server, "worker", 1);
    evg_session_opening(&place->mate);
    assert_int_equal(evg_session_opened(&place->mate), 0);
    place->up = true;
}

static void close_place(int at)
{
    place_t *place = &places[at];
    if (place->up) evg_server_session_close(&place->worker);
    if (place->up) evg_session_closed(&place->mate, EVG_ESERVER_CLOSED, NULL);
    place->up = false;
}

static void take(int at, const evg_event_t *event)
{
    char name[2] = {(char)('a' + at), 0};
    assert_true(made < JOBS);
    from[made] = at;
    evg_worker_accept(&places[at].mate, &jobs[made++], event, &places[at]);
    tell(name);
}

static size_t held(void)
{
    return evg_crew_load(&places[0].mate).held;
}

static void finish(int job)
{
    evg_session_t *s = &places[from[job]].mate;
    assert_int_equal(evg_job_complete(s, &jobs[job], evg_bytes_of("r")), 0);
}

static void heed(int at)
{
    evg_event_t event;
    int r;
    while ((r = evg_session_next(&places[at].mate, &event)) > 0) {
        if (event.type == EVG_EVENT_ASSIGNED) take(at, &event);
        if (event.type == EVG_EVENT_IDLE) tell("IDLE");
        if (event.type == EVG_EVENT_STOPPED) tell("STOPPED");
        if (event.type == EVG_EVENT_ASSIGNED && by_itself) finish(made - 1);
    }
    assert_int_equal(r, 0);
}

/* What one end has to say, as far as it goes; are there bytes? */
static bool to_server(int at)
{
    place_t *place = &places[at];
    evg_bytes_t out = evg_session_output(&place->mate);
    if (!place->up || !out.len) return false;
    assert_int_equal(evg_wire_feed(&place->worker.wire, out), 0);
    evg_session_written(&place->mate, out.len);
    evg_server_session_run(&place->worker);
    return true;
}

static bool to_worker(int at)
{
    place_t *place = &places[at];
    evg_bytes_t out = evg_wire_output(&place->worker.wire);
    if (!place->up || !out.len) return false;
    assert_int_equal(evg_wire_feed(&place->mate.wire, out), 0);
    evg_wire_written(&place->worker.wire, out.len);
    heed(at);
    return true;
}

/* Until nobody has anything to say. What it may hold and ask for is looked at after each step. */
static void settle(void)
{
    bool any;
    do {
        any = false;
        for (int at = 0; at < SERVERS; at++) {
            any |= to_server(at);
            any |= to_worker(at);
            heed(at);
            const evg_load_t load = evg_crew_load(&places[0].mate);
            assert_true(load.held + load.grabs <= places[0].mate.worker.concurrency);
        }
        any |= evg_crew_stirred(&crew);
    } while (any);
}

static void pass(double seconds)
{
    now += seconds;
    for (int at = 0; at < SERVERS; at++) {
        evg_wire_clock(&places[at].mate.wire, now);
        evg_server_clock(&places[at].server, now, now);
        assert_int_equal(evg_session_tick(&places[at].mate), 0);
        evg_server_tick(&places[at].server);
    }
    settle();
}

/* -- a life -------------------------------------------------------------------------------------------------------- */

static void start_place(int at)
{
    place_t *place = &places[at];
    evg_server_settings_t settings = evg_server_defaults();
    evg_server_init(&place->server, &settings);
    evg_server_clock(&place->server, now, now);
    evg_server_session_open(&place->client, &place->server, "client", 2);
    evg_session_t *s = &place->mate;
    evg_session_init(s, 1, 2, now);
    s->options.heartbeat = 0;
    s->options.dialect = EVG_GEARMAND;
    s->wanted = true;
    evg_crew_add(&crew, s);
    assert_int_equal(evg_worker_can_do(s, evg_bytes_of("f"), 0, 0, place), 0);
}

static int start(void **state)
{
    (void)state;
    memset(places, 0, sizeof places);
    now = NOW;
    made = first_held = 0;
    *told = 0;
    by_itself = false;
    evg_crew_init(&crew);
    for (int at = 0; at < SERVERS; at++) start_place(at);
    for (int at = 0; at < SERVERS; at++) open_place(at);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (int at = 0; at < SERVERS; at++) {
        close_place(at);
        evg_server_session_close(&places[at].client);
        evg_server_deinit(&places[at].server);
        evg_session_deinit(&places[at].mate);
    }
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

static void work(size_t concurrency)
{
    for (int at = 0; at < SERVERS; at++) {
        places[at].mate.worker.concurrency = concurrency;
        assert_int_equal(evg_worker_work(&places[at].mate), 0);
    }
    settle();
}

static void submit(int at, int count)
{
    place_t *place = &places[at];
    evg_buffer_t out;
    evg_buffer_init(&out);
    const evg_bytes_t args[] = {evg_bytes_of("f"), evg_bytes_of(""), evg_bytes_of("w")};
    for (int i = 0; i < count; i++)
        assert_int_equal(evg_packet_encode(&out, EVG_REQ, EVG_SUBMIT_JOB_BG, args, 3, SIZE_MAX), 0);
    assert_int_equal(evg_wire_feed(&place->client.wire, evg_buffer_bytes(&out)), 0);
    evg_buffer_deinit(&out);
    evg_server_session_run(&place->client);
    evg_wire_written(&place->client.wire, evg_wire_output(&place->client.wire).len);
}

static void finish_one(void)
{
    finish(first_held++);
    settle();
}

#define assert_told(text)                \
    do {                                 \
        assert_string_equal(told, text); \
        *told = 0;                       \
    } while (0)

/* -- tests --------------------------------------------------------------------------------------------------------- */

static void with_one_slot_never_two_jobs_are_held(void **state)
{
    (void)state;
    for (int at = 0; at < SERVERS; at++) submit(at, 2);
    work(1);
    assert_told("a");
    finish_one();
    assert_told("b");
    finish_one();
    assert_told("c");
    for (int i = 0; i < 3; i++) finish_one();
    assert_told("a b c");
    finish_one();
    assert_told("IDLE");
}

static void slots_are_those_of_the_whole(void **state)
{
    (void)state;
    for (int at = 0; at < SERVERS; at++) submit(at, 4);
    work(4);
    assert_int_equal(made, 4);
    for (int i = 0; i < 12; i++) {
        assert_true(held() > 0);
        finish_one();
    }
    assert_int_equal(made, 12);
    assert_int_equal(held(), 0);
}

/* To see it fail: let it be the turn of one that has as many GRABs outstanding as it may. */
static void who_is_slow_to_answer_keeps_nobody_from_asking(void **state)
{
    (void)state;
    settle();
    submit(1, 2);
    for (int at = 0; at < SERVERS; at++) {
        places[at].mate.worker.concurrency = 4;
        assert_int_equal(evg_worker_work(&places[at].mate), 0);
    }
    for (int at = 0; at < SERVERS; at++) assert_true(to_server(at));
    assert_true(to_worker(1)); /* the others do not answer yet */
    assert_told("b");
    assert_true(to_server(1));
    assert_int_equal(places[1].mate.grabs, 1);
}

static void it_sleeps_when_all_have_said_no(void **state)
{
    (void)state;
    submit(2, 1);
    work(1);
    assert_told("c");
    for (int at = 0; at < 2; at++) assert_false(places[at].worker.worker.asleep);
    finish_one();
    assert_told("IDLE");
    for (int at = 0; at < SERVERS; at++) assert_true(places[at].worker.worker.asleep);
}

static void a_noop_of_one_asks_that_one(void **state)
{
    (void)state;
    work(1);
    assert_told("IDLE");
    uint64_t before = places[0].server.counts.packets_in;
    submit(1, 1);
    settle();
    assert_told("b");
    assert_int_equal(places[0].server.counts.packets_in, before);
    finish_one();
    assert_told("IDLE");
}

static void a_busy_one_does_not_starve_another(void **state)
{
    (void)state;
    submit(0, 200);
    work(1);
    for (int i = 0; i < 100; i++) finish_one();
    assert_null(strchr(told, 'b'));
    *told = 0;
    submit(1, 50);
    for (int i = 0; i < 17; i++) finish_one();
    assert_non_null(strchr(told, 'b'));
    *told = 0;
    for (int i = 0; i < 20; i++) finish_one();
    int b = 0;
    for (const char *at = told; *at; at++) b += *at == 'b';
    assert_in_range(b, 9, 11);
}

static void not_even_by_long_jobs(void **state)
{
    (void)state;
    submit(0, 50);
    work(1);
    for (int i = 0; i < 20; i++) finish_one();
    *told = 0;
    submit(1, 1);
    pass(0.1); /* that is what its handler takes */
    finish_one();
    pass(0.1);
    finish_one();
    assert_non_null(strchr(told, 'b'));
}

static void one_that_is_away_holds_no_slot(void **state)
{
    (void)state;
    submit(0, 1);
    submit(1, 2);
    work(1);
    assert_told("a");
    close_place(0);
    first_held++;
    settle();
    assert_told("b");
    finish_one();
    assert_told("b");
    open_place(0);
    finish_one();
    assert_told("a"); /* its job again */
    finish_one();
    assert_told("IDLE");
}

static void a_sleeper_that_comes_back_is_asked(void **state)
{
    (void)state;
    work(1);
    *told = 0;
    close_place(1);
    settle();
    submit(1, 1);
    open_place(1);
    settle();
    assert_told("b");
    finish_one();
    assert_true(places[1].worker.worker.asleep);
}

static void cant_do(int at)
{
    assert_int_equal(evg_worker_cant_do(&places[at].mate, evg_bytes_of("f")), 0);
}

/* The first one holds a job, the others have said twice that they have none. */
static void keep_one_busy(void)
{
    submit(0, 3);
    work(1);
    finish_one();
    finish_one();
    assert_told("a a a");
    for (int at = 1; at < SERVERS; at++) assert_false(places[at].worker.worker.asleep);
}

/* Its CANT_DO waits for the end of its job, which may be long, and it asks for no other before that. */
static void who_may_not_ask_keeps_nobody_awake(void **state)
{
    (void)state;
    keep_one_busy();
    cant_do(0);
    settle();
    for (int at = 1; at < SERVERS; at++) assert_true(places[at].worker.worker.asleep);
}

/* Nor who is connected again, and has not answered yet. */
static void nor_does_who_is_away(void **state)
{
    (void)state;
    places[2].mate.in_fleet = true;
    places[2].mate.options.dialect = EVG_UNKNOWN_DIALECT;
    close_place(2);
    open_place(2);
    places[2].up = false; /* nobody reads what it says */
    work(1);
    assert_told("IDLE");
    for (int at = 0; at < 2; at++) assert_true(places[at].worker.worker.asleep);
    places[2].up = true;
}

static void without_memory_for_its_word_nobody_sleeps(void **state)
{
    (void)state;
    keep_one_busy();
    for (int at = 0; at < SERVERS; at++) evg_buffer_release(&places[at].mate.wire.out);
    cant_do(0);
    evg_alloc_fail_at(1);
    assert_int_equal(evg_session_output(&places[1].mate).len, 0);
    evg_alloc_fail_at(0);
    assert_int_equal(places[1].mate.worker.state, EVG_WORK_DRY);
    settle();
    for (int at = 1; at < SERVERS; at++) assert_true(places[at].worker.worker.asleep);
}

/* -- whom it concerns what happens to one -------------------------------------------------------------------------- */

#define assert_stirred(what)                  \
    do {                                      \
        (void)evg_crew_stirred(&crew);        \
        what;                                 \
        assert_true(evg_crew_stirred(&crew)); \
    } while (0)

static void another_may_ask_for_who_may_not(void **state)
{
    (void)state;
    work(1);
    assert_stirred(cant_do(0));
}

static void another_may_ask_when_a_thread_comes_back(void **state)
{
    (void)state;
    submit(0, 1);
    work(1);
    evg_job_entered(&jobs[0]);
    close_place(0);
    settle();
    submit(1, 1);
    settle();
    assert_told("a");
    assert_stirred(evg_job_left(&places[0].mate, &jobs[0]));
    settle();
    assert_told("b");
}

static void another_may_ask_when_a_grab_is_taken_back(void **state)
{
    (void)state;
    evg_request_t grab;
    evg_request_init(&grab, NULL);
    close_place(0);
    assert_int_equal(evg_worker_grab(&places[0].mate, &grab), 0);
    submit(1, 1);
    work(1);
    assert_told("");
    assert_stirred(assert_int_equal(evg_session_take_back(&places[0].mate, &grab), 1));
    settle();
    assert_told("b");
}

static void work_one_takes_one(void **state)
{
    (void)state;
    for (int at = 0; at < SERVERS; at++) submit(at, 2);
    for (int at = 0; at < SERVERS; at++) assert_int_equal(evg_worker_work_one(&places[at].mate), 0);
    settle();
    assert_int_equal(made, 1);
    finish_one();
    assert_told("a STOPPED STOPPED STOPPED");
    assert_int_equal(made, 1);
}

static void stopping_ends_all(void **state)
{
    (void)state;
    submit(0, 3);
    work(2);
    for (int at = 0; at < SERVERS; at++) evg_worker_stop(&places[at].mate);
    settle();
    assert_int_equal(made, 2);
    finish_one();
    finish_one();
    assert_int_equal(made, 2);
    assert_string_equal(told + strlen(told) - 7, "STOPPED");
    for (int at = 0; at < SERVERS; at++) assert_true(evg_worker_drained_p(&places[at].mate));
}

/* Everything at once, by chance: nothing is lost, whoever comes and goes. */
static void all_jobs_are_done(void **state)
{
    static const int MOST = 400;
    uint32_t random = 12345;
    int done = 0, asked = 0;
    (void)state;
    work(3);
    while (done < MOST) {
        random = random * 1664525 + 1013904223;
        int at = (int)(random >> 16) % SERVERS, what = (int)(random >> 24) % 8;
        if (what < 3 && asked < MOST) {
            submit(at, 1 + (int)(random >> 8) % 3);
            asked = 0;
            for (int i = 0; i < SERVERS; i++) asked += (int)places[i].server.counts.submitted;
        } else if (what == 3 && places[at].up) {
            close_place(at);
        } else if (what == 4 && !places[at].up) {
            open_place(at);
        } else {
            pass((random >> 20) % 2 ? 0.001 : 0.3);
        }
        settle();
        for (int i = 0; i < made; i++) {
            if (jobs[i].state == EVG_JOB_HELD && (random >> 12) % 2) finish(i);
        }
        settle();
        *told = 0;
        done = 0;
        for (int i = 0; i < SERVERS; i++) done += (int)places[i].server.counts.completed;
        if (made > JOBS - 16) break;
    }
    assert_true(done >= MOST);
}

#define test(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(with_one_slot_never_two_jobs_are_held),
        test(slots_are_those_of_the_whole),
        test(who_is_slow_to_answer_keeps_nobody_from_asking),
        test(it_sleeps_when_all_have_said_no),
        test(a_noop_of_one_asks_that_one),
        test(a_busy_one_does_not_starve_another),
        test(not_even_by_long_jobs),
        test(one_that_is_away_holds_no_slot),
        test(a_sleeper_that_comes_back_is_asked),
        test(who_may_not_ask_keeps_nobody_awake),
        test(nor_does_who_is_away),
        test(without_memory_for_its_word_nobody_sleeps),
        test(another_may_ask_for_who_may_not),
        test(another_may_ask_when_a_thread_comes_back),
        test(another_may_ask_when_a_grab_is_taken_back),
        test(work_one_takes_one),
        test(stopping_ends_all),
        test(all_jobs_are_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
