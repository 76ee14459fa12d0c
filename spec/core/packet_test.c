#include "protocol/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/error.h"
#include "support/guard_page.h"
#include "support/packet_header.h"

enum { NO_MAX = INT32_MAX };

static ptrdiff_t decode_guarded(evg_magic_t magic, evg_bytes_t input, size_t max_body)
{
    evg_packet_t packet;
    evg_bytes_t copy = guard_page_copy(input);
    ptrdiff_t result = evg_packet_decode(&packet, magic, copy, max_body);
    guard_page_free(copy);
    return result;
}

/* 0 for each prefix shorter than `len`, and `expected` from there on. */
static void assert_told_after(size_t len, ptrdiff_t expected, evg_magic_t magic, evg_bytes_t input, size_t max_body)
{
    for (size_t n = 0; n <= input.len; n++)
        assert_int_equal(decode_guarded(magic, evg_bytes(input.at, n), max_body), n < len ? 0 : expected);
}

typedef struct {
    evg_magic_t magic;
    evg_command_t type;
    int argc;
    evg_bytes_t args[EVG_MAX_ARGS];
    evg_bytes_t bytes;
} sample_t;

static void assert_packet(const sample_t *sample, const evg_packet_t *packet)
{
    assert_int_equal(packet->magic, sample->magic);
    assert_int_equal(packet->type, sample->type);
    assert_int_equal(packet->argc, sample->argc);
    for (int i = 0; i < sample->argc; i++) assert_true(evg_bytes_equal_p(packet->args[i], sample->args[i]));
}

static void assert_decodes(const sample_t *sample, evg_magic_t magic, evg_bytes_t input)
{
    evg_packet_t packet;
    evg_bytes_t copy = guard_page_copy(input);
    assert_int_equal(evg_packet_decode(&packet, magic, copy, NO_MAX), sample->bytes.len);
    assert_packet(sample, &packet);
    guard_page_free(copy);
}

static void decodes_whole(const sample_t *sample)
{
    assert_decodes(sample, sample->magic, sample->bytes);
    assert_decodes(sample, EVG_REQ_OR_RES, sample->bytes);
}

static void decodes_byte_by_byte(const sample_t *sample)
{
    evg_bytes_t bytes = sample->bytes;
    assert_told_after(bytes.len, (ptrdiff_t)bytes.len, sample->magic, bytes, NO_MAX);
}

static void decodes_in_every_split(const sample_t *sample)
{
    for (size_t split = 0; split <= sample->bytes.len; split++) {
        evg_buffer_t buf;
        evg_packet_t packet;
        evg_buffer_init(&buf);
        assert_int_equal(evg_buffer_append(&buf, evg_bytes(sample->bytes.at, split)), 0);
        ptrdiff_t first = evg_packet_decode(&packet, sample->magic, evg_buffer_bytes(&buf), NO_MAX);
        assert_int_equal(first, split < sample->bytes.len ? 0 : split);
        evg_bytes_t rest = evg_bytes(sample->bytes.at + split, sample->bytes.len - split);
        assert_int_equal(evg_buffer_append(&buf, rest), 0);
        assert_decodes(sample, sample->magic, evg_buffer_bytes(&buf));
        evg_buffer_deinit(&buf);
    }
}

static void decodes_with_a_tail(const sample_t *sample)
{
    const evg_bytes_t tails[] = {evg_bytes("\0", 1), evg_bytes("x", 1), evg_bytes("\0\0\0\0\0\0\0\0", 8),
                                 evg_bytes("OK 1.1.20\n", 10), sample->bytes};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        evg_buffer_t buf;
        evg_buffer_init(&buf);
        assert_int_equal(evg_buffer_append(&buf, sample->bytes), 0);
        assert_int_equal(evg_buffer_append(&buf, tails[i]), 0);
        assert_decodes(sample, sample->magic, evg_buffer_bytes(&buf));
        evg_buffer_deinit(&buf);
    }
}

static void lacks_what_lacks(const sample_t *sample)
{
    for (size_t n = 0; n <= sample->bytes.len; n++) {
        evg_bytes_t copy = guard_page_copy(evg_bytes(sample->bytes.at, n));
        assert_int_equal(evg_packet_lacks(copy), n < EVG_HEADER_LEN ? 0 : sample->bytes.len - n);
        guard_page_free(copy);
    }
}

