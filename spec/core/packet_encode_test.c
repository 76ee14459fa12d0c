#include "protocol/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/error.h"
#include "support/failing_alloc.h"

enum { NO_MAX = INT32_MAX };

#define T(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static void assert_refused(int error, evg_command_t type, const evg_bytes_t *args, int argc, size_t max)
{
    evg_buffer_t out;
    evg_buffer_init(&out);
    assert_int_equal(evg_buffer_append(&out, evg_bytes_of("before")), 0);
    assert_int_equal(evg_packet_check(type, args, argc, max), error);
    assert_int_equal(evg_packet_encode(&out, EVG_REQ, type, args, argc, max), error);
    assert_true(evg_bytes_equal_p(evg_buffer_bytes(&out), evg_bytes_of("before")));
    evg_buffer_deinit(&out);
}

static void another_number_of_arguments_is_refused(void **state)
{
    (void)state;
    evg_bytes_t args[EVG_MAX_ARGS + 2] = {{NULL, 0}};
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const evg_command_info_t *info = evg_command_info(type);
        for (int argc = -1; info && argc <= EVG_MAX_ARGS + 2; argc++) {
            if (argc != info->args) assert_refused(EVG_EARGS, (evg_command_t)type, args, argc, NO_MAX);
        }
    }
}

static void a_number_that_is_no_type_is_refused(void **state)
{
    (void)state;
    const uint32_t types[] = {0, 5, 43, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_refused(EVG_EARGS, (evg_command_t)types[i], NULL, 0, NO_MAX);
}

static void a_nul_before_the_last_argument_is_refused(void **state)
{
    (void)state;
    const evg_bytes_t nuls[] = {T("\0"), T("a\0"), T("\0a"), T("a\0a")};
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const evg_command_info_t *info = evg_command_info(type);
        for (int i = 0; info && i < info->args - 1; i++) {
            evg_bytes_t args[EVG_MAX_ARGS] = {{NULL, 0}};
            args[i] = nuls[i % 4];
            assert_refused(EVG_ENUL, (evg_command_t)type, args, info->args, NO_MAX);
        }
    }
}

static void a_body_above_the_maximum_is_refused(void **state)
{
    (void)state;
    const evg_bytes_t args[] = {T("rev"), T("u1"), T("abc")};
    evg_buffer_t out;
    evg_buffer_init(&out);
    assert_refused(EVG_ETOO_LARGE, EVG_SUBMIT_JOB, args, 3, 9);
    assert_refused(EVG_ETOO_LARGE, EVG_SUBMIT_JOB, args, 3, 0);
    assert_int_equal(evg_packet_encode(&out, EVG_REQ, EVG_SUBMIT_JOB, args, 3, 10), 0);
    assert_int_equal(evg_packet_encode(&out, EVG_REQ, EVG_GRAB_JOB, NULL, 0, 0), 0);
    evg_buffer_deinit(&out);
}

/* Bytes that nobody has: a size is judged before it is read. */
static int encode_echo_of(size_t len, size_t max_body)
{
    const evg_bytes_t arg = evg_bytes("x", len);
    evg_buffer_t out;
    evg_buffer_init(&out);
    evg_alloc_fail_at(1);
    int error = evg_packet_encode(&out, EVG_REQ, EVG_ECHO_REQ, &arg, 1, max_body);
    evg_alloc_fail_at(0);
    evg_buffer_deinit(&out);
    return error;
}

static void a_body_stays_below_4_gib_less_128_whatever_the_maximum(void **state)
{
    (void)state;
    assert_int_equal(encode_echo_of(0xFFFFFF7F, SIZE_MAX), EVG_ENOMEM);
    assert_int_equal(encode_echo_of(0xFFFFFF80, SIZE_MAX), EVG_ETOO_LARGE);
    assert_int_equal(encode_echo_of(0xFFFFFFFF, SIZE_MAX), EVG_ETOO_LARGE);
    assert_int_equal(encode_echo_of(SIZE_MAX, SIZE_MAX), EVG_ETOO_LARGE);
}

/* Fails when evg_packet_size adds without looking: the sum wraps, to 12 bytes and a copy of all. */
static void sizes_do_not_wrap(void **state)
{
    (void)state;
    const evg_bytes_t args[] = {evg_bytes(NULL, 0), evg_bytes("x", SIZE_MAX / 2 + 1), evg_bytes("x", SIZE_MAX / 2)};
    assert_true(evg_packet_size(args, 3) == SIZE_MAX);
    assert_int_equal(evg_packet_size(args, 0), 12);
    assert_int_equal(evg_packet_size(args, 1), 12);
    assert_int_equal(encode_echo_of(SIZE_MAX - 11, SIZE_MAX), EVG_ETOO_LARGE);
}

/* Two packets: one into an empty buffer, one that makes it grow. */
static int encode_two(void *context)
{
    (void)context;
    static uint8_t large[EVG_BUFFER_FIRST * 2];
    const evg_bytes_t args[] = {T("rev"), T("u1"), evg_bytes(large, sizeof large)};
    evg_buffer_t out;
    evg_buffer_init(&out);
    int error = evg_packet_encode(&out, EVG_REQ, EVG_GRAB_JOB, NULL, 0, NO_MAX);
    assert_int_equal(evg_buffer_len(&out), error ? 0 : 12);
    if (!error) {
        error = evg_packet_encode(&out, EVG_REQ, EVG_SUBMIT_JOB, args, 3, NO_MAX);
        assert_int_equal(evg_buffer_len(&out), 12 + (error ? 0 : evg_packet_size(args, 3)));
        assert_memory_equal(evg_buffer_data(&out), "\0REQ\0\0\0\x09\0\0\0\0", 12);
    }
    evg_buffer_deinit(&out);
    return error;
}

static void without_memory_the_buffer_is_as_before(void **state)
{
    (void)state;
    assert_int_equal(failing_alloc(encode_two, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_number_of_arguments_is_refused),
        cmocka_unit_test(a_number_that_is_no_type_is_refused),
        cmocka_unit_test(a_nul_before_the_last_argument_is_refused),
        cmocka_unit_test(a_body_above_the_maximum_is_refused),
        cmocka_unit_test(a_body_stays_below_4_gib_less_128_whatever_the_maximum),
        cmocka_unit_test(sizes_do_not_wrap),
        cmocka_unit_test(without_memory_the_buffer_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
