/* What a server says to one of its connections. Nobody is called; whoever has something to write is on the server's list
 * of those that were touched. What cannot be said (no memory, a reader that does not read) ends the connection. */
#ifndef EVG_SESSION_SERVER_OUTPUT_H
#define EVG_SESSION_SERVER_OUTPUT_H

#include "session/server_session.h"

static inline bool evg_server_quirk_p(const evg_server_t *server, evg_quirk_t quirk)
{
    return server->settings.quirks & quirk;
}

/* It has something to write, or has to end. */
void evg_server_touch(evg_server_session_t *s);

/* It has to end, and the first reason is the one that counts. */
void evg_server_end(evg_server_session_t *s, int reason);

/* A packet. Arguments in front of the last one have no NUL. */
void evg_server_say(evg_server_session_t *s, evg_command_t type, const evg_bytes_t *args, int argc);

/* ERROR. */
void evg_server_refuse(evg_server_session_t *s, const char *code, const char *text);

/* A piece of a reply in text, as it stands. */
void evg_server_write(evg_server_session_t *s, const char *text);

/* A name that a peer made up, in a reply in text: control bytes (but TAB, which Perl's clients use) would end the line too
 * soon, and a name that is just "." the list. */
void evg_server_write_name(evg_server_session_t *s, evg_bytes_t name);

void evg_server_write_number(evg_server_session_t *s, uint64_t number);

#endif