typedef enum { SHORT, EMPTY, LONG, KINDS } kind_t;

static uint8_t long_text[300];

static evg_bytes_t argument(kind_t kind, int i, int argc)
{
    static const char *texts[EVG_MAX_ARGS] = {"H:vm:1", "r", "\xFF\n", "0", "\r\n.", "4294967295", " ", "e"};
    bool last = i == argc - 1;
    if (kind == EMPTY) return evg_bytes(NULL, 0);
    if (kind == SHORT) return last ? evg_bytes("\0a\0\0\xFF\0", 6) : evg_bytes_of(texts[i]);
    memset(long_text, 'l', sizeof long_text);
    return evg_bytes(long_text, (size_t)(i + 1) * 37);
}

static sample_t sample_of(evg_magic_t magic, uint32_t type, kind_t kind)
{
    sample_t sample = {.magic = magic, .type = (evg_command_t)type, .argc = evg_command_info(type)->args};
    for (int i = 0; i < sample.argc; i++) sample.args[i] = argument(kind, i, sample.argc);
    return sample;
}

static void encode_sample(evg_buffer_t *out, sample_t *sample)
{
    size_t before = evg_buffer_len(out);
    assert_int_equal(evg_packet_encode(out, sample->magic, sample->type, sample->args, sample->argc, NO_MAX), 0);
    sample->bytes = evg_bytes(evg_buffer_data(out) + before, evg_buffer_len(out) - before);
    assert_int_equal(sample->bytes.len, evg_packet_size(sample->args, sample->argc));
}

static void with_sample(evg_magic_t magic, uint32_t type, kind_t kind, void (*check)(const sample_t *))
{
    evg_buffer_t out;
    evg_buffer_init(&out);
    sample_t sample = sample_of(magic, type, kind);
    encode_sample(&out, &sample);
    check(&sample);
    evg_buffer_deinit(&out);
}

static void for_every_command(void (*check)(const sample_t *))
{
    for (uint32_t type = 0; type < EVG_COMMAND_CEILING; type++) {
        if (!evg_command_info(type)) continue;
        for (kind_t kind = SHORT; kind < KINDS; kind++) {
            with_sample(EVG_REQ, type, kind, check);
            with_sample(EVG_RES, type, kind, check);
        }
    }
}

static void every_command_whole(void **state)
{
    (void)state;
    for_every_command(decodes_whole);
}

static void every_command_byte_by_byte(void **state)
{
    (void)state;
    for_every_command(decodes_byte_by_byte);
}

static void every_command_in_every_split(void **state)
{
    (void)state;
    for_every_command(decodes_in_every_split);
}

static void every_command_with_a_tail(void **state)
{
    (void)state;
    for_every_command(decodes_with_a_tail);
}

static void every_command_lacks_what_lacks(void **state)
{
    (void)state;
    for_every_command(lacks_what_lacks);
}

#define ARGS(...)   \
    {               \
        __VA_ARGS__ \
    }
#define T(text)                                   \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define REAL(magic, type, argc, args, bytes)          \
    {                                                 \
        EVG_##magic, EVG_##type, argc, args, T(bytes) \
    }

