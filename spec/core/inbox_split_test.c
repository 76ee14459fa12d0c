/* What a server says, cut at every byte. */
#include "support/session_kit.h"
#include "support/stream.h"

/* One of each that a server may say, to the questions of ask_all. */
static void make_stream(void)
{
    stream_len = 0;
    PUT_TEXT("OK 1.1.20\n");
    PUT_BARE(EVG_NOOP);
    PUT(EVG_JOB_CREATED, "H:1");
    PUT(EVG_WORK_DATA, "H:1", "some");
    PUT(EVG_WORK_WARNING, "H:1", "");
    PUT(EVG_WORK_STATUS, "H:1", "1", "2");
    PUT(EVG_ECHO_RES, "x");
    PUT(EVG_STATUS_RES, "H:9", "0", "0", "0", "0");
    PUT(EVG_WORK_EXCEPTION, "H:1", "boom");
    PUT(EVG_STATUS_RES_UNIQUE, "u", "1", "0", "0", "0", "1");
    PUT(EVG_OPTION_RES, "o");
    PUT_BARE(EVG_NO_JOB);
    PUT(EVG_ERROR, "JOB_NOT_FOUND", "whose?");
    PUT_TEXT("OK 5\nf\t0\t0\t0\n.\n");
    PUT(EVG_JOB_CREATED, "H:2");
    PUT(EVG_WORK_FAIL, "H:2");
    PUT(EVG_WORK_COMPLETE, "H:3", "not ours yet");
    PUT(EVG_JOB_CREATED, "H:3");
    PUT(EVG_WORK_COMPLETE, "H:3", "r");
    PUT(EVG_ERROR, "QUEUE_ERROR", "full");
}

static void ask_all(void)
{
    kit_submit(&kit, "", "w");
    kit_echo(&kit, "x");
    kit_status(&kit, "H:9");
    kit_status_unique(&kit, "u");
    kit_option(&kit, "o");
    kit_grab(&kit);
    kit_admin(&kit, "getpid", EVG_LINE);
    kit_admin(&kit, "status", EVG_DOTTED);
    for (int i = 0; i < 3; i++) kit_submit(&kit, "", "w");
    assert_int_equal(kit.made, 11);
}

static const char *tell_stream(size_t split, size_t step)
{
    kit_init(&kit);
    kit_open(&kit);
    ask_all();
    kit_write_all(&kit);
    kit_step = step;
    kit_feed(&kit, evg_bytes(stream, split));
    kit_feed(&kit, evg_bytes(stream + split, stream_len - split));
    kit_step = 0;
    const char *told = kit_told(&kit);
    assert_int_equal(kit.s.wire.bytes_in, stream_len);
    assert_int_equal(kit.s.stats.packets_in, 21);
    kit_stop(&kit);
    return told;
}

static void any_split_tells_the_same(void **state)
{
    static const char wanted[] =
        "CONNECTED; a CREATED H:1; a DATA some; a WARNING ; a STATUS 1 2; b DONE x; c DONE H:9 0 0 0 0; "
        "a FAILED JOB_EXCEPTION RUNNING boom; d DONE u 1 0 0 0 1; e DONE o; f FAILED NO_JOB NOT_SENT; "
        "g DONE OK 5; h DONE f\\x090\\x090\\x090\\x0a; i CREATED H:2; i FAILED JOB_FAILED RUNNING ; "
        "j CREATED H:3; j DONE r; k FAILED QUEUE_FULL NOT_SENT QUEUE_ERROR full";
    (void)state;
    make_stream();
    for (size_t split = 0; split <= stream_len; split++) assert_string_equal(tell_stream(split, 0), wanted);
    for (size_t step = 1; step < 40; step++) assert_string_equal(tell_stream(0, step), wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_tells_the_same),
    };
    return cmocka_run_group_tests_name("inbox, every split", tests, NULL, NULL);
}
