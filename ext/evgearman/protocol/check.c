#include "protocol/check.h"

#include "base/error.h"
#include "protocol/admin.h"
#include "protocol/words.h"

enum { OPTION_MAX = 63, CLIENT_ID_MAX = 63, ADMIN_ARG_MAX = 512 };

static bool length_p(evg_bytes_t text, size_t least, size_t most)
{
    return text.len >= least && text.len <= most;
}

/* Every byte within least..most, and not DEL. */
static bool bytes_p(evg_bytes_t text, uint8_t least, uint8_t most)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < least || text.at[i] > most || text.at[i] == 127) return false;
    }
    return true;
}

static bool no_nul_p(evg_bytes_t text)
{
    return text.len == 0 || !memchr(text.at, 0, text.len);
}

static bool key_p(evg_bytes_t key, size_t least)
{
    return length_p(key, least, EVG_KEY_MAX) && no_nul_p(key);
}

static int words_in(evg_bytes_t line)
{
    int count = 0;
    while (evg_word_next(&line).len) count++;
    return count;
}

/* As text, but for TAB: Perl's clients put it between a prefix and the name. */
static bool name_p(evg_bytes_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.at[i];
        if ((byte < ' ' && byte != '\t') || byte == 127) return false;
    }
    return true;
}

int evg_check_function(evg_bytes_t name)
{
    return length_p(name, 1, EVG_FUNCTION_MAX) && name_p(name) ? 0 : EVG_EFUNCTION;
}

int evg_check_unique(evg_bytes_t key)
{
    return key_p(key, 0) ? 0 : EVG_EUNIQUE;
}

int evg_check_status_unique(evg_bytes_t key)
{
    return key_p(key, 1) ? 0 : EVG_EUNIQUE;
}

int evg_check_handle(evg_bytes_t handle)
{
    return key_p(handle, 1) ? 0 : EVG_EHANDLE;
}

int evg_check_client_id(evg_bytes_t id)
{
    return length_p(id, 1, CLIENT_ID_MAX) && bytes_p(id, '!', '~') ? 0 : EVG_ECLIENT_ID;
}

int evg_check_option(evg_bytes_t name)
{
    return length_p(name, 1, OPTION_MAX) && bytes_p(name, ' ', 255) ? 0 : EVG_EOPTION;
}

int evg_check_admin(evg_bytes_t line)
{
    /* two bytes of the server's longest line are the line end */
    if (!length_p(line, 1, EVG_ADMIN_LINE - 2) || !bytes_p(line, ' ', 255)) return EVG_EADMIN;
    int words = words_in(line);
    return words >= 1 && words <= EVG_ADMIN_WORDS ? 0 : EVG_EADMIN;
}

int evg_check_admin_arg(evg_bytes_t arg)
{
    return length_p(arg, 1, ADMIN_ARG_MAX) && bytes_p(arg, '!', 255) ? 0 : EVG_EADMIN_ARG;
}

int evg_check_epoch(int64_t seconds)
{
    return seconds >= 0 ? 0 : EVG_EEPOCH;
}

int evg_check_server_timeout(double seconds)
{
    return seconds >= 1 && seconds <= 2147483 ? 0 : EVG_ETIMEOUT;
}

int evg_check_count(double number)
{
    bool inside = number >= 0 && number <= UINT32_MAX;
    return inside && (double)(uint32_t)number == number ? 0 : EVG_ERANGE;
}