static const sample_t real[] = {
    REAL(REQ, CAN_DO, 1, ARGS(T("rev")), "\0REQ\0\0\0\x01\0\0\0\x03rev"),
    REAL(REQ, GRAB_JOB_UNIQ, 0, ARGS({NULL, 0}), "\0REQ\0\0\0\x1e\0\0\0\0"),
    REAL(RES, NO_JOB, 0, ARGS({NULL, 0}), "\0RES\0\0\0\x0a\0\0\0\0"),
    REAL(REQ, PRE_SLEEP, 0, ARGS({NULL, 0}), "\0REQ\0\0\0\x04\0\0\0\0"),
    REAL(REQ, OPTION_REQ, 1, ARGS(T("exceptions")),
         "\0REQ\0\0\0\x1a\0\0\0\x0a"
         "exceptions"),
    REAL(RES, OPTION_RES, 1, ARGS(T("exceptions")),
         "\0RES\0\0\0\x1b\0\0\0\x0a"
         "exceptions"),
    REAL(REQ, SUBMIT_JOB, 3, ARGS(T("rev"), T("u1"), T("abc")), "\0REQ\0\0\0\x07\0\0\0\x0arev\0u1\0abc"),
    REAL(RES, JOB_CREATED, 1, ARGS(T("H:vm:1")), "\0RES\0\0\0\x08\0\0\0\x06H:vm:1"),
    REAL(RES, NOOP, 0, ARGS({NULL, 0}), "\0RES\0\0\0\x06\0\0\0\0"),
    REAL(RES, JOB_ASSIGN_UNIQ, 4, ARGS(T("H:vm:1"), T("rev"), T("u1"), T("abc")),
         "\0RES\0\0\0\x1f\0\0\0\x11H:vm:1\0rev\0u1\0abc"),
    REAL(REQ, GET_STATUS, 1, ARGS(T("H:vm:1")), "\0REQ\0\0\0\x0f\0\0\0\x06H:vm:1"),
    REAL(RES, STATUS_RES, 5, ARGS(T("H:vm:1"), T("1"), T("1"), T("0"), T("0")),
         "\0RES\0\0\0\x14\0\0\0\x0eH:vm:1\0"
         "1\0"
         "1\0"
         "0\0"
         "0"),
    REAL(REQ, GET_STATUS_UNIQUE, 1, ARGS(T("u1")), "\0REQ\0\0\0\x29\0\0\0\x02u1"),
    REAL(RES, STATUS_RES_UNIQUE, 6, ARGS(T("u1"), T("1"), T("1"), T("0"), T("0"), T("1")),
         "\0RES\0\0\0\x2a\0\0\0\x0cu1\0"
         "1\0"
         "1\0"
         "0\0"
         "0\0"
         "1"),
    REAL(REQ, WORK_STATUS, 3, ARGS(T("H:vm:1"), T("1"), T("2")),
         "\0REQ\0\0\0\x0c\0\0\0\x0aH:vm:1\0"
         "1\0"
         "2"),
    REAL(RES, WORK_STATUS, 3, ARGS(T("H:vm:1"), T("1"), T("2")),
         "\0RES\0\0\0\x0c\0\0\0\x0aH:vm:1\0"
         "1\0"
         "2"),
    REAL(REQ, WORK_DATA, 2, ARGS(T("H:vm:1"), T("xy")), "\0REQ\0\0\0\x1c\0\0\0\x09H:vm:1\0xy"),
    REAL(REQ, WORK_EXCEPTION, 2, ARGS(T("H:vm:1"), T("err")), "\0REQ\0\0\0\x19\0\0\0\x0aH:vm:1\0err"),
    REAL(RES, WORK_FAIL, 1, ARGS(T("H:vm:3\0")), "\0RES\0\0\0\x0e\0\0\0\x07H:vm:3\0"),
    REAL(REQ, SUBMIT_JOB_EPOCH, 4, ARGS(T("rev"), T("e1"), T("1893456000"), T("z")),
         "\0REQ\0\0\0\x24\0\0\0\x13rev\0e1\0"
         "1893456000\0z"),
    REAL(RES, ERROR, 2, ARGS(T("JOB_NOT_FOUND"), T("Job given in work result not found")),
         "\0RES\0\0\0\x13\0\0\0\x30JOB_NOT_FOUND\0Job given in work result not found"),
    REAL(REQ, WORK_COMPLETE, 2, ARGS(T("H:vm:1"), T("")), "\0REQ\0\0\0\x0d\0\0\0\x07H:vm:1\0"),
};

enum { REALS = sizeof real / sizeof *real };

static void real_packets_are_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++) {
        decodes_whole(&real[i]);
        decodes_byte_by_byte(&real[i]);
        decodes_in_every_split(&real[i]);
        decodes_with_a_tail(&real[i]);
        lacks_what_lacks(&real[i]);
    }
}

static void real_packets_are_encoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++) {
        evg_buffer_t out;
        evg_buffer_init(&out);
        sample_t sample = real[i];
        encode_sample(&out, &sample);
        assert_true(evg_bytes_equal_p(sample.bytes, real[i].bytes));
        evg_buffer_deinit(&out);
    }
}

