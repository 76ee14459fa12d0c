#ifdef EVG_OPENSSL

#include "net/tls_name.h"

#include "net/address.h"

#include <openssl/x509v3.h>
#include <string.h>

/* "fe80::1%eth0" is an address and which way; and "example.org." is what "example.org" is. */
static void plain(char name[EVG_HOST_MAX + 1], const char *host)
{
    snprintf(name, EVG_HOST_MAX + 1, "%s", host);
    char *zone = strchr(name, '%');
    if (zone) *zone = '\0';
    size_t len = strlen(name);
    if (len && name[len - 1] == '.') name[len - 1] = '\0';
}

/* To check for no name at all would be to take anybody. */
bool evg_tls_name(SSL *ssl, const char *host)
{
    char name[EVG_HOST_MAX + 1];
    plain(name, host);
    if (!*name) return false;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1) return true;
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

#endif
