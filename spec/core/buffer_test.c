#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static int fresh_count(void **state)
{
    (void)state;
    evg_alloc_fail_at(0);
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    assert_int_equal(evg_alloc_live(), 0);
    return 0;
}

/* Appends so many bytes without caring which. */
static void add(evg_buffer_t *buf, size_t len)
{
    assert_non_null(evg_buffer_reserve(buf, len));
    evg_buffer_commit(buf, len);
}

static void assert_text(const evg_buffer_t *buf, const char *text)
{
    assert_true(evg_bytes_equal_p(evg_buffer_bytes(buf), evg_bytes_of(text)));
}

static void a_new_buffer_owns_nothing(void **state)
{
    /* Fails when init allocates: idle connections would pay for two buffers each. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_null(evg_buffer_data(&buf));
    assert_int_equal(evg_buffer_len(&buf), 0);
    assert_int_equal(evg_buffer_room(&buf), 0);
    assert_int_equal(evg_buffer_position(&buf), 0);
    assert_int_equal(evg_alloc_count(), 0);
    evg_buffer_consume(&buf, 0);
    evg_buffer_truncate(&buf, 0);
    evg_buffer_clear(&buf);
    evg_buffer_release(&buf);
    evg_buffer_deinit(&buf);
    evg_buffer_deinit(&buf);
}

static void no_bytes_cost_nothing(void **state)
{
    /* Fails when append asks for room before it sees that there is nothing to add. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes(NULL, 0)), EVG_OK);
    assert_int_equal(evg_alloc_count(), 0);
    evg_buffer_deinit(&buf);
}

static void room_for_nothing_is_not_a_failure(void **state)
{
    /* Fails when reserve(0) answers the NULL of a buffer that has no memory yet. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_non_null(evg_buffer_reserve(&buf, 0));
    evg_buffer_deinit(&buf);
}

static void it_starts_with_16_kib_and_doubles(void **state)
{
    /* Fails when the byte that just fits makes it grow, or the next one does not. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 1);
    assert_int_equal(buf.cap, EVG_BUFFER_FIRST);
    add(&buf, EVG_BUFFER_FIRST - 1);
    assert_int_equal(evg_buffer_room(&buf), 0);
    assert_int_equal(buf.cap, EVG_BUFFER_FIRST);
    add(&buf, 1);
    assert_int_equal(buf.cap, 2 * EVG_BUFFER_FIRST);
    add(&buf, 5 * EVG_BUFFER_FIRST);
    assert_int_equal(buf.cap, 8 * EVG_BUFFER_FIRST);
    assert_int_equal(evg_alloc_count(), 3);
    evg_buffer_deinit(&buf);
}

static void less_may_be_committed_than_reserved(void **state)
{
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    memcpy(evg_buffer_reserve(&buf, 4096), "abcdef", 6);
    evg_buffer_commit(&buf, 0);
    assert_int_equal(evg_buffer_len(&buf), 0);
    evg_buffer_commit(&buf, 3);
    assert_text(&buf, "abc");
    evg_buffer_deinit(&buf);
}

static void sizes_beyond_reason_are_refused(void **state)
{
    /* Fails when sizes are added before they are compared, or doubled before that is checked. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    const size_t lens[] = {SIZE_MAX, SIZE_MAX - 3, SIZE_MAX / 2 + 2, (size_t)PTRDIFF_MAX};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            assert_null(evg_buffer_reserve(&buf, lens[i]));
            assert_int_equal(evg_buffer_append(&buf, evg_bytes("x", lens[i])), EVG_ENOMEM);
        }
        assert_text(&buf, round ? "abcd" : "");
        if (!round) evg_buffer_append(&buf, evg_bytes_of("abcd"));
    }
    evg_buffer_deinit(&buf);
}

static void a_failed_append_adds_nothing(void **state)
{
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes_of("abcdef")), EVG_OK);
    evg_buffer_consume(&buf, 4);
    static const uint8_t large[64 * KIB];
    evg_alloc_fail_at(1);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes(large, sizeof large)), EVG_ENOMEM);
    evg_alloc_fail_at(0);
    assert_text(&buf, "ef");
    assert_int_equal(evg_buffer_position(&buf), 6);
    evg_buffer_deinit(&buf);
}

static void positions_count_the_stream(void **state)
{
    /* Fails when sliding, draining or clearing loses count of what went by. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 10);
    evg_buffer_consume(&buf, 4);
    assert_int_equal(buf.consumed, 4);
    assert_int_equal(evg_buffer_position(&buf), 10);
    evg_buffer_consume(&buf, 6);
    add(&buf, 2 * MIB);
    evg_buffer_consume(&buf, 2 * MIB);
    assert_int_equal(evg_buffer_position(&buf), 10 + 2 * MIB);
    add(&buf, 5);
    evg_buffer_clear(&buf);
    assert_int_equal(buf.consumed, 15 + 2 * MIB);
    assert_int_equal(evg_buffer_position(&buf), 15 + 2 * MIB);
    evg_buffer_deinit(&buf);
}

static void truncate_takes_back_the_end(void **state)
{
    /* Fails when truncate counts from the base and not from the first live byte. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes_of("abcdef")), EVG_OK);
    evg_buffer_consume(&buf, 2);
    evg_buffer_truncate(&buf, 4);
    assert_text(&buf, "cdef");
    evg_buffer_truncate(&buf, 1);
    assert_text(&buf, "c");
    assert_int_equal(evg_buffer_position(&buf), 3);
    evg_buffer_truncate(&buf, 0);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes_of("xy")), EVG_OK);
    assert_text(&buf, "xy");
    evg_buffer_deinit(&buf);
}

static void live_bytes_may_be_edited(void **state)
{
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes_of("abc")), EVG_OK);
    evg_buffer_consume(&buf, 1);
    evg_buffer_data(&buf)[0] = 'X';
    assert_text(&buf, "Xc");
    evg_buffer_deinit(&buf);
}

static void release_keeps_what_lives(void **state)
{
    /* Fails when release frees live bytes, or keeps memory without any. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes_of("abc")), EVG_OK);
    evg_buffer_release(&buf);
    assert_text(&buf, "abc");
    evg_buffer_consume(&buf, 3);
    assert_int_equal(evg_alloc_live(), 1);
    evg_buffer_release(&buf);
    assert_int_equal(evg_alloc_live(), 0);
    assert_int_equal(evg_buffer_append(&buf, evg_bytes_of("de")), EVG_OK);
    assert_text(&buf, "de");
    evg_buffer_clear(&buf);
    assert_int_equal(evg_alloc_live(), 0);
}

static void it_slides_once_half_is_consumed(void **state)
{
    /* Fails when it slides with fewer bytes consumed than live, or grows with as many. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, EVG_BUFFER_FIRST);
    evg_buffer_consume(&buf, EVG_BUFFER_FIRST / 2);
    add(&buf, 1);
    assert_int_equal(buf.at, 0);
    assert_int_equal(buf.cap, EVG_BUFFER_FIRST);
    add(&buf, evg_buffer_room(&buf));
    evg_buffer_consume(&buf, EVG_BUFFER_FIRST / 2 - 1);
    add(&buf, 1);
    assert_int_equal(buf.at, EVG_BUFFER_FIRST / 2 - 1);
    assert_int_equal(buf.cap, 2 * EVG_BUFFER_FIRST);
    evg_buffer_deinit(&buf);
}

/* Bytes that a step moved: all live ones when the cursor or the block did. */
static size_t moved(const evg_buffer_t *before, const evg_buffer_t *after)
{
    return before->at == after->at && before->base == after->base ? 0 : evg_buffer_len(before);
}

static void each_byte_moves_a_few_times_at_most(void **state)
{
    /* Fails when a full end slides the backlog for whatever was consumed. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 8 * MIB - 100);
    size_t bytes_moved = 0, appended = evg_buffer_len(&buf);
    for (int i = 0; i < 400000; i++, appended += 100) {
        evg_buffer_consume(&buf, 100);
        evg_buffer_t before = buf;
        add(&buf, 100);
        bytes_moved += moved(&before, &buf);
        assert_true(bytes_moved <= 2 * appended);
    }
    assert_true(buf.cap <= 32 * MIB);
    evg_buffer_deinit(&buf);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void a_backlog_of_400_mib_is_not_slow(void **state)
{
    /* Fails when appends slide a long backlog: 100,000 times 400 MiB take hours. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, (size_t)512 * MIB);
    evg_buffer_consume(&buf, (size_t)112 * MIB);
    evg_alloc_fail_at(0);
    double began = cpu_seconds();
    for (int i = 0; i < 100000; i++) {
        evg_buffer_consume(&buf, 64);
        add(&buf, 64);
        assert_true(cpu_seconds() - began < 20);
    }
    assert_int_equal(evg_buffer_len(&buf), (size_t)400 * MIB);
    assert_true(evg_alloc_count() <= 1);
    evg_buffer_deinit(&buf);
}

static void draining_gives_all_room_back(void **state)
{
    /* Fails when the cursors stay where they were: who asks for room only would see none. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, EVG_BUFFER_FIRST);
    evg_buffer_consume(&buf, EVG_BUFFER_FIRST);
    assert_int_equal(evg_buffer_room(&buf), EVG_BUFFER_FIRST);
    evg_buffer_deinit(&buf);
}

static void trimming_keeps_what_was_needed_of_late(void **state)
{
    /* Fails when room that was just used is given back, or kept once it is used no more: by a stream that is never drained. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 4 * MIB);
    add(&buf, 1);
    evg_buffer_consume(&buf, 4 * MIB);
    evg_buffer_trim(&buf);
    assert_int_equal(buf.cap, 8 * MIB);
    add(&buf, 1);
    evg_buffer_consume(&buf, 1);
    evg_buffer_trim(&buf);
    assert_int_equal(buf.cap, EVG_BUFFER_FIRST);
    assert_int_equal(evg_buffer_len(&buf), 1);
    assert_int_equal(buf.consumed, 4 * MIB + 1);
    evg_buffer_consume(&buf, 1);
    evg_buffer_trim(&buf);
    assert_int_equal(buf.cap, EVG_BUFFER_FIRST); /* one byte was live */
    evg_buffer_trim(&buf);
    assert_int_equal(evg_alloc_live(), 0);
    evg_buffer_deinit(&buf);
}

static void trimming_a_steady_stream_costs_nothing(void **state)
{
    /* Fails when what comes and goes in one size is given back and fetched again. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 4 * MIB);
    evg_alloc_fail_at(0);
    for (int i = 0; i < 100; i++) {
        evg_buffer_consume(&buf, 4 * MIB);
        evg_buffer_trim(&buf);
        add(&buf, 4 * MIB);
    }
    assert_int_equal(evg_alloc_count(), 0);
    evg_buffer_deinit(&buf);
}

static void trimming_may_lack_memory(void **state)
{
    /* Fails when what could not be made smaller is lost. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 4 * MIB);
    evg_buffer_consume(&buf, 4 * MIB - 3);
    evg_buffer_trim(&buf);
    evg_alloc_fail_at(1);
    evg_buffer_trim(&buf);
    evg_alloc_fail_at(0);
    assert_int_equal(evg_buffer_len(&buf), 3);
    evg_buffer_trim(&buf);
    assert_int_equal(buf.cap, EVG_BUFFER_FIRST);
    evg_buffer_deinit(&buf);
}

static void draining_needs_no_memory(void **state)
{
    /* Fails when it reallocates: that could fail where nobody can be told. */
    (void)state;
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    add(&buf, 4 * MIB);
    evg_alloc_fail_at(1);
    evg_buffer_consume(&buf, 4 * MIB);
    assert_int_equal(evg_alloc_count(), 0);
    evg_alloc_fail_at(0);
    evg_buffer_deinit(&buf);
}

/* The model: an array that is moved at each step, and never runs out. */
enum { MODEL_CAP = 6 * MIB };

typedef struct {
    uint8_t bytes[MODEL_CAP];
    size_t len;
    uint64_t consumed;
} model_t;

static model_t model;
static evg_buffer_t subject;

static size_t below(size_t limit)
{
    return (size_t)random() % limit;
}

/* Mostly small, sometimes beyond a capacity, seldom beyond what is kept. */
static size_t random_len(void)
{
    const size_t limits[] = {2, 100, 100, 5000, 5000, 20 * KIB, 100 * KIB, 3 * MIB};
    return below(limits[below(below(20) ? 7 : 8)]);
}

static void random_append(void)
{
    size_t len = random_len();
    if (len > MODEL_CAP - model.len) len = 0;
    int noise = (int)below(256);
    memset(model.bytes + model.len, noise, len);
    if (len) model.bytes[model.len] = (uint8_t)~noise;
    bool starve_p = below(8) == 0;
    evg_alloc_fail_at(starve_p);
    int rc = evg_buffer_append(&subject, evg_bytes(model.bytes + model.len, len));
    bool failed_p = starve_p && evg_alloc_count();
    evg_alloc_fail_at(0);
    assert_int_equal(rc, failed_p ? EVG_ENOMEM : EVG_OK);
    if (!failed_p) model.len += len;
}

static void random_reserve(void)
{
    size_t len = random_len(), used = below(len + 1);
    if (used > MODEL_CAP - model.len) used = 0;
    uint8_t *room = evg_buffer_reserve(&subject, len);
    assert_non_null(room);
    assert_true(evg_buffer_room(&subject) >= len);
    memset(room, 0xee, len);
    memset(room, 0x11, used);
    memset(model.bytes + model.len, 0x11, used);
    evg_buffer_commit(&subject, used);
    model.len += used;
}

static void random_consume(void)
{
    size_t len = below(4) ? random_len() : model.len;
    if (len > model.len) len = model.len;
    evg_buffer_consume(&subject, len);
    memmove(model.bytes, model.bytes + len, model.len - len);
    model.len -= len;
    model.consumed += len;
}

static void random_truncate(void)
{
    size_t len = random_len();
    if (len > model.len) len = model.len;
    evg_buffer_truncate(&subject, model.len - len);
    model.len -= len;
}

static void random_loss(void)
{
    size_t kind = below(40);
    if (kind < 20) evg_buffer_release(&subject);
    if (kind >= 30) evg_buffer_trim(&subject);
    if (kind) return;
    evg_buffer_clear(&subject);
    model.consumed += model.len;
    model.len = 0;
}

static void assert_like_model(void)
{
    assert_int_equal(evg_buffer_len(&subject), model.len);
    assert_int_equal(subject.consumed, model.consumed);
    assert_int_equal(evg_buffer_position(&subject), model.consumed + model.len);
    assert_true(subject.at <= subject.end && subject.end <= subject.cap);
    assert_true(evg_bytes_equal_p(evg_buffer_bytes(&subject), evg_bytes(model.bytes, model.len)));
}

static void random_steps(unsigned seed, int steps)
{
    void (*const kinds[])(void) = {random_append,  random_append,   random_reserve, random_consume,
                                   random_consume, random_truncate, random_loss};
    srandom(seed);
    evg_buffer_init(&subject);
    model.len = 0;
    model.consumed = 0;
    for (int i = 0; i < steps; i++) {
        kinds[below(sizeof kinds / sizeof *kinds)]();
        assert_like_model();
    }
    evg_buffer_deinit(&subject);
}

static void random_steps_match_an_array(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++) random_steps(seed, 1000);
}

