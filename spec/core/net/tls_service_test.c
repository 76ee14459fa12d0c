/* A job server by TLS, turned by the test, and OpenSSL itself as its clients. */
#include "service_kit.h"

#include "support/tls_kit.h"

static void use_tls(bench_t *b, evg_tls_options_t options)
{
    char why[200];
    evg_tls_context_t *context = evg_tls_context_new(&options, why, sizeof why);
    if (!context) fail_msg("no context: %s", why);
    evg_service_set_tls(&b->service, context);
    evg_tls_context_release(context);
}

static int setup(void **state)
{
    static bench_t bench;
    bench_begin(&bench, NULL);
    use_tls(&bench, (evg_tls_options_t){.accepts = true, .cert_file = kit_paper("server")});
    *state = &bench;
    return 0;
}

static void knock(bench_t *b, raw_t *raw, const char *papers)
{
    int fd = dial(b->service.listener.listening.address.port);
    assert_true(fd >= 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    raw_open(raw, fd, RAW_CLIENT, papers);
}

static bool done(bool *met, raw_t *raw)
{
    *met = *met || raw_shake(raw);
    return *met;
}

static void meet(bench_t *b, raw_t *raw)
{
    bool met = false;
    knock(b, raw, NULL);
    serve_until(b, done(&met, raw));
}

static void assert_echoes(bench_t *b, raw_t *raw, size_t len)
{
    uint8_t *out = calloc(1, 12 + len), *in = malloc(12 + len);
    memcpy(out,
           (uint8_t[12]){0, 'R', 'E', 'Q', 0, 0, 0, 16, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                         (uint8_t)len},
           12);
    size_t said = 0, heard = 0;
    for (double give_up_at = evg_monotonic() + 10; heard < 12 + len;) {
        if (said < 12 + len) said += raw_write(raw, out + said, 12 + len - said);
        int got = raw_read(raw, in + heard, 12 + len - heard);
        assert_true(got >= 0 && evg_monotonic() < give_up_at);
        heard += (size_t)got;
        turn(b->loop, 0.001);
    }
    assert_memory_equal(in, "\0RES\0\0\0\x11", 8);
    free(out);
    free(in);
}

/* -1 for the end that TLS has, -2 for any other. */
static int last_word(bench_t *b, raw_t *raw)
{
    char room[1000];
    int got = 0;
    serve_until(b, (got = raw_read(raw, room, sizeof room)) < 0);
    return got;
}

static void test_it_serves(void **state)
{
    bench_t *b = *state;
    raw_t one, other;
    meet(b, &one);
    meet(b, &other);
    assert_echoes(b, &one, 5);
    assert_echoes(b, &other, 3 * 1024 * 1024);
    assert_echoes(b, &one, 100000);
    raw_close(&one);
    serve_until(b, b->service.connection_count == 1);
    SSL_shutdown(other.ssl);
    assert_int_equal(last_word(b, &other), -1);
    raw_close(&other);
}

/* He is ended, not reset, and the others do not notice. */
static void test_who_does_not_speak_it_is_turned_away(void **state)
{
    bench_t *b = *state;
    raw_t raw;
    peer_t plain;
    meet(b, &raw);
    peer_connect(&plain, b);
    for (int i = 0; i < 10000; i++) peer_write(&plain, "version\n", 8);
    peer_hear_end(b, &plain);
    assert_false(plain.reset);
    assert_echoes(b, &raw, 5);
    peer_close(&plain);
    raw_close(&raw);
}

static void test_who_is_silent_has_his_time_and_no_more(void **state)
{
    bench_t *b = *state;
    peer_t silent;
    peer_connect(&silent, b);
    serve_until(b, b->service.connection_count == 1);
    bench_newest(b)->session.open_since -= EVG_SERVER_PATIENCE;
    evg_source_dirty(&bench_newest(b)->pipe.source);
    peer_hear_end(b, &silent);
    peer_close(&silent);
}

static void test_an_end_of_its_own_is_told(void **state)
{
    bench_t *b = *state;
    raw_t raw;
    meet(b, &raw);
    assert_echoes(b, &raw, 5);
    evg_service_drain(&b->service, evg_monotonic() + 5);
    assert_int_equal(last_word(b, &raw), -1);
    raw_close(&raw);
}

/* To see it fail: take what a handshake waits for for something to say. */
static void test_its_end_waits_for_nobody_who_shakes_hands(void **state)
{
    bench_t *b = *state;
    peer_t silent;
    peer_connect(&silent, b);
    serve_until(b, b->service.connection_count == 1);
    evg_service_drain(&b->service, evg_monotonic() + 100);
    serve_until(b, b->service.connection_count == 0);
    peer_close(&silent);
}

static void test_a_crash_says_nothing(void **state)
{
    bench_t *b = *state;
    char room[100];
    raw_t raw;
    meet(b, &raw);
    assert_echoes(b, &raw, 5);
    bench_close(b);
    assert_int_equal(raw_read(&raw, room, sizeof room), -2);
    raw_close(&raw);
}

static void test_clients_may_have_to_prove_who_they_are(void **state)
{
    bench_t *b = *state;
    bool met = false;
    raw_t raw;
    use_tls(b, (evg_tls_options_t){
                   .accepts = true, .verify = true, .cert_file = kit_paper("server"), .ca_file = kit_paper("ca")});
    knock(b, &raw, "client");
    serve_until(b, done(&met, &raw));
    assert_echoes(b, &raw, 5);
    raw_close(&raw);
    knock(b, &raw, "stranger");
    met = false;
    serve_until(b, done(&met, &raw));
    assert_int_equal(last_word(b, &raw), -2);
    raw_close(&raw);
}

static void test_who_finds_no_room_is_closed(void **state)
{
    bench_t *b = *state;
    peer_t p;
    raw_t raw;
    meet(b, &raw);
    b->service.max_connections = 1;
    peer_connect(&p, b);
    peer_hear_end(b, &p);
    assert_int_equal(b->service.refused, 1);
    peer_close(&p);
    raw_close(&raw);
}

#define with_bench(test) cmocka_unit_test_setup_teardown(test, setup, bench_teardown)

int main(void)
{
    const char *missing = evg_libev_load();
    if (missing) return fprintf(stderr, "%s\n", missing), 1;
    pthread_mutex_lock(&gvl);
    const struct CMUnitTest tests[] = {
        with_bench(test_it_serves),
        with_bench(test_who_does_not_speak_it_is_turned_away),
        with_bench(test_who_is_silent_has_his_time_and_no_more),
        with_bench(test_an_end_of_its_own_is_told),
        with_bench(test_its_end_waits_for_nobody_who_shakes_hands),
        with_bench(test_a_crash_says_nothing),
        with_bench(test_clients_may_have_to_prove_who_they_are),
        with_bench(test_who_finds_no_room_is_closed),
    };
    return cmocka_run_group_tests(tests, kit_papers, kit_burn_papers);
}