static void many_packets_follow_each_other(void **state)
{
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    for (size_t i = 0; i < REALS; i++) assert_int_equal(evg_buffer_append(&buf, real[i].bytes), 0);
    for (size_t i = 0; i < REALS; i++) {
        evg_packet_t packet;
        ptrdiff_t len = evg_packet_decode(&packet, EVG_REQ_OR_RES, evg_buffer_bytes(&buf), NO_MAX);
        assert_int_equal(len, real[i].bytes.len);
        assert_packet(&real[i], &packet);
        evg_buffer_consume(&buf, (size_t)len);
    }
    assert_int_equal(evg_buffer_len(&buf), 0);
    evg_buffer_deinit(&buf);
}

static void a_wrong_magic_is_told_by_its_first_wrong_byte(void **state)
{
    (void)state;
    for (size_t place = 0; place < 4; place++) {
        for (int wrong = 1; wrong < 256; wrong++) {
            uint8_t input[EVG_HEADER_LEN];
            packet_header(input, "\0RES", EVG_NO_JOB, 0);
            if (place == 3 && (wrong == 'Q' || wrong == 'S')) continue;
            if (place < 3 && input[place] == wrong) continue;
            input[place] = (uint8_t)wrong;
            evg_bytes_t bytes = evg_bytes(input, sizeof input);
            assert_told_after(place + 1, EVG_EMAGIC, EVG_REQ_OR_RES, bytes, 0);
        }
    }
}

static void the_other_magic_is_told_by_its_last_byte(void **state)
{
    (void)state;
    uint8_t input[EVG_HEADER_LEN] = {0};
    packet_header(input, "\0REQ", EVG_NO_JOB, 0);
    assert_told_after(4, EVG_EMAGIC, EVG_RES, evg_bytes(input, sizeof input), 0);
    assert_told_after(12, 12, EVG_REQ, evg_bytes(input, sizeof input), 0);
    packet_header(input, "\0RES", EVG_NO_JOB, 0);
    assert_told_after(4, EVG_EMAGIC, EVG_REQ, evg_bytes(input, sizeof input), 0);
    assert_told_after(12, 12, EVG_RES, evg_bytes(input, sizeof input), 0);
}

static void an_unknown_type_is_told_after_eight_bytes(void **state)
{
    (void)state;
    const uint32_t types[] = {0,        5,          43,         44,         255,        0x0700,
                              0x070000, 0x07000000, 0x7FFFFFFF, 0x80000000, 0x80000007, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        uint8_t input[EVG_HEADER_LEN];
        packet_header(input, "\0REQ", types[i], 0xFFFFFFFF);
        assert_told_after(8, EVG_EUNEXPECTED, EVG_REQ, evg_bytes(input, sizeof input), 0);
    }
}

static void a_body_too_large_is_told_by_the_header(void **state)
{
    (void)state;
    uint8_t input[EVG_HEADER_LEN] = {0};
    evg_bytes_t bytes = evg_bytes(input, sizeof input);
    packet_header(input, "\0RES", EVG_WORK_COMPLETE, 0xFFFFFFFF);
    assert_told_after(12, EVG_EPACKET_SIZE, EVG_RES, bytes, 100);
    assert_told_after(12, EVG_EPACKET_SIZE, EVG_RES, bytes, 0xFFFFFFFE);
    packet_header(input, "\0RES", EVG_WORK_COMPLETE, 101);
    assert_told_after(12, EVG_EPACKET_SIZE, EVG_RES, bytes, 100);
    packet_header(input, "\0RES", EVG_NOOP, 1);
    assert_told_after(12, EVG_EPACKET_SIZE, EVG_RES, bytes, 0);
}

static void a_body_just_small_enough_is_awaited(void **state)
{
    (void)state;
    uint8_t input[EVG_HEADER_LEN] = {0};
    evg_bytes_t bytes = evg_bytes(input, sizeof input);
    packet_header(input, "\0RES", EVG_WORK_COMPLETE, 100);
    assert_int_equal(decode_guarded(EVG_RES, bytes, 100), 0);
    assert_int_equal(evg_packet_lacks(bytes), 100);
    packet_header(input, "\0RES", EVG_WORK_COMPLETE, 0xFFFFFFFF);
    assert_int_equal(decode_guarded(EVG_RES, bytes, 0xFFFFFFFF), 0);
    assert_int_equal(evg_packet_lacks(bytes), 0xFFFFFFFF);
}

