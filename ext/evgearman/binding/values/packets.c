#include "binding/values/packets.h"

#include "binding/values/strings.h"

/* IDs, because a Symbol that Ruby code made first may be moved by the GC. */
static ID names[EVG_COMMAND_CEILING];

VALUE packet_name(evg_command_t type)
{
    return ID2SYM(names[type]);
}

evg_command_t submission_type(VALUE name)
{
    static const evg_command_t types[] = {EVG_SUBMIT_JOB,       EVG_SUBMIT_JOB_BG,  EVG_SUBMIT_JOB_EPOCH,
                                          EVG_SUBMIT_JOB_HIGH,  EVG_SUBMIT_JOB_LOW, EVG_SUBMIT_JOB_HIGH_BG,
                                          EVG_SUBMIT_JOB_LOW_BG};
    ID wanted = SYM2ID(name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (names[types[i]] == wanted) return types[i];
    }
    rb_raise(rb_eArgError, "no submission: %" PRIsVALUE, name);
}

/* Is the last argument the bytes of a user, and not a name or a number? */
static bool payload_p(evg_command_t type)
{
    switch (type) {
    case EVG_ECHO_REQ:
    case EVG_ECHO_RES:
    case EVG_JOB_ASSIGN:
    case EVG_JOB_ASSIGN_UNIQ:
    case EVG_JOB_ASSIGN_ALL:
    case EVG_WORK_DATA:
    case EVG_WORK_WARNING:
    case EVG_WORK_COMPLETE:
    case EVG_WORK_EXCEPTION: return true;
    default: return evg_command_submit_p(type);
    }
}

/* gearmand sends a NUL behind the handle when it makes a WORK_FAIL of a WORK_EXCEPTION. */
static void strip_nul(evg_packet_t *packet)
{
    if (packet->type != EVG_WORK_FAIL) return;
    evg_bytes_t *handle = &packet->args[0];
    if (handle->len && handle->at[handle->len - 1] == 0) handle->len--;
}

VALUE packet_array(evg_packet_t *packet)
{
    VALUE values[1 + EVG_MAX_ARGS] = {packet_name(packet->type)};
    int last = packet->argc - 1;
    strip_nul(packet);
    for (int i = 0; i <= last; i++) {
        bool payload = i == last && payload_p(packet->type);
        values[1 + i] = payload ? binary_string(packet->args[i]) : name_string(packet->args[i]);
    }
    return rb_ary_new_from_values(1 + packet->argc, values);
}

ptrdiff_t packet_decode(packet_parser_t *parser, evg_bytes_t input, evg_packet_t *out)
{
    if (!input.len) return 0;
    if (*input.at == 0 || !parser->text) return evg_packet_decode(out, parser->magic, input, parser->max);
    out->type = EVG_TEXT;
    out->argc = 1;
    ptrdiff_t len = evg_admin_decode(&parser->scan, EVG_LINE, input, parser->max, out->args);
    if (len) parser->scan = (evg_scan_t){0};
    return len;
}

void Init_evg_packets(void)
{
    names[EVG_TEXT] = rb_intern("text");
    for (uint32_t type = 1; type < EVG_COMMAND_CEILING; type++) {
        const evg_command_info_t *info = evg_command_info(type);
        if (!info) continue;
        VALUE name = rb_funcall(rb_str_new_cstr(info->name), rb_intern("downcase"), 0);
        names[type] = rb_intern_str(name);
    }
}
