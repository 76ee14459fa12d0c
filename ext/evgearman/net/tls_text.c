#ifdef EVG_OPENSSL

#include "net/tls_text.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { QUOTED = 40 }; /* of what somebody says */

typedef struct {
    long code;
    const char *text;
} hint_t;

/* The first of an entry that fits; the last has no text. */
static const char *hint_for(const hint_t *hint, long code)
{
    while (hint->text && hint->code != code) hint++;
    return hint->text;
}

static void say(char *room, size_t cap, const char *what, const char *hint)
{
    snprintf(room, cap, hint ? "%s (%s)" : "%s", what, hint);
}

/* The first is the cause, the others are what came of it. */
static const char *reason_of(unsigned long error)
{
    const char *reason = ERR_reason_error_string(error);
    if (ERR_GET_LIB(error) == ERR_LIB_SYS) return strerror(ERR_GET_REASON(error));
    return reason ? reason : "for a reason that OpenSSL does not tell";
}

/* -- files --------------------------------------------------------------------------------------------------------- */

/* OpenSSL 3 says of a key that it cannot read, for whatever reason, that it is not supported. */
static bool nothing_found_p(unsigned long error)
{
    if (ERR_GET_LIB(error) == ERR_LIB_X509) return ERR_GET_REASON(error) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND;
    if (ERR_GET_LIB(error) == ERR_LIB_PEM) return ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
#ifdef ERR_LIB_OSSL_DECODER
    return ERR_GET_LIB(error) == ERR_LIB_OSSL_DECODER;
#else
    return false;
#endif
}

void evg_tls_explain_file(char *room, size_t cap)
{
    unsigned long error = ERR_peek_error();
    if (!error)
        say(room, cap, strerror(errno), NULL);
    else if (nothing_found_p(error))
        say(room, cap, "nothing of the kind in it that could be read", NULL);
    else
        say(room, cap, reason_of(error), NULL);
    ERR_clear_error();
}

/* -- connections --------------------------------------------------------------------------------------------------- */

#define UNTRUSTED "is its CA in ca_file, and does it send those between?"

static const hint_t by_verdict[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, UNTRUSTED},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, UNTRUSTED},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "to trust it, name it as ca_file"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "to trust its CA, name that as ca_file"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "is the clock of this machine right?"},
    {0, NULL},
};

#define OLD "TLS 1.2 and 1.3 are spoken here"
#define STRAY "did somebody else write here, or change it on its way?"

static const hint_t by_reason[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, OLD},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, OLD},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "cert_file and key_file say who we are"},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, "the peer does not trust our certificate"},
    {SSL_R_WRONG_VERSION_NUMBER, STRAY},
    {SSL_R_INVALID_ALERT, STRAY},
    {0, NULL},
};

static void explain_verdict(long verdict, char *room, size_t cap)
{
    char what[EVG_TLS_TEXT];
    snprintf(what, sizeof what, "certificate verify failed: %s", X509_verify_cert_error_string(verdict));
    say(room, cap, what, hint_for(by_verdict, verdict));
}

/* By which the peer tells; there are 256. */
static bool alert_p(int reason)
{
    return reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256;
}

/* Which one says that it could not do it, or will not: by an alert, or in the handshake. */
static bool lasting_p(bool shaking, int reason)
{
    bool own_trouble = reason == SSL_R_TLSV1_ALERT_INTERNAL_ERROR || reason == SSL_R_TLSV1_ALERT_USER_CANCELLED;
    return !own_trouble && (shaking || alert_p(reason));
}

/* Behind the handshake nothing is wrong that the peer wrote, unless it says so. */
static const char *hint_of(bool shaking, int reason)
{
    return shaking || alert_p(reason) ? hint_for(by_reason, reason) : STRAY;
}

bool evg_tls_explain(const SSL *ssl, bool shaking, char *room, size_t cap)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        explain_verdict(SSL_get_verify_result(ssl), room, cap);
    else
        say(room, cap, reason_of(error), hint_of(shaking, reason));
    ERR_clear_error();
    return lasting_p(shaking, reason);
}

static void quote(evg_bytes_t bytes, char room[QUOTED + 1])
{
    size_t len = bytes.len < QUOTED ? bytes.len : QUOTED;
    for (size_t i = 0; i < len; i++) room[i] = bytes.at[i] < ' ' || bytes.at[i] > '~' ? '.' : (char)bytes.at[i];
    room[len] = 0;
}

void evg_tls_explain_foreigner(const char *who, evg_bytes_t said, char *room, size_t cap)
{
    char quoted[QUOTED + 1];
    quote(said, quoted);
    snprintf(room, cap, "no TLS handshake, but \"%s\": does the %s speak TLS?", quoted, who);
}

#endif
