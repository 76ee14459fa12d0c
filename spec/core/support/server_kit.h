/* A job server with a few connections, all told as text.
 *
 *     ask(1, "CAN_DO f; GRAB_JOB");                  packets, their arguments parted by "|"; "'" begins a line of text
 *     assert_said(1, "NO_JOB");                      what it was said since the last look; text as it came, in ''
 *     assert_ends(1, EVG_EMAGIC);
 *
 * A handle is "H:1" and so on. Time stands still but for server_kit_pass. */
#ifndef EVG_SPEC_SERVER_KIT_H
#define EVG_SPEC_SERVER_KIT_H

#include "session/server_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SERVER_KIT_SESSIONS = 4, SERVER_KIT_WALL = 1000 };

typedef struct {
    evg_server_settings_t settings; /* for the next start */
    evg_server_t server;
    evg_server_session_t sessions[SERVER_KIT_SESSIONS];
    size_t fail_at; /* not 0: the nth allocation made for what is asked next fails */
    size_t live;
    double now, wall;
} server_kit_t;

extern server_kit_t kit;

/* For a group's or a test's setup and teardown; the latter asserts that no memory is left. */
int server_kit_start(void **state);
int server_kit_stop(void **state);

/* Ends what there is, and begins with these settings. */
void server_kit_with(evg_server_settings_t settings);
void server_kit_quirk(const char *name);

void server_kit_pass(double seconds);

void feed(int at, evg_bytes_t bytes); /* and has it run */
void ask(int at, const char *packets);
void leave(int at); /* and comes back, as another connection */

#define assert_said(at, text) server_kit_assert_said((at), (text), __FILE__, __LINE__)
void server_kit_assert_said(int at, const char *text, const char *file, int line);

/* It was told to go, for that reason; 0: it was not. Then it is closed, and back as another connection. */
#define assert_ends(at, reason) server_kit_assert_ends((at), (reason), __FILE__, __LINE__)
void server_kit_assert_ends(int at, int reason, const char *file, int line);

#define with_server(test) cmocka_unit_test_setup_teardown(test, server_kit_start, server_kit_stop)

#endif
