/* What may be sent. gearmand answers some malformed requests with nothing at all, closes on others, corrupts
 * a workload or dies on a few: so every field is checked before a byte is written.
 *
 * Each function answers 0 or the code whose text tells the rule. */
#ifndef EVG_PROTOCOL_CHECK_H
#define EVG_PROTOCOL_CHECK_H

#include "base/bytes.h"

enum { EVG_FUNCTION_MAX = 512, EVG_KEY_MAX = 63 };

int evg_check_function(evg_bytes_t name);     /* EVG_EFUNCTION: 1..512 bytes, no control bytes (0..31, 127) but TAB */
int evg_check_unique(evg_bytes_t key);        /* EVG_EUNIQUE: 0..63 bytes, no NUL */
int evg_check_status_unique(evg_bytes_t key); /* EVG_EUNIQUE: 1..63 bytes, no NUL */
int evg_check_handle(evg_bytes_t handle);     /* EVG_EHANDLE: 1..63 bytes, no NUL */
int evg_check_client_id(evg_bytes_t id);      /* EVG_ECLIENT_ID: 1..63 bytes of '!'..'~' */
int evg_check_option(evg_bytes_t name);       /* EVG_EOPTION: 1..63 bytes, no control bytes */
int evg_check_admin(evg_bytes_t line);        /* EVG_EADMIN: 1..8190 bytes, 1..5 words, no control bytes */
int evg_check_admin_arg(evg_bytes_t arg);     /* EVG_EADMIN_ARG: 1..512 bytes, no control bytes, no spaces */
int evg_check_epoch(int64_t seconds);         /* EVG_EEPOCH: negative */
int evg_check_server_timeout(double seconds); /* EVG_ETIMEOUT: 1 <= s <= 2147483 */
int evg_check_count(double number);           /* EVG_ERANGE: a whole number 0..2^32-1 (progress) */

#endif
