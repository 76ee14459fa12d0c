#include "session/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fails when memory that was something else before shows through. */
static void starts_as_nothing_but_its_owner(void **state)
{
    (void)state;
    evg_request_t request;
    int owner;
    memset(&request, 0xA5, sizeof request);
    evg_request_init(&request, &owner);
    assert_ptr_equal(request.owner, &owner);
    assert_int_equal(request.state, EVG_REQUEST_NEW);
    assert_int_equal(request.purpose, EVG_FOR_CALLER);
    assert_int_equal(evg_request_handle(&request).len, 0);
    assert_false(request.keyed);
    assert_null(request.check);
    assert_null(request.subject);
}

/* Fails when a node points anywhere but at itself: unlinking it would write there. */
static void is_in_no_list_and_has_no_deadline(void **state)
{
    (void)state;
    evg_request_t request;
    evg_request_init(&request, NULL);
    assert_false(evg_list_linked_p(&request.link));
    assert_false(evg_list_linked_p(&request.order));
    assert_false(evg_deadline_set_p(&request.due));
    evg_list_unlink(&request.link);
    evg_list_unlink(&request.order);
}

static void is_pending_from_owed_to_done(void **state)
{
    (void)state;
    evg_request_t request;
    evg_request_init(&request, NULL);
    assert_false(evg_request_pending_p(&request));
    request.state = EVG_REQUEST_OWED;
    assert_true(evg_request_pending_p(&request));
    request.state = EVG_REQUEST_CREATED;
    assert_true(evg_request_pending_p(&request));
    request.state = EVG_REQUEST_DONE;
    assert_false(evg_request_pending_p(&request));
}

static void views_its_handle(void **state)
{
    (void)state;
    evg_request_t request;
    evg_request_init(&request, NULL);
    memcpy(request.handle, "H:vm:7", 6);
    request.handle_len = 6;
    assert_true(evg_bytes_equal_p(evg_request_handle(&request), evg_bytes_of("H:vm:7")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_as_nothing_but_its_owner),
        cmocka_unit_test(is_in_no_list_and_has_no_deadline),
        cmocka_unit_test(is_pending_from_owed_to_done),
        cmocka_unit_test(views_its_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
