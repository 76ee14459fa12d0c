/* The text commands of a job server. */
#include "support/server_kit.h"

#include "base/error.h"

#define UNKNOWN(word) "'ERR UNKNOWN_COMMAND Unknown+server+command" word "\\r\\n'"
#define INCOMPLETE(word) \
    "'ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+" word "\\r\\n'"

static void of_the_server(void **state)
{
    (void)state;
    ask(0, "'version");
    assert_said(0, "'OK 1.2.3\\n'");
    ask(0, "'GETPID\r");
    assert_said(0, "'OK 42\\n'");
    ask(0, "'verbose");
    assert_said(0, "'OK ERROR\\n'");
}

static void what_it_does_not_know(void **state)
{
    (void)state;
    ask(0, "'");
    assert_said(0, UNKNOWN(""));
    ask(0, "'bogus 1 2");
    assert_said(0, UNKNOWN("bogus"));
    ask(0, "'shutdown");
    assert_said(0, UNKNOWN("shutdown"));
    ask(0, "'a b c d e f");
    assert_ends(0, EVG_EARGS);
    static char line[EVG_ADMIN_LINE + 1];
    memset(line, 'x', EVG_ADMIN_LINE);
    feed(0, evg_bytes_of(line));
    assert_ends(0, EVG_ETEXT_SIZE);
}

static void shutdown_where_it_is_allowed(void **state)
{
    (void)state;
    kit.server.settings.allow_shutdown = true;
    ask(0, "'shutdown now");
    assert_said(0, UNKNOWN("shutdown"));
    assert_int_equal(kit.server.wish, EVG_STAYS);
    ask(0, "'shutdown graceful");
    assert_said(0, "'OK\\n'");
    assert_int_equal(kit.server.wish, EVG_SHUTS_GRACEFULLY);
    ask(0, "'shutdown");
    assert_int_equal(kit.server.wish, EVG_SHUTS);
}

static void status_and_priorities(void **state)
{
    (void)state;
    ask(0, "'status; 'prioritystatus");
    assert_said(0, "'.\\n.\\n'");
    ask(1, "CAN_DO f");
    ask(0,
        "SUBMIT_JOB_HIGH_BG f||1; SUBMIT_JOB_BG f||2; SUBMIT_JOB_BG f||3; SUBMIT_JOB_LOW_BG f||4; SUBMIT_JOB_BG g||5");
    ask(1, "GRAB_JOB");
    ask(2, "'status");
    assert_said(2, "'f\\t4\\t1\\t1\\ng\\t1\\t0\\t0\\n.\\n'");
    ask(2, "'prioritystatus");
    assert_said(2, "'f\\t0\\t2\\t1\\t1\\ng\\t0\\t1\\t0\\t0\\n.\\n'");
}

static void workers(void **state)
{
    (void)state;
    ask(1, "SET_CLIENT_ID w1; CAN_DO a; CAN_DO b; CAN_DO a");
    ask(0, "'workers");
    assert_said(0, "'10 127.0.0.1 - :\\n11 127.0.0.1 w1 : b a\\n12 127.0.0.1 - :\\n13 127.0.0.1 - :\\n.\\n'");
}

static void names_do_not_break_lines(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB_BG a\nb\tc|.|w");
    assert_said(0, "JOB_CREATED H:1");
    ask(0, "'status; 'show unique jobs");
    assert_said(0, "'a?b\\tc\\t1\\t0\\t0\\n.\\n?\\n.\\n'");
}

static void jobs(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB_BG f|key|w");
    ask(1, "CAN_DO f; GRAB_JOB");
    leave(1);
    ask(2, "'show jobs; 'show unique jobs");
    assert_said(2, "'H:1\\t1\\t0\\t1\\n.\\nkey\\n.\\n'");
    ask(1, "CAN_DO f; GRAB_JOB");
    ask(2, "'cancel job H:1; 'show jobs");
    assert_said(2, "'OK\\r\\nH:1\\t1\\t1\\t0\\n.\\n'");
    ask(2, "'show; 'show me; 'show unique");
    assert_said(2, "'ERR UNKNOWN_COMMAND Unknown+server+commandshow\\r\\nERR UNKNOWN_SHOW_ARGUMENTS\\r\\n"
                   "ERR UNKNOWN_SHOW_ARGUMENTS\\r\\n'");
}

