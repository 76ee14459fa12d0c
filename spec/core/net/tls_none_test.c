/* What there is in place of TLS where there is no OpenSSL. */
#include "net_support.h"

#undef EVG_OPENSSL
#define evg_tls_context_new none_context_new
#define evg_tls_context_hold none_context_hold
#define evg_tls_context_release none_context_release
#define evg_tls_ticket_drop none_ticket_drop
#define evg_tls_connect none_connect
#define evg_tls_accept none_accept
#define evg_tls_version none_version
#define evg_tls_resumed_p none_resumed_p
#include "net/tls_none.c"

static void test_there_is_no_context(void **state)
{
    const evg_tls_options_t options = {.verify = true};
    char why[100];
    (void)state;
    assert_null(evg_tls_context_new(&options, why, sizeof why));
    assert_string_equal(why, "built without OpenSSL");
    evg_tls_context_release(evg_tls_context_hold(NULL));
}

static void test_nothing_becomes_of_a_transport(void **state)
{
    evg_transport_t t;
    evg_tls_ticket_t ticket = {0};
    (void)state;
    evg_transport_init(&t);
    assert_int_equal(evg_tls_connect(&t, NULL, "localhost", &ticket), EVG_IO_FAILED);
    assert_int_equal(evg_tls_accept(&t, NULL), EVG_IO_FAILED);
    assert_int_equal(errno, ENOSYS);
    assert_string_equal(t.ops->name, "closed");
    assert_null(evg_tls_version(&t));
    assert_false(evg_tls_resumed_p(&t));
    evg_tls_ticket_drop(&ticket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_no_context),
        cmocka_unit_test(test_nothing_becomes_of_a_transport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