static void text_lacks_nothing(void **state)
{
    (void)state;
    assert_int_equal(evg_packet_lacks(evg_bytes_of("ERR UNKNOWN_COMMAND")), 0);
    assert_int_equal(evg_packet_lacks(evg_bytes(NULL, 0)), 0);
}

/* A body of `nuls` NULs between letters, and NULs enough behind the packet. */
static size_t short_packet(uint8_t *input, uint32_t type, int nuls, size_t *len)
{
    size_t body = (size_t)nuls * 2 + 1;
    packet_header(input, "\0REQ", type, (uint32_t)body);
    for (size_t i = 0; i < body; i++) input[EVG_HEADER_LEN + i] = i % 2 ? 0 : 'a';
    memset(input + EVG_HEADER_LEN + body, 0, 16);
    *len = EVG_HEADER_LEN + body;
    return *len + 16;
}

/* Fails when the arguments are looked for in all of the input, as gearmand does, not in the body
 * alone. */
static void missing_arguments_are_not_sought_behind_the_body(void **state)
{
    (void)state;
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const evg_command_info_t *info = evg_command_info(type);
        for (int nuls = 0; info && nuls < info->args; nuls++) {
            uint8_t input[64];
            size_t len, all = short_packet(input, type, nuls, &len);
            ptrdiff_t expected = nuls < info->args - 1 ? EVG_EMALFORMED : (ptrdiff_t)len;
            assert_told_after(len, expected, EVG_REQ, evg_bytes(input, all), NO_MAX);
        }
    }
}

static void an_empty_body_has_one_argument_at_most(void **state)
{
    (void)state;
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const evg_command_info_t *info = evg_command_info(type);
        uint8_t input[EVG_HEADER_LEN];
        if (!info) continue;
        packet_header(input, "\0REQ", type, 0);
        assert_told_after(12, info->args > 1 ? EVG_EMALFORMED : 12, EVG_REQ, evg_bytes(input, 12), 0);
    }
}

static void a_body_without_arguments_is_skipped(void **state)
{
    (void)state;
    uint8_t input[EVG_HEADER_LEN + 5];
    packet_header(input, "\0REQ", EVG_GRAB_JOB, 5);
    memcpy(input + EVG_HEADER_LEN, "ab\0cd", 5);
    evg_packet_t packet;
    assert_int_equal(evg_packet_decode(&packet, EVG_REQ, evg_bytes(input, 17), 5), 17);
    assert_int_equal(packet.argc, 0);
    assert_told_after(17, 17, EVG_REQ, evg_bytes(input, 17), 5);
}

static void the_last_argument_keeps_its_nuls(void **state)
{
    (void)state;
    uint8_t input[EVG_HEADER_LEN + 8];
    packet_header(input, "\0RES", EVG_WORK_FAIL, 8);
    memcpy(input + EVG_HEADER_LEN, "H:vm:3\0x", 8);
    evg_packet_t packet;
    assert_int_equal(evg_packet_decode(&packet, EVG_RES, evg_bytes(input, 20), NO_MAX), 20);
    assert_true(evg_bytes_equal_p(packet.args[0], evg_bytes("H:vm:3\0x", 8)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_whole),
        cmocka_unit_test(every_command_byte_by_byte),
        cmocka_unit_test(every_command_in_every_split),
        cmocka_unit_test(every_command_with_a_tail),
        cmocka_unit_test(every_command_lacks_what_lacks),
        cmocka_unit_test(real_packets_are_decoded),
        cmocka_unit_test(real_packets_are_encoded),
        cmocka_unit_test(many_packets_follow_each_other),
        cmocka_unit_test(a_wrong_magic_is_told_by_its_first_wrong_byte),
        cmocka_unit_test(the_other_magic_is_told_by_its_last_byte),
        cmocka_unit_test(an_unknown_type_is_told_after_eight_bytes),
        cmocka_unit_test(a_body_too_large_is_told_by_the_header),
        cmocka_unit_test(a_body_just_small_enough_is_awaited),
        cmocka_unit_test(text_lacks_nothing),
        cmocka_unit_test(missing_arguments_are_not_sought_behind_the_body),
        cmocka_unit_test(an_empty_body_has_one_argument_at_most),
        cmocka_unit_test(a_body_without_arguments_is_skipped),
        cmocka_unit_test(the_last_argument_keeps_its_nuls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
