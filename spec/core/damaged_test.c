/* What a server says, with one byte that is another, or with its end missing. Whatever comes of it: everybody gets one
 * answer or error, and nobody one that is not his own. */
#include "support/session_kit.h"
#include "support/stream.h"

enum { ASKED = 8 };

/* What each request is answered when nothing is altered. No two are alike in all but one byte, nor two handles. */
static const char *const answers[ASKED] = {"alpha alpha",   "bravo-bravo", "H:77 1 0 3 4", "charlie's",
                                           "key 1 1 5 6 7", "OK 4711",     "delta delta",  "echo-echo."};

/* Completions come in another order than they were asked for. */
static void make_stream(void)
{
    stream_len = 0;
    PUT(EVG_JOB_CREATED, "H:host:11");
    PUT(EVG_ECHO_RES, answers[1]);
    PUT(EVG_STATUS_RES, "H:77", "1", "0", "3", "4");
    PUT(EVG_JOB_CREATED, "H:host:22");
    PUT(EVG_WORK_DATA, "H:host:11", "some");
    PUT(EVG_STATUS_RES_UNIQUE, "key", "1", "1", "5", "6", "7");
    PUT_TEXT("OK 4711\n");
    PUT(EVG_WORK_COMPLETE, "H:host:22", answers[3]);
    PUT(EVG_JOB_CREATED, "H:host:33");
    PUT(EVG_WORK_COMPLETE, "H:host:33", answers[6]);
    PUT(EVG_ECHO_RES, answers[7]);
    PUT(EVG_WORK_COMPLETE, "H:host:11", answers[0]);
}

static void ask_all(void)
{
    kit.s.options.reconnect = false;
    kit_submit(&kit, "", "w");
    kit_echo(&kit, answers[1]);
    kit_status(&kit, "H:77");
    kit_submit(&kit, "", "w");
    kit_status_unique(&kit, "key");
    kit_admin(&kit, "getpid", EVG_LINE);
    kit_submit(&kit, "", "w");
    kit_echo(&kit, answers[7]);
    assert_int_equal(kit.made, ASKED);
    kit_write_all(&kit);
}

/* How often `told` says that request `n` is done with `answer`. */
static bool told_p(const char *told, int n, const char *answer)
{
    char item[64];
    snprintf(item, sizeof item, "%c DONE %s", 'a' + n, answer);
    const char *at = strstr(told, item);
    return at && (at[strlen(item)] == ';' || at[strlen(item)] == 0);
}

static void assert_no_foreign_answer(const char *told, size_t at)
{
    for (int asked = 0; asked < ASKED; asked++) {
        for (int other = 0; other < ASKED; other++) {
            if (asked != other && told_p(told, asked, answers[other])) fail_msg("byte %zu: %s", at, told);
        }
    }
}

/* The kit refuses a second end of one request. */
static void assert_all_ended(void)
{
    kit_tell(&kit);
    for (int asked = 0; asked < ASKED; asked++) assert_true(kit.told_done[asked]);
}

static void end_by_time(void)
{
    kit_live(&kit, 100);
    if (kit.s.state == EVG_OPEN) kit_lose(&kit, EVG_ESERVER_CLOSED, NULL); /* of a job the end is not owed by a time */
}

static void end_by_loss(void)
{
    kit_lose(&kit, EVG_ESERVER_CLOSED, NULL);
}

static void hear(size_t len, void (*then)(void))
{
    kit_start(&kit);
    ask_all();
    kit_feed(&kit, evg_bytes(stream, len));
    if (kit.s.state == EVG_OPEN) then();
    assert_all_ended();
    assert_no_foreign_answer(kit_told(&kit), len);
    kit_stop(&kit);
}

static void an_untouched_stream_answers_all(void **state)
{
    (void)state;
    kit_start(&kit);
    ask_all();
    make_stream();
    kit_feed(&kit, evg_bytes(stream, stream_len));
    const char *told = kit_told(&kit);
    for (int asked = 0; asked < ASKED; asked++) {
        if (!told_p(told, asked, answers[asked])) fail_msg("%d: %s", asked, told);
    }
    kit_stop(&kit);
}

/* Fails when an answer is given to whoever is next, whatever it is about. */
static void any_altered_byte_gives_no_foreign_answer(void **state)
{
    (void)state;
    make_stream();
    for (size_t at = 0; at < stream_len; at++) {
        for (unsigned bit = 1; bit <= 256; bit *= 2) {
            uint8_t mask = bit < 256 ? (uint8_t)bit : 255;
            stream[at] ^= mask;
            hear(stream_len, end_by_time);
            stream[at] ^= mask;
        }
    }
}

static void wherever_it_is_cut_off_all_end(void **state)
{
    (void)state;
    make_stream();
    for (size_t len = 0; len <= stream_len; len++) {
        hear(len, end_by_loss);
        hear(len, end_by_time);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_stream_answers_all),
        cmocka_unit_test(any_altered_byte_gives_no_foreign_answer),
        cmocka_unit_test(wherever_it_is_cut_off_all_end),
    };
    return cmocka_run_group_tests_name("a damaged stream", tests, NULL, NULL);
}
