#include <inttypes.h>

#include "binding/values/errors.h"
#include "binding/values/objects.h"
#include "binding/values/packets.h"
#include "binding/values/strings.h"

/* -- names --------------------------------------------------------------------------------------------------------- */

static VALUE senders_of(const evg_command_info_t *info)
{
    VALUE senders = rb_ary_new();
    if (info->senders & EVG_BY_CLIENT) rb_ary_push(senders, ID2SYM(rb_intern("client")));
    if (info->senders & EVG_BY_WORKER) rb_ary_push(senders, ID2SYM(rb_intern("worker")));
    if (info->senders & EVG_BY_SERVER) rb_ary_push(senders, ID2SYM(rb_intern("server")));
    return rb_ary_freeze(senders);
}

static VALUE replies_of(const evg_command_info_t *info)
{
    VALUE replies = rb_ary_new();
    for (int type = 1; type < EVG_COMMAND_CEILING; type++) {
        if (info->draws >> type & 1) rb_ary_push(replies, packet_name((evg_command_t)type));
    }
    return rb_ary_freeze(replies);
}

/* [[name, number, args, senders, replies], …] in the order of the numbers. */
static VALUE protocol_commands(VALUE self)
{
    VALUE rows = rb_ary_new();
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const evg_command_info_t *info = evg_command_info(type);
        if (!info) continue;
        VALUE row[] = {packet_name((evg_command_t)type), UINT2NUM(type), INT2FIX(info->args), senders_of(info),
                       replies_of(info)};
        rb_ary_push(rows, rb_ary_new_from_values(5, row));
    }
    return rows;
}

/* The number of a name in any case; 0 for a name that is none. */
static VALUE protocol_number(VALUE self, VALUE name)
{
    return INT2FIX(evg_command_find(bytes_of(name)));
}

/* -- packets as values --------------------------------------------------------------------------------------------- */

static VALUE buffer_string(VALUE buffer)
{
    return binary_string(evg_buffer_bytes((const evg_buffer_t *)buffer));
}

static VALUE buffer_free(VALUE buffer)
{
    evg_buffer_deinit((evg_buffer_t *)buffer);
    return Qnil;
}

static int args_of(VALUE strings, evg_bytes_t args[EVG_MAX_ARGS])
{
    long argc = RARRAY_LEN(strings);
    if (argc > EVG_MAX_ARGS) error_check(NULL, EVG_EARGS);
    for (long i = 0; i < argc; i++) args[i] = bytes_of(RARRAY_AREF(strings, i));
    return (int)argc;
}

static VALUE protocol_encode(VALUE self, VALUE number, VALUE request, VALUE strings)
{
    evg_bytes_t args[EVG_MAX_ARGS];
    evg_command_t type = (evg_command_t)NUM2UINT(number);
    evg_magic_t magic = RTEST(request) ? EVG_REQ : EVG_RES;
    evg_buffer_t buffer;
    evg_buffer_init(&buffer);
    int argc = args_of(strings, args);
    error_check(NULL, evg_packet_encode(&buffer, magic, type, args, argc, SIZE_MAX));
    RB_GC_GUARD(strings);
    return rb_ensure(buffer_string, (VALUE)&buffer, buffer_free, (VALUE)&buffer);
}

/* -- parser -------------------------------------------------------------------------------------------------------- */

static void parser_free(void *ptr)
{
    packet_parser_t *parser = ptr;
    evg_buffer_deinit(&parser->buffer);
    memory_tell(&parser->told, 0);
    ruby_xfree(parser);
}

static size_t parser_size(const void *ptr)
{
    const packet_parser_t *parser = ptr;
    return sizeof *parser + evg_buffer_len(&parser->buffer) + evg_buffer_room(&parser->buffer);
}

