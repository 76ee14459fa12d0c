/* One connection that a service has let in: a session of the server on a pipe. It ends by itself. */
#ifndef EVG_NET_ACCEPTED_H
#define EVG_NET_ACCEPTED_H

#include "net/lag.h"
#include "net/pipe.h"
#include "net/service.h"
#include "session/server_session.h"

typedef struct {
    evg_pipe_t pipe; /* first; its wire is the session's */
    evg_server_session_t session;
    evg_service_t *service;
    evg_list_t link; /* in the service's */
    evg_lag_t lag;
    bool stalled; /* it did not read, so it was not listened to: something it has said may have to be done */
    bool over;    /* the way to it is */
} evg_accepted_t;

/* Takes the transport over. false: there is no memory, and nothing has changed. */
bool evg_accepted_new(evg_service_t *service, const evg_transport_t *transport, const evg_sockaddr_t *peer);

/* It ends here and now, without a word, and is freed. Not while the loop polls or is in a turn. */
void evg_accepted_cut(evg_accepted_t *a);

/* What was done made others of the server's speak or end: they are looked at in the next turn. */
void evg_accepted_spread(evg_service_t *service);

#endif
