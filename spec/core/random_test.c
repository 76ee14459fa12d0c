#include "protocol/admin.h"
#include "protocol/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/error.h"
#include "support/guard_page.h"
#include "support/packet_header.h"

static uint64_t random_state;

/* xorshift64* */
static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 32) % n;
}

static bool within_p(evg_bytes_t part, evg_bytes_t whole)
{
    return part.at >= whole.at && part.at + part.len <= whole.at + whole.len;
}

static void assert_one_of_three(const evg_packet_t *packet, ptrdiff_t result, evg_bytes_t input)
{
    if (result <= 0) {
        assert_true(result == 0 || result == EVG_EMAGIC || result == EVG_EUNEXPECTED || result == EVG_EPACKET_SIZE ||
                    result == EVG_EMALFORMED);
        return;
    }
    assert_in_range(result, EVG_HEADER_LEN, input.len);
    assert_int_equal(packet->argc, evg_command_info(packet->type)->args);
    for (int i = 0; i < packet->argc; i++) assert_true(within_p(packet->args[i], evg_bytes(input.at, (size_t)result)));
}

/* The answer is 0 for a while, and then one and the same for good. */
static ptrdiff_t assert_settles(evg_bytes_t input, size_t max_body)
{
    ptrdiff_t settled = 0;
    for (size_t n = 0; n <= input.len; n++) {
        evg_packet_t packet;
        evg_bytes_t prefix = evg_bytes(input.at, n);
        ptrdiff_t result = evg_packet_decode(&packet, EVG_REQ_OR_RES, prefix, max_body);
        assert_one_of_three(&packet, result, prefix);
        if (settled) assert_int_equal(result, settled);
        settled = result;
        (void)evg_packet_lacks(prefix);
    }
    return settled;
}

static void random_packet(uint8_t *input, size_t len)
{
    for (size_t i = 0; i < len; i++) input[i] = (uint8_t)(random_below(3) ? random_below(256) : 0);
    uint32_t shape = random_below(8);
    if (shape == 1) memcpy(input, "\0RES", 4);
    if (shape > 1) packet_header(input, random_below(2) ? "\0REQ" : "\0RES", random_below(44), random_below(48));
    if (shape == 2) input[random_below(EVG_HEADER_LEN)] ^= (uint8_t)(1 << random_below(8));
}

/* Which of the answers it was: 0, good, or one of the four bad ones. */
static int kind_of(ptrdiff_t result)
{
    switch (result) {
    case 0: return 0;
    case EVG_EMAGIC: return 1;
    case EVG_EUNEXPECTED: return 2;
    case EVG_EPACKET_SIZE: return 3;
    case EVG_EMALFORMED: return 4;
    default: return 5;
    }
}

static ptrdiff_t answer_to_random_bytes(uint64_t seed)
{
    uint8_t input[EVG_HEADER_LEN + 40];
    random_state = seed * UINT64_C(0x9E3779B97F4A7C15);
    size_t len = EVG_HEADER_LEN + random_below(41);
    random_packet(input, len);
    evg_bytes_t copy = guard_page_copy(evg_bytes(input, len));
    ptrdiff_t result = assert_settles(copy, random_below(2) ? 40 : 0xFFFFFFFF);
    guard_page_free(copy);
    return result;
}

static void random_bytes_draw_one_of_three_answers(void **state)
{
    (void)state;
    size_t drawn[6] = {0};
    for (uint64_t seed = 1; seed <= 20000; seed++) drawn[kind_of(answer_to_random_bytes(seed))]++;
    for (int kind = 0; kind < 6; kind++) assert_true(drawn[kind] > 100);
}

static size_t random_text(uint8_t *input, size_t cap)
{
    static const char *parts[] = {".\n", "\n", "\r\n", ".", "ERR ", "x", " ", "\r", "rev\t1\n", "\xFF"};
    size_t len = 0;
    for (uint32_t n = random_below(8); n > 0; n--) {
        evg_bytes_t part = evg_bytes_of(parts[random_below(sizeof parts / sizeof *parts)]);
        memcpy(input + len, part.at, part.len);
        len += part.len;
        assert_true(len < cap);
    }
    if (random_below(4) == 0) input[random_below(8)] = 0;
    return len;
}

static ptrdiff_t scan_byte_by_byte(evg_shape_t shape, evg_bytes_t input, size_t max)
{
    evg_scan_t scan = {0};
    evg_bytes_t text;
    for (size_t n = 0; n <= input.len; n++) {
        ptrdiff_t result = evg_admin_decode(&scan, shape, evg_bytes(input.at, n), max, &text);
        if (result) return result;
    }
    return 0;
}

static void assert_text_answers(evg_bytes_t input, evg_shape_t shape, size_t max)
{
    evg_scan_t scan = {0};
    evg_bytes_t text, words[EVG_ADMIN_WORDS];
    int count;
    ptrdiff_t result = evg_admin_decode(&scan, shape, input, max, &text);
    assert_true(result == 0 || result == EVG_ETEXT_SIZE || (result > 0 && (size_t)result <= input.len));
    assert_int_equal(scan_byte_by_byte(shape, input, max), result);
    if (result > 0) assert_true(within_p(text, input) && text.len < (size_t)result);
    ptrdiff_t used = evg_admin_split(input, words, &count);
    assert_true(used == 0 || used == EVG_EARGS || (used > 0 && (size_t)used <= input.len));
    for (int i = 0; used > 0 && i < count; i++) assert_true(within_p(words[i], input));
}

static void random_text_is_answered_alike_whole_and_byte_by_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        uint8_t input[64] = {0};
        random_state = seed * UINT64_C(0x9E3779B97F4A7C15);
        evg_bytes_t copy = guard_page_copy(evg_bytes(input, random_text(input, sizeof input)));
        assert_text_answers(copy, random_below(2) ? EVG_LINE : EVG_DOTTED, random_below(2) ? 12 : 1000);
        guard_page_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_draw_one_of_three_answers),
        cmocka_unit_test(random_text_is_answered_alike_whole_and_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