static void a_list_is_cut_where_there_is_no_more_room(void **state)
{
    (void)state;
    evg_server_settings_t settings = kit.settings;
    settings.max_buffer = 30;
    server_kit_with(settings);
    ask(1, "CAN_DO a; CAN_DO b; CAN_DO c");
    ask(0, "'status");
    assert_said(0, "'a\\t0\\t0\\t1\\nb\\t0\\t0\\t1\\nc\\t0\\t0\\t1\\n.\\n'");
    ask(1, "CAN_DO d; CAN_DO e");
    ask(0, "'status");
    assert_true(evg_wire_output(&kit.sessions[0].wire).len <= 30);
    assert_ends(0, EVG_EBACKPRESSURE);
    ask(0, "'version");
    assert_said(0, "'OK 1.2.3\\n'");
}

static void cancelling(void **state)
{
    (void)state;
    ask(0, "SUBMIT_JOB f|k|one; SUBMIT_JOB f||two");
    ask(1, "'cancel job H:1");
    assert_said(1, "'OK\\r\\n'");
    assert_said(0, "JOB_CREATED H:1; JOB_CREATED H:2; WORK_FAIL H:1");
    ask(1, "CAN_DO f; GRAB_JOB; GRAB_JOB");
    assert_said(1, "JOB_ASSIGN H:2|f|two; NO_JOB");
    ask(2, "'cancel job H:1; 'cancel; 'cancel job; 'cancel me x; 'cancel job a b");
    assert_said(
        2, "'ERR UNKNOWN_JOB\\r\\nERR UNKNOWN_COMMAND Unknown+server+commandcancel\\r\\n"
           "ERR UNKNOWN_COMMAND Unknown+server+commandcancel\\r\\nERR UNKNOWN_ERROR\\r\\nERR UNKNOWN_ERROR\\r\\n'");
}

static void functions_are_made_and_dropped(void **state)
{
    (void)state;
    ask(0, "'create function foo; 'create function bar\r; 'status");
    assert_said(0, "'OK\\r\\nOK\\r\\nfoo\\t0\\t0\\t0\\nbar\\t0\\t0\\t0\\n.\\n'");
    ask(0, "'drop function foo; 'drop function foo; 'create; 'create thing; 'drop me x y");
    assert_said(0, "'OK\\r\\nERR function not found\\r\\n"
                   "ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+create\\r\\n"
                   "ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+create\\r\\n"
                   "ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+drop\\r\\n'");
    ask(1, "CAN_DO bar");
    ask(0, "SUBMIT_JOB_BG baz||w; 'drop function bar; 'drop function baz");
    assert_said(0, "JOB_CREATED H:1; 'ERR there are still connected workers or executing clients\\r\\n"
                   "ERR there are still connected workers or executing clients\\r\\n'");
}

static void a_full_queue(void **state)
{
    (void)state;
    ask(0, "'maxqueue f 1; SUBMIT_JOB_BG f|k|1; SUBMIT_JOB_BG f||2; SUBMIT_JOB_BG f|k|3");
    assert_said(0, "'OK\\r\\n'; JOB_CREATED H:1; ERROR QUEUE_ERROR|Job queue is full; JOB_CREATED H:1");
    ask(0, "'maxqueue f; SUBMIT_JOB_BG f||2; 'maxqueue");
    assert_said(0, "'OK\\r\\n'; JOB_CREATED H:2; " INCOMPLETE("maxqueue"));
}

static void limits_by_priority(void **state)
{
    (void)state;
    ask(0, "'maxqueue f 3 2 1; SUBMIT_JOB_LOW_BG f||1; SUBMIT_JOB_LOW_BG f||2; SUBMIT_JOB_BG f||3; SUBMIT_JOB_BG f||4; "
           "SUBMIT_JOB_HIGH_BG f||5; SUBMIT_JOB_HIGH_BG f||6");
    assert_said(0, "'OK\\r\\n'; JOB_CREATED H:1; ERROR QUEUE_ERROR|Job queue is full; JOB_CREATED H:2; "
                   "ERROR QUEUE_ERROR|Job queue is full; JOB_CREATED H:3; ERROR QUEUE_ERROR|Job queue is full");
    assert_int_equal(kit.server.counts.refused, 3);
    ask(0, "'maxqueue g 1 1; SUBMIT_JOB_LOW_BG g||1; SUBMIT_JOB_LOW_BG g||2; SUBMIT_JOB_BG g||3");
    assert_said(0, "'OK\\r\\n'; JOB_CREATED H:4; JOB_CREATED H:5; ERROR QUEUE_ERROR|Job queue is full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_server(of_the_server),
        with_server(what_it_does_not_know),
        with_server(shutdown_where_it_is_allowed),
        with_server(status_and_priorities),
        with_server(workers),
        with_server(names_do_not_break_lines),
        with_server(jobs),
        with_server(a_list_is_cut_where_there_is_no_more_room),
        with_server(cancelling),
        with_server(functions_are_made_and_dropped),
        with_server(a_full_queue),
        with_server(limits_by_priority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