static const rb_data_type_t packet_parser_type = {
    .wrap_struct_name = "EVGearman::Protocol::Parser",
    .function = {.dfree = parser_free, .dsize = parser_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static packet_parser_t *parser_of(VALUE self)
{
    packet_parser_t *parser = rb_check_typeddata(self, &packet_parser_type);
    if (!parser->initialized) rb_raise(rb_eTypeError, "uninitialized %" PRIsVALUE, rb_obj_class(self));
    return parser;
}

static VALUE parser_allocate(VALUE klass)
{
    packet_parser_t *parser;
    VALUE self = TypedData_Make_Struct(klass, packet_parser_t, &packet_parser_type, parser);
    evg_buffer_init(&parser->buffer);
    return self;
}

/* `request` is nil for packets of either kind. */
static VALUE parser_setup(VALUE self, VALUE request, VALUE text, VALUE max)
{
    packet_parser_t *parser = rb_check_typeddata(self, &packet_parser_type);
    parser->magic = NIL_P(request) ? EVG_REQ_OR_RES : RTEST(request) ? EVG_REQ : EVG_RES;
    parser->text = RTEST(text);
    parser->max = NUM2SIZET(max);
    parser->initialized = true;
    return Qnil;
}

/* The core words its errors for those who read replies. */
static const char *request_error_text(int error)
{
    switch (error) {
    case EVG_EMAGIC: return "invalid request magic";
    case EVG_EPACKET_SIZE: return "request packet too large";
    case EVG_ETEXT_SIZE: return "request text too large";
    case EVG_EUNEXPECTED: return "unexpected request";
    default: return evg_error_text(error);
    }
}

/* Raises for what lies at the front of `input`. */
static void fail(packet_parser_t *parser, int error, evg_bytes_t input)
{
    const char *text = parser->magic == EVG_REQ ? request_error_text(error) : evg_error_text(error);
    VALUE message = rb_str_new_cstr(text);
    parser->broken = true;
    if (error == EVG_EUNEXPECTED) {
        rb_str_catf(message, ": unknown packet type %" PRIu32, evg_packet_type(input));
    }
    error_raise(NULL, "ProtocolError", StringValueCStr(message));
}

static VALUE packet_parser_take(VALUE self, VALUE bytes)
{
    packet_parser_t *parser = parser_of(self);
    if (parser->broken) return Qnil;
    error_check(NULL, evg_buffer_append(&parser->buffer, bytes_of(bytes)));
    memory_tell(&parser->told, parser->buffer.cap);
    RB_GC_GUARD(bytes);
    return Qnil;
}

/* What is idle, or was made for one packet, holds no memory until the GC comes. */
static void settle(packet_parser_t *parser)
{
    evg_buffer_release(&parser->buffer);
    memory_tell(&parser->told, parser->buffer.cap);
}

/* The next packet, which has left the buffer when Ruby sees it; nil when none is whole. */
static VALUE parser_next(VALUE self)
{
    packet_parser_t *parser = parser_of(self);
    evg_bytes_t input = evg_buffer_bytes(&parser->buffer);
    evg_packet_t packet;
    ptrdiff_t len = packet_decode(parser, input, &packet);
    if (len < 0) fail(parser, (int)len, input);
    VALUE told = len ? packet_array(&packet) : Qnil;
    evg_buffer_consume(&parser->buffer, (size_t)len);
    settle(parser);
    return told;
}

/* Every whole packet. Nothing leaves the buffer unless all goes well: what lies before a mistake is
 * not lost. */
static VALUE parser_all(VALUE self)
{
    packet_parser_t *parser = parser_of(self);
    evg_packet_t packet;
    evg_bytes_t rest = evg_buffer_bytes(&parser->buffer);
    VALUE told = rb_ary_new();
    ptrdiff_t len;
    while ((len = packet_decode(parser, rest, &packet)) > 0) {
        rb_ary_push(told, packet_array(&packet));
        rest = evg_bytes(rest.at + len, rest.len - (size_t)len);
    }
    if (len < 0) fail(parser, (int)len, rest);
    evg_buffer_consume(&parser->buffer, evg_buffer_len(&parser->buffer) - rest.len);
    settle(parser);
    return told;
}

/* call-seq: lacks -> integer
 *
 * How many bytes to read next: so many at least are missing, and none of them belongs to the packet behind. 0 when
 * something can be told without further bytes. */
static VALUE parser_lacks(VALUE self)
{
    packet_parser_t *parser = parser_of(self);
    evg_bytes_t input = evg_buffer_bytes(&parser->buffer);
    evg_packet_t packet;
    size_t lacks = 1;
    if (packet_decode(parser, input, &packet) != 0) {
        lacks = 0;
    } else if (input.len && *input.at == 0) {
        lacks = input.len < EVG_HEADER_LEN ? EVG_HEADER_LEN - input.len : evg_packet_lacks(input);
    }
    return SIZET2NUM(lacks);
}

static void define_parser(VALUE protocol)
{
    VALUE parser = rb_define_class_under(protocol, "Parser", rb_cObject);
    rb_define_alloc_func(parser, parser_allocate);
    refuse_copies(parser);
    rb_define_private_method(parser, "_setup", parser_setup, 3);
    rb_define_private_method(parser, "_take", packet_parser_take, 1);
    rb_define_private_method(parser, "_next", parser_next, 0);
    rb_define_private_method(parser, "_all", parser_all, 0);
    rb_define_method(parser, "lacks", parser_lacks, 0);
}

static void define_functions(VALUE singleton)
{
    rb_define_private_method(singleton, "_commands", protocol_commands, 0);
    rb_define_private_method(singleton, "_number", protocol_number, 1);
    rb_define_private_method(singleton, "_encode", protocol_encode, 3);
}

void Init_evg_protocol(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE protocol = rb_define_module_under(module, "Protocol");
    define_functions(rb_singleton_class(protocol));
    define_parser(protocol);
}
