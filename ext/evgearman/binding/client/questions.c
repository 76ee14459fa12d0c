/* Requests that are a question and an answer: one string goes out, and Ruby makes the value of what comes back. */
#include "binding/client/agent.h"
#include "binding/client/ask.h"
#include "binding/client/conversion.h"
#include "binding/values/blame.h"
#include "binding/values/errors.h"
#include "binding/values/shapes.h"
#include "binding/values/strings.h"

static VALUE ask(VALUE self, ask_t *how, VALUE text, evg_shape_t shape, VALUE converter)
{
    VALUE block = rb_block_given_p() ? rb_block_proc() : Qnil;
    question_t question = {rb_str_new_frozen(text), shape};
    VALUE task = link_ask(open_view_of(self)->links, Qnil, Qnil, block, how, &question);
    task_convert_by(task, converter);
    RB_GC_GUARD(question.text);
    return task;
}

/* call-seq: option(name) -> task
 *           option(name) { |true, error| ... } -> task
 *
 * Sends OPTION_REQ, now and on every connect. Fails with ServerError for an option that the server does not know;
 * gearmand knows only "exceptions". */
static VALUE connection_option(VALUE self, VALUE name)
{
    return ask(self, ask_option, string_of(name, "option"), EVG_LINE, Qnil);
}

static VALUE connection_get_status(VALUE self, VALUE handle, VALUE converter)
{
    return ask(self, ask_status, string_of(handle, "handle"), EVG_LINE, converter);
}

static VALUE connection_get_status_unique(VALUE self, VALUE unique, VALUE converter)
{
    return ask(self, ask_status_unique, string_of(unique, "unique"), EVG_LINE, converter);
}

static VALUE connection_admin(VALUE self, VALUE line, VALUE multiline, VALUE converter)
{
    line = string_of(line, "admin command");
    return ask(self, ask_admin, line, admin_shape(line, multiline), converter);
}

/* Raises for a word that would break the line it is put into. */
static VALUE admin_check_argument(VALUE self, VALUE word)
{
    error_check(NULL, evg_check_admin_arg(bytes_of(word = string_of(word, "admin argument"))));
    return word;
}

static VALUE admin_check_handle(VALUE self, VALUE handle)
{
    error_check(NULL, evg_check_handle(bytes_of(handle = string_of(handle, "handle"))));
    return handle;
}

/* Of Client and ClientSession alike. */
static void define_admin_checks(VALUE module)
{
    VALUE requests = rb_define_module_under(rb_define_module_under(module, "Admin"), "Requests");
    rb_define_private_method(requests, "_check_admin_argument", admin_check_argument, 1);
    rb_define_private_method(requests, "_check_handle", admin_check_handle, 1);
}

void Init_evg_questions(void)
{
    VALUE module = rb_define_module("EVGearman");
    VALUE connection_class = rb_define_class_under(module, "Connection", rb_cObject);
    define_admin_checks(module);
    rb_define_method(connection_class, "option", connection_option, 1);
    rb_define_private_method(connection_class, "_get_status", connection_get_status, 2);
    rb_define_private_method(connection_class, "_get_status_unique", connection_get_status_unique, 2);
    rb_define_private_method(connection_class, "_admin", connection_admin, 3);
}
