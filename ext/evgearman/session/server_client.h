/* What a job server does with the packets of clients. The arguments are views of its input. */
#ifndef EVG_SESSION_SERVER_CLIENT_H
#define EVG_SESSION_SERVER_CLIENT_H

#include "session/server_session.h"

void evg_server_submit(evg_server_session_t *s, const evg_packet_t *packet); /* all that evg_command_submit_p says */
void evg_server_get_status(evg_server_session_t *s, const evg_packet_t *packet);
void evg_server_get_status_unique(evg_server_session_t *s, const evg_packet_t *packet);
void evg_server_option(evg_server_session_t *s, const evg_packet_t *packet);
void evg_server_echo(evg_server_session_t *s, const evg_packet_t *packet);

/* The packet at the front of its input is a submission larger than is taken. */
void evg_server_submission_too_large(evg_server_session_t *s);

#endif