static int a_life(void *context)
{
    (void)context;
    static const uint8_t bytes[3 * MIB];
    evg_buffer_t buf;
    evg_buffer_init(&buf);
    int rc = evg_buffer_append(&buf, evg_bytes(bytes, 100));
    if (rc == EVG_OK) rc = evg_buffer_append(&buf, evg_bytes(bytes, 64 * KIB));
    if (rc == EVG_OK) rc = evg_buffer_append(&buf, evg_bytes(bytes, sizeof bytes));
    evg_buffer_consume(&buf, evg_buffer_len(&buf));
    evg_buffer_release(&buf);
    if (rc == EVG_OK) rc = evg_buffer_append(&buf, evg_bytes(bytes, 1));
    evg_buffer_deinit(&buf);
    return rc;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(failing_alloc(a_life, NULL), 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_count, nothing_leaked)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_buffer_owns_nothing),
        TEST(no_bytes_cost_nothing),
        TEST(room_for_nothing_is_not_a_failure),
        TEST(it_starts_with_16_kib_and_doubles),
        TEST(less_may_be_committed_than_reserved),
        TEST(sizes_beyond_reason_are_refused),
        TEST(a_failed_append_adds_nothing),
        TEST(positions_count_the_stream),
        TEST(truncate_takes_back_the_end),
        TEST(live_bytes_may_be_edited),
        TEST(release_keeps_what_lives),
        TEST(it_slides_once_half_is_consumed),
        TEST(each_byte_moves_a_few_times_at_most),
        TEST(a_backlog_of_400_mib_is_not_slow),
        TEST(draining_gives_all_room_back),
        TEST(trimming_keeps_what_was_needed_of_late),
        TEST(trimming_a_steady_stream_costs_nothing),
        TEST(trimming_may_lack_memory),
        TEST(draining_needs_no_memory),
        TEST(random_steps_match_an_array),
        TEST(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
