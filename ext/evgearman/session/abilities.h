/* What a worker says it can do, and taking it back. */
#ifndef EVG_SESSION_ABILITIES_H
#define EVG_SESSION_ABILITIES_H

#include "base/bytes.h"
#include "base/list.h"

struct evg_session;

typedef struct evg_function {
    void *owner;           /* the caller's; NULL: an ability without handler, for grab_job */
    double timeout;        /* seconds a handler may take; 0 is for ever */
    double server_timeout; /* CAN_DO_TIMEOUT in seconds; 0 is CAN_DO */
    /* private */
    evg_list_t link, todo; /* in order; in `unannounced` or `leaving` */
    size_t held;           /* jobs of it that are held */
    bool announced;        /* CAN_DO is on this connection */
    bool timed;            /* it was CAN_DO_TIMEOUT */
    bool leaving;          /* CANT_DO goes out when nothing is held and no GRAB is outstanding */
    bool returning;        /* and CAN_DO again behind it */
    size_t name_len;
    uint8_t name[];
} evg_function_t;

/* Announced now if open, and on every connect. A new registration replaces the old one (CANT_DO first if the timeout
 * changes: it would count twice). 0, EVG_EFUNCTION, EVG_ENAME, EVG_ETIMEOUT, EVG_ENOMEM. */
int evg_worker_can_do(struct evg_session *s, evg_bytes_t name, double timeout, double server_timeout, void *owner);

/* CANT_DO goes out now if no job of that function is held and no GRAB is out that could bring one. Else no GRAB goes out
 * until its jobs are finished and CANT_DO is written. Unknown: nothing. 0, EVG_EFUNCTION. */
int evg_worker_cant_do(struct evg_session *s, evg_bytes_t name);

/* The same for all of them. */
void evg_worker_reset_abilities(struct evg_session *s);

/* Does a CANT_DO or RESET_ABILITIES wait for nothing but the reply to a GRAB? */
bool evg_worker_unsaid_p(const struct evg_session *s);

/* The function of that name that is not leaving, or NULL. */
evg_function_t *evg_worker_function(struct evg_session *s, evg_bytes_t name);

/* Walks the functions, or those that are not leaving: start with NULL, ends with NULL. */
evg_function_t *evg_worker_next_any_function(struct evg_session *s, const evg_function_t *after);
evg_function_t *evg_worker_next_function(struct evg_session *s, const evg_function_t *after);

/* -- for the other files of session/ ------------------------------------------------------------------------------- */

/* What can be and was not announced yet: 0, EVG_ENOMEM. */
int evg_worker_announce(struct evg_session *s);

/* Takes back what is to go and can; the same: 0, EVG_ENOMEM. */
int evg_worker_settle_abilities(struct evg_session *s);

/* The function of that name, leaving or not; or NULL. */
evg_function_t *evg_worker_any_function(struct evg_session *s, evg_bytes_t name);

void evg_worker_abilities_init(struct evg_session *s, uint64_t seed0, uint64_t seed1);
void evg_worker_abilities_deinit(struct evg_session *s);
void evg_worker_abilities_closed(struct evg_session *s); /* the server knows of none any more */

#endif
