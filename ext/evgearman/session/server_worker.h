/* What a job server does with the packets of workers. The arguments are views of its input. */
#ifndef EVG_SESSION_SERVER_WORKER_H
#define EVG_SESSION_SERVER_WORKER_H

#include "session/server_session.h"

void evg_server_can_do(evg_server_session_t *s, const evg_packet_t *packet); /* CAN_DO, CAN_DO_TIMEOUT */
void evg_server_cant_do(evg_server_session_t *s, const evg_packet_t *packet);
void evg_server_reset_abilities(evg_server_session_t *s, const evg_packet_t *packet);
void evg_server_pre_sleep(evg_server_session_t *s, const evg_packet_t *packet);
void evg_server_grab(evg_server_session_t *s, const evg_packet_t *packet);     /* all that evg_command_grab_p says */
void evg_server_progress(evg_server_session_t *s, const evg_packet_t *packet); /* WORK_DATA, _WARNING, _STATUS */
void evg_server_finish(evg_server_session_t *s, const evg_packet_t *packet);   /* WORK_COMPLETE, _FAIL, _EXCEPTION */
void evg_server_set_client_id(evg_server_session_t *s, const evg_packet_t *packet);

/* One of these was larger than is taken, and is about this handle: the job fails. */
void evg_server_answer_too_large(evg_server_session_t *s, evg_bytes_t handle);

#endif
